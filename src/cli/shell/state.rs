//! The shell's state, and how statements and commands change it.

use std::future::{Future, pending};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::commands::{Command, help};
use super::completer::quoted_if_needed;
use super::destination::Destination;
use super::schema::schema_text;
use super::statements::{Input, Script};
use super::{BackendError, ResultStream, ShellOptions, SqlBackend, TableName};
use crate::cli::note;
use crate::cli::output::{OutputFormat, OutputOptions, RowCount, write_stream};
use crate::cli::table::fit;
use crate::error::{Error, Position, suggest};

/// A file that reads itself would never end.
const DEEPEST_READ: usize = 8;
/// Of a statement in an error.
const EXCERPT_WIDTH: usize = 40;

/// Whether the shell goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Go,
    Leave,
}

/// What Ctrl-C does while a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupt {
    /// Cancels the statement.
    Cancels,
    /// What it does to any command.
    EndsProcess,
}

pub(super) struct ShellState {
    backend: Arc<dyn SqlBackend>,
    format: OutputFormat,
    options: OutputOptions,
    interrupt: Interrupt,
    has_timer: bool,
    destination: Destination,
    /// How many `.read` files are open inside each other.
    depth: usize,
    /// Whether the note about cut cells was shown; once is enough.
    cut_noted: bool,
}

impl ShellState {
    pub(super) fn new(backend: Arc<dyn SqlBackend>, options: &ShellOptions, interrupt: Interrupt) -> Self {
        Self {
            backend,
            format: options.format,
            options: options.output,
            interrupt,
            has_timer: false,
            destination: Destination::stdout(),
            depth: 0,
            cut_noted: false,
        }
    }

    /// Sets the room that tables have, for a terminal that changes its size.
    pub(super) fn resize(&mut self, options: OutputOptions) {
        self.options = options;
    }

    /// Runs one statement or command.
    ///
    /// # Errors
    /// What the engine says; a command that is not understood; a file that cannot be read or written.
    pub(super) async fn run(&mut self, input: Input<'_>) -> Result<Next, BackendError> {
        match input {
            Input::Sql(statement) => self.query(statement.text).await,
            Input::Command(line) => self.command(Command::parse(line.text)?).await,
        }
    }

    /// Runs `inputs`, all read from `text`, which starts on line `first_line` of `origin`; stops at the first error, which
    /// then names the place.
    pub(super) async fn run_all(
        &mut self,
        inputs: Vec<Input<'_>>,
        text: &str,
        origin: &str,
        first_line: u64,
    ) -> Result<Next, BackendError> {
        for input in inputs {
            let next = self.run(input).await.map_err(|error| {
                let (Input::Sql(place) | Input::Command(place)) = input;
                let start = place.position_in(text);
                let start = Position { line: first_line - 1 + start.line, ..start };
                let place_of_error = match error.position {
                    Some(position) => position.within(start).to_string(),
                    None => format!("line {}", start.line),
                };
                let (excerpt, _) = fit(place.text.lines().next().unwrap_or_default(), EXCERPT_WIDTH);
                BackendError { message: format!("{origin}, {place_of_error} ({excerpt}): {}", error.message), position: None, ..error }
            });
            if next? == Next::Leave {
                return Ok(Next::Leave);
            }
        }
        Ok(Next::Go)
    }

    async fn query(&mut self, sql: &str) -> Result<Next, BackendError> {
        let started = Instant::now();
        let (format, options) = (self.format, self.options);
        let backend = self.backend.clone();
        let out = self.destination.writer();
        let work = async move {
            let ResultStream { schema, batches } = backend.execute(sql).await?;
            let has_columns = !schema.fields().is_empty();
            let count = write_stream::<BackendError>(schema, batches, format, options, out).await?;
            Ok((has_columns, count))
        };
        match cancellable(work, self.interrupt).await {
            Ok((has_columns, count)) => {
                self.destination.keep().map_err(|error| self.write_error(error))?;
                self.footer(has_columns.then_some(count), started.elapsed());
                self.backend.after_statement();
                Ok(if count.reader_left { Next::Leave } else { Next::Go })
            }
            Err(error) => {
                self.backend.after_statement();
                self.destination.take_back().map_err(|error| self.write_error(error))?;
                Err(error)
            }
        }
    }

    /// Says on standard error what the result was; `None` for a statement without a result.
    fn footer(&mut self, count: Option<RowCount>, elapsed: Duration) {
        if let Some(text) = count.and_then(|count| count.hidden_note()) {
            note(text);
        }
        if let Some(text) = count.and_then(|count| count.cut_note()).filter(|_| !self.cut_noted) {
            self.cut_noted = true;
            note(text);
        }
        let rows = count.map_or_else(|| "done".to_owned(), |count| count.to_string());
        let place = self.destination.path().map(|path| format!(" to {}", path.display())).unwrap_or_default();
        let time = if self.has_timer { format!(" in {:.3} s", elapsed.as_secs_f64()) } else { String::new() };
        note(format_args!("{rows}{place}{time}"));
    }

    async fn command(&mut self, command: Command) -> Result<Next, BackendError> {
        match command {
            Command::Tables => {
                let tables = self.backend.names().tables;
                let lines = tables.iter().map(|table| format!("{}{}\n", table.name, if table.is_view { "  (view)" } else { "" }));
                self.show(&lines.collect::<String>())?;
            }
            Command::Schema(table) => {
                let text = self.schemas(table.as_deref()).await?;
                self.show(&text)?;
            }
            Command::Mode(format) => self.format = format,
            Command::Timer(has_timer) => self.has_timer = has_timer,
            Command::Read(path) => return self.read_file(&path).await,
            Command::Output(None) => self.destination = Destination::stdout(),
            Command::Output(Some(path)) => {
                let destination = Destination::file(&path);
                self.destination = destination.map_err(|cause| Error::io("write", &path, cause))?;
                note(format_args!("results go to {} until .output stdout", path.display()));
            }
            Command::Help => self.show(&help())?,
            Command::Exit => return Ok(Next::Leave),
        }
        Ok(Next::Go)
    }

    async fn read_file(&mut self, path: &Path) -> Result<Next, BackendError> {
        let origin = path.display().to_string();
        if self.depth >= DEEPEST_READ {
            return Err(BackendError::new(format!("failed to read {origin}: {DEEPEST_READ} files read each other already")));
        }
        let text = tokio::fs::read_to_string(path).await.map_err(|cause| Error::io("read", path, cause))?;
        let text = text.trim_start_matches('\u{feff}');
        self.depth += 1;
        let next = Box::pin(self.run_all(Script::read(text).into_inputs(), text, &origin, 1)).await;
        self.depth -= 1;
        next
    }

    async fn schemas(&self, table: Option<&str>) -> Result<String, BackendError> {
        let tables = self.backend.names().tables;
        let Some(name) = table else {
            let mut texts = Vec::with_capacity(tables.len());
            for table in &tables {
                texts.push(self.schema(table).await?);
            }
            return Ok(texts.join("\n"));
        };
        match tables.iter().find(|table| table.name.eq_ignore_ascii_case(name)) {
            Some(table) => self.schema(table).await,
            None => {
                let hint = suggest(name, tables.iter().map(|table| table.name.as_str())).pop();
                let hint = hint.unwrap_or_else(|| ".tables lists the tables".to_owned());
                Err(BackendError::new(format!("there is no table {name}")).with_hint(hint))
            }
        }
    }

    async fn schema(&self, table: &TableName) -> Result<String, BackendError> {
        // No row is asked for: the plan alone has the types, also those of a view.
        let result = self.backend.execute(&format!("SELECT * FROM {} LIMIT 0", quoted_if_needed(&table.name))).await?;
        Ok(schema_text(table, &result.schema))
    }

    fn show(&mut self, text: &str) -> Result<(), BackendError> {
        let written = self.destination.writer().write_all(text.as_bytes());
        written.and_then(|()| self.destination.keep()).map_err(|error| self.write_error(error))
    }

    fn write_error(&self, cause: std::io::Error) -> BackendError {
        Error::io("write", self.destination.path().unwrap_or(Path::new("standard output")), cause).into()
    }
}

/// Runs `work`; dropping it on Ctrl-C stops what it has under way.
async fn cancellable<T>(work: impl Future<Output = Result<T, BackendError>>, interrupt: Interrupt) -> Result<T, BackendError> {
    let interrupted = async {
        if interrupt == Interrupt::EndsProcess || tokio::signal::ctrl_c().await.is_err() {
            // No handler: the signal does what it does to any process.
            pending::<()>().await;
        }
    };
    tokio::select! {
        result = work => result,
        () = interrupted => {
            // The terminal has shown `^C` on the current line.
            note("");
            Err(BackendError::new("cancelled"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use arrow::array::{Int32Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};
    use async_trait::async_trait;
    use futures::stream;

    use super::super::Names;
    use super::*;
    use crate::error::ErrorKind;

    /// Knows the table `samples`; a statement with `broken` in it fails after its first batch, one with `wrong` at once.
    struct Engine;

    #[async_trait]
    impl SqlBackend for Engine {
        async fn execute(&self, sql: &str) -> Result<ResultStream, BackendError> {
            if sql.contains("wrong") {
                return Err(BackendError::new("no column wrong"));
            }
            let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int32, false)]));
            let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(Int32Array::from(vec![1, 2]))]);
            let batch = batch.map_err(|error| BackendError::new(error.to_string()));
            let then = sql.contains("broken").then(|| Err(BackendError::new("the disk broke")));
            Ok(ResultStream { schema, batches: Box::pin(stream::iter([batch].into_iter().chain(then))) })
        }

        fn names(&self) -> Names {
            let table = TableName { name: "samples".to_owned(), columns: vec!["n".to_owned()], is_view: false };
            Names { tables: vec![table], functions: Vec::new() }
        }
    }

    async fn run(state: &mut ShellState, text: &str) -> Result<Next, BackendError> {
        state.run_all(Script::read(text).into_inputs(), text, "test", 1).await
    }

    fn state() -> ShellState {
        ShellState::new(Arc::new(Engine), &ShellOptions::default(), Interrupt::EndsProcess)
    }

    #[tokio::test]
    async fn results_go_to_a_file_until_told_otherwise_and_failed_ones_leave_no_trace() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("out.txt");
        let mut state = state();
        run(&mut state, &format!(".mode csv\n.output {}\nSELECT n; .schema samples", path.display())).await?;
        let error = run(&mut state, "SELECT n\n, broken;").await;
        assert_eq!(error, Err(BackendError::new("test, line 1 (SELECT n): the disk broke")));
        run(&mut state, ".mode jsonl\nSELECT n;\n.output stdout\n").await?;
        assert!(state.destination.path().is_none());
        assert_eq!(fs::read_to_string(path)?, "n\n1\n2\nTABLE samples (\n  n  INT NOT NULL\n);\n{\"n\":1}\n{\"n\":2}\n");
        Ok(())
    }

    #[tokio::test]
    async fn an_error_in_a_file_names_file_line_and_statement_and_stops_it() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (script, out) = (folder.path().join("script.sql"), folder.path().join("out.csv"));
        fs::write(&script, format!(".mode csv\n.output {}\nSELECT n;\n-- then\nSELECT wrong;\nSELECT n;", out.display()))?;
        let error = run(&mut state(), &format!("\n.read {}", script.display())).await.map_err(|error| error.message);
        let expected = format!("{}, line 5 (SELECT wrong): no column wrong", script.display());
        assert!(
            error.as_ref().is_err_and(|message| message.starts_with("test, line 2 (.read ") && message.ends_with(&expected)),
            "{error:?}"
        );
        assert_eq!(fs::read_to_string(out)?, "n\n1\n2\n");
        Ok(())
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_used_says_why_and_what_to_do() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let latin = folder.path().join("latin1.sql");
        fs::write(&latin, b"SELECT 'caf\xe9';")?;
        for (command, hint) in [
            (format!(".read {}", folder.path().display()), "it is a directory"),
            (format!(".read {}", latin.display()), "convert it to UTF-8"),
            (format!(".output {}", folder.path().display()), "it is a directory"),
        ] {
            let error = run(&mut state(), &command).await.err().ok_or("it was taken")?;
            assert_eq!(error.kind, ErrorKind::User, "{error}");
            assert!(error.hints[0].starts_with(hint), "{error}: {:?}", error.hints);
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_file_with_a_byte_order_mark_is_read() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (script, out) = (folder.path().join("script.sql"), folder.path().join("out.csv"));
        fs::write(&script, format!("\u{feff}.mode csv\n.output {}\nSELECT n;", out.display()))?;
        assert_eq!(run(&mut state(), &format!(".read {}", script.display())).await, Ok(Next::Go));
        assert_eq!(fs::read_to_string(out)?, "n\n1\n2\n");
        Ok(())
    }

    #[tokio::test]
    async fn a_file_that_reads_itself_ends() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("script.sql");
        fs::write(&script, format!(".read {}", script.display()))?;
        let mut state = state();
        let error = run(&mut state, &format!(".read {}", script.display())).await;
        assert!(error.is_err_and(|error| error.message.ends_with("8 files read each other already")));
        assert_eq!(state.depth, 0);
        Ok(())
    }

    #[tokio::test]
    async fn exit_leaves_the_rest_alone_and_an_unknown_table_gets_a_hint() {
        let mut state = state();
        assert_eq!(run(&mut state, "exit\nSELECT wrong;").await, Ok(Next::Leave));
        let error = run(&mut state, ".schema sampels").await.map_err(|error| error.hints);
        assert_eq!(error, Err(vec!["did you mean 'samples'?".to_owned()]));
    }
}
