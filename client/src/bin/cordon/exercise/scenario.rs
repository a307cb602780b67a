//! A scenario: what an exercise is about, and what is injected when.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use clap::ValueEnum;
use cordon_client::{NewIncident, Phase, Responsible};
use jiff::SignedDuration;
use serde::Deserialize;

use crate::failure::Failure;
use crate::incidents::words::{PhaseArg, ResponsibleArg, SeverityArg, TlpArg};
use crate::when;

/// More bytes than a scenario needs.
const MAX_BYTES: u64 = 1 << 20;
/// Most steps of a scenario.
const MAX_STEPS: usize = 200;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    title: String,
    severity: String,
    tlp: Option<String>,
    #[serde(default)]
    description: String,
    steps: Vec<StepDraft>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepDraft {
    phase: String,
    after: String,
    inject: String,
    #[serde(default)]
    expect: Vec<ExpectDraft>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectDraft {
    action: String,
    responsible: String,
}

/// What an exercise is played after.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scenario {
    pub(super) new: NewIncident,
    /// By their phases and times.
    pub(super) steps: Vec<Step>,
}

/// Something that is injected.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    /// In which phase it belongs.
    pub(super) phase: Phase,
    /// How long after the exercise has begun, at least.
    pub(super) after: SignedDuration,
    pub(super) inject: String,
    /// What is expected of whom.
    pub(super) expect: Vec<(String, Responsible)>,
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Scenario, Failure> {
    let failed = |error: std::io::Error| Failure::local(format!("{}: {error}", path.display()));
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(failed)?;
    parse(&text).map_err(|wrong| Failure::usage(format!("{}: {wrong}", path.display())))
}

/// A word of a closed set, in any case and with `_` or `-`.
fn word<A: ValueEnum, T: From<A>>(place: &str, text: &str) -> Result<T, String> {
    let read = A::from_str(&text.replace('_', "-"), true);
    read.map(T::from)
        .map_err(|_| format!("{place}: `{text}` is none of the words that stand here"))
}

/// Reads a text in TOML. What is wrong is said with its place.
pub(super) fn parse(text: &str) -> Result<Scenario, String> {
    let draft: Draft = toml::from_str(text).map_err(|error| error.to_string())?;
    let severity = word::<SeverityArg, _>("severity", &draft.severity)?;
    let tlp = draft.tlp.as_deref().unwrap_or("amber");
    let tlp = word::<TlpArg, _>("tlp", tlp)?;
    if draft.steps.is_empty() || draft.steps.len() > MAX_STEPS {
        return Err(format!("steps: expected 1 to {MAX_STEPS}"));
    }
    let mut steps: Vec<Step> = Vec::new();
    for (number, step) in draft.steps.into_iter().enumerate() {
        let place = |field: &str| format!("steps[{number}].{field}");
        let phase: Phase = word::<PhaseArg, _>(&place("phase"), &step.phase)?;
        let after = when::span(&step.after).map_err(|wrong| {
            let place = place("after");
            format!("{place}: {wrong}")
        })?;
        if let Some(before) = steps.last()
            && (phase < before.phase || after < before.after)
        {
            return Err(format!(
                "steps[{number}]: the step before it is of a later phase or time"
            ));
        }
        let expect = step.expect.into_iter().map(|one| {
            let who = word::<ResponsibleArg, _>(&place("expect"), &one.responsible)?;
            Ok((one.action, who))
        });
        steps.push(Step {
            phase,
            after,
            inject: step.inject.trim().to_owned(),
            expect: expect.collect::<Result<_, String>>()?,
        });
    }
    Ok(Scenario {
        new: NewIncident {
            title: draft.title,
            description: draft.description.trim().to_owned(),
            severity,
            tlp,
            exercise: true,
        },
        steps,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLES: [&str; 2] = [
        include_str!("../../../../../docs/exercises/stolen-keys.toml"),
        include_str!("../../../../../docs/exercises/encrypted-volumes.toml"),
    ];

    #[test]
    fn the_samples_go_through_all_phases() {
        for sample in SAMPLES {
            let scenario = parse(sample).unwrap();
            let mut phases: Vec<_> = scenario.steps.iter().map(|step| step.phase).collect();
            phases.dedup();
            assert_eq!(phases.len(), 7, "{}", scenario.new.title);
            assert!(scenario.new.exercise);
            assert!(scenario.steps.iter().all(|step| !step.expect.is_empty()));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let sample = SAMPLES[0];
        let wrong = |from: &str, to: &str| parse(&sample.replacen(from, to, 1)).unwrap_err();
        let said = wrong("phase = \"identification\"", "phase = \"lunch\"");
        assert!(said.starts_with("steps[1].phase: `lunch`"), "{said}");
        let said = wrong("phase = \"preparation\"", "phase = \"recovery\"");
        assert!(said.starts_with("steps[1]: the step before"), "{said}");
        let said = wrong("after = \"0s\"", "after = \"soon\"");
        assert!(said.starts_with("steps[0].after: "), "{said}");
        assert!(parse("title = \"x\"").unwrap_err().contains("severity"));
    }
}
