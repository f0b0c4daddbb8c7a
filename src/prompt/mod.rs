//! Prompts: templates with front matter, and the texts rendered from them.
//!
//! A prompt is a file of the folder `prompts/`, assembled from shared parts: a line `{% include "parts/rules.md" %}` stands for the
//! text of that part. [`Prompt::template`] is the assembled text, so a recorded prompt can be read on its own, and
//! [`Prompt::prompt_id`] is its hash, so two runs with the same id asked in the same words. The files are embedded in the program;
//! a directory of the user's own overrides them one by one ([`PromptLibrary::with_directory`]).
//!
//! Data enters a prompt as JSON text that cannot leave its fence (see `context`), never as bare words.

mod context;
mod error;
mod schema;
mod source;
mod template;

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::Environment;

use crate::instruction::Operator;
use crate::model::{EvolveTask, ScoreTask};

pub use error::PromptError;
pub use schema::{evolved_instructions_schema, filter_answer_schema, scored_instructions_schema};

use source::Sources;
use template::Assembled;

/// One version of one template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The file's name without `.md`: an operator, an operator with `_persona`, `score` or `filter`.
    pub name: String,
    /// What the prompt is for, in a line.
    pub purpose: String,
    /// What the template may use, in alphabetical order.
    pub variables: Vec<Variable>,
    /// The first 32 hex digits of the BLAKE3 hash of `template`.
    pub prompt_id: String,
    /// The whole text with every part in place and no variable filled in; without the front matter.
    pub template: String,
}

/// A value that a template can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// As templates write it between double braces.
    pub name: String,
    /// What the value is, in a line.
    pub description: String,
}

/// A prompt ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The [`Prompt::prompt_id`] of the template it was rendered from.
    pub prompt_id: String,
    /// The whole text, with every variable filled in.
    pub prompt: String,
}

/// All prompts of a run, checked when they are loaded: what loads also renders.
#[derive(Debug)]
pub struct PromptLibrary {
    prompts: BTreeMap<String, Assembled>,
    shared_files: BTreeMap<String, String>,
    environment: Environment<'static>,
}

impl PromptLibrary {
    /// The prompts that come with the program. Loading takes some milliseconds: load once and share.
    pub fn embedded() -> Self {
        PromptLibrary::load(&Sources::embedded()).expect("the embedded prompts are checked by the tests")
    }

    /// The embedded prompts, where files in `directory` take the place of those with the same path (`score.md`, `parts/rules.md`).
    ///
    /// A part of the user's own is welcome in `parts/` if a prompt includes it. Hidden files and exact copies of embedded files are
    /// passed over.
    ///
    /// # Errors
    /// A file that cannot be read, one that no prompt uses, and every fault in a template that can be found without a model: front
    /// matter, syntax, includes, variables. The error names the file and, where there is one, the line.
    pub fn with_directory(directory: &Path) -> Result<Self, PromptError> {
        PromptLibrary::load(&Sources::with_directory(directory)?)
    }

    /// Those of [`PromptLibrary::with_directory`], or the embedded ones without a directory.
    ///
    /// # Errors
    /// As there.
    pub fn of(directory: Option<&Path>) -> Result<Self, PromptError> {
        directory.map_or_else(|| Ok(PromptLibrary::embedded()), PromptLibrary::with_directory)
    }

    fn load(sources: &Sources) -> Result<Self, PromptError> {
        let prompts = template::assemble_all(sources)?;
        let mut environment = template::environment();
        for (name, assembled) in &prompts {
            environment
                .add_template_owned(name.clone(), assembled.prompt.template.clone())
                .map_err(|cause| assembled.render_error(&cause))?;
        }
        let library = PromptLibrary { prompts, shared_files: sources.shared_files(), environment };
        library.render_trials()?;
        Ok(library)
    }

    /// The prompt of that name.
    ///
    /// # Errors
    /// [`PromptError::UnknownPrompt`] with the nearest name.
    pub fn get(&self, name: &str) -> Result<&Prompt, PromptError> {
        self.assembled(name).map(|assembled| &assembled.prompt)
    }

    /// The text of a part that prompts include, or of the schema of an answer, by its path (`parts/rules.md`).
    ///
    /// # Errors
    /// [`PromptError::UnknownPrompt`] with the nearest name of a part, a schema or a prompt.
    pub fn shared_file(&self, path: &str) -> Result<&str, PromptError> {
        let names = || self.shared_files.keys().chain(self.prompts.keys()).map(String::as_str);
        self.shared_files.get(path).map(String::as_str).ok_or_else(|| PromptError::unknown_prompt(path, names()))
    }

    /// The paths of all parts and schemas, in alphabetical order.
    pub fn shared_paths(&self) -> impl Iterator<Item = &str> {
        self.shared_files.keys().map(String::as_str)
    }

    /// Every prompt in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Prompt> {
        self.prompts.values().map(|assembled| &assembled.prompt)
    }

    /// The request that asks a model to rewrite the task's items. With a persona, it is made from the operator's persona variant.
    ///
    /// `image_count` is the number of images sent along, 0 in a text-only run: the prompt must not speak of images that are not there.
    ///
    /// # Errors
    /// [`PromptError::Template`] where a template of the user's own fails on these data.
    pub fn render_evolve(&self, task: &EvolveTask, image_count: usize) -> Result<Rendered, PromptError> {
        let name = match task.persona {
            Some(_) => persona_variant(task.operator),
            None => task.operator.name().to_owned(),
        };
        self.render(&name, context::evolve(task, image_count))
    }

    /// The request that asks a model to judge the task's pairs. `image_count` as for [`render_evolve`](Self::render_evolve).
    ///
    /// # Errors
    /// [`PromptError::Template`] where a template of the user's own fails on these data.
    pub fn render_score(&self, task: &ScoreTask, image_count: usize) -> Result<Rendered, PromptError> {
        self.render(SCORE, context::score(task, image_count))
    }

    /// The request that asks a model whether a condition holds. `image_count` as for [`render_evolve`](Self::render_evolve).
    ///
    /// # Errors
    /// [`PromptError::Template`] where a template of the user's own fails on these data.
    pub fn render_filter(&self, condition: &str, image_count: usize) -> Result<Rendered, PromptError> {
        self.render(FILTER, context::filter(condition, image_count))
    }

    fn render(&self, name: &str, context: minijinja::Value) -> Result<Rendered, PromptError> {
        let assembled = self.assembled(name)?;
        let prompt = self
            .environment
            .get_template(name)
            .and_then(|template| template.render(context))
            .map_err(|cause| assembled.render_error(&cause))?;
        Ok(Rendered { prompt_id: assembled.prompt.prompt_id.clone(), prompt })
    }

    fn assembled(&self, name: &str) -> Result<&Assembled, PromptError> {
        self.prompts.get(name).ok_or_else(|| PromptError::unknown_prompt(name, self.prompts.keys().map(String::as_str)))
    }

    /// Renders every prompt with the fullest and the barest data, so that a misspelt filter shows before anything is paid for.
    fn render_trials(&self) -> Result<(), PromptError> {
        for trial in context::Trial::ALL {
            for operator in Operator::ALL {
                let (task, image_count) = trial.evolve(operator, None);
                self.render_evolve(&task, image_count)?;
                let (task, image_count) = trial.evolve(operator, Some("A tester"));
                self.render_evolve(&task, image_count)?;
            }
            let (task, image_count) = trial.score();
            self.render_score(&task, image_count)?;
            self.render_filter("It is a dog.", image_count)?;
        }
        Ok(())
    }
}

/// The name of the prompt for judging.
const SCORE: &str = "score";

/// The name of the prompt for conditions.
const FILTER: &str = "filter";

/// The name of the prompt that rewrites as a persona would.
fn persona_variant(operator: Operator) -> String {
    format!("{operator}_persona")
}
