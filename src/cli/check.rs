//! `mmevol check`: what must always hold of a store.

use std::path::Path;

use clap::Args;

use super::{hint, note, print_line};
use crate::check::{INVARIANTS, Violation, check};
use crate::error::{Error, Result};
use crate::store::Store;

#[derive(Debug, Args)]
pub struct Arguments {}

pub async fn run(store: &Path, _arguments: Arguments) -> Result<()> {
    let store = Store::open(store).await?;
    let violations = check(&store).await?;
    for invariant in INVARIANTS {
        let found = violations.iter().find(|violation| violation.invariant == invariant.name);
        match found {
            None => print_line(&format!("ok      {}", invariant.name))?,
            Some(Violation { rows, example, .. }) => {
                print_line(&format!("broken  {}: {rows} rows, e.g. {example}", invariant.name))?;
                hint(invariant.remedy);
            }
        }
    }
    match violations.is_empty() {
        true => {
            note("the store is sound");
            Ok(())
        }
        false => {
            Err(Error::Sql { message: format!("{} of {} invariants are broken", violations.len(), INVARIANTS.len()), hints: Vec::new() })
        }
    }
}
