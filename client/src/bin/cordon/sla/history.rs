//! `cordon sla history`.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use cordon_client::{Client, TimelineEntry};
use serde_json::{Value, json};

use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::output::Row as _;
use crate::part::Part;

/// Whose, and where to.
#[derive(Debug, Args)]
pub(crate) struct Ask {
    #[command(flatten)]
    whose: Whose,
    /// Where it goes, one JSON document a line; stdout, if not given. It appears when it is whole
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, command: Ask) -> Outcome {
    let client = context.client_of_tenant(&command.whose).await?;
    let Some(path) = command.out else {
        let count = write(&client, std::io::stdout()).await?;
        note(&format!("{count} entries"));
        return Ok(());
    };
    let part = Part::create(&path)?;
    let count = write(&client, part.file()).await?;
    part.finish(&path)?;
    let path = path.display().to_string();
    context.output.done(
        &format!("wrote {path}: {count} entries"),
        &json!({ "file": path, "entries": count }),
    )
}

/// What has details that clocks go by.
const COUNTED: &[&str] = &[
    "OPENED",
    "MOVED",
    "RECLASSIFIED",
    "HANDED_OVER",
    "CLOSED",
    "ANALYSIS_REQUESTED",
    "ANALYSIS_HANDED_OVER",
    "ANALYSIS_ANSWERED",
    "ANALYSIS_CALLED_OFF",
];

/// An entry without who did it, what was said with it, and what clocks don't go by: that is no more
/// than when which side did what, and the rest may be marked as not for everyone.
fn unsaid(mut entry: TimelineEntry) -> Value {
    entry.reason.clear();
    if let Some(actor) = &mut entry.actor {
        actor.subject.clear();
    }
    let mut said = entry.json();
    let what = said.get("what").and_then(Value::as_str);
    let counted = what.is_some_and(|what| COUNTED.contains(&what));
    if !counted && let Some(said) = said.as_object_mut() {
        said.insert("details".to_owned(), json!({}));
    }
    said
}

/// Writes all entries up to now; says how many.
async fn write(client: &Client, out: impl Write) -> Result<u64, Failure> {
    let mut out = BufWriter::with_capacity(64 << 10, out);
    let mut count = 0;
    client
        .incidents()
        .history(|entry| {
            count += 1;
            writeln!(out, "{}", unsaid(entry))?;
            Ok(())
        })
        .await?;
    out.flush()?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use cordon_client::sla::to_timeline;
    use cordon_client::{Actor, TimelineWhat};
    use cordon_proto::incidents::timeline_entry as wire;
    use cordon_sla::timeline::What;

    use super::*;
    use crate::incidents::timeline::tests::{each, entry};

    #[test]
    fn clocks_go_by_a_written_history_as_by_what_the_server_said() {
        let mut counted = 0;
        for what in each() {
            let entry = entry(Some(what));
            let said = to_timeline(&entry).unwrap();
            let written: cordon_sla::timeline::TimelineEntry =
                serde_json::from_value(unsaid(entry)).unwrap();
            assert_eq!(written, said);
            counted += usize::from(said.what != What::Other);
        }
        // Opening, note, move, severity, hand-over, closing, opening again, comment; and of a question that
        // it was asked, handed over twice, answered and called off.
        assert_eq!(counted, 13);
    }

    #[test]
    fn no_words_of_people_are_in_a_history() {
        let said = |what| {
            let entry = TimelineEntry {
                name: "tenants/acme/incidents/1/timelineEntries/7".to_owned(),
                reason: "secret".to_owned(),
                actor: Some(Actor {
                    subject: "secret".to_owned(),
                    ..Actor::default()
                }),
                what: Some(what),
                ..TimelineEntry::default()
            };
            unsaid(entry)
        };
        let words = [
            said(TimelineWhat::TaskAdded(wire::TaskAdded {
                title: "secret".to_owned(),
                ..wire::TaskAdded::default()
            })),
            said(TimelineWhat::Attached(wire::Attached {
                file_name: "secret".to_owned(),
                ..wire::Attached::default()
            })),
            said(TimelineWhat::Linked(wire::Linked {
                resource: "secret".to_owned(),
                ..wire::Linked::default()
            })),
            said(TimelineWhat::Updated(wire::Updated {
                fields: vec!["secret".to_owned()],
            })),
        ];
        for entry in words {
            assert!(!entry.to_string().contains("secret"), "{entry}");
        }
        let moved = said(TimelineWhat::Moved(wire::Moved::default()));
        assert!(
            moved["details"]
                .as_object()
                .is_some_and(|details| !details.is_empty())
        );
    }
}
