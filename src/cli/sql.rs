//! `mmevol sql`: one query, a file of statements, or a shell.

mod account;
mod recording;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use clap::Args;
use futures::TryStreamExt;
use tokio_util::sync::CancellationToken;

use self::account::Account;
use self::recording::Recording;
use super::interrupt::Interrupt;
use super::models::{EmbeddingArguments, ModelArguments};
use super::output::{OutputFormat, OutputOptions};
use super::progress::Progress;
use super::shell::{self, BackendError, Names, ResultStream, ShellOptions, SqlBackend, TableName, split_statements};
use super::{DEFAULT_STORE, note, print_line, print_query};
use crate::error::{Error, Position, Result};
use crate::model::EMBEDDED_ENDPOINT;
use crate::model::spending::Spending;
use crate::prompt::PromptLibrary;
use crate::query::{Models, Session};
use crate::store::{SharedWriter, Store};

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
    #[command(flatten)]
    embedding: EmbeddingArguments,
}

pub async fn run(path: &Path, arguments: Arguments) -> Result<()> {
    let store = match Store::open(path).await {
        Ok(store) => Some(store),
        // Files and pure functions need no store; a table that is missed says so.
        Err(Error::NoStore { .. }) => None,
        Err(error) => return Err(error),
    };
    let Some(model) = &arguments.models.model else {
        return run_statements(&Arc::new(without_models(store, arguments.models.prompt_library()?).await?), None, &arguments).await;
    };
    let stop = CancellationToken::new();
    let spending = Arc::new(Spending::new(arguments.models.spending.max_calls, arguments.models.spending.budget_usd).until(stop.clone()));
    let (session, recording) = with_models(store, path, model, &arguments, &spending).await?;
    let session = Arc::new(session);
    let account = Arc::new(Account::new(Arc::clone(&spending)));
    let outcome = until_interrupted(run_statements(&session, Some(&account), &arguments), &arguments, &stop).await;
    if is_typed(&arguments) {
        // The shell has listened while a statement ran, and a process that has done so once is not ended by the signal any more.
        Interrupt::cancels(stop.clone(), &Progress::hidden());
    }
    recording.finish(&spending, &stop).await?;
    account.tell_the_end();
    outcome
}

/// Whether a person types the statements at a terminal: the shell itself listens then, and Ctrl-C cancels one statement.
fn is_typed(arguments: &Arguments) -> bool {
    arguments.query.is_none() && arguments.file.is_none() && std::io::stdin().is_terminal()
}

/// Runs statements until a signal stops them: the statement that is running is given up, and what it asked is finished.
async fn until_interrupted(running: impl Future<Output = Result<()>>, arguments: &Arguments, stop: &CancellationToken) -> Result<()> {
    if is_typed(arguments) {
        return running.await;
    }
    let interrupt = Interrupt::cancels(stop.clone(), &Progress::hidden());
    tokio::select! {
        biased;
        () = stop.cancelled() => interrupt.check(),
        outcome = running => outcome,
    }
}

async fn run_statements(session: &Arc<Session>, account: Option<&Arc<Account>>, arguments: &Arguments) -> Result<()> {
    if let Some(query) = &arguments.query {
        return print_all(session, query, arguments.output, in_text).await;
    }
    if let Some(path) = &arguments.file {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::io("read", path, cause))?;
        return print_all(session, &text, arguments.output, |error, start| in_file(error, path, start)).await;
    }
    let backend = Arc::new(Backend { session: Arc::clone(session), account: account.cloned() });
    let options = ShellOptions { format: arguments.output, output: OutputOptions::for_stdout(), history: history_path() };
    shell::run(backend, options).await.map_err(|error| Error::Shell { message: error.to_string(), hints: error.hints, kind: error.kind })
}

/// Prints the results of a text's statements, one after the other. `in_place` says of an error which statement it belongs to, by its beginning.
async fn print_all(session: &Session, text: &str, format: OutputFormat, in_place: impl Fn(Error, Position) -> Error) -> Result<()> {
    let text = text.trim_start_matches('\u{feff}');
    let mut has_printed = false;
    for statement in split_statements(text) {
        let printed = print(session, statement.text, format).await;
        has_printed |= printed.map_err(|error| in_place(with_hint_at_shell(error, statement.text), statement.position_in(text)))?;
    }
    // A reader of JSON gets some, and no more than there is.
    if format == OutputFormat::Json && !has_printed { print_line("[]") } else { Ok(()) }
}

/// Prints the result of a statement; `false` if it has none.
async fn print(session: &Session, sql: &str, format: OutputFormat) -> Result<bool> {
    let Some(count) = print_query(session, sql, format).await? else { return Ok(false) };
    for text in [count.hidden_note(), count.cut_note()].into_iter().flatten() {
        note(text);
    }
    Ok(true)
}

/// An error of a statement that is a command of the shell, as scripts of other shells begin with.
fn with_hint_at_shell(error: Error, statement: &str) -> Error {
    match error {
        Error::Sql { message, position, mut hints } if statement.starts_with('.') => {
            hints.push("commands with a dot are the shell's, which reads a script of them: mmevol sql < FILE".into());
            Error::Sql { message, position, hints }
        }
        other => other,
    }
}

/// The position of an error in the text whose statement, begun at `start`, it belongs to.
fn in_text(error: Error, start: Position) -> Error {
    match error {
        Error::Sql { message, position, hints } => Error::Sql { message, position: position.map(|position| position.within(start)), hints },
        other => other,
    }
}

fn in_file(error: Error, path: &Path, start: Position) -> Error {
    match in_text(error, start) {
        Error::Sql { message, position, hints } => {
            let place = position.map_or_else(|| format!("statement at line {}", start.line), |position| position.to_string());
            Error::Sql { message: format!("'{}', {place}: {message}", path.display()), position: None, hints }
        }
        other => other,
    }
}

async fn without_models(store: Option<Store>, prompts: PromptLibrary) -> Result<Session> {
    let builder = Session::builder().prompts(Arc::new(prompts));
    match store {
        Some(store) => builder.store(store),
        None => builder,
    }
    .build()
    .await
}

async fn with_models(
    store: Option<Store>,
    path: &Path,
    name: &str,
    arguments: &Arguments,
    spending: &Arc<Spending>,
) -> Result<(Session, Recording)> {
    let Arguments { models: arguments, embedding, .. } = arguments;
    let model = arguments.chat_model(name)?;
    let embedder = embedding.embedder(name, arguments)?;
    let judge = match &arguments.judge {
        Some(judge) => arguments.chat_model(judge)?,
        None => Arc::clone(&model),
    };
    let prices = Arc::new(arguments.spending.price_table()?);
    spending.check_prices([model.name(), judge.name(), embedder.name()], &prices)?;
    let settings =
        serde_json::json!({ "model": name, "endpoint": model.endpoint(), "judge": judge.name(), "embedding_model": embedder.name() });
    let models = Models {
        model,
        judge,
        embedder,
        prices,
        spending: Arc::clone(spending),
        prompts: Arc::new(arguments.prompt_library()?),
        parameters: arguments.parameters(),
        images: true,
    };
    let Some(store) = store else {
        if [&models.model, &models.judge, &models.embedder].into_iter().any(|model| model.endpoint() != EMBEDDED_ENDPOINT) {
            tell_what_is_not_kept(path)?;
        }
        let models = Arc::new(models.alone());
        let recording = Recording { in_flight: Arc::clone(&models.model.in_flight), writer: None };
        return Ok((Session::builder().models(models).build().await?, recording));
    };
    let writer: SharedWriter = Arc::new(tokio::sync::Mutex::new(store.writer("sql", settings).await?));
    let models = Arc::new(models.over(&writer).await?);
    let recording = Recording { in_flight: Arc::clone(&models.model.in_flight), writer: Some(Arc::clone(&writer)) };
    Ok((Session::builder().writer(writer).models(models).build().await?, recording))
}

/// Says that answers of an endpoint are not kept, where there is no store at `path`.
///
/// # Errors
/// Where that store was named: its name is mistyped, and what is paid for was to be kept.
fn tell_what_is_not_kept(path: &Path) -> Result<()> {
    if path == Path::new(DEFAULT_STORE) {
        note(format_args!("no store at '{DEFAULT_STORE}': answers are not kept after this command"));
        return Ok(());
    }
    Err(Error::Argument {
        name: format!("--store {}", path.display()),
        message: "there is no store, and answers that are paid for would not be kept".into(),
        hints: vec!["create it with 'mmevol import PATH', or leave --store and MMEVOL_STORE out to ask all the same".into()],
    })
}

/// The shell's view of a session.
struct Backend {
    session: Arc<Session>,
    /// `None` without models.
    account: Option<Arc<Account>>,
}

#[async_trait]
impl SqlBackend for Backend {
    async fn execute(&self, sql: &str) -> Result<ResultStream, BackendError> {
        let rows = self.session.stream(sql).await?;
        let (session, text) = (Arc::clone(&self.session), sql.to_owned());
        let schema = rows.schema();
        let batches = rows.map_err(move |cause| BackendError::from(session.explain(cause, &text)));
        Ok(ResultStream { schema, batches: Box::pin(batches) })
    }

    fn names(&self) -> Names {
        let names = self.session.names();
        let tables =
            names.tables.into_iter().map(|(name, columns)| TableName { is_view: names.views.contains(&name), name, columns }).collect();
        Names { tables, functions: names.functions }
    }

    fn after_statement(&self) {
        if let Some(account) = &self.account {
            account.tell();
        }
    }
}

/// `$XDG_STATE_HOME/mmevol/history`, else `~/.local/state/mmevol/history`.
fn history_path() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(std::env::home_dir()?.join(".local/state")));
    state.map(|state| state.join("mmevol/history"))
}
