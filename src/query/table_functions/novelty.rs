//! `novelty([model])`: how far each evolved instruction is from the seed that is most like it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{AsArray, Float32Array, Int32Array, StringArray};
use arrow::datatypes::{DataType, Field, Float32Type, Int32Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use futures::FutureExt;

use super::TableFunction;
use super::call::Call;
use super::computed::computed;
use crate::distances::{Matrix, Nearest};
use crate::error::{Error, Result};
use crate::store::{Snapshot, Table};

pub(super) static NOVELTY: TableFunction = TableFunction {
    name: "novelty",
    parameters: &["model"],
    optional: 1,
    summary: "One row for each instruction of a later round that has an embedding by the model: instruction_id, round, the seed (an instruction \
              of round 0) nearest to it, the cosine distance to that, and the model. By default that is 'lexical', or where it has none, the one whose \
              embeddings came first. Exact: every instruction is compared with every seed, \
              a product of two matrices on all cores. Memory holds the vectors of all. A model that is named and has no vectors is an error.",
    example: "SELECT round, count(*) AS items, avg(distance) AS mean, median(distance) AS median FROM novelty() GROUP BY round ORDER BY round",
    make: novelty,
};

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("instruction_id", DataType::Utf8, false),
        Field::new("round", DataType::Int32, false),
        Field::new("seed_id", DataType::Utf8, false),
        Field::new("distance", DataType::Float32, false),
        Field::new("model", DataType::Utf8, false),
    ]))
});

fn novelty(call: &Call) -> Result<Arc<dyn TableProvider>> {
    let model = call.compared_model(call.optional_text(0)?)?;
    let snapshot = call.snapshot.clone();
    computed(Arc::clone(&SCHEMA), move || rows(snapshot.clone(), model.clone()).boxed())
}

async fn rows(snapshot: Snapshot, model: String) -> Result<RecordBatch> {
    let rounds = rounds(&snapshot).await?;
    let dimensions = snapshot.dimensions(&model).unwrap_or(1);
    let (mut seeds, mut items) = (Part::new(dimensions), Part::new(dimensions));
    let read = snapshot.for_each_vector(&model, |ids, vectors| {
        let values = vectors.values().as_primitive::<Float32Type>().values();
        for (row, id) in ids.iter().enumerate().filter_map(|(row, id)| Some((row, id?))) {
            // A vector may outlive its instruction.
            let Some(round) = rounds.get(id) else { continue };
            let start = usize::try_from(vectors.value_offset(row)).unwrap_or_default();
            let part = if *round == 0 { &mut seeds } else { &mut items };
            part.push(id, *round, &values[start..start + dimensions]);
        }
    });
    read.await?;
    drop(rounds);
    let (seeds, items, nearest) = nearest(seeds, items).await?;
    let near: Vec<(usize, Nearest)> = nearest.into_iter().enumerate().filter_map(|(item, near)| Some((item, near?))).collect();
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(near.iter().map(|(item, _)| &items.ids[*item]))),
        Arc::new(Int32Array::from_iter_values(near.iter().map(|(item, _)| items.rounds[*item]))),
        Arc::new(StringArray::from_iter_values(near.iter().map(|(_, near)| &seeds.ids[near.row]))),
        Arc::new(Float32Array::from_iter_values(near.iter().map(|(_, near)| near.distance))),
        Arc::new(StringArray::from_iter_values(near.iter().map(|_| &model))),
    ];
    Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), columns)?)
}

/// Instructions with their vectors.
struct Part {
    ids: Vec<String>,
    rounds: Vec<i32>,
    vectors: Matrix,
}

impl Part {
    fn new(dimensions: usize) -> Part {
        Part { ids: Vec::new(), rounds: Vec::new(), vectors: Matrix::new(dimensions) }
    }

    fn push(&mut self, id: &str, round: i32, vector: &[f32]) {
        self.ids.push(id.to_owned());
        self.rounds.push(round);
        self.vectors.push(vector);
    }
}

/// The seed nearest to each item; much arithmetic, so it runs on threads of its own.
async fn nearest(seeds: Part, items: Part) -> Result<(Part, Part, Vec<Option<Nearest>>)> {
    let computed = tokio::task::spawn_blocking(move || {
        let nearest = items.vectors.nearest_in(&seeds.vectors);
        (seeds, items, nearest)
    });
    computed.await.map_err(|cause| Error::internal("failed to compute novelty", cause))
}

async fn rounds(snapshot: &Snapshot) -> Result<HashMap<String, i32>> {
    let mut rounds = HashMap::new();
    let read = snapshot.for_each(Table::Instructions, &["instruction_id", "round"], |batch| {
        let ids = batch.column(0).as_string::<i32>().iter();
        let numbers = batch.column(1).as_primitive::<Int32Type>().iter();
        rounds.extend(ids.zip(numbers).filter_map(|(id, round)| Some((id?.to_owned(), round?))));
    });
    read.await?;
    Ok(rounds)
}
