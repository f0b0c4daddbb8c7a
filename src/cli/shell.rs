//! The SQL shell: reads statements and dot commands from a terminal or a pipe, runs them, shows their results.
//!
//! The shell knows the engine by [`SqlBackend`] only. At a terminal an error is shown and the next line is read; in a pipe
//! (`mmevol sql < file.sql`) the first error ends the run. Results go to standard output, all else to standard error.

mod commands;
mod completer;
mod destination;
mod editor;
mod highlighter;
mod keywords;
mod lexer;
mod schema;
mod state;
mod statements;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::Stream;
use tokio::sync::mpsc;

use self::editor::{Entry, LineEditor};
use self::state::{Interrupt, Next, ShellState};
use self::statements::{Reading, Script};
pub use self::statements::{Statement, split_statements};
use super::output::{OutputError, OutputFormat, OutputOptions};
use super::{hint, note, say};
use crate::error::{Error, ErrorKind, Position};

/// Lines of a pipe that are read before they are asked for.
const LINES_AHEAD: usize = 64;

/// The engine behind the shell.
#[async_trait]
pub trait SqlBackend: Send + Sync {
    /// Plans one statement and streams its batches. Dropping the stream must stop the work.
    ///
    /// # Errors
    /// The statement is wrong, or the engine failed; later failures come through the stream.
    async fn execute(&self, sql: &str) -> Result<ResultStream, BackendError>;

    /// Names for completion. Asked before each prompt, so it should be cheap.
    fn names(&self) -> Names;

    /// Called after each statement, whatever became of it, to tell on standard error what its result does not.
    fn after_statement(&self) {}
}

/// The result of one statement.
pub struct ResultStream {
    /// Without fields for a statement that has no result, such as `CREATE VIEW`.
    pub schema: SchemaRef,
    /// The rows, as they become ready.
    pub batches: Pin<Box<dyn Stream<Item = Result<RecordBatch, BackendError>> + Send>>,
}

/// What can be named in SQL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// In the order of `.tables`.
    pub tables: Vec<TableName>,
    /// Without parentheses.
    pub functions: Vec<String>,
}

/// A table or view with its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// As `SELECT` would name it, without quotes.
    pub name: String,
    /// In table order.
    pub columns: Vec<String>,
    /// Whether it is computed rather than stored.
    pub is_view: bool,
}

/// What went wrong, for a person to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", position.map(|position| format!(" ({position})")).unwrap_or_default())]
pub struct BackendError {
    /// One sentence without `error:` before it.
    pub message: String,
    /// Where in the statement, if that is known.
    pub position: Option<Position>,
    /// What to do about it, each without `hint:` before it.
    pub hints: Vec<String>,
    /// Who can do it.
    pub kind: ErrorKind,
}

impl BackendError {
    /// An error of the user, without hints.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), position: None, hints: Vec::new(), kind: ErrorKind::User }
    }

    /// The same error with one more hint.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Prints `error: ...` and a `hint: ...` line for each hint to standard error.
    pub fn print(&self) {
        const ERROR: Style = AnsiColor::Red.on_default().bold();
        say(format_args!("{ERROR}error:{ERROR:#} {self}"));
        self.hints.iter().for_each(hint);
    }
}

impl From<Error> for BackendError {
    fn from(error: Error) -> Self {
        let (hints, kind) = (error.hints(), error.kind());
        match error {
            Error::Sql { message, position, .. } => Self { message, position, hints, kind },
            other => Self { message: other.to_string(), position: None, hints, kind },
        }
    }
}

impl From<OutputError> for BackendError {
    fn from(error: OutputError) -> Self {
        // Results may go to a file, which the message of ours does not know.
        Self { message: error.to_string(), ..Error::from(error).into() }
    }
}

/// How a shell starts.
#[derive(Debug, Clone, Default)]
pub struct ShellOptions {
    /// The format until `.mode` changes it.
    pub format: OutputFormat,
    /// The room for tables; at a terminal it follows the terminal's width.
    pub output: OutputOptions,
    /// Where entries are remembered, readable by the user only; its folder is made if missing. `None`: in memory only.
    pub history: Option<PathBuf>,
}

/// Runs statements and dot commands from standard input until it ends or `.exit`: interactively when it is a terminal,
/// otherwise without prompts. At a terminal it blocks its thread while it waits for input.
///
/// # Errors
/// At a terminal, only when the terminal cannot be used. In a pipe, the first error of any statement, with its line.
pub async fn run(backend: Arc<dyn SqlBackend>, options: ShellOptions) -> Result<(), BackendError> {
    if io::stdin().is_terminal() { run_at_terminal(backend, &options).await } else { run_in_pipe(backend, &options).await }
}

async fn run_at_terminal(backend: Arc<dyn SqlBackend>, options: &ShellOptions) -> Result<(), BackendError> {
    let mut editor = LineEditor::new(options.history.as_deref())?;
    let mut state = ShellState::new(backend.clone(), options, Interrupt::Cancels);
    note("End SQL with ; — .help lists the commands, Ctrl-D leaves.");
    loop {
        let text = match editor.read(backend.names())? {
            Entry::Text(text) => text,
            Entry::Cleared => continue,
            Entry::End => return Ok(()),
        };
        state.resize(OutputOptions { width: OutputOptions::for_stdout().width, ..options.output });
        for input in Script::read(&text).into_inputs() {
            match state.run(input).await {
                Ok(Next::Go) => {}
                Ok(Next::Leave) => return Ok(()),
                Err(error) => {
                    error.print();
                    break;
                }
            }
        }
    }
}

/// Runs each statement as soon as it is complete, so that another program can talk to the shell.
async fn run_in_pipe(backend: Arc<dyn SqlBackend>, options: &ShellOptions) -> Result<(), BackendError> {
    let mut state = ShellState::new(backend, options, Interrupt::EndsProcess);
    let (mut pending, mut reading) = (String::new(), Reading::default());
    let (mut first_line, mut lines) = (1, 0);
    let unreadable = |cause| BackendError::from(Error::io("read", "standard input", cause));
    let mut input = lines_of_stdin().map_err(unreadable)?;
    loop {
        let line = input.recv().await.transpose().map_err(unreadable)?;
        let is_end = line.is_none();
        let line = line.unwrap_or_default();
        let line = if lines == 0 { line.trim_start_matches('\u{feff}') } else { line.as_str() };
        pending += line;
        lines += 1;
        // Reading what is pending again for every line would be slow for long statements.
        let is_complete = reading.is_complete_after(line);
        if !is_complete && !is_end {
            continue;
        }
        let next = state.run_all(Script::read(&pending).into_inputs(), &pending, "standard input", first_line).await?;
        if is_end || next == Next::Leave {
            return Ok(());
        }
        pending.clear();
        first_line = lines + 1;
    }
}

/// The lines of standard input with their ends, read on a thread of their own: a shell that waits for a line itself hears no signal. It is none of
/// the runtime's threads, whose end the runtime would wait for.
fn lines_of_stdin() -> io::Result<mpsc::Receiver<io::Result<String>>> {
    let (sender, lines) = mpsc::channel(LINES_AHEAD);
    let read_all = move || {
        loop {
            let mut line = String::new();
            let read = match io::stdin().read_line(&mut line) {
                Ok(0) => return,
                Ok(_) => Ok(line),
                Err(error) => Err(error),
            };
            let is_last = read.is_err();
            if sender.blocking_send(read).is_err() || is_last {
                return;
            }
        }
    };
    std::thread::Builder::new().name("input".into()).spawn(read_all)?;
    Ok(lines)
}
