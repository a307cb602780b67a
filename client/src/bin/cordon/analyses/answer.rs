//! Answers, drawn as tables for people.

use cordon_client::analysis::{Answer, Cell, Graph, Table, Timeline};
use serde_json::{Value, json};

use super::wait::id;
use crate::context::Context;
use crate::failure::{Outcome, note};
use crate::incidents::prose::laid_out;
use crate::output::{Form, Output};
use crate::text::cell;

/// Most rows of a table among others.
const ROWS: usize = 25;
/// Most characters of its cells.
const WIDTH: usize = 80;

/// How much of a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Most {
    /// As much as leaves room for others.
    Some,
    /// The whole.
    All,
}

/// Shows a whole answer: tables for people, its own JSON for programs.
pub(super) fn show(context: &Context, answer: &Answer, name: &str) -> Outcome {
    let output = &context.output;
    if output.form() != Form::Table {
        note(&format!("the answer of {name}"));
        return output.json(&answer.json);
    }
    for of in &answer.tables {
        table(output, of, Most::Some, name)?;
    }
    if let Some(timeline) = &answer.timeline {
        drawn_timeline(output, timeline, name)?;
    }
    if let Some(graph) = &answer.graph {
        drawn_graph(output, graph, name)?;
    }
    if !answer.remarks.is_empty() {
        output.text("Remarks:")?;
    }
    for remark in &answer.remarks {
        let said = format!("{} [{}]", remark.message, remark.reason);
        output.text(&laid_out(&cell(&said), 2, 4).join("\n"))?;
    }
    let id = id(name);
    note(&format!("{} events were looked at", answer.events));
    note(&format!(
        "kept as {name}: cordon analyses result {id}, and --format html for a page of it"
    ));
    Ok(())
}

/// Draws a table below its title.
pub(super) fn table(output: &Output, table: &Table, most: Most, name: &str) -> Outcome {
    let heads: Vec<_> = table
        .columns
        .iter()
        .map(|column| match &column.unit {
            Some(unit) => format!("{} ({unit})", column.name),
            None => column.name.clone(),
        })
        .collect();
    let shown = match most {
        Most::Some => ROWS,
        Most::All => usize::MAX,
    };
    let rows = table.rows.iter().take(shown);
    let rows: Vec<Vec<_>> = rows
        .map(|row| row.iter().map(|value| text(value, most)).collect())
        .collect();
    let mut ends = Vec::new();
    let more = table.rows.len().saturating_sub(shown);
    if more > 0 {
        let command = match is_plain(&table.name) {
            true => format!("cordon analyses result {} --table {}", id(name), table.name),
            false => format!("cordon analyses result {} --format json", id(name)),
        };
        ends.push(format!("and {more} more: {command}"));
    }
    if let Some(cut) = &table.cut {
        let least = if cut.at_least { "at least " } else { "" };
        ends.push(format!(
            "the answer leaves out {least}{} more: {}",
            cut.left_out, cut.narrow
        ));
    }
    draw(output, &table.title, &heads, rows, &ends)
}

/// Whether a shell takes a table's name as nothing but a word.
fn is_plain(name: &str) -> bool {
    let plain = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'_';
    !name.is_empty() && name.bytes().all(plain)
}

fn draw(
    output: &Output,
    title: &str,
    heads: &[String],
    rows: Vec<Vec<String>>,
    ends: &[String],
) -> Outcome {
    output.text(&format!("{}:", cell(title)))?;
    if rows.is_empty() {
        output.text("  nothing")?;
    }
    let heads: Vec<_> = heads.iter().map(|head| cell(head)).collect();
    let heads: Vec<_> = heads.iter().map(String::as_str).collect();
    output.table(&heads, rows)?;
    for end in ends {
        output.text(&laid_out(&cell(end), 2, 4).join("\n"))?;
    }
    output.text("")
}

fn text(value: &Cell, most: Most) -> String {
    match value {
        Cell::Empty => String::new(),
        Cell::Integer(number) => number.to_string(),
        Cell::Float(number) => number.to_string(),
        Cell::Text(text) if most == Most::Some => cut(text),
        Cell::Text(text) => text.clone(),
    }
}

/// A text that leaves room for others.
fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDTH) {
        None => text.to_owned(),
        Some(_) => text.chars().take(WIDTH - 1).chain(['…']).collect(),
    }
}

fn drawn_timeline(output: &Output, timeline: &Timeline, name: &str) -> Outcome {
    let title = match &timeline.around {
        Some(around) => format!("What happened around {around}"),
        None => "What happened".to_owned(),
    };
    let heads = [
        "time",
        "service",
        "operation",
        "status",
        "actor",
        "account",
        "address",
        "resource",
    ];
    let entries = timeline.entries.iter().take(ROWS);
    let rows = entries.map(|entry| {
        let cells = [
            &entry.time,
            &entry.service,
            &entry.operation,
            &entry.status,
            &entry.actor,
            &entry.account,
            &entry.address,
            &entry.resource,
        ];
        cells.map(|text| cut(text)).to_vec()
    });
    let mut ends = more(timeline.entries.len(), name);
    if timeline.left_out > 0 {
        ends.push(format!("the answer leaves out {} more", timeline.left_out));
    }
    draw(
        output,
        &title,
        &heads.map(str::to_owned),
        rows.collect(),
        &ends,
    )
}

fn drawn_graph(output: &Output, graph: &Graph, name: &str) -> Outcome {
    let heads = ["from", "to", "operation", "came", "count", "first", "last"];
    // Whether the nodes are there was seen when it was read.
    let node = |at: usize| graph.nodes.get(at).map_or("", |node| node.id.as_str());
    let rows = graph.edges.iter().take(ROWS).map(|edge| {
        vec![
            cut(node(edge.from)),
            cut(node(edge.to)),
            edge.operation.clone(),
            edge.outcome.clone(),
            edge.count.to_string(),
            edge.first.clone(),
            edge.last.clone(),
        ]
    });
    let ends = more(graph.edges.len(), name);
    let title = "Who is connected with whom";
    draw(
        output,
        title,
        &heads.map(str::to_owned),
        rows.collect(),
        &ends,
    )
}

/// How to see what is not drawn.
fn more(count: usize, name: &str) -> Vec<String> {
    match count.saturating_sub(ROWS) {
        0 => Vec::new(),
        more => vec![format!(
            "and {more} more: cordon analyses result {} --format html -f answer.html",
            id(name)
        )],
    }
}

/// A table as JSON.
pub(super) fn table_json(table: &Table) -> Value {
    let columns = table
        .columns
        .iter()
        .map(|column| json!({ "name": column.name, "kind": column.kind, "unit": column.unit }));
    let value = |value: &Cell| match value {
        Cell::Empty => Value::Null,
        Cell::Integer(number) => (*number).into(),
        Cell::Float(number) => (*number).into(),
        Cell::Text(text) => text.as_str().into(),
    };
    let rows = table.rows.iter();
    let rows = rows.map(|row| row.iter().map(value).collect::<Vec<_>>());
    json!({
        "name": table.name,
        "title": table.title,
        "columns": columns.collect::<Vec<_>>(),
        "rows": rows.collect::<Vec<_>>(),
        "left_out": table.cut.as_ref().map(|cut| cut.left_out),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_leaves_room_for_others_or_is_whole() {
        let long = Cell::Text("ü".repeat(81));
        assert_eq!(text(&long, Most::Some).chars().count(), 80);
        assert!(text(&long, Most::Some).ends_with('…'));
        assert_eq!(text(&long, Most::All).chars().count(), 81);
        assert_eq!(
            text(&Cell::Text("ü".repeat(80)), Most::Some),
            "ü".repeat(80)
        );
        assert_eq!(text(&Cell::Float(0.5), Most::Some), "0.5");
        assert_eq!(text(&Cell::Integer(-7), Most::Some), "-7");
        assert_eq!(text(&Cell::Empty, Most::All), "");
    }

    #[test]
    fn a_name_that_is_more_than_a_word_stands_in_no_command() {
        assert!(is_plain("by_peer2"));
        for name in ["", "a b", "a;reboot", "$(x)", "-f"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
