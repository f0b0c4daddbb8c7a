//! What changed between two states of a store, per round and operator. The rows themselves are what the table function `diff` gives.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::query::{Session, Statement, StatementParameter as Parameter, statement};

const ROUNDS: Statement = statement!("diff/rounds");

/// A round and an operator in which two states, `a` and `b`, differ. Of `sql/diff/rounds.sql`; items of superseded evolutions have no status that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundDifference {
    /// 0 for seeds.
    pub round: i32,
    /// `seed`, an operator, or `None` for rounds that came finished.
    pub operator: Option<String>,
    /// Instructions that only `b` has.
    pub added: i64,
    /// Instructions that only `a` has.
    pub removed: i64,
    /// Instructions that both have, with other values.
    pub changed: i64,
    /// Instructions that are kept in `a`.
    pub kept_a: i64,
    /// Instructions that are kept in `b`.
    pub kept_b: i64,
    /// Instructions that are eliminated in `a`.
    pub eliminated_a: i64,
    /// Instructions that are eliminated in `b`.
    pub eliminated_b: i64,
    /// Instructions without a usable verdict in `a`.
    pub unjudged_a: i64,
    /// Instructions without a usable verdict in `b`.
    pub unjudged_b: i64,
    /// Evolutions that are kept in `a`.
    pub evolutions_kept_a: i64,
    /// Evolutions that are kept in `b`.
    pub evolutions_kept_b: i64,
    /// Evolutions that are eliminated in `a`.
    pub evolutions_eliminated_a: i64,
    /// Evolutions that are eliminated in `b`.
    pub evolutions_eliminated_b: i64,
    /// Evolutions that failed in `a`.
    pub evolutions_failed_a: i64,
    /// Evolutions that failed in `b`.
    pub evolutions_failed_b: i64,
    /// Evolutions that are superseded in `a`.
    pub evolutions_superseded_a: i64,
    /// Evolutions that are superseded in `b`.
    pub evolutions_superseded_b: i64,
}

/// What differs between states `a` and `b` of the store that a session shows, by round and operator; empty where no instruction and no evolution
/// does. States are named as in [`Store::snapshot_at`](crate::store::Store::snapshot_at).
///
/// ```
/// # #[tokio::main] async fn main() -> mmevol::Result<()> {
/// use mmevol::{Import, Session, Store, diff::diff};
/// let directory = tempfile::tempdir().unwrap();
/// let store = Store::create(directory.path().join("store")).await?;
/// Import::new("examples/seeds/seed.json").run(&store).await?;
/// let session = Session::builder().store(store).build().await?;
/// let differences = diff(&session, "before-run-1", "now").await?;
/// assert_eq!((differences[0].round, differences[0].added, differences[0].removed), (0, 15, 0));
/// # Ok(()) }
/// ```
///
/// # Errors
/// An [`Error::Argument`](crate::Error::Argument) when no state has that name; those of the store.
pub async fn diff(session: &Session, a: &str, b: &str) -> Result<Vec<RoundDifference>> {
    let parameters = BTreeMap::from([("a", Parameter::Text(a.to_owned())), ("b", Parameter::Text(b.to_owned()))]);
    session.rows(&ROUNDS.bind(&parameters)?).await
}
