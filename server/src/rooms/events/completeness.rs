//! How complete an answer is, from what the sources say and the viewer's own events.

use cordon_kernel::Name;
use cordon_kernel::db::Snapshot;
use cordon_proto::events as wire;

use super::convert::{Tally, say_time, to_time};

/// What closes an answer that was read from `snapshot`.
#[must_use]
pub(super) fn of(snapshot: &Snapshot, tally: &Tally) -> wire::Completeness {
    let sources: Vec<_> = snapshot
        .sources
        .iter()
        .map(|progress| wire::SourceCompleteness {
            source: Name::Source(progress.source.clone()).to_string(),
            complete_until: progress.watermark.map(to_time),
            observed_until: Some(to_time(progress.observed_until)),
        })
        .collect();
    wire::Completeness {
        statement: statement(snapshot),
        sources,
        withheld: tally.wire(),
    }
}

/// One sentence for people. Without a source's word there is no "complete".
fn statement(snapshot: &Snapshot) -> String {
    if snapshot.sources.is_empty() {
        return "no source has delivered events yet".into();
    }
    let each: Vec<String> = snapshot
        .sources
        .iter()
        .map(|progress| match progress.watermark {
            Some(until) => format!("{} complete until {}", progress.source, say_time(until)),
            None => format!(
                "{} observed until {}",
                progress.source,
                say_time(progress.observed_until)
            ),
        })
        .collect();
    each.join("; ")
}
