//! The one builder of sessions, shared by the commands, the library and the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, StringArray};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::config::Dialect;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::ViewTable;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::TableType;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::TryStreamExt;

use super::constant_maps;
use super::copy::beside_target;
use super::created_views;
use super::duplicates::left_out;
use super::explain::{Names, explain_query};
use super::files::with_file_tables;
use super::function_list::function_list;
use super::memory::query_memory;
use super::model_calls::with_model_calls;
use super::named_arguments;
use super::statement::{Parameter, Statement, statement};
use super::statement_kind::{DEFAULT_SCHEMA, Kind};
use super::table_functions::TABLE_FUNCTIONS;
use crate::error::{Error, Result};
use crate::functions::identity::draw_persona::{Personas, draw_persona};
use crate::functions::llm::options::ModelOptions;
use crate::functions::llm::{ModelSession, model_functions};
use crate::functions::{aggregate_functions, pure_functions};
use crate::prompt::PromptLibrary;
use crate::store::{SharedWriter, Snapshot, Store, StoreTable, Table};

/// The views of a store, each under the name of its file.
const VIEWS: &[Statement] = &[
    statement!("views/attempt_facts"),
    statement!("views/current"),
    statement!("views/cut_off"),
    statement!("views/history"),
    statement!("views/item_facts"),
    statement!("views/lineage_edges"),
    statement!("views/rounds"),
    statement!("views/stale"),
    statement!("views/without_duplicates"),
];

/// Stack that is left when the engine goes on with another one, as it walks down a deep plan. Its default, 128 KiB, is less than some of its rules
/// take in one step: a round planned on a thread of 2 MiB, as tokio's and those of tests are, ended the process.
const STACK_LEFT_BYTES: usize = 512 << 10;

/// SQL with the tables of a store, files by name, and our functions.
///
/// ```
/// # #[tokio::main] async fn main() -> mmevol::Result<()> {
/// let session = mmevol::Session::builder().build().await?;
/// let rows = session.collect("SELECT normalize_skill('ocr') AS skill").await?;
/// assert_eq!(rows[0].num_rows(), 1);
/// # Ok(()) }
/// ```
pub struct Session {
    context: SessionContext,
    store: Option<Store>,
    /// Kept by sessions of a writing command: they see what the writer has added, published or not.
    writer: Option<SharedWriter>,
    /// For table functions that embed a text.
    models: Option<Arc<ModelSession>>,
    /// What the tables and views were last made for: making them takes as long as planning a statement does.
    shown: Mutex<Option<Snapshot>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Puts a session together. Nothing here makes a model call or reads more than manifests.
#[derive(Debug, Default)]
pub struct SessionBuilder {
    store: Option<Store>,
    writer: Option<SharedWriter>,
    snapshot: Option<Snapshot>,
    models: Option<Arc<ModelSession>>,
    personas: Arc<Personas>,
    prompts: Option<Arc<PromptLibrary>>,
}

impl SessionBuilder {
    /// Shows the tables of `store`, at its last published state, read anew for each statement.
    pub fn store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// Shows the tables as `writer` has changed them so far, and lets INSERT add rows through it.
    pub fn writer(mut self, writer: SharedWriter) -> Self {
        self.writer = Some(writer);
        self
    }

    /// Shows the tables as `snapshot` has them, whatever is published later. For a session that has neither store nor writer.
    pub fn snapshot(mut self, snapshot: Snapshot) -> Self {
        self.snapshot = Some(snapshot);
        self
    }

    /// Lets the `llm_*` functions ask these models. Without this call they are refused at plan time.
    pub fn models(mut self, models: Arc<ModelSession>) -> Self {
        self.models = Some(models);
        self
    }

    /// What `draw_persona` draws from.
    pub fn personas(mut self, personas: Arc<Personas>) -> Self {
        self.personas = personas;
        self
    }

    /// The prompts that table `present_prompts` lists, and that view `stale` compares with. By default those of the models, else the
    /// embedded ones.
    pub fn prompts(mut self, prompts: Arc<PromptLibrary>) -> Self {
        self.prompts = Some(prompts);
        self
    }

    /// The session.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub async fn build(self) -> Result<Session> {
        recursive::set_minimum_stack_size(STACK_LEFT_BYTES);
        let [catalog, schema] = DEFAULT_SCHEMA;
        let mut config = SessionConfig::new().with_information_schema(true).with_default_catalog_and_schema(catalog, schema);
        config.options_mut().sql_parser.collect_spans = true;
        // Text keeps one encoding from file to function.
        config.options_mut().execution.parquet.schema_force_view_types = false;
        config.options_mut().sql_parser.map_string_types_to_utf8view = false;
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(query_memory())
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::OsTmpDirectory))
            .build_arc()?;
        let config = config.with_option_extension(ModelOptions::default());
        let state = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features();
        let state = constant_maps::with_maps(with_model_calls(state));
        let context = with_file_tables(SessionContext::new_with_state(state.build()));
        context.register_udf(constant_maps::map());
        for function in aggregate_functions() {
            context.register_udaf(function);
        }
        for function in pure_functions() {
            context.register_udf(function);
        }
        if self.store.is_some() || self.writer.is_some() || self.snapshot.is_some() {
            let prompts = self.prompts.or_else(|| self.models.as_ref().map(|models| Arc::clone(&models.prompts)));
            context.register_table("present_prompts", present_prompts(&prompts.unwrap_or_else(|| Arc::new(PromptLibrary::embedded())))?)?;
        }
        for function in model_functions(self.models.clone()) {
            context.register_udf(function);
        }
        context.register_udf(draw_persona(self.personas));
        for function in TABLE_FUNCTIONS {
            context.register_udtf(function.name, function.over(None, None));
        }
        let session = Session { context, store: self.store, writer: self.writer, models: self.models, shown: Mutex::new(None) };
        if let Some(snapshot) = self.snapshot {
            session.show(&snapshot, None).await?;
            *session.shown() = Some(snapshot);
        }
        session.refresh().await?;
        Ok(session)
    }
}

impl Session {
    /// A session without store and models; add them to the builder.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    /// A session over a state of a store, by name or the last published one, and the state. A predicate over `history` is checked in it.
    ///
    /// # Errors
    /// Those of the store, and of [`Session::check_where`].
    pub async fn over(store: &Store, state: Option<&str>, predicate: Option<&str>) -> Result<(Snapshot, Session)> {
        let snapshot = store.snapshot_of(state).await?;
        let session = Session::builder().snapshot(snapshot.clone()).build().await?;
        if let Some(predicate) = predicate {
            session.check_where(predicate).await?;
        }
        Ok((snapshot, session))
    }

    /// The DataFusion context underneath, for functions and tables of one's own.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Plans one statement against the store's present state. Nothing is run before the result is collected or streamed.
    ///
    /// # Errors
    /// [`Error::Sql`] with position and near-miss names.
    pub async fn sql(&self, sql: &str) -> Result<DataFrame> {
        // Boxed here and below: planning makes large futures, and whatever awaits a statement would hold each of them on its stack.
        Box::pin(self.refresh()).await?;
        let planned = match self.kind(sql) {
            // It would seem to work and change nothing.
            Kind::StoreDdl { name } => Err(Error::Sql {
                message: format!("'{name}' belongs to the store and cannot be created or dropped"),
                position: None,
                hints: vec!["choose another name; the new table or view lives as long as the session".into()],
            }
            .into()),
            Kind::ShowFunctions { pattern } => function_list(&self.context, pattern.as_deref()),
            Kind::Insert | Kind::Other => Box::pin(named_arguments::plan(&self.context, sql)).await,
        };
        planned.map_err(|cause| self.explain(cause, sql))
    }

    /// Runs one statement and gives all its rows.
    pub async fn collect(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        self.stream(sql).await?.try_collect().await.map_err(|cause| self.explain(cause, sql))
    }

    /// Runs one statement and streams its rows.
    ///
    /// INSERT into a table of the store is one command of its own: it takes the writer's lock, and its rows appear when it is done. COPY TO a file
    /// replaces it when the new one is complete, and leaves it alone when the statement fails or its stream is dropped.
    pub async fn stream(&self, sql: &str) -> Result<SendableRecordBatchStream> {
        if self.writer.is_none() && self.kind(sql) == Kind::Insert {
            return Box::pin(self.insert(sql)).await;
        }
        let (frame, copy) = beside_target(self.sql(sql).await?).map_err(|cause| self.explain(cause, sql))?;
        let plan = Box::pin(frame.create_physical_plan()).await.map_err(|cause| self.explain(cause, sql))?;
        let rows = execute_stream(plan, self.context.task_ctx()).map_err(|cause| self.explain(cause, sql))?;
        Ok(match copy {
            Some(copy) => copy.in_place_after(rows),
            None => rows,
        })
    }

    /// An error of a running statement, explained.
    pub fn explain(&self, cause: datafusion::error::DataFusionError, sql: &str) -> Error {
        let error = explain_query(cause, sql, &self.names());
        if !matches!(error, Error::Unreadable { .. } | Error::Table { action: "read", .. }) {
            return error;
        }
        let damaged = self.shown().as_ref().and_then(|snapshot| snapshot.wrong_files().into_iter().next());
        match damaged {
            Some((table, problem)) => Error::Table { action: "read", table: table.name().into(), cause: problem.into() },
            None => error,
        }
    }

    /// Every table with its columns, and every function: for completion and near-miss hints.
    pub fn names(&self) -> Names {
        let (mut tables, mut views) = (BTreeMap::new(), BTreeSet::new());
        let [catalog, schema] = DEFAULT_SCHEMA;
        if let Some(schema) = self.context.catalog(catalog).and_then(|catalog| catalog.schema(schema)) {
            for name in schema.table_names() {
                // Our own tables and views resolve without waiting for anything.
                let table = futures::FutureExt::now_or_never(schema.table(&name)).and_then(|table| table.ok().flatten());
                if table.as_ref().is_some_and(|table| table.table_type() == TableType::View) {
                    views.insert(name.clone());
                }
                let columns = table.map(|table| table.schema().fields().iter().map(|field| field.name().clone()).collect());
                tables.insert(name, columns.unwrap_or_default());
            }
        }
        let state = self.context.state_ref();
        let state = state.read();
        let functions = [
            state.scalar_functions().keys().cloned().collect::<Vec<_>>(),
            state.aggregate_functions().keys().cloned().collect(),
            state.window_functions().keys().cloned().collect(),
            state.table_functions().keys().cloned().collect(),
        ]
        .concat();
        Names { tables, views, functions }
    }

    /// Whether a name is one of the views over the store.
    pub fn is_view(name: &str) -> bool {
        VIEWS.iter().any(|view| view.file_stem() == name)
    }

    /// Shows the newest state of the store. One statement sees one state.
    async fn refresh(&self) -> Result<()> {
        let snapshot = match (&self.writer, &self.store) {
            (Some(writer), _) => writer.lock().await.snapshot().clone(),
            (None, Some(store)) => store.snapshot().await?,
            (None, None) => return Ok(()),
        };
        if self.shown().as_ref().is_some_and(|shown| shown.is_same(&snapshot)) {
            return Ok(());
        }
        self.show(&snapshot, self.writer.as_ref()).await?;
        *self.shown() = Some(snapshot);
        Ok(())
    }

    async fn show(&self, snapshot: &Snapshot, writer: Option<&SharedWriter>) -> Result<()> {
        for table in Table::ALL {
            let provider: Arc<dyn TableProvider> = Arc::new(StoreTable::new(table, snapshot, writer.cloned()));
            self.context.deregister_table(table.name())?;
            self.context.register_table(table.name(), provider)?;
        }
        for function in TABLE_FUNCTIONS {
            self.context.register_udtf(function.name, function.over(Some(snapshot.clone()), self.models.clone()));
        }
        let left_out = BTreeMap::from([("left_out", Parameter::Predicate(left_out("SELECT * FROM current")?))]);
        for query in VIEWS {
            let name = query.file_stem();
            let view = self.context.sql(&query.bind(&left_out)?).await?;
            let view: Arc<dyn TableProvider> = match name {
                // Follows edges in recursive queries, inside which the engine drops no columns: every text would be read in every step.
                "lineage_edges" => Arc::new(ViewTable::new(view.into_optimized_plan()?, None)),
                _ => view.into_view(),
            };
            self.context.deregister_table(name)?;
            self.context.register_table(name, view)?;
        }
        created_views::plan_again(&self.context).await?;
        Ok(())
    }

    async fn insert(&self, sql: &str) -> Result<SendableRecordBatchStream> {
        let Some(store) = &self.store else { return Err(Error::argument("INSERT", "there is no store to insert into")) };
        let writer: SharedWriter = Arc::new(tokio::sync::Mutex::new(store.writer("sql", serde_json::json!({ "statement": sql })).await?));
        let snapshot = writer.lock().await.snapshot().clone();
        self.show(&snapshot, Some(&writer)).await?;
        let inserted = async {
            let frame = named_arguments::plan(&self.context, sql).await?;
            let schema = Arc::new(frame.schema().as_arrow().clone());
            Ok::<_, datafusion::error::DataFusionError>((schema, frame.collect().await?))
        };
        let inserted = inserted.await.map_err(|cause| self.explain(cause, sql));
        *self.shown() = None;
        // Also lets go of the writer, which the tables hold.
        self.show(&snapshot, None).await?;
        let (schema, batches) = inserted?;
        let writer = Arc::into_inner(writer)
            .ok_or_else(|| Error::internal("failed to publish the inserted rows", "the statement still holds the writer"))?;
        writer.into_inner().publish(serde_json::json!({ "statements": 1 })).await?;
        let rows = futures::stream::iter(batches.into_iter().map(Ok));
        Ok(Box::pin(datafusion::physical_plan::stream::RecordBatchStreamAdapter::new(schema, rows)))
    }

    /// A statement that does not parse is left to the engine, which says where.
    fn kind(&self, sql: &str) -> Kind {
        let parsed = self.context.state_ref().read().sql_to_statement(sql, &Dialect::Generic);
        parsed.map_or(Kind::Other, |statement| Kind::of(&statement))
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, Option<Snapshot>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names and ids of the prompts that this session evolves with.
fn present_prompts(library: &PromptLibrary) -> Result<Arc<dyn TableProvider>> {
    let column = |values: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let (names, ids) = library.iter().map(|prompt| (prompt.name.as_str(), prompt.prompt_id.as_str())).unzip();
    let batch = RecordBatch::try_from_iter([("name", column(names)), ("prompt_id", column(ids))])?;
    Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
}
