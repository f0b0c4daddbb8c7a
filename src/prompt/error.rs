//! What can be wrong with a prompt.

use std::io;
use std::path::PathBuf;

use crate::error::nearest;

/// Why prompts could not be loaded or rendered. Every message names the file or prompt, the cause and the way out.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant says what its fields are")]
pub enum PromptError {
    /// The directory or a file in it could not be read, or a file is not UTF-8.
    #[error("Failed to read prompts from '{}': {source}. Name a readable directory of UTF-8 text files.", path.display())]
    Read { path: PathBuf, source: io::Error },

    /// A file that no prompt uses: most often a misspelt name.
    #[error("Failed to use '{}': no prompt uses a file of this name.{} `mmevol prompts list` shows the names of all.",
        path.display(), suggestion(nearest.as_deref()))]
    UnknownFile { path: PathBuf, nearest: Option<String> },

    /// The head of a prompt file is missing or wrong.
    #[error(
        "Failed to read the front matter of '{file}', line {line}: {cause}. \
             Begin the file with a line `+++`, then name, purpose and [variables] as TOML, then another line `+++`."
    )]
    FrontMatter { file: String, line: usize, cause: String },

    /// A template does not parse, or fails on data.
    #[error(
        "Failed to read the template '{file}', line {line}: {cause}. Correct this line; `mmevol prompts show NAME` prints a template that works."
    )]
    Template { file: String, line: usize, cause: String },

    /// An include that cannot be put in place.
    #[error(
        "Failed to include a part in '{file}', line {line}: {cause}. \
             Write {{% include \"parts/NAME.md\" %}} on a line of its own, with the name of a file that exists."
    )]
    Include { file: String, line: usize, cause: String },

    /// The template uses a value that it never gets, or that its front matter does not declare.
    #[error("Failed to fill the prompt '{prompt}': it uses the variable `{variable}`, {cause}.{}", suggestion(nearest.as_deref()))]
    UnknownVariable { prompt: String, variable: String, cause: &'static str, nearest: Option<String> },

    /// The template leaves out what the request is about.
    #[error(
        "Failed to fill the prompt '{prompt}': it does not use the variable `{variable}`, so the model would not see it. \
             Put {{{{ {variable} }}}} into a fenced json block at the end of the prompt."
    )]
    MissingVariable { prompt: String, variable: &'static str },

    /// No prompt has this name.
    #[error("Failed to find the prompt '{name}': there is none of this name.{} `mmevol prompts list` shows all.", suggestion(nearest.as_deref()))]
    UnknownPrompt { name: String, nearest: Option<String> },
}

impl PromptError {
    pub(super) fn unknown_prompt<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        PromptError::UnknownPrompt { name: name.to_owned(), nearest: nearest(name, known).map(str::to_owned) }
    }
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(" Did you mean '{name}'?")).unwrap_or_default()
}
