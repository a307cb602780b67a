//! `cordon events original`.

use clap::Args;
use cordon_client::{EventOriginal, Events};
use serde_json::{Value, json};

use super::get::check;
use crate::context::Context;
use crate::failure::{Outcome, note};
use crate::output::Form;
use crate::show::time_json;

/// Which event.
#[derive(Debug, Args)]
pub(super) struct Original {
    /// Its full name at any of the tenants that it concerns, or the id in the last column of `search`
    name: String,
}

pub(super) async fn run(context: &Context, events: &Events, command: Original) -> Outcome {
    check(&command.name)?;
    let original = events.original(&command.name).await?;
    match context.output.form() {
        // As the source wrote it, line breaks and all.
        Form::Table => {
            note(&format!(
                "{}, read in the log of {}",
                original.source_type,
                original.events.join(", ")
            ));
            if !original.raw_context.is_empty() {
                note(&format!("fields: {}", original.raw_context));
            }
            context.output.bytes(original.raw.trim_ascii_end())
        }
        Form::Json | Form::Ndjson => context.output.document(&original_json(&original)),
    }
}

/// The record as text within: its bytes are evidence, which another writing of the same JSON is not.
fn original_json(original: &EventOriginal) -> Value {
    json!({
        "events": original.events,
        "source_type": original.source_type,
        "observed_time": time_json(original.observed_time.as_ref()),
        "raw": String::from_utf8_lossy(&original.raw),
        "raw_context": original.raw_context,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_holds_the_record_as_it_was_written() {
        let original = EventOriginal {
            events: vec!["tenants/acme/events/1".to_owned()],
            source_type: "aws.cloudtrail".to_owned(),
            raw: (&b"{ \"a\": 1.0 }"[..]).into(),
            ..EventOriginal::default()
        };
        let value = original_json(&original);
        assert_eq!(value["raw"], "{ \"a\": 1.0 }");
        assert_eq!(value["observed_time"], Value::Null);
    }
}
