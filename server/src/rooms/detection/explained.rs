//! What a tenant's context says of what was found: it raises, lowers or explains a finding, and keeps
//! none from being made. Pure.

use std::collections::HashMap;

use cordon_baseline::{Anomaly, AnomalyKind, SubjectKind};
use cordon_lake::Events;
use cordon_lake::schema::{Column, Columns};
use cordon_sigma::Hit;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::rooms::context::{Context, ContextMatch, ContextMatchKind, Facts, MOST_OF_A_KIND};
use crate::rooms::uuid_text;

const HIGHEST: i64 = 5;
const LOWEST: i64 = 1;

/// The columns that context is held against.
pub(super) fn columns() -> Columns {
    Columns::of(&[
        Column::Time,
        Column::TimeQuality,
        Column::Name,
        Column::Account,
        Column::Actor,
        Column::Operation,
        Column::Resources,
        Column::SrcIp,
        Column::DstIp,
    ])
}

/// Something told that a finding is about, as it was when the finding was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) kind: ContextMatchKind,
    #[serde(with = "uuid_text")]
    pub(super) entry: Uuid,
    pub(super) display_name: String,
    /// What else it is, in a few words.
    pub(super) words: String,
    /// What of the first event matched; empty where a correlation remembers only that it did.
    pub(super) field: String,
    pub(super) value: String,
}

/// What context says of some events together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Judged {
    /// Whether each of them is part of planned work.
    pub(super) planned: bool,
    /// Whether each of them comes from a trusted network.
    pub(super) trusted: bool,
    pub(super) told: Vec<Told>,
}

impl Judged {
    /// Of one event; without context nothing is said of any.
    pub(super) fn of(context: Option<&Context>, events: &Events<'_>, row: usize) -> Self {
        let Some(context) = context else {
            return Self::default();
        };
        let event = events.row(row, &[]);
        let resources = events.resources(row);
        let found = context.matches(&Facts {
            time_ns: (!event.time_invalid).then_some(event.time_ns),
            account: event.account,
            actor: event.actor,
            operation: event.operation,
            resources: &resources,
            source: event.src_ip,
            destination: event.dst_ip,
        });
        Self::made(context, found)
    }

    fn made(context: &Context, found: Vec<ContextMatch>) -> Self {
        let has = |kind| found.iter().any(|one: &ContextMatch| one.kind == kind);
        let (planned, trusted) = (
            has(ContextMatchKind::PlannedWork),
            has(ContextMatchKind::TrustedNetwork),
        );
        let told = found.into_iter().filter_map(|one| {
            let said = context.said(one.entry)?;
            Some(Told {
                kind: one.kind,
                entry: one.entry,
                display_name: said.display_name.clone(),
                words: said.words.clone(),
                field: one.field.to_owned(),
                value: one.value,
            })
        });
        Self {
            planned,
            trusted,
            told: told.collect(),
        }
    }

    /// What a correlation is to remember of an event: the first of each kind.
    pub(super) fn notes(&self) -> Vec<[u8; 16]> {
        let mut last = None;
        let firsts = self.told.iter().filter(|told| {
            let first = last != Some(told.kind);
            last = Some(told.kind);
            first
        });
        firsts.map(|told| *told.entry.as_bytes()).collect()
    }

    /// Of an event that a correlation remembers. What is not told any more says nothing.
    pub(super) fn remembered(context: Option<&Context>, hit: &Hit) -> Self {
        let Some(context) = context else {
            return Self::default();
        };
        let found = hit.notes.iter().filter_map(|entry| {
            let entry = Uuid::from_bytes(*entry);
            Some(ContextMatch {
                kind: context.said(entry)?.kind,
                entry,
                field: "",
                value: String::new(),
            })
        });
        let found = found.collect();
        Self::made(context, found)
    }

    /// Takes in what is said of other events: now they are all together.
    pub(super) fn join(&mut self, other: &Self) {
        self.planned &= other.planned;
        self.trusted &= other.trusted;
        self.add(&other.told);
    }

    /// Takes in what is told. What is known of a match makes up for what was only remembered.
    fn add(&mut self, told: &[Told]) {
        for one in told {
            // What has become a crown jewel meanwhile is told as one too.
            let same = |before: &&mut Told| (before.kind, before.entry) == (one.kind, one.entry);
            match self.told.iter_mut().find(same) {
                Some(before) if before.field.is_empty() => *before = one.clone(),
                Some(_) => {}
                None => {
                    let of_kind = self.told.iter().filter(|before| before.kind == one.kind);
                    if of_kind.count() < MOST_OF_A_KIND {
                        self.told.push(one.clone());
                    }
                }
            }
        }
        self.told.sort_by_key(|one| one.kind);
    }

    /// What is said of an anomaly by the events of a batch. What is not among them is not known to be
    /// part of anything, unless all that its subject did at the time is.
    pub(super) fn anomaly(
        context: Option<&Context>,
        events: &HashMap<[u8; 16], Self>,
        anomaly: &Anomaly,
    ) -> Self {
        let Some(context) = context else {
            return Self::default();
        };
        let named = anomaly.events.iter().filter_map(|name| events.get(name));
        let mut known = 0_u64;
        let mut all: Option<Self> = None;
        for one in named {
            known += 1;
            match &mut all {
                Some(all) => all.join(one),
                None => all = Some(one.clone()),
            }
        }
        let mut all = all.unwrap_or_default();
        // Of what is counted otherwise than by events some are named, and nobody knows the rest.
        let counted = matches!(anomaly.kind, AnomalyKind::Volume | AnomalyKind::FanOut);
        if counted || known != anomaly.count {
            (all.planned, all.trusted) = (false, false);
        }
        match anomaly.subject.kind {
            SubjectKind::Principal | SubjectKind::Tenant => {
                let work = context.planned(&anomaly.subject.name, anomaly.times);
                let work = Self::made(context, work);
                all.planned |= work.planned;
                all.add(&work.told);
            }
            SubjectKind::Address => {
                let found = context.matches(&Facts {
                    time_ns: Some(anomaly.times.1),
                    source: anomaly.subject.name.parse().ok(),
                    ..Facts::default()
                });
                let subject = Self::made(context, found);
                all.trusted |= subject.trusted;
                all.add(&subject.told);
            }
            SubjectKind::Resource => {
                let resources = std::slice::from_ref(&anomaly.subject.name);
                let found = context.matches(&Facts {
                    resources,
                    ..Facts::default()
                });
                all.add(&Self::made(context, found).told);
            }
        }
        all
    }
}

/// What a finding keeps of it: with the level that it would have without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Explained {
    pub(super) rule_level: i64,
    pub(super) by: Judged,
}

/// What one thing told says of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Explanation<'a> {
    pub(super) told: &'a Told,
    /// The level before and after.
    pub(super) levels: (i64, i64),
    pub(super) text: String,
}

impl Explained {
    /// What is said of a finding that begins; `None` if nothing is.
    pub(super) fn begin(rule_level: i64, by: &Judged) -> Option<Self> {
        (!by.told.is_empty()).then(|| Self {
            rule_level,
            by: by.clone(),
        })
    }

    /// What is said of a finding of this level once it has more events. Those that it had before anything
    /// was said of it are part of nothing.
    pub(super) fn go_on(before: Option<Self>, level: i64, more: &Judged) -> Option<Self> {
        match before {
            Some(mut before) => {
                before.by.join(more);
                Some(before)
            }
            None => Self::begin(
                level,
                &Judged {
                    planned: false,
                    trusted: false,
                    told: more.told.clone(),
                },
            ),
        }
    }

    /// The level with all that is said.
    pub(super) fn level(&self) -> i64 {
        let last = self.explanations().last().map(|one| one.levels.1);
        last.unwrap_or(self.rule_level)
    }

    /// What each thing told says, one after the other.
    pub(super) fn explanations(&self) -> Vec<Explanation<'_>> {
        let crown = |told: &Told| told.kind == ContextMatchKind::CrownJewel;
        let jewel = self.by.told.iter().any(crown);
        let mut level = self.rule_level;
        let (mut raised, mut lowered) = (false, false);
        let explain = |told| {
            let before = level;
            let effect = match self.effect(told, jewel, (before, raised, lowered)) {
                Effect::Raise => {
                    raised = true;
                    level = (before + 1).min(HIGHEST);
                    format!(
                        "the level is raised from {} to {}",
                        word(before),
                        word(level)
                    )
                }
                Effect::Lower => {
                    lowered = true;
                    level = (before - 1).max(LOWEST);
                    format!(
                        "the level is lowered from {} to {}",
                        word(before),
                        word(level)
                    )
                }
                Effect::Stay("") => String::new(),
                Effect::Stay(why) => format!("the level stays, since {why}"),
            };
            Explanation {
                told,
                levels: (before, level),
                text: sentence(told, &effect),
            }
        };
        self.by.told.iter().map(explain).collect()
    }

    fn effect(
        &self,
        told: &Told,
        jewel: bool,
        (level, raised, lowered): (i64, bool, bool),
    ) -> Effect {
        let (all, part) = match told.kind {
            ContextMatchKind::CrownJewel if raised => return Effect::Stay("it was raised already"),
            ContextMatchKind::CrownJewel if level >= HIGHEST => {
                return Effect::Stay("there is none above");
            }
            ContextMatchKind::CrownJewel => return Effect::Raise,
            ContextMatchKind::Asset => return Effect::Stay(""),
            ContextMatchKind::PlannedWork => {
                (self.by.planned, "not all of its events are known to be")
            }
            ContextMatchKind::TrustedNetwork => {
                (self.by.trusted, "not all of its events are known to do so")
            }
        };
        if !all {
            Effect::Stay(part)
        } else if jewel {
            Effect::Stay("a crown jewel is concerned")
        } else if self.rule_level >= HIGHEST {
            Effect::Stay("what is critical is never lowered")
        } else if lowered {
            Effect::Stay("it was lowered already")
        } else if level <= LOWEST {
            Effect::Stay("there is none below")
        } else {
            Effect::Lower
        }
    }
}

enum Effect {
    Raise,
    Lower,
    /// Why, if there was anything to be expected.
    Stay(&'static str),
}

fn sentence(told: &Told, effect: &str) -> String {
    let name = &told.display_name;
    let mut text = match told.kind {
        ContextMatchKind::CrownJewel => format!("It concerns the crown jewel {name}"),
        ContextMatchKind::Asset => format!("It concerns the asset {name}"),
        ContextMatchKind::PlannedWork => format!("It is part of the planned work {name}"),
        ContextMatchKind::TrustedNetwork => format!("It comes from the trusted network {name}"),
    };
    if !told.words.is_empty() {
        text.push_str(&format!(" ({})", told.words));
    }
    if !effect.is_empty() {
        text.push_str(": ");
        text.push_str(effect);
    }
    text.push('.');
    text
}

/// A level as people say it.
const fn word(level: i64) -> &'static str {
    match level {
        1 => "informational",
        2 => "low",
        4 => "high",
        5 => "critical",
        _ => "medium",
    }
}

#[cfg(test)]
mod tests;
