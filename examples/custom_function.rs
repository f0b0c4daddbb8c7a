//! A SQL function of one's own beside mmevol's: `word_count(text)`, used to compare each item with its parent.
//!
//! Run from the repository root: `cargo run --example custom_function`. It needs no key and no network.

use std::sync::Arc;

use mmevol::arrow::array::{ArrayRef, AsArray, Int64Array};
use mmevol::arrow::datatypes::DataType;
use mmevol::arrow::util::pretty::pretty_format_batches;
use mmevol::datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use mmevol::model::rules::RulesModel;
use mmevol::{Evolution, Import, Session, Store};

/// The number of words of a text; NULL for NULL.
fn word_count() -> ScalarUDF {
    create_udf(
        "word_count",
        vec![DataType::Utf8],
        DataType::Int64,
        Volatility::Immutable,
        Arc::new(|arguments: &[ColumnarValue]| {
            let texts = ColumnarValue::values_to_arrays(arguments)?;
            let counts = texts[0].as_string::<i32>().iter().map(|text| Some(text?.split_whitespace().count() as i64));
            Ok(ColumnarValue::Array(Arc::new(counts.collect::<Int64Array>()) as ArrayRef))
        }),
    )
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let store = Store::create(directory.path().join("store")).await?;
    Import::new("examples/seeds/seed.json").run(&store).await?;
    Evolution::new(store.clone(), Arc::new(RulesModel)).run().await?;

    let session = Session::builder().store(store).build().await?;
    session.context().register_udf(word_count());
    let rows = session
        .collect(
            "SELECT round, count(*) AS items, round(avg(word_count(answer)), 1) AS words,
                round(avg(word_count(parent_answer)), 1) AS parent_words
             FROM history WHERE round > 0 AND status = 'kept' GROUP BY round ORDER BY round",
        )
        .await?;
    println!("{}", pretty_format_batches(&rows)?);
    assert_eq!(rows.iter().map(|batch| batch.num_rows()).sum::<usize>(), 3);
    Ok(())
}
