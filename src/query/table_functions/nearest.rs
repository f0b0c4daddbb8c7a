//! `nearest(table, query, k [, model])`: the instructions whose embeddings are nearest to a text or a vector.

use std::sync::{Arc, LazyLock};

use arrow::array::{Float32Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use futures::FutureExt;
use futures::future::Either;

use super::TableFunction;
use super::call::Call;
use super::computed::computed;
use crate::error::{Error, Result};
use crate::functions::llm::ModelSession;
use crate::functions::llm::embed::embed_text;
use crate::model::lexical::{self, LexicalModel};
use crate::store::{Snapshot, Table};
use crate::text::beginning;

/// Characters of a text that an error quotes.
const QUOTED_CHARACTERS: usize = 40;

pub(super) static NEAREST: TableFunction = TableFunction {
    name: "nearest",
    parameters: &["table", "query", "k", "model"],
    optional: 1,
    summary: "The k instructions whose embeddings are nearest to a text or to a vector, nearest first: instruction_id, and distance by the cosine (0 \
              the same direction, 1 a right angle). table is 'instructions'; model is one that 'mmevol embed' was run with, by default the \
              session's embedding model, else 'lexical'. A text is embedded by that model: free with 'lexical', else one call. Exact, unless the \
              vectors have an index; then a few of a hundred neighbours may be missed.",
    example: "SELECT n.distance, i.question FROM nearest('instructions', 'How many dogs are there?', 3) n JOIN instructions i USING (instruction_id)",
    make: nearest,
};

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let fields = vec![Field::new("instruction_id", DataType::Utf8, false), Field::new("distance", DataType::Float32, false)];
    Arc::new(Schema::new(fields))
});

/// What the neighbours are looked for of.
#[derive(Debug, Clone)]
enum Query {
    Vector(Vec<f32>),
    Lexical(String),
    /// A text for the session's model.
    Model(String, Arc<ModelSession>),
}

fn nearest(call: &Call) -> Result<Arc<dyn TableProvider>> {
    match call.table(0)? {
        Table::Instructions => {}
        other => return Err(Error::sql(format!("nearest: table '{other}' has no embeddings; only 'instructions' has"))),
    }
    let k = call.count(2)?;
    let default = call.models.map_or(LexicalModel::NAME, |models| models.embedder.model.name());
    let model = call.optional_text(3)?.unwrap_or(default).to_owned();
    let query = match call.text_or_vector(1)? {
        Either::Left(text) => by_model(text, &model, call.models)?,
        Either::Right(vector) => Query::Vector(vector),
    };
    // In a store without any vectors nothing is near to anything.
    let column = match call.snapshot.vector_columns().is_empty() {
        true => None,
        false => Some(call.vectors_of(&model)?),
    };
    if let (Some(column), Query::Vector(vector)) = (&column, &query) {
        column.check_query(vector)?;
    }
    let snapshot = call.snapshot.clone();
    computed(Arc::clone(&SCHEMA), move || rows(snapshot.clone(), model.clone(), query.clone(), k).boxed())
}

/// How a text becomes a vector. What costs money is asked only of a model that the session was given.
fn by_model(text: String, model: &str, models: Option<&Arc<ModelSession>>) -> Result<Query> {
    let given = models.filter(|models| models.embedder.model.name() == model);
    match given {
        _ if model == LexicalModel::NAME => Ok(Query::Lexical(text)),
        Some(models) => Ok(Query::Model(text, Arc::clone(models))),
        None => Err(Error::Sql {
            message: format!("nearest: to embed a text, this session has no model '{model}'"),
            position: None,
            hints: vec![
                format!("name it with --model NAME --embedding-model '{model}', and its endpoint with --base-url"),
                "or compare with a vector that is there: copy one from embeddings".into(),
            ],
        }),
    }
}

async fn rows(snapshot: Snapshot, model: String, query: Query, k: usize) -> Result<RecordBatch> {
    let neighbours = match snapshot.dimensions(&model).filter(|_| k > 0) {
        Some(_) => snapshot.nearest(&model, &query.vector().await?, k).await?,
        None => Vec::new(),
    };
    let ids = StringArray::from_iter_values(neighbours.iter().map(|neighbour| &neighbour.instruction_id));
    let distances = Float32Array::from_iter_values(neighbours.iter().map(|neighbour| neighbour.distance));
    Ok(RecordBatch::try_new(Arc::clone(&SCHEMA), vec![Arc::new(ids), Arc::new(distances)])?)
}

impl Query {
    async fn vector(self) -> Result<Vec<f32>> {
        match self {
            Query::Vector(vector) => Ok(vector),
            Query::Lexical(text) => {
                let (shown, is_cut) = beginning(&text, QUOTED_CHARACTERS);
                let shown = format!("{shown}{}", if is_cut { "..." } else { "" });
                let vector = tokio::task::spawn_blocking(move || lexical::vector(&text)).await;
                let vector = vector.map_err(|cause| Error::internal("failed to embed a text", cause))?;
                match vector.iter().any(|number| *number != 0.0) {
                    true => Ok(vector),
                    false => Err(Error::sql(format!("nearest: the text '{shown}' has no words to compare"))),
                }
            }
            Query::Model(text, models) => embed_text(&models, text).await,
        }
    }
}
