//! Aggregates tell the same of the same rows, in whatever order and in however many parts they come.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float32Builder, Int64Array, ListBuilder, StringArray};
use arrow::datatypes::Float64Type;
use arrow::record_batch::RecordBatch;
use datafusion::datasource::MemTable;
use mmevol::Session;
use proptest::prelude::*;

/// Each with the arguments that leave least to chance.
const AGGREGATES: [&str; 12] = [
    "distinct_n(text, 2)",
    "mattr(text, 3)",
    "self_bleu(text)",
    "shannon_entropy(text)",
    "normalized_entropy(text)",
    "effective_number(text, 2)",
    "effective_number(vector, 0)",
    "gini(text)",
    "gini_of_numbers(number)",
    "cohen_kappa(text, other)",
    "mean_pairwise_distance(vector)",
    "vendi_score(vector)",
];

#[derive(Debug, Clone)]
struct Row {
    group: i64,
    text: Option<String>,
    other: Option<String>,
    number: Option<i64>,
    vector: Option<[i8; 3]>,
}

fn text() -> impl Strategy<Value = Option<String>> {
    let word = prop::sample::select(vec!["what", "is", "on", "the", "red", "table", "?", ""]);
    prop::option::weighted(0.9, prop::collection::vec(word, 0..6).prop_map(|words| words.join(" ")))
}

fn row() -> impl Strategy<Value = Row> {
    let vector = prop::option::weighted(0.9, prop::array::uniform3(-3..4i8));
    (0..3i64, text(), text(), prop::option::weighted(0.9, 0..9i64), vector).prop_map(|(group, text, other, number, vector)| Row {
        group,
        text,
        other,
        number,
        vector,
    })
}

fn batch(rows: &[Row]) -> RecordBatch {
    let mut vectors = ListBuilder::new(Float32Builder::new());
    for row in rows {
        vectors.append_option(row.vector.map(|vector| vector.map(|number| Some(f32::from(number)))));
    }
    let texts = |of: fn(&Row) -> Option<&str>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<StringArray>()) };
    let numbers = |of: fn(&Row) -> Option<i64>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<Int64Array>()) };
    let columns: [(&str, ArrayRef, bool); 5] = [
        ("g", numbers(|row| Some(row.group)), true),
        ("text", texts(|row| row.text.as_deref()), true),
        ("other", texts(|row| row.other.as_deref()), true),
        ("number", numbers(|row| row.number), true),
        ("vector", Arc::new(vectors.finish()), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// Of each group, in its order: the group and what every aggregate says.
async fn measured(partitions: Vec<Vec<RecordBatch>>) -> Vec<Vec<Option<f64>>> {
    let session = Session::builder().build().await.unwrap();
    session.collect(&format!("SET datafusion.execution.target_partitions = {}", partitions.len())).await.unwrap();
    let table = MemTable::try_new(partitions[0][0].schema(), partitions).unwrap();
    session.context().register_table("rows", Arc::new(table)).unwrap();
    let aggregates = AGGREGATES.join(", ");
    let whole = format!("SELECT -1.0, {aggregates} FROM rows");
    let batches = session.collect(&format!("{whole} UNION ALL SELECT CAST(g AS DOUBLE), {aggregates} FROM rows GROUP BY g")).await.unwrap();
    let mut groups: Vec<Vec<Option<f64>>> = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch.columns().iter().map(|column| column.as_primitive::<Float64Type>().clone()).collect();
        groups.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| column.iter().nth(row).flatten()).collect()));
    }
    groups.sort_by(|a, b| a[0].partial_cmp(&b[0]).unwrap());
    groups
}

fn agree(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.is_finite() && (a - b).abs() <= 1e-9 * a.abs().max(1.0),
        (None, None) => true,
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn order_and_partitions_change_nothing(
        (rows, shuffled) in prop::collection::vec(row(), 0..40).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        parts in 1..6usize,
        rows_a_batch in 1..9usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let one = runtime.block_on(measured(vec![vec![batch(&rows)]]));
        let mut partitions = vec![vec![batch(&[])]; parts];
        for (number, some) in shuffled.chunks(rows_a_batch).enumerate() {
            partitions[number % parts].push(batch(some));
        }
        let many = runtime.block_on(measured(partitions));
        prop_assert_eq!(one.len(), many.len());
        for (a, b) in one.iter().zip(&many) {
            for (name, (a, b)) in ["group"].iter().chain(&AGGREGATES).zip(a.iter().zip(b)) {
                prop_assert!(agree(*a, *b), "{}: {:?} of one part, {:?} of {} parts", name, a, b, parts);
            }
        }
    }
}
