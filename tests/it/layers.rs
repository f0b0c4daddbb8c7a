//! The architecture: which module may use which, read from the source itself.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Modules from the bottom to the top. A module may use those of every layer below its own.
const LAYERS: [&[&str]; 7] = [
    &["distances", "diversity", "duplicates", "error", "ids", "instruction", "text"],
    &["image", "formats", "store"],
    &["model", "prompt"],
    &["functions"],
    &["query"],
    &["evolution", "embedding", "import", "export", "lineage", "diff", "check", "dedup", "report", "audit"],
    &["cli"],
];

/// What is allowed between two modules of one layer: prompts are rendered from a model's tasks.
const SIDEWAYS: [(&str, &str); 1] = [("prompt", "model")];

/// Files above all layers: they declare modules and start the program.
const ROOTS: [&str; 3] = ["lib.rs", "main.rs", "allocator.rs"];

#[test]
fn modules_use_only_what_is_below_them() {
    let violations: Vec<String> = Source::all().iter().flat_map(Source::forbidden_uses).collect();
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn only_the_store_names_lance() {
    assert_only_in("store", r"\blance(_\w+)*::");
}

#[test]
fn only_the_query_layer_builds_a_session_of_the_engine() {
    assert_only_in("query", r"\bSession(Context|StateBuilder)\b");
}

#[test]
fn only_the_command_prints() {
    assert_only_in("cli", r"\b(e?print(ln)?!|dbg!|(stdout|stderr)\(\))");
}

/// What a pattern finds is in one module alone.
#[track_caller]
fn assert_only_in(module: &str, pattern: &str) {
    let pattern = Regex::new(pattern).unwrap();
    let mut found_there = false;
    let mut violations = Vec::new();
    for source in Source::all() {
        match source.module == module {
            true => found_there |= pattern.is_match(&source.code),
            false => violations
                .extend(pattern.find_iter(&source.code).map(|found| format!("{}: {}", source.place(found.range()), found.as_str()))),
        }
    }
    assert!(found_there, "the pattern finds nothing in '{module}' either");
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    let modules: BTreeMap<String, PathBuf> = Source::all().into_iter().map(|source| (source.module, source.path)).collect();
    for (module, path) in modules {
        assert!(layer_of(&module).is_some(), "{}: give module '{module}' a layer", path.display());
    }
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// One file of `src/`.
struct Source {
    path: PathBuf,
    /// The top-level module it belongs to.
    module: String,
    /// Its text with comments blanked out, so that positions stay what they are.
    code: String,
}

impl Source {
    fn all() -> Vec<Source> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut sources = Vec::new();
        collect(&root, &root, &mut sources);
        assert!(sources.len() > 50, "the sources are not where they were");
        sources
    }

    fn forbidden_uses(&self) -> Vec<String> {
        let used = Regex::new(r"\bcrate::(\{[^;]*\}|[\w:]+)").unwrap();
        let mut violations = Vec::new();
        for found in used.captures_iter(&self.code) {
            for path in found[1].trim_matches(['{', '}']).split(',').map(str::trim).filter(|path| !path.is_empty()) {
                if let Some(problem) = self.problem_with(path) {
                    violations.push(format!("{}: crate::{path}: {problem}", self.place(found.get(1).unwrap().range())));
                }
            }
        }
        violations
    }

    fn problem_with(&self, path: &str) -> Option<String> {
        let used = match path.split("::").next().unwrap_or_default() {
            "Error" | "ErrorKind" | "Result" => "error",
            module => module,
        };
        let own = self.module.as_str();
        let Some(layer) = layer_of(used) else { return Some(format!("'{used}' is no module of a layer: name the module, one a line")) };
        // The crate's error holds those of every layer.
        let is_error = own == "error" && path.ends_with("Error");
        let allowed = used == own || is_error || SIDEWAYS.contains(&(own, used)) || Some(layer) < layer_of(own);
        (!allowed).then(|| format!("'{own}' must not use '{used}'"))
    }

    fn place(&self, range: Range<usize>) -> String {
        format!("{}:{}", self.path.display(), self.code[..range.start].matches('\n').count() + 1)
    }
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, sources);
            continue;
        }
        let relative = path.strip_prefix(root).unwrap();
        if relative.extension().is_none_or(|extension| extension != "rs") || ROOTS.iter().any(|name| relative == Path::new(name)) {
            continue;
        }
        let first = Path::new(relative.components().next().unwrap().as_os_str()).with_extension("");
        let code: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(without_comment).collect();
        sources.push(Source { path: Path::new("src").join(relative), module: first.to_string_lossy().into_owned(), code: code.join("\n") });
    }
}

/// `://` begins no comment: it is part of a URL.
fn without_comment(line: &str) -> String {
    match line.find("//").filter(|start| !line[..*start].ends_with(':')) {
        Some(start) => line[..start].to_owned(),
        None => line.to_owned(),
    }
}
