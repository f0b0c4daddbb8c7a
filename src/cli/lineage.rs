//! `mmevol lineage`.

mod dot;

use std::path::Path;

use anstyle::{AnsiColor, Style};
use clap::{Args, ValueEnum};

use super::output::OutputOptions;
use super::table::fit;
use super::{beginning_of_id, open_session, print_coloured, print_json, print_line};
use crate::error::{Error, Result};
use crate::lineage::{Lineage, LineageItem, LineageNode, lineage};

#[derive(Debug, Args)]
pub struct Arguments {
    /// A sample or an instruction: its id, the beginning of it, or the sample's own key in its seed file.
    id: String,
    /// Draw a tree, or print it for Graphviz or as JSON.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    output: TreeFormat,
    /// Show whole questions and answers.
    #[arg(long)]
    full: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TreeFormat {
    #[value(alias = "tree")]
    Text,
    Dot,
    Json,
}

pub async fn run(store: &Path, arguments: Arguments) -> Result<()> {
    let session = open_session(store).await?;
    let lineage = lineage(&session, &arguments.id).await?;
    match arguments.output {
        TreeFormat::Json => print_json(&[lineage]),
        TreeFormat::Dot => {
            let text = dot::dot(&lineage, arguments.full).map_err(|cause| Error::internal("failed to write the graph", cause))?;
            print_line(&text)
        }
        TreeFormat::Text => {
            let width = (!arguments.full).then(|| OutputOptions::for_stdout().width);
            print_coloured(drawn(&lineage, width).trim_end())
        }
    }
}

fn drawn(lineage: &Lineage, width: Option<usize>) -> String {
    let name = lineage.source_id.as_deref().unwrap_or("no id of its own");
    let mut text = format!("sample {}  {} / {name}\n", beginning_of_id(&lineage.sample_id), lineage.source);
    let last_root = lineage.roots.len().saturating_sub(1);
    for (index, root) in lineage.roots.iter().enumerate() {
        draw_node(&mut text, root, "", index == last_root && lineage.failures.is_empty(), width);
    }
    for (index, failure) in lineage.failures.iter().enumerate() {
        let branch = if index + 1 == lineage.failures.len() { "└─ " } else { "├─ " };
        let operator = failure.operator.as_deref().unwrap_or("unknown operator");
        let cause = format!("{}: {}", failure.error_kind.as_deref().unwrap_or_default(), failure.error.as_deref().unwrap_or_default());
        let line = format!("round {} {operator} {} {cause}", failure.round, failure.status);
        text += &format!("{branch}{FAILED}{}{FAILED:#}\n", cut(&line, width, 3));
    }
    text
}

const KEPT: Style = AnsiColor::Green.on_default();
const ELIMINATED: Style = Style::new().dimmed();
const FAILED: Style = AnsiColor::Red.on_default();

fn draw_node(text: &mut String, node: &LineageNode, indent: &str, last: bool, width: Option<usize>) {
    let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
    let indent_below = format!("{indent}{below}");
    let style = match node.item.status.as_str() {
        _ if node.item.superseded => ELIMINATED,
        "kept" => KEPT,
        "eliminated" => ELIMINATED,
        _ => FAILED,
    };
    let used = indent.chars().count() + 3;
    *text += &format!("{indent}{branch}{style}{}{style:#}\n", cut(&heading(&node.item), width, used));
    let bar = if node.children.is_empty() { "   " } else { "│  " };
    let item = &node.item;
    let reason = item.reason.as_ref().filter(|_| item.status != "kept").map(|reason| format!("why: {reason}"));
    for line in [Some(format!("Q: {}", item.question)), Some(format!("A: {}", item.answer)), reason].into_iter().flatten() {
        *text += &format!("{indent_below}{bar}{}\n", cut(&line, width, used + 3));
    }
    let last_child = node.children.len().saturating_sub(1);
    for (index, child) in node.children.iter().enumerate() {
        draw_node(text, child, &indent_below, index == last_child, width);
    }
}

fn heading(item: &LineageItem) -> String {
    let operator = item.operator.as_deref().unwrap_or("imported");
    let score = item.score.map(|score| format!(" {score}/10")).unwrap_or_default();
    let faults = item.faults.as_ref().filter(|faults| !faults.is_empty()).map(|faults| format!(" [{}]", faults.join(", ")));
    let superseded = if item.superseded { ", superseded" } else { "" };
    let status = format!("{}{superseded}", item.status);
    format!("{} round {} {operator} {status}{score}{}", beginning_of_id(&item.instruction_id), item.round, faults.unwrap_or_default())
}

fn cut(text: &str, width: Option<usize>, used: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match width {
        Some(width) => fit(&line, width.saturating_sub(used).max(20)).0,
        None => line,
    }
}
