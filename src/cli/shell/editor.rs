//! The line editor: rustyline with our completion, colours, multi-line entries and history file.

use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anstream::{AutoStream, ColorChoice};
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::config::{Behavior, CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hinter, HistoryHinter};
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Editor, Helper};

use super::completer::complete;
use super::highlighter::{faint, highlight};
use super::statements::Script;
use super::{BackendError, Names};
use crate::cli::note;

const PROMPT: &str = "mmevol> ";
const HISTORY_ENTRIES: usize = 2_000;

/// What came from the keyboard.
pub(super) enum Entry {
    /// Statements and commands, all complete.
    Text(String),
    /// Ctrl-C: what was typed is dropped.
    Cleared,
    /// Ctrl-D.
    End,
}

pub(super) struct LineEditor {
    editor: Editor<Assistant, FileHistory>,
    history: Option<PathBuf>,
}

impl LineEditor {
    /// Loads the history, if a file for it is given; it stays in memory when the file cannot be used (standard error says so).
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub(super) fn new(history: Option<&Path>) -> Result<Self, BackendError> {
        let has_colour = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        // Prompts must not end up in a file that standard output goes to.
        let behavior = if io::stdout().is_terminal() { Behavior::Stdio } else { Behavior::PreferTerm };
        let config = Config::builder().completion_type(CompletionType::List).behavior(behavior).history_ignore_space(true);
        let config = config.max_history_size(HISTORY_ENTRIES).map_err(unusable)?.build();
        let mut editor = Editor::with_config(config).map_err(unusable)?;
        editor.set_helper(Some(Assistant::new(has_colour)));
        let mut history = history.map(Path::to_owned);
        if let Some(path) = &history
            && let Err(error) = prepare_history(path).and_then(|()| load_history(&mut editor, path))
        {
            note(format_args!("the history is not kept: {}: {error}", path.display()));
            history = None;
        }
        Ok(Self { editor, history })
    }

    /// Waits for the next entry. Blocks the thread; other tasks run on if the runtime has other threads.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn read(&mut self, names: Names) -> Result<Entry, BackendError> {
        if let Some(assistant) = self.editor.helper_mut() {
            assistant.names = names;
        }
        match self.editor.readline(PROMPT) {
            Ok(text) => {
                self.remember(&text);
                Ok(Entry::Text(text))
            }
            Err(ReadlineError::Interrupted) => Ok(Entry::Cleared),
            Err(ReadlineError::Eof) => Ok(Entry::End),
            Err(error) => Err(unusable(error)),
        }
    }

    /// Saved at once, so that nothing is lost when the shell is killed.
    fn remember(&mut self, text: &str) {
        let is_new = !text.trim().is_empty() && self.editor.add_history_entry(text).unwrap_or(false);
        if let Some(path) = self.history.as_ref().filter(|_| is_new)
            && let Err(error) = self.editor.append_history(path)
        {
            note(format_args!("the history is no longer kept: {}: {error}", path.display()));
            self.history = None;
        }
    }
}

fn unusable(error: ReadlineError) -> BackendError {
    BackendError::new(format!("failed to read from the terminal: {error}"))
}

/// Makes the folder, and an existing file private: statements may name what others should not read.
fn prepare_history(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    #[cfg(unix)]
    if path.exists() {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn load_history(editor: &mut Editor<Assistant, FileHistory>, path: &Path) -> io::Result<()> {
    match editor.load_history(path) {
        Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(io::Error::other),
    }
}

/// Helps while a line is typed.
#[derive(Helper)]
struct Assistant {
    names: Names,
    files: FilenameCompleter,
    history: HistoryHinter,
    has_colour: bool,
}

impl Assistant {
    fn new(has_colour: bool) -> Self {
        Self { names: Names::default(), files: FilenameCompleter::new(), history: HistoryHinter::new(), has_colour }
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, cursor: usize, _context: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        Ok(complete(line, cursor, &self.names, &self.files))
    }
}

impl Hinter for Assistant {
    type Hint = String;

    fn hint(&self, line: &str, cursor: usize, context: &Context<'_>) -> Option<String> {
        // Without colour a hint could not be told from what was typed.
        let hint = self.has_colour.then(|| self.history.hint(line, cursor, context))??;
        hint.lines().next().map(str::to_owned)
    }
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, _cursor: usize) -> Cow<'l, str> {
        if self.has_colour { highlight(line) } else { Cow::Borrowed(line) }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(faint(hint))
    }

    fn highlight_char(&self, _line: &str, _cursor: usize, kind: CmdKind) -> bool {
        self.has_colour && kind != CmdKind::MoveCursor
    }
}

impl Validator for Assistant {
    /// Enter goes to the next line until a `;` outside of quotes and comments ends the statement.
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let is_complete = Script::read(context.input()).unfinished.is_none();
        Ok(if is_complete { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_history_file_is_private_and_keeps_lines_together() -> Result<(), Box<dyn std::error::Error>> {
        use rustyline::history::{History, SearchDirection};
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir()?;
        let path = folder.path().join("new").join("history");
        LineEditor::new(Some(&path))?.remember("SELECT 1,\n2;");
        let mut second = LineEditor::new(Some(&path))?;
        second.remember("SELECT 3;");
        assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        let third = LineEditor::new(Some(&path))?;
        let entry = third.editor.history().get(0, SearchDirection::Forward)?.map(|found| found.entry.into_owned());
        assert_eq!((third.editor.history().len(), entry.as_deref()), (2, Some("SELECT 1,\n2;")));

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
        LineEditor::new(Some(&path))?;
        assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        Ok(())
    }
}
