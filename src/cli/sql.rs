//! `mmevol sql`: one query, a file of statements, or a shell.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use clap::Args;
use futures::TryStreamExt;

use super::models::ModelArguments;
use super::output::{OutputFormat, OutputOptions};
use super::shell::{self, BackendError, Names, ResultStream, ShellOptions, SqlBackend, TableName, split_statements};
use super::{note, print_query};
use crate::error::{Error, Result};
use crate::functions::llm::ModelSession;
use crate::model::service::{ModelService, Spending};
use crate::query::{CallRecorder, Session, StoreImages};
use crate::store::{SharedWriter, Store, StoredCalls};

#[derive(Debug, Args)]
pub struct Arguments {
    /// The statement; without one, a shell (or the statements on standard input, if it is no terminal).
    #[arg(conflicts_with = "file")]
    query: Option<String>,
    /// Run the statements of this file.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How to print rows.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    output: OutputFormat,
    #[command(flatten)]
    models: ModelArguments,
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    let store = match Store::open(store).await {
        Ok(store) => Some(store),
        // Files and pure functions need no store; a table that is missed says so.
        Err(Error::NoStore { .. }) => None,
        Err(error) => return Err(error),
    };
    let (session, recording) = match &arguments.models.model {
        Some(model) => with_models(store, model, &arguments.models).await?,
        None => (without_models(store).await?, None),
    };
    let session = Arc::new(session);
    let outcome = run_statements(&session, &arguments).await;
    if let Some(recording) = recording {
        // The recorder waits for the last sender, which the session's functions hold.
        drop(session);
        recording.finish().await?;
    }
    outcome
}

async fn run_statements(session: &Arc<Session>, arguments: &Arguments) -> Result<()> {
    if let Some(query) = &arguments.query {
        for statement in split_statements(query) {
            print(session, statement.text, arguments.output).await?;
        }
        return Ok(());
    }
    if let Some(path) = &arguments.file {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::io("read", path, cause))?;
        for statement in split_statements(&text) {
            print(session, statement.text, arguments.output).await.map_err(|error| in_file(error, path, statement.line_in(&text)))?;
        }
        return Ok(());
    }
    let backend = Arc::new(Backend(Arc::clone(session)));
    let options = ShellOptions { format: arguments.output, output: OutputOptions::for_stdout(), history: history_path() };
    shell::run(backend, options).await.map_err(|BackendError { message, hints }| Error::Sql { message, hints })
}

async fn print(session: &Session, sql: &str, format: OutputFormat) -> Result<()> {
    let count = print_query(session, sql, format).await?;
    for text in [count.hidden_note(), count.cut_note()].into_iter().flatten() {
        note(text);
    }
    Ok(())
}

fn in_file(error: Error, path: &Path, line: usize) -> Error {
    match error {
        Error::Sql { message, hints } => {
            Error::Sql { message: format!("{} (statement at line {line} of '{}')", message, path.display()), hints }
        }
        other => other,
    }
}

async fn without_models(store: Option<Store>) -> Result<Session> {
    let builder = Session::builder();
    match store {
        Some(store) => builder.store(store),
        None => builder,
    }
    .build()
    .await
}

/// Calls on their way into the store.
struct Recording {
    recorder: CallRecorder,
    writer: SharedWriter,
    spending: Arc<Spending>,
}

impl Recording {
    async fn finish(self) -> Result<()> {
        let calls = self.recorder.finish(&self.writer).await?;
        let writer = Arc::into_inner(self.writer).ok_or_else(|| Error::internal("failed to record calls", "the session still writes"))?;
        if calls > 0 {
            let counters = serde_json::to_value(self.spending.spent()).map_err(|cause| Error::internal("failed to count calls", cause))?;
            writer.into_inner().publish(counters).await?;
        }
        Ok(())
    }
}

async fn with_models(store: Option<Store>, name: &str, arguments: &ModelArguments) -> Result<(Session, Option<Recording>)> {
    let model = arguments.chat_model(name)?;
    let judge = match &arguments.judge {
        Some(judge) => arguments.chat_model(judge)?,
        None => Arc::clone(&model),
    };
    let spending = Arc::new(Spending::new(arguments.max_calls, arguments.budget_usd));
    let prices = Arc::new(arguments.price_table()?);
    spending.check_prices([model.name(), judge.name()], &prices)?;
    let mut service = ModelService { prices, spending: Arc::clone(&spending), ..ModelService::new(model) };
    let mut builder = Session::builder();
    let mut recording = None;
    if let Some(store) = store {
        let settings = serde_json::json!({ "model": name, "endpoint": service.model.endpoint(), "judge": judge.name() });
        let writer: SharedWriter = Arc::new(tokio::sync::Mutex::new(store.writer("sql", settings).await?));
        let snapshot = writer.lock().await.snapshot().clone();
        let (log, recorder) = CallRecorder::start(&writer).await?;
        service.images = Some(StoreImages::request_images(&snapshot));
        service.answered = Some(Arc::new(StoredCalls::new(&snapshot)));
        service.log = Some(log);
        builder = builder.writer(Arc::clone(&writer));
        recording = Some(Recording { recorder, writer, spending });
    }
    let models = ModelSession {
        judge: ModelService { model: judge, halted: Arc::default(), ..service.clone() },
        model: service,
        prompts: Arc::new(arguments.prompt_library()?),
        parameters: arguments.parameters(),
    };
    Ok((builder.models(Arc::new(models)).build().await?, recording))
}

/// The shell's view of a session.
struct Backend(Arc<Session>);

#[async_trait]
impl SqlBackend for Backend {
    async fn execute(&self, sql: &str) -> Result<ResultStream, BackendError> {
        let rows = self.0.stream(sql).await.map_err(|error| backend_error(&error))?;
        let (session, text) = (Arc::clone(&self.0), sql.to_owned());
        let schema = rows.schema();
        let batches = rows.map_err(move |cause| backend_error(&session.explain(cause, &text)));
        Ok(ResultStream { schema, batches: Box::pin(batches) })
    }

    fn names(&self) -> Names {
        let names = self.0.names();
        let tables =
            names.tables.into_iter().map(|(name, columns)| TableName { is_view: Session::is_view(&name), name, columns }).collect();
        Names { tables, functions: names.functions }
    }
}

fn backend_error(error: &Error) -> BackendError {
    BackendError { message: error.to_string(), hints: error.hints() }
}

/// `$XDG_STATE_HOME/mmevol/history`, else `~/.local/state/mmevol/history`.
fn history_path() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(std::env::home_dir()?.join(".local/state")));
    state.map(|state| state.join("mmevol/history"))
}
