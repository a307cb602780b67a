//! Which sources to look into for a question, and what none of them tells.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    Access, Attack, Available, DataComponent, Evidence, IncidentKind, LogSource, SourceType,
    Technique, event,
};

/// What somebody wants to know about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question<'q> {
    /// The technique of that id, and its sub-techniques.
    Technique(&'q str),
    /// All techniques of the tactic of that id or short name.
    Tactic(&'q str),
    /// What kind of incident it is thought to be.
    Incident(IncidentKind),
    /// An event that looks suspicious.
    Event {
        /// Where it was recorded.
        source: SourceType,
        /// Its operation, as the source names it.
        operation: &'q str,
    },
}

/// A question that has no techniques. What was asked is not repeated: it may be anybody's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// Not in the table.
    #[error("no such technique among those of clouds in ATT&CK 18")]
    UnknownTechnique,
    /// Not in the matrix.
    #[error("no such tactic in ATT&CK 18")]
    UnknownTactic,
    /// Not among [`crate::events`].
    #[error("nothing is known of this operation; ask about a technique")]
    UnknownOperation,
}

/// Something that a source covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Covered<'a> {
    /// The technique.
    pub technique: &'a Technique,
    /// What of its data.
    pub component: &'a DataComponent,
    /// What says so.
    pub evidence: Evidence,
    /// Whether no other source that the tenant gets at covers it.
    pub alone: bool,
}

/// A source with what it is good for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RankedSource<'a> {
    /// Which.
    pub source: SourceType,
    /// How the tenant gets at it. With [`Access::None`] it is one to ask for.
    pub access: Access,
    /// [`Evidence::weight`] of all that it covers, and one more for each that it covers alone.
    pub score: u32,
    /// What it covers, by technique and component; never empty.
    pub covers: Vec<Covered<'a>>,
}

/// Something that no source tells that the tenant gets at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap<'a> {
    /// The technique.
    pub technique: &'a Technique,
    /// What of its data.
    pub component: &'a DataComponent,
    /// Where its analytics look for it; sorted.
    pub log_sources: Vec<LogSource>,
    /// Source types of Cordon that would tell. Empty if nothing that comes through Cordon does.
    pub recorded_by: Vec<SourceType>,
}

/// A technique of which ATT&CK names no data on the platforms that were asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Silent<'a> {
    /// The technique.
    pub technique: &'a Technique,
    /// Whether ATT&CK names data of it on other platforms of the table.
    pub elsewhere: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recommendation<'a> {
    /// What was asked about, by id.
    pub techniques: Vec<&'a Technique>,
    /// Sources that cover anything: the highest score first, then the better access, then the
    /// order of source types.
    pub sources: Vec<RankedSource<'a>>,
    /// What no source tells, by technique and component.
    pub gaps: Vec<Gap<'a>>,
    /// What can't be answered from ATT&CK, by id.
    pub silent: Vec<Silent<'a>>,
    /// How many pairs of technique and component the tenant's sources cover.
    pub covered: usize,
    /// Of how many.
    pub wanted: usize,
}

/// A technique's component, with what shows it.
pub(crate) struct Want<'a> {
    pub(crate) technique: &'a Technique,
    pub(crate) component: &'a DataComponent,
    /// Of all source types.
    pub(crate) shown_by: BTreeMap<SourceType, Evidence>,
}

impl Attack {
    /// The techniques of a question, by id.
    ///
    /// # Errors
    ///
    /// If it names something that the tables don't have.
    pub fn techniques_of(&self, question: &Question<'_>) -> Result<Vec<&Technique>, QuestionError> {
        let all = self.techniques().iter();
        let (found, error): (Vec<_>, _) = match *question {
            Question::Technique(id) => (
                all.filter(|one| one.is_within(id)).collect(),
                QuestionError::UnknownTechnique,
            ),
            Question::Tactic(name) => {
                let tactic = self.tactic(name).ok_or(QuestionError::UnknownTactic)?;
                let of = all.filter(|one| one.tactics.contains(&tactic.short_name));
                return Ok(of.collect());
            }
            Question::Incident(kind) => {
                let ids = kind.techniques();
                return Ok(all.filter(|one| ids.contains(&one.id)).collect());
            }
            Question::Event { source, operation } => {
                let known = event(source, operation).ok_or(QuestionError::UnknownOperation)?;
                (
                    all.filter(|one| known.techniques.contains(&one.id))
                        .collect(),
                    QuestionError::UnknownOperation,
                )
            }
        };
        if found.is_empty() {
            Err(error)
        } else {
            Ok(found)
        }
    }

    /// What a technique's analytics for the tenant's platforms need, by component.
    pub(crate) fn wants<'a>(
        &'a self,
        technique: &'a Technique,
        available: &Available,
    ) -> Vec<Want<'a>> {
        let components = technique.components(available.platforms());
        let components = components.into_iter().filter_map(|id| self.component(id));
        let wants = components.map(|component| {
            let shown_by = SourceType::ALL.into_iter().filter_map(|source| {
                let evidence = self.evidence(technique, component.id, source, available)?;
                Some((source, evidence))
            });
            Want {
                technique,
                component,
                shown_by: shown_by.collect(),
            }
        });
        wants.collect()
    }

    /// Ranks the sources that are offered for a question, and names what none of them tells.
    ///
    /// # Errors
    ///
    /// If the question names something that the tables don't have.
    pub fn recommend(
        &self,
        question: &Question<'_>,
        available: &Available,
    ) -> Result<Recommendation<'_>, QuestionError> {
        let techniques = self.techniques_of(question)?;
        let wants: Vec<Want<'_>> = techniques
            .iter()
            .flat_map(|technique| self.wants(technique, available))
            .collect();
        let silent = techniques.iter().filter_map(|technique| {
            let asked = technique.components(available.platforms());
            asked.is_empty().then_some(Silent {
                technique,
                elsewhere: !technique.references.is_empty(),
            })
        });
        let mut sources: Vec<_> = available
            .offered()
            .filter_map(|(source, access)| rank(source, access, &wants, available))
            .collect();
        sources.sort_by_key(|one| (Reverse(one.score), Reverse(one.access), one.source));
        let gaps: Vec<_> = wants
            .iter()
            .filter(|want| !want.is_covered(available))
            .map(|want| gap(want, available))
            .collect();
        Ok(Recommendation {
            silent: silent.collect(),
            covered: wants.len().saturating_sub(gaps.len()),
            wanted: wants.len(),
            techniques,
            sources,
            gaps,
        })
    }
}

impl Want<'_> {
    /// Whether a source that the tenant gets at shows it.
    pub(crate) fn is_covered(&self, available: &Available) -> bool {
        self.shown_by
            .keys()
            .any(|source| available.access(*source) != Access::None)
    }

    fn is_covered_without(&self, source: SourceType, available: &Available) -> bool {
        let mut others = self.shown_by.keys().filter(|one| **one != source);
        others.any(|one| available.access(*one) != Access::None)
    }
}

fn rank<'a>(
    source: SourceType,
    access: Access,
    wants: &[Want<'a>],
    available: &Available,
) -> Option<RankedSource<'a>> {
    let covers = wants.iter().filter_map(|want| {
        Some(Covered {
            technique: want.technique,
            component: want.component,
            evidence: *want.shown_by.get(&source)?,
            alone: !want.is_covered_without(source, available),
        })
    });
    let covers: Vec<_> = covers.collect();
    let score = covers
        .iter()
        .map(|one| one.evidence.weight() + u32::from(one.alone))
        .sum();
    (!covers.is_empty()).then_some(RankedSource {
        source,
        access,
        score,
        covers,
    })
}

fn gap<'a>(want: &Want<'a>, available: &Available) -> Gap<'a> {
    let asked = want.technique.references.iter().filter(|one| {
        one.component == want.component.id && available.platforms().contains(&one.platform)
    });
    let mut log_sources: Vec<_> = asked.map(|one| one.log_source).collect();
    log_sources.sort_unstable();
    log_sources.dedup();
    Gap {
        technique: want.technique,
        component: want.component,
        log_sources,
        recorded_by: want.shown_by.keys().copied().collect(),
    }
}
