//! Waiting until an analysis has ended.

use std::io::IsTerminal as _;
use std::time::Duration;

use cordon_client::Analyses;
use cordon_client::analysis::{Analysis, Party};
use futures::TryStreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};

use super::words::state;
use crate::failure::{Failure, note};
use crate::incidents::which::is_id;
use crate::show::short;

/// What an analysis is called in a command that is to be copied to a shell: its id, or no command.
pub(super) fn id(name: &str) -> String {
    let id = short(name);
    match is_id(&id) {
        true => id,
        false => "ID".to_owned(),
    }
}

/// Follows an analysis until it has ended, and says on a terminal how far it is.
///
/// What the analysts ask in between is told. Whoever stops waiting has not called the question off.
pub(super) async fn until_ended(analyses: &Analyses, name: &str) -> Result<Analysis, Failure> {
    let progress = spinner();
    let mut changes = analyses.watch(name);
    let mut last: Option<Analysis> = None;
    let mut told = 0;
    let ended = loop {
        tokio::select! {
            change = changes.try_next() => match change {
                Ok(Some(analysis)) => {
                    progress.set_message(standing(&analysis));
                    told = tell(&analysis, told, &progress);
                    last = Some(analysis);
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
    progress.finish_and_clear();
    let open = || {
        note(&format!(
            "{name} goes on: cordon analyses watch {0}; to call it off: cordon analyses cancel {0}",
            id(name)
        ));
    };
    ended.inspect_err(|_| open())?;
    last.ok_or_else(|| Failure::local("the server said nothing of the analysis"))
}

/// Tells what the analysts have said since, and how many messages are known now.
fn tell(analysis: &Analysis, told: usize, progress: &ProgressBar) -> usize {
    let new = analysis.messages.iter().skip(told);
    for message in new.filter(|message| message.party() == Party::Provider) {
        progress.suspend(|| {
            note(&format!("{} asks: {}", message.author, message.text));
            note(&format!(
                "answer with: cordon analyses reply {} TEXT",
                id(&analysis.name)
            ));
        });
    }
    analysis.messages.len()
}

/// How far it is, in a line.
fn standing(analysis: &Analysis) -> String {
    let progress = analysis.progress.clone().unwrap_or_default();
    let mut said = state(analysis.state).text();
    if analysis.pending_party() == Party::Customer {
        said.push_str(", the move is yours");
    }
    if progress.scanned_events > 0 {
        said.push_str(&format!(", {} events looked at", progress.scanned_events));
    }
    if progress.round > 1 {
        said.push_str(&format!(", round {}", progress.round));
    }
    said
}

fn spinner() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let progress = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(200));
    progress
}

#[cfg(test)]
mod tests {
    use cordon_client::analysis::{AnalysisProgress, State};

    use super::*;

    #[test]
    fn how_far_it_is_stands_in_a_line() {
        let mut analysis = Analysis {
            state: State::Running.into(),
            pending_party: Party::Provider.into(),
            progress: Some(AnalysisProgress {
                scanned_events: 8_192,
                round: 2,
                claimed_by: String::new(),
            }),
            ..Analysis::default()
        };
        assert_eq!(
            standing(&analysis),
            "running, 8192 events looked at, round 2"
        );
        analysis.pending_party = Party::Customer.into();
        analysis.progress = None;
        assert_eq!(standing(&analysis), "running, the move is yours");
    }

    #[test]
    fn what_is_copied_to_a_shell_is_harmless() {
        const ID: &str = "0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f6";
        assert_eq!(id(&format!("tenants/acme/analyses/{ID}")), ID);
        assert_eq!(id("tenants/acme/analyses/1;reboot"), "ID");
    }
}
