//! A lineage in the language of Graphviz: `mmevol lineage ID --output dot | dot -Tsvg`.

use std::fmt::{self, Write};

use super::heading;
use crate::cli::beginning_of_id;
use crate::lineage::{FailedEvolution, Lineage, LineageNode};

/// Characters of a question or an answer in a node.
const TEXT_WIDTH: usize = 60;

/// The tree as a directed graph, from the sample to the leaves. Whole texts, or their beginnings.
pub(super) fn dot(lineage: &Lineage, full: bool) -> Result<String, fmt::Error> {
    let mut text = String::from("digraph lineage {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    let name = lineage.source_id.as_deref().unwrap_or("no id of its own");
    let sample = format!("sample {}\n{} / {name}", beginning_of_id(&lineage.sample_id), lineage.source);
    node(&mut text, &lineage.sample_id, &sample, "shape=folder")?;
    // Not by recursion: a line may be of any length.
    let mut waiting: Vec<(&str, &LineageNode)> = lineage.roots.iter().rev().map(|root| (lineage.sample_id.as_str(), root)).collect();
    while let Some((parent, LineageNode { item, children })) = waiting.pop() {
        let shorten = |text: &str| if full { text.to_owned() } else { beginning(text) };
        let label = format!("{}\nQ: {}\nA: {}", heading(item), shorten(&item.question), shorten(&item.answer));
        let style = match item.status.as_str() {
            _ if item.superseded => "color=gray, fontcolor=gray, style=dashed",
            "kept" => "color=darkgreen",
            "eliminated" => "color=gray, fontcolor=gray",
            _ => "color=red",
        };
        node(&mut text, &item.instruction_id, &label, style)?;
        edge(&mut text, parent, &item.instruction_id)?;
        waiting.extend(children.iter().rev().map(|child| (item.instruction_id.as_str(), child)));
    }
    for FailedEvolution { evolution_id, round, operator, status, error_kind, error } in &lineage.failures {
        let operator = operator.as_deref().unwrap_or("unknown operator");
        let cause = format!("{}: {}", error_kind.as_deref().unwrap_or_default(), error.as_deref().unwrap_or_default());
        let label = format!("round {round} {operator} {status}\n{}", if full { cause } else { beginning(&cause) });
        node(&mut text, evolution_id, &label, "color=red, style=dashed")?;
        edge(&mut text, &lineage.sample_id, evolution_id)?;
    }
    text += "}";
    Ok(text)
}

fn node(text: &mut String, id: &str, label: &str, attributes: &str) -> fmt::Result {
    writeln!(text, "  \"{}\" [label=\"{}\\l\", {attributes}];", escaped(id), escaped(label))
}

fn edge(text: &mut String, from: &str, to: &str) -> fmt::Result {
    writeln!(text, "  \"{}\" -> \"{}\";", escaped(from), escaped(to))
}

fn beginning(text: &str) -> String {
    super::cut(text, Some(TEXT_WIDTH), 0)
}

/// For a quoted string: quotes and backslashes as themselves, lines that begin at the left, nothing read as an entity.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => escaped.extend(['\\', character]),
            '\n' => escaped += "\\l",
            '&' => escaped += "&amp;",
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_inside_their_quotes() {
        assert_eq!(escaped("a \"b\" \\ <c> &lt;\td\ne\0"), "a \\\"b\\\" \\\\ <c> &amp;lt; d\\le ");
    }
}
