//! `cordon events get` and `cordon events explain`.

use clap::Args;
use cordon_client::{Event, Events, ExplainEventResponse, View};
use serde_json::{Value, json};

use super::{ViewArg, document};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::{Form, Row as _};
use crate::show::Columns;
use crate::text::visible;

/// Which event, and how much of it.
#[derive(Debug, Args)]
pub(super) struct Get {
    /// Its full name, or the id in the last column of `search`
    name: String,
    /// How much of it; a table shows columns and everything else OCSF, if not given
    #[arg(long, value_enum)]
    view: Option<ViewArg>,
}

/// Which event.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Its full name, or the id in the last column of `search`
    name: String,
}

/// Names an event that is meant by something else than its name.
pub(crate) fn check(name: &str) -> Outcome {
    let id = name.rsplit('/').next().unwrap_or_default();
    if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "`{name}` is no event's name, which has 32 hexadecimal digits; to find an event by the source's id: \
         cordon events search --since all --filter \"event_id = '{name}'\""
    )))
}

pub(super) async fn run(context: &Context, events: &Events, command: Get) -> Outcome {
    check(&command.name)?;
    let output = &context.output;
    let view = ViewArg::wanted(command.view, output.form());
    let event = events.get(&command.name, view).await?;
    match (view, output.form()) {
        (View::Columns, Form::Table) => columns(context, event),
        (View::Columns, _) => output.document(&Columns(event).json()),
        // As the source wrote it, line breaks and all.
        (View::Raw, Form::Table) => output.bytes(event.raw.trim_ascii_end()),
        (_, form) => output.json(&document(event, view, form)),
    }
}

fn columns(context: &Context, event: Event) -> Outcome {
    let Value::Object(object) = Columns(event).json() else {
        return Ok(());
    };
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let pairs = object
        .iter()
        .map(|(name, value)| (name.as_str(), text(value)));
    context.output.pairs(pairs)
}

pub(super) async fn explain(context: &Context, events: &Events, command: Explain) -> Outcome {
    check(&command.name)?;
    let answer = events.explain(&command.name).await?;
    match context.output.form() {
        Form::Table => context.output.text(&explained(&answer)),
        Form::Json | Form::Ndjson => context.output.document(&explained_json(&answer)),
    }
}

fn explained(answer: &ExplainEventResponse) -> String {
    let mut lines = vec![visible(&answer.name).into_owned()];
    lines.push(if answer.shared {
        "It concerns others too; this is the tenant's view of it.".to_owned()
    } else {
        "It concerns the tenant alone.".to_owned()
    });
    lines.push("The tenant sees it because of:".to_owned());
    for reason in &answer.reasons {
        lines.push(format!("  {} = {}", reason.path, reason.value));
    }
    if answer.withheld.is_empty() {
        lines.push("Nothing of it is withheld.".to_owned());
    } else {
        lines.push("Withheld or replaced by a pseudonym:".to_owned());
        for field in &answer.withheld {
            lines.push(format!("  {}: {}", field.path, field.reason));
        }
    }
    lines.push(format!(
        "By the party table of {}, normalizer version {}.",
        answer.source_type, answer.normalizer_version
    ));
    lines.join("\n")
}

fn explained_json(answer: &ExplainEventResponse) -> Value {
    let reasons: Vec<_> = answer
        .reasons
        .iter()
        .map(|reason| json!({ "path": reason.path, "value": reason.value }))
        .collect();
    let withheld: Vec<_> = answer
        .withheld
        .iter()
        .map(|field| json!({ "path": field.path, "reason": field.reason }))
        .collect();
    json!({
        "name": answer.name,
        "shared": answer.shared,
        "reasons": reasons,
        "withheld": withheld,
        "source_type": answer.source_type,
        "normalizer_version": answer.normalizer_version,
    })
}

#[cfg(test)]
mod tests {
    use cordon_client::{VisibilityReason, WithheldField};

    use super::*;

    #[test]
    fn a_sources_id_is_told_from_an_events_name() {
        check("tenants/acme/events/000102030405060708090a0b0c0d0e0f").unwrap();
        check("000102030405060708090a0b0c0d0e0f").unwrap();
        let failure = check("1e2d3c4b-0000-1111-2222-333344445555").unwrap_err();
        assert_eq!(failure.code(), 2);
        assert!(failure.to_string().contains("event_id = '1e2d3c4b-0000"));
    }

    #[test]
    fn an_explanation_says_why_and_what_is_withheld() {
        let answer = ExplainEventResponse {
            name: "tenants/acme/events/1".to_owned(),
            shared: true,
            reasons: vec![VisibilityReason {
                path: "recipientAccountId".to_owned(),
                value: "123456789012".to_owned(),
            }],
            withheld: vec![WithheldField {
                path: "userIdentity.arn".to_owned(),
                reason: "FOREIGN_IDENTITY".to_owned(),
            }],
            source_type: "aws.cloudtrail".to_owned(),
            normalizer_version: 1,
        };
        let text = explained(&answer);
        assert!(text.contains("recipientAccountId = 123456789012"));
        assert!(text.contains("userIdentity.arn: FOREIGN_IDENTITY"));
        let value = explained_json(&answer);
        assert_eq!(value["withheld"][0]["reason"], "FOREIGN_IDENTITY");
    }
}
