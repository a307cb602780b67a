//! `cordon events count`.

use clap::Args;
use cordon_client::{CountEventsResponse, EventCount, Events};
use serde_json::{Map, Value, json};

use super::{Selection, say_completeness};
use crate::context::Context;
use crate::failure::Outcome;
use crate::output::{Documents, Form};

/// What to count.
#[derive(Debug, Args)]
pub(super) struct Count {
    #[command(flatten)]
    selection: Selection,
    /// Count each value of these columns by itself; up to three
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    by: Vec<String>,
    /// How many groups at most, the largest first
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
}

pub(super) async fn run(context: &Context, events: &Events, command: Count) -> Outcome {
    let mut count = cordon_client::Count::new()
        .filter(command.selection.filter)
        .limit(command.limit);
    if let Some(since) = command.selection.since.0 {
        count = count.since(since);
    }
    if let Some(until) = command.selection.until.0 {
        count = count.until(until);
    }
    for column in &command.by {
        count = count.by(column);
    }
    let mut answer = events.count(count).await?;
    if command.by.is_empty() && answer.counts.is_empty() {
        // None is a number as well.
        answer.counts.push(EventCount::default());
    }
    match context.output.form() {
        Form::Table => {
            let head: Vec<&str> = command
                .by
                .iter()
                .map(String::as_str)
                .chain(["count"])
                .collect();
            context.output.table(&head, rows(&answer))?;
        }
        form => {
            let mut documents = Documents::new(form);
            for object in objects(&command.by, &answer) {
                documents.put(object.to_string().as_bytes())?;
            }
            documents.finish()?;
        }
    }
    say_completeness(answer.completeness.as_ref());
    Ok(())
}

fn rows(answer: &CountEventsResponse) -> Vec<Vec<String>> {
    answer
        .counts
        .iter()
        .map(|group| {
            let mut row = group.values.clone();
            row.push(group.count.to_string());
            row
        })
        .collect()
}

fn objects(by: &[String], answer: &CountEventsResponse) -> Vec<Value> {
    answer
        .counts
        .iter()
        .map(|group| {
            let mut object: Map<String, Value> = by
                .iter()
                .zip(&group.values)
                .map(|(column, value)| (column.clone(), json!(value)))
                .collect();
            object.insert("count".to_owned(), json!(group.count));
            Value::Object(object)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_rows_and_objects() {
        let answer = CountEventsResponse {
            counts: vec![EventCount {
                values: vec!["AssumeRole".to_owned(), "Failure".to_owned()],
                count: 3,
            }],
            completeness: None,
        };
        assert_eq!(rows(&answer), [["AssumeRole", "Failure", "3"]]);
        let by = ["operation".to_owned(), "status".to_owned()];
        assert_eq!(
            objects(&by, &answer),
            [json!({ "operation": "AssumeRole", "status": "Failure", "count": 3 })]
        );
        assert_eq!(objects(&[], &answer), [json!({ "count": 3 })]);
    }
}
