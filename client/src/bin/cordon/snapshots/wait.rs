//! Waiting until a snapshot has ended, and bars for what takes long.

use std::io::IsTerminal as _;
use std::time::Duration;

use cordon_client::Snapshots;
use cordon_client::snapshots::Snapshot;
use futures::TryStreamExt as _;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::size::human_or_none;
use super::which::id;
use super::words::state;
use crate::failure::{Failure, note};
use crate::text::cell;

/// Follows a snapshot until it has ended, and says on a terminal how far it is.
///
/// Whoever stops waiting has not called the snapshot off.
pub(super) async fn until_ended(snapshots: &Snapshots, name: &str) -> Result<Snapshot, Failure> {
    let bar = bar("{elapsed} {bar:30} {bytes} of {total_bytes} {msg}");
    bar.enable_steady_tick(Duration::from_millis(500));
    let mut changes = snapshots.watch(name);
    let mut last: Option<Snapshot> = None;
    let ended = loop {
        tokio::select! {
            change = changes.try_next() => match change {
                Ok(Some(snapshot)) => {
                    let progress = snapshot.progress.clone().unwrap_or_default();
                    let count = |number: i64| u64::try_from(number).unwrap_or(0);
                    bar.set_length(count(progress.total_bytes));
                    bar.set_position(count(progress.read_bytes));
                    bar.set_message(standing(&snapshot));
                    last = Some(snapshot);
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(Failure::from(error)),
            },
            stopped = tokio::signal::ctrl_c() => break match stopped {
                Ok(()) => Err(Failure::local("stopped waiting")),
                Err(error) => Err(error.into()),
            },
        }
    };
    bar.finish_and_clear();
    ended.inspect_err(|_| {
        note(&format!(
            "{name} goes on: cordon snapshots watch {0}; to call it off: cordon snapshots cancel {0}",
            id(name)
        ));
    })?;
    last.ok_or_else(|| Failure::local("the server said nothing of the snapshot"))
}

/// How far it is, as the server tells: a bar's own rate would be that of what is told.
fn standing(snapshot: &Snapshot) -> String {
    let progress = snapshot.progress.clone().unwrap_or_default();
    let rate = match human_or_none(progress.bytes_per_second) {
        rate if rate.is_empty() => rate,
        rate => format!("{rate}/s"),
    };
    let left = progress
        .remaining
        .as_ref()
        .map_or_else(String::new, |left| {
            let seconds = u64::try_from(left.seconds).unwrap_or(0);
            format!("{} left", HumanDuration(Duration::from_secs(seconds)))
        });
    let said = [
        state(snapshot.state).text(),
        cell(&progress.item),
        rate,
        left,
    ];
    let said: Vec<_> = said.into_iter().filter(|part| !part.is_empty()).collect();
    said.join(", ")
}

/// A bar on a terminal; nothing elsewhere.
pub(super) fn bar(template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use cordon_client::snapshots::{AcquisitionProgress, State};

    use super::*;

    #[test]
    fn how_far_it_is_stands_in_a_line() {
        let mut snapshot = Snapshot {
            state: State::Acquiring.into(),
            progress: Some(AcquisitionProgress {
                item: "vda.raw".to_owned(),
                bytes_per_second: 100 << 20,
                remaining: Some(prost_types::Duration {
                    seconds: 90,
                    nanos: 0,
                }),
                ..AcquisitionProgress::default()
            }),
            ..Snapshot::default()
        };
        assert_eq!(
            standing(&snapshot),
            "acquiring, vda.raw, 100.00 MiB/s, 2 minutes left"
        );
        snapshot.progress = None;
        assert_eq!(standing(&snapshot), "acquiring");
    }
}
