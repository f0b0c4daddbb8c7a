//! Check: invariants that hold of every store, each a query that finds what breaks it.

use bytes::Bytes;

use crate::error::Result;
use crate::query::Session;
use crate::store::{Store, StoredImages, Table};

/// Something that must hold.
#[derive(Debug, Clone, Copy)]
pub struct Invariant {
    pub name: &'static str,
    /// What to do when it does not.
    pub remedy: &'static str,
    /// Gives the id of each row that breaks it; `None` for what SQL cannot see.
    sql: Option<&'static str>,
}

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub invariant: &'static str,
    pub rows: u64,
    /// One of the rows.
    pub example: String,
}

const IMAGES_READABLE: &str = "images_are_readable_and_match_their_ids";

/// Every invariant, in the order in which they are checked.
pub const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "kept_items_have_a_parent_or_are_seeds",
        remedy: "rows were inserted by hand: look at them in history, and set their parent_id",
        sql: Some(include_str!("../sql/check/kept_items_have_a_parent_or_are_seeds.sql")),
    },
    Invariant {
        name: "instructions_have_their_sample",
        remedy: "import the sample's seed file again",
        sql: Some(include_str!("../sql/check/instructions_have_their_sample.sql")),
    },
    Invariant {
        name: "instructions_have_their_evolution",
        remedy: "restore a copy of the store from before the last run",
        sql: Some(include_str!("../sql/check/instructions_have_their_evolution.sql")),
    },
    Invariant {
        name: "evolutions_have_their_calls",
        remedy: "the answers are lost, the items are not; evolve the samples again to have both",
        sql: Some(include_str!("../sql/check/evolutions_have_their_calls.sql")),
    },
    Invariant {
        name: "counts_agree",
        remedy: "restore a copy of the store from before the last run",
        sql: Some(include_str!("../sql/check/counts_agree.sql")),
    },
    Invariant {
        name: "ids_are_unique",
        remedy: "rows were inserted by hand or by two writers: delete the duplicates",
        sql: Some(include_str!("../sql/check/ids_are_unique.sql")),
    },
    Invariant {
        name: "samples_have_their_images",
        remedy: "import the seed file again into a new store",
        sql: Some(include_str!("../sql/check/samples_have_their_images.sql")),
    },
    Invariant { name: IMAGES_READABLE, remedy: "import the image files again into a new store", sql: None },
];

/// Checks every invariant over one published state. Reads every image once.
///
/// # Errors
/// Those of the store; a broken invariant is a result, not an error.
pub async fn check(store: &Store) -> Result<Vec<Violation>> {
    let session = Session::builder().store(store.clone()).build().await?;
    let mut violations = Vec::new();
    for invariant in INVARIANTS {
        let broken = match invariant.sql {
            Some(sql) => broken_rows(&session, sql).await?,
            None => broken_images(store).await?,
        };
        if let Some((rows, example)) = broken {
            violations.push(Violation { invariant: invariant.name, rows, example });
        }
    }
    Ok(violations)
}

async fn broken_rows(session: &Session, sql: &str) -> Result<Option<(u64, String)>> {
    #[derive(serde::Deserialize)]
    struct Summary {
        broken: i64,
        example: Option<String>,
    }
    let sql = format!("SELECT count(*) AS broken, CAST(min(id) AS VARCHAR) AS example FROM ({sql})");
    for batch in session.collect(&sql).await? {
        let summary: Vec<Summary> = serde_arrow::from_record_batch(&batch)?;
        if let Some(Summary { broken, example }) = summary.into_iter().next().filter(|summary| summary.broken > 0) {
            return Ok(Some((broken.unsigned_abs(), example.unwrap_or_default())));
        }
    }
    Ok(None)
}

async fn broken_images(store: &Store) -> Result<Option<(u64, String)>> {
    let snapshot = store.snapshot().await?;
    let mut ids = Vec::new();
    snapshot
        .for_each(Table::Images, &["image_id"], |batch| {
            ids.extend(arrow::array::AsArray::as_string::<i32>(batch.column(0)).iter().flatten().map(str::to_owned));
        })
        .await?;
    let stored = StoredImages::new(&snapshot);
    let mut broken = Vec::new();
    for id in ids {
        let sound = stored.bytes(&id).await.is_ok_and(|bytes: Bytes| blake3::hash(&bytes).to_hex().as_str() == id);
        if !sound {
            broken.push(id);
        }
    }
    Ok(broken.first().cloned().map(|example| (broken.len() as u64, example)))
}
