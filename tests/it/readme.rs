//! The README's tour shows what its commands print: each of them is run, in order, over a store of the tour's own.
//!
//! `MMEVOL_UPDATE_README=1` writes what they print into README.md:
//! `MMEVOL_UPDATE_README=1 cargo test --test it the_tour_shows -- --ignored`.

use std::fs;

use regex::{Captures, Regex};

use crate::command::{Workspace, in_package};
use crate::stores::shared_data;

/// The heading of the tour, which ends at the next one of its kind.
const TOUR: &str = "\n## A tour in five minutes\n";
const NEXT: &str = "\n## ";

/// A line of a block that stands for any number of lines that are printed.
const LEFT_OUT: &str = "...";

/// A command of a block, and the lines below it.
struct Step<'a> {
    command: String,
    shown: Vec<&'a str>,
}

#[test]
#[ignore = "takes minutes: make test-slow"]
fn the_tour_shows_what_its_commands_print() {
    let Some(photos) = shared_data("coco128") else { return };
    let workspace = Workspace::new();
    std::os::unix::fs::symlink(photos.canonicalize().unwrap(), workspace.path("coco128")).unwrap();
    let path = in_package("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let tour = &readme[readme.find(TOUR).expect("the tour's heading")..];
    let tour = &tour[..tour[TOUR.len()..].find(NEXT).map_or(tour.len(), |end| TOUR.len() + end)];

    let mut differing = Vec::new();
    let blocks = Regex::new("(?ms)^```console\n(.*?)^```$").unwrap();
    assert!(blocks.find_iter(tour).count() > 5, "the tour has lost its blocks");
    let renewed = blocks.replace_all(tour, |block: &Captures<'_>| {
        let printed = run(&workspace, &block[1]);
        if printed != block[1] {
            differing.push(printed.clone());
        }
        format!("```console\n{printed}```")
    });
    if std::env::var_os("MMEVOL_UPDATE_README").is_some() {
        fs::write(&path, readme.replace(tour, &renewed)).unwrap();
        return;
    }
    let differing = differing.join("\n");
    assert!(differing.is_empty(), "README.md would have to show (MMEVOL_UPDATE_README=1 writes it there):\n\n{differing}");
}

/// Runs the commands of a block. Gives the block as it would have to be; one that shows nothing but commands stays as it is.
fn run(workspace: &Workspace, block: &str) -> String {
    let steps = steps(block);
    let shows_commands_only = steps.iter().all(|step| step.shown.is_empty());
    let mut text = String::new();
    for Step { command, shown } in steps {
        let run = workspace.run_in_shell(&command, &[("MMEVOL_STORE", "tour-store")]).expect_code(0);
        let printed: Vec<&str> = run.stdout.lines().collect();
        let printed = if shows_commands_only { Vec::new() } else { as_shown(&shown, &printed) };
        text += &format!("$ {command}\n");
        text.extend(printed.iter().flat_map(|line| [*line, "\n"]));
    }
    text
}

fn steps(block: &str) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), shown: Vec::new() });
            continue;
        }
        let step = steps.last_mut().expect("a block begins with a command");
        // A quote that is open goes on in the next line.
        match step.command.matches('"').count() % 2 {
            0 => step.shown.push(line),
            _ => step.command += &format!("\n{line}"),
        }
    }
    steps
}

/// What is printed, without what is left out where it is `shown`. What is shown first stands for as many lines from the beginning, what is shown last for
/// as many at the end, and what is shown in between for as many from the line that has the words of its first one.
fn as_shown<'a>(shown: &[&'a str], printed: &[&'a str]) -> Vec<&'a str> {
    let parts: Vec<&[&str]> = shown.split(|line| *line == LEFT_OUT).collect();
    let mut lines = Vec::new();
    let mut end = 0;
    for (index, part) in parts.iter().enumerate() {
        let is_last = index + 1 == parts.len();
        let begin = match index {
            0 => 0,
            _ if is_last => printed.len().saturating_sub(part.len()).max(end),
            _ => end + place_of(part, &printed[end..]),
        };
        end = if is_last { printed.len() } else { printed.len().min(begin + part.len()) };
        if index > 0 {
            lines.push(LEFT_OUT);
        }
        lines.extend(&printed[begin..end]);
    }
    lines
}

fn place_of(part: &[&str], printed: &[&str]) -> usize {
    let first = part.first().expect("something is shown between two lines that are left out");
    let place = printed.iter().position(|line| line.split_whitespace().eq(first.split_whitespace()));
    place.unwrap_or_else(|| panic!("no line has the words of '{first}':\n{}", printed.join("\n")))
}

#[test]
fn lines_that_are_left_out_may_be_any() {
    let printed = ["a", "b", "name  n", "c", "d", "name  m", "e", "f", "g"];
    let shown = ["a", "...", "name n", "x", "...", "name m", "...", "y", "z"];
    assert_eq!(as_shown(&shown, &printed), ["a", "...", "name  n", "c", "...", "name  m", "...", "f", "g"]);
    assert_eq!(as_shown(&["a", "..."], &printed), ["a", "..."]);
    assert_eq!(as_shown(&["x"], &printed), printed);
    assert_eq!(as_shown(&[], &printed), printed);
}

#[test]
fn a_command_ends_with_its_quotes() {
    let steps = steps("$ mmevol sql \"SELECT 1,\n              2\"\n1  2\n$ mkdir out\n");
    let steps: Vec<_> = steps.iter().map(|step| (step.command.as_str(), step.shown.as_slice())).collect();
    assert_eq!(steps, [("mmevol sql \"SELECT 1,\n              2\"", &["1  2"][..]), ("mkdir out", &[][..])]);
}
