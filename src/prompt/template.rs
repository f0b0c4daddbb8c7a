//! From files to prompts: front matter read, parts put in place, everything checked that can be checked without data.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use regex::Regex;
use serde::Deserialize;

use super::context::{EVOLVE_VARIABLES, FILTER_VARIABLES, SCORE_VARIABLES};
use super::source::{Source, Sources};
use super::{FILTER, Prompt, PromptError, SCORE, Variable};
use crate::error::nearest;

/// How deep parts may include parts: far more than anyone needs, and a bound for the stack.
const MAX_INCLUDE_DEPTH: usize = 16;

static INCLUDE_LINE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"^\s*\{%\s*include\s+(?:"([^"]+)"|'([^']+)')\s*%\}\s*$"#).expect("a valid pattern"));

static TAG_ACROSS_FILES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{%[-+]?\s*(include|extends|import|from)\b").expect("a valid pattern"));

/// A prompt, and where each of its lines came from.
#[derive(Debug)]
pub(super) struct Assembled {
    pub prompt: Prompt,
    lines: Vec<Origin>,
}

#[derive(Debug, Clone)]
struct Origin {
    shown_path: String,
    line: usize,
}

impl Assembled {
    /// The error for a template that parses but does not render, at the line of the file that holds it.
    pub(super) fn render_error(&self, cause: &minijinja::Error) -> PromptError {
        let origin = cause.line().and_then(|line| self.lines.get(line.saturating_sub(1)));
        let (file, line) = match origin {
            Some(origin) => (origin.shown_path.clone(), origin.line),
            None => (self.prompt.name.clone(), 1),
        };
        PromptError::Template { file, line, cause: message(cause) }
    }
}

/// The settings under which prompts render: tags leave no blank lines, nothing is escaped for HTML, an unknown name is an error.
pub(super) fn environment<'source>() -> Environment<'source> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    if let Ok(syntax) = syntax.build() {
        environment.set_syntax(syntax);
    }
    environment
}

/// Every prompt in `sources`, by name.
pub(super) fn assemble_all(sources: &Sources) -> Result<BTreeMap<String, Assembled>, PromptError> {
    let mut prompts = BTreeMap::new();
    let mut used_parts = BTreeSet::new();
    for (name, source) in sources.prompts() {
        let mut assembly = Assembly { sources, open: Vec::new(), used_parts: &mut used_parts, text: String::new(), lines: Vec::new() };
        prompts.insert(name.to_owned(), assembly.assemble(name, source)?);
    }
    sources.check_all_used(|name| used_parts.contains(name))?;
    Ok(prompts)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    name: String,
    purpose: String,
    variables: BTreeMap<String, String>,
}

/// A prompt under construction.
struct Assembly<'a> {
    sources: &'a Sources,
    /// The files that are being put in place, outermost first.
    open: Vec<String>,
    used_parts: &'a mut BTreeSet<String>,
    text: String,
    lines: Vec<Origin>,
}

impl Assembly<'_> {
    fn assemble(&mut self, name: &str, source: &Source) -> Result<Assembled, PromptError> {
        let (front_matter, body, body_line) = split_front_matter(source)?;
        if front_matter.name != name {
            let cause = format!("the name is '{}' but the file's name says '{name}'", front_matter.name);
            return Err(PromptError::FrontMatter { file: source.shown_path.clone(), line: 1, cause });
        }
        self.append(source, body, body_line)?;
        let template = std::mem::take(&mut self.text);
        let template = template.trim_end().to_owned();
        check_variables(name, &front_matter, &template)?;
        let variables = front_matter.variables.into_iter().map(|(name, description)| Variable { name, description }).collect();
        let prompt_id = blake3::hash(template.as_bytes()).to_hex()[..32].to_owned();
        let prompt = Prompt { name: name.to_owned(), purpose: front_matter.purpose, variables, prompt_id, template };
        Ok(Assembled { prompt, lines: std::mem::take(&mut self.lines) })
    }

    /// Appends a file's text, of which `body` begins at `first_line`, with its parts in place.
    fn append(&mut self, source: &Source, body: &str, first_line: usize) -> Result<(), PromptError> {
        check_syntax(source, body, first_line)?;
        for (line, text) in (first_line..).zip(body.trim_end().lines()) {
            if let Some(part) = included_part(text) {
                self.append_part(part, source, line)?;
            } else if let Some(tag) = TAG_ACROSS_FILES.captures(text).and_then(|captures| captures.get(1)) {
                return Err(include_error(source, line, format!("`{}` does not work here", tag.as_str())));
            } else {
                self.text.push_str(text);
                self.text.push('\n');
                self.lines.push(Origin { shown_path: source.shown_path.clone(), line });
            }
        }
        Ok(())
    }

    fn append_part(&mut self, name: &str, includer: &Source, line: usize) -> Result<(), PromptError> {
        let sources = self.sources;
        let part = sources.get(name).filter(|_| name.contains('/')).ok_or_else(|| {
            let hint = sources.nearest(name).map(|nearest| format!(", did you mean '{nearest}'?")).unwrap_or_default();
            include_error(includer, line, format!("there is no part '{name}'{hint}"))
        })?;
        if self.open.iter().any(|open| open == name) {
            return Err(include_error(includer, line, format!("'{name}' includes itself")));
        }
        if self.open.len() == MAX_INCLUDE_DEPTH {
            return Err(include_error(includer, line, format!("parts include parts more than {MAX_INCLUDE_DEPTH} levels deep")));
        }
        self.used_parts.insert(name.to_owned());
        self.open.push(name.to_owned());
        self.append(part, &part.text, 1)?;
        self.open.pop();
        Ok(())
    }
}

fn split_front_matter(source: &Source) -> Result<(FrontMatter, &str, usize), PromptError> {
    let error = |line, cause: &str| PromptError::FrontMatter { file: source.shown_path.clone(), line, cause: cause.to_owned() };
    let rest = source.text.strip_prefix("+++\n").ok_or_else(|| error(1, "there is none"))?;
    let (toml, body) = rest.split_once("\n+++\n").ok_or_else(|| error(1, "it has no end"))?;
    let front_matter = toml::from_str(toml).map_err(|cause| {
        let before = cause.span().and_then(|span| toml.get(..span.start)).unwrap_or_default();
        // The line of the opening `+++` comes before the TOML.
        error(2 + before.matches('\n').count(), cause.message())
    })?;
    Ok((front_matter, body, 4 + toml.matches('\n').count()))
}

/// Each file must parse on its own, so that an error names the file that holds it.
fn check_syntax(source: &Source, body: &str, first_line: usize) -> Result<(), PromptError> {
    environment().template_from_named_str(&source.shown_path, body).map(drop).map_err(|cause| PromptError::Template {
        file: source.shown_path.clone(),
        line: first_line + cause.line().unwrap_or(1).saturating_sub(1),
        cause: message(&cause),
    })
}

/// What is used must be declared, what is declared must exist, and what the request is about must be used.
fn check_variables(prompt: &str, front_matter: &FrontMatter, template: &str) -> Result<(), PromptError> {
    let environment = environment();
    let used = environment
        .template_from_str(template)
        .map_err(|cause| PromptError::Template { file: prompt.to_owned(), line: cause.line().unwrap_or(1), cause: message(&cause) })?
        .undeclared_variables(false);
    let (offered, required): (Vec<&str>, &[&'static str]) = if prompt == SCORE {
        (SCORE_VARIABLES.to_vec(), &["pairs"])
    } else if prompt == FILTER {
        (FILTER_VARIABLES.to_vec(), &["condition"])
    } else if prompt.ends_with("_persona") {
        (EVOLVE_VARIABLES.to_vec(), &["items", "persona"])
    } else {
        (EVOLVE_VARIABLES.iter().copied().filter(|name| *name != "persona").collect(), &["items"])
    };
    let unknown = |variable: &str, cause| PromptError::UnknownVariable {
        prompt: prompt.to_owned(),
        variable: variable.to_owned(),
        cause,
        nearest: nearest(variable, offered.iter().copied().filter(|name| *name != variable)).map(str::to_owned),
    };
    // In order, so that the same files always give the same error.
    let mut mentioned: BTreeSet<&str> = used.iter().chain(front_matter.variables.keys()).map(String::as_str).collect();
    for (function, _) in environment.globals() {
        mentioned.remove(function);
    }
    for name in mentioned {
        if !offered.contains(&name) {
            return Err(unknown(name, "which this prompt never gets"));
        }
        if !front_matter.variables.contains_key(name) {
            return Err(unknown(name, "which its front matter does not list under [variables]"));
        }
    }
    match required.iter().find(|name| !used.contains(**name)) {
        Some(variable) => Err(PromptError::MissingVariable { prompt: prompt.to_owned(), variable }),
        None => Ok(()),
    }
}

fn included_part(line: &str) -> Option<&str> {
    let captures = INCLUDE_LINE.captures(line)?;
    captures.get(1).or_else(|| captures.get(2)).map(|name| name.as_str())
}

fn include_error(source: &Source, line: usize, cause: String) -> PromptError {
    PromptError::Include { file: source.shown_path.clone(), line, cause }
}

/// The cause without the place, which our own error names.
fn message(cause: &minijinja::Error) -> String {
    match cause.detail() {
        Some(detail) => format!("{}: {detail}", cause.kind()),
        None => cause.kind().to_string(),
    }
}
