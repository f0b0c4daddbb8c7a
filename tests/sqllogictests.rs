//! SQL behaviour as files: every `tests/slt/**/*.slt` runs in a session of its own, over a store of its own.
//!
//! The first line of a file says what the session has: `# session: ` and any of
//! - `model`: the embedded `rules` model, so that `llm_*` functions run;
//! - `scripted`: a model that answers as its prompt says: `[[yes]]` is answered with yes;
//! - `photos`: a store of `examples/seeds`, after three rounds by `rules`;
//! - `finished`: a store of `tests/slt/seeds/finished.json`, whose rounds came finished;
//!
//! or `nothing`. `UPDATE_SLT=1 cargo nextest run --test sqllogictests` writes what the statements give now into the files; read the diff.
//! `SLT_FILES=parse` runs only the files whose path contains `parse`.

// As in the library: whether a future that plans SQL may move between threads takes depth to tell.
#![recursion_limit = "256"]

#[path = "slt/runner/database.rs"]
mod database;
#[path = "slt/runner/render.rs"]
mod render;
#[path = "slt/runner/scripted.rs"]
mod scripted;
#[path = "slt/runner/stores.rs"]
mod stores;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::AsArray;
use database::{Database, Directive};
use futures::StreamExt;
use mmevol::Session;
use mmevol::functions::identity::draw_persona::draw_persona;
use mmevol::functions::{aggregate_functions, llm, pure_functions};
use mmevol::store::Table;
use sqllogictest::{Normalizer, Runner, default_normalizer, strict_column_validator};
use stores::Stores;

/// Files that run at once; each has a store of its own.
const FILES_AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn files() {
    let stores = Stores::default();
    let wanted = std::env::var("SLT_FILES").unwrap_or_default();
    let paths: Vec<PathBuf> = slt_files().into_iter().filter(|path| path.to_string_lossy().contains(&wanted)).collect();
    assert!(!paths.is_empty(), "no .slt file has '{wanted}' in its path");
    let failures: Vec<String> = futures::stream::iter(&paths)
        .map(|path| run_file(path, &stores))
        .buffered(FILES_AT_ONCE)
        .filter_map(|outcome| async { outcome.err() })
        .collect()
        .await;
    assert!(failures.is_empty(), "{} of {} files fail:\n\n{}", failures.len(), paths.len(), failures.join("\n\n"));
}

async fn run_file(path: &Path, stores: &Stores) -> Result<(), String> {
    let named = |problem: String| format!("{}: {problem}", path.display());
    let text = std::fs::read_to_string(path).map_err(|cause| named(cause.to_string()))?;
    let directive: Directive = text.lines().next().unwrap_or_default().parse().map_err(named)?;
    let mut runner = Runner::new(|| Box::pin(Database::open(directive, stores)));
    runner.with_validator(same_lines);
    runner.with_column_validator(strict_column_validator);
    let outcome = match std::env::var_os("UPDATE_SLT") {
        Some(_) => runner
            .update_test_file(path, " ", same_lines, default_normalizer, strict_column_validator)
            .await
            .map_err(|cause| named(cause.to_string())),
        None => Box::pin(runner.run_file_async(path)).await.map_err(|failure| failure.display(false).to_string()),
    };
    runner.shutdown_async().await;
    outcome
}

/// Spaces count, but for those at the end of a line: the indentation of a plan is part of it.
fn same_lines(_: Normalizer, actual: &[Vec<String>], expected: &[String]) -> bool {
    actual.iter().map(|row| row.join(" ").trim_end().to_owned()).eq(expected.iter().map(|line| line.trim_end().to_owned()))
}

fn slt_files() -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from("tests/slt")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("tests run in the package's folder") {
            let path = entry.expect("a readable folder").path();
            match path.extension() {
                Some(extension) if extension == "slt" => files.push(path),
                _ if path.is_dir() => folders.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

#[test]
fn every_function_table_and_view_has_a_file() {
    let stems = |folder: &str| -> BTreeSet<String> {
        let inside = slt_files().into_iter().filter(|path| path.starts_with(format!("tests/slt/{folder}")));
        inside.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
    };
    assert_eq!(stems("functions"), our_functions().into_iter().collect());
    assert_eq!(stems("tables"), Table::ALL.into_iter().map(|table| table.name().to_owned()).collect());
    // Those of a folder are the views over a store of a kind of its own.
    let tested: BTreeSet<String> =
        stems("views").into_iter().filter(|stem| Path::new(&format!("tests/slt/views/{stem}.slt")).exists()).collect();
    let views = std::fs::read_dir("sql/views").expect("tests run in the package's folder");
    let views = views.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()));
    assert_eq!(tested, views.collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn show_functions_lists_ours_with_an_example_that_runs() {
    let model_session = Database::open("# session: model".parse().unwrap(), &Stores::default()).await.unwrap().into_session();
    let listed = listed_functions(&model_session).await;
    for name in our_functions() {
        let (description, example) = listed.get(&name).unwrap_or_else(|| panic!("{name} is not listed"));
        assert!(description.starts_with(&format!("{name}(")), "{name}: {description}");
        let rows = model_session.collect(example).await.unwrap_or_else(|error| panic!("the example of {name} fails: {error}\n{example}"));
        assert_eq!(rows.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1, "{name}: {example}");
    }
}

/// Description and example of every scalar and aggregate function that SHOW FUNCTIONS lists.
async fn listed_functions(session: &Session) -> BTreeMap<String, (String, String)> {
    let mut listed = BTreeMap::new();
    for batch in session.collect("SHOW FUNCTIONS").await.unwrap() {
        let text = |column: &str| batch.column_by_name(column).unwrap_or_else(|| panic!("a column {column}")).as_string::<i32>().clone();
        let (names, kinds) = (text("function_name"), text("function_type"));
        let (descriptions, examples) = (text("description"), text("example"));
        let rows = names.iter().zip(&kinds).zip(descriptions.iter().zip(&examples));
        for ((name, _), documentation) in rows.filter(|((_, kind), _)| matches!(kind, Some("scalar" | "aggregate"))) {
            let (description, example) = documentation;
            let documentation = (description.unwrap_or_default().to_owned(), example.unwrap_or_default().to_owned());
            let before = listed.insert(name.unwrap_or_default().to_owned(), documentation);
            assert_eq!(before, None, "{name:?} is listed twice");
        }
    }
    listed
}

/// The names of our functions of a row and of many.
fn our_functions() -> Vec<String> {
    let mut of_rows = pure_functions();
    of_rows.extend(llm::model_functions(None));
    of_rows.push(draw_persona(Arc::default()));
    let names = of_rows.iter().map(|function| function.name().to_owned());
    names.chain(aggregate_functions().iter().map(|function| function.name().to_owned())).collect()
}
