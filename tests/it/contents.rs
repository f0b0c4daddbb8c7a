//! What a store holds, so that two stores can be compared: everything but when it was done, how long it took, and where the model was asked.

use std::collections::BTreeMap;
use std::path::Path;

use mmevol::check::check;
use mmevol::store::Table;
use mmevol::{Session, Store};
use serde_json::Value;

/// The rows of each table, in an order that does not depend on how they came.
pub type Contents = BTreeMap<&'static str, Vec<Value>>;

/// For each table its columns, and what puts its rows in order.
const TABLES: [(&str, &str, &str); Table::ALL.len()] = [
    ("images", "image_id, uri, format, width, height, octet_length(bytes) AS size", "image_id"),
    ("samples", "* EXCEPT (imported_at)", "sample_id"),
    ("instructions", "* EXCEPT (created_at)", "instruction_id"),
    ("evolutions", "* EXCEPT (created_at)", "evolution_id"),
    ("calls", "* EXCEPT (created_at, latency_ms, endpoint)", "request_id, max_tokens, run_id"),
    ("prompts", "* EXCEPT (created_at)", "prompt_id"),
    // A run may name a file in the store, whose folder is another one each time.
    ("runs", "run_id, command, status, regexp_replace(counters, '/[^\"]*/', '') AS counters", "run_id"),
    ("embeddings", "* EXCEPT (created_at)", "instruction_id, model"),
    ("duplicates", "* EXCEPT (created_at)", "method, member_id"),
    ("audits", "* EXCEPT (created_at)", "instruction_id, auditor"),
];

/// The contents of a store, in which no invariant is broken.
#[track_caller]
pub fn contents(root: &Path) -> impl Future<Output = Contents> {
    let (caller, root) = (std::panic::Location::caller(), root.to_owned());
    async move {
        let store = Store::open(root).await.unwrap();
        let violations = check(&store).await.unwrap();
        assert!(violations.is_empty(), "at {caller}: {violations:?}");
        let session = Session::builder().store(store).build().await.unwrap();
        let mut contents = Contents::new();
        for (table, columns, order) in TABLES {
            contents.insert(table, session.rows(&format!("SELECT {columns} FROM {table} ORDER BY {order}")).await.unwrap());
        }
        contents
    }
}

/// Two stores hold the same; says in which table they do not.
#[track_caller]
pub fn assert_same(found: &Contents, expected: &Contents, story: &str) {
    for (table, rows) in expected {
        assert_eq!(&found[table], rows, "table {table}: {story}");
    }
}
