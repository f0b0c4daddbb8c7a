//! A session as sqllogictest sees it.

use std::str::FromStr;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::TryStreamExt;
use mmevol::functions::llm::ModelSession;
use mmevol::model::lexical::LexicalModel;
use mmevol::model::request_image::RequestImages;
use mmevol::model::rules::RulesModel;
use mmevol::model::service::ModelService;
use mmevol::model::{ChatModel, Parameters};
use mmevol::prompt::PromptLibrary;
use mmevol::query::StoreImages;
use mmevol::store::Store;
use mmevol::{Error, Session};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType};
use tempfile::TempDir;

use crate::render::{column_type, rows};
use crate::scripted::ScriptedModel;
use crate::stores::{StoreKind, Stores};

const PREFIX: &str = "# session:";
const REQUEST_IMAGE_BYTES: u64 = 8 << 20;

/// What a file's session has, from its first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Directive {
    store: Option<StoreKind>,
    model: Option<ModelKind>,
}

/// Which model answers. Texts are embedded by the embedded model either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ModelKind {
    Rules,
    Scripted,
}

impl FromStr for Directive {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let words = line.strip_prefix(PREFIX).ok_or_else(|| format!("the first line must begin with '{PREFIX}'"))?;
        let mut directive = Directive::default();
        for word in words.split(',').map(str::trim) {
            match word {
                "nothing" => {}
                "model" => directive.model = Some(ModelKind::Rules),
                "scripted" => directive.model = Some(ModelKind::Scripted),
                "photos" => directive.store = Some(StoreKind::Photos),
                "finished" => directive.store = Some(StoreKind::Finished),
                other => return Err(format!("'{other}' is none of nothing, model, scripted, photos, finished")),
            }
        }
        Ok(directive)
    }
}

/// A session, the store it is over, and that store's directory.
pub struct Database {
    session: Session,
    directory: Option<TempDir>,
}

impl Database {
    /// A session over its own copy of a store.
    pub async fn open(directive: Directive, stores: &Stores) -> Result<Database, Failure> {
        let mut builder = Session::builder();
        let model: Arc<dyn ChatModel> = match directive.model {
            Some(ModelKind::Scripted) => Arc::new(ScriptedModel),
            Some(ModelKind::Rules) | None => Arc::new(RulesModel),
        };
        let mut model = ModelService::new(model);
        let mut directory = None;
        if let Some(kind) = directive.store {
            let copy = stores.copy(kind).await?;
            let store = Store::open(copy.path()).await?.with_clock(Arc::new(crate::stores::FixedClock));
            let images = StoreImages::new(&store.snapshot().await?);
            model.images = Some(Arc::new(RequestImages::new(Arc::new(images), REQUEST_IMAGE_BYTES)));
            builder = builder.store(store);
            directory = Some(copy);
        }
        if directive.model.is_some() {
            builder = builder.models(Arc::new(ModelSession {
                judge: model.clone(),
                embedder: ModelService { model: Arc::new(LexicalModel), ..model.clone() },
                model,
                prompts: Arc::new(PromptLibrary::embedded()),
                parameters: Parameters::default(),
            }));
        }
        let session = builder.build().await?;
        // Plans must not depend on the machine's number of cores.
        session.collect("SET datafusion.execution.target_partitions = 2").await?;
        Ok(Database { session, directory })
    }

    /// The session alone; a store under it is removed.
    pub fn into_session(self) -> Session {
        self.session
    }

    async fn collect(&self, sql: &str) -> Result<(arrow::datatypes::SchemaRef, Vec<RecordBatch>), Error> {
        let stream = self.session.stream(sql).await?;
        let schema = stream.schema();
        let batches = stream.try_collect().await.map_err(|cause| self.session.explain(cause, sql))?;
        Ok((schema, batches))
    }

    /// The text with the store's directory written as `STORE`.
    fn without_directory(&self, text: String) -> String {
        let Some(directory) = &self.directory else { return text };
        let path = directory.path().to_string_lossy();
        text.replace(path.as_ref(), "STORE").replace(path.trim_start_matches('/'), "STORE")
    }
}

#[async_trait]
impl AsyncDB for Database {
    type Error = Failure;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Failure> {
        let (schema, batches) = self.collect(sql).await.map_err(|error| Failure(self.without_directory(Failure::from(error).0)))?;
        if schema.fields().is_empty() && batches.iter().all(|batch| batch.num_rows() == 0) {
            return Ok(DBOutput::StatementComplete(0));
        }
        let types = schema.fields().iter().map(|field| column_type(field.data_type())).collect();
        let rows = rows(&batches)?.into_iter().map(|row| row.into_iter().map(|cell| self.without_directory(cell)).collect()).collect();
        Ok(DBOutput::Rows { types, rows })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "mmevol"
    }
}

/// An error as the command shows it: its message, then its hints.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error: Error = error.into();
        let hints = error.hints().into_iter().map(|hint| format!("\nhint: {hint}"));
        Failure(std::iter::once(error.to_string()).chain(hints).collect())
    }
}
