//! Whether a source shows a component of a technique, and what says so.

use serde::Serialize;

use crate::records::{GUARDDUTY_FINDINGS, OCSF_CLASSES, RECORDS, Records};
use crate::{Attack, Available, SourceType, Technique, events};

/// What says that a source shows a component of a technique. The later is the stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// [`crate::records`] alone: our own review.
    Review,
    /// ATT&CK or the sensor mappings list the source for the component.
    Component,
    /// An analytic for the technique names the source.
    Analytic,
}

impl Evidence {
    /// What a component counts for in a score.
    #[must_use]
    pub const fn weight(self) -> u32 {
        match self {
            Self::Review => 1,
            Self::Component => 2,
            Self::Analytic => 3,
        }
    }
}

impl Attack {
    /// What says that a source shows a component of a technique; none if it doesn't. Whether the
    /// tenant gets at the source plays no part.
    pub(crate) fn evidence(
        &self,
        technique: &Technique,
        component: &str,
        source: SourceType,
        available: &Available,
    ) -> Option<Evidence> {
        let named = technique.references.iter().any(|one| {
            one.component == component
                && one.source == Some(source)
                && available.platforms().contains(&one.platform)
        });
        if named {
            return Some(Evidence::Analytic);
        }
        let mut platforms = source.platforms().iter();
        if !platforms.any(|one| technique.platforms.contains(one)) {
            return None;
        }
        match source {
            SourceType::Ocsf => {
                let mut classes = OCSF_CLASSES.iter();
                let sent = classes.any(|(class, components)| {
                    available.ocsf_classes().contains(class) && components.contains(&component)
                });
                sent.then_some(Evidence::Review)
            }
            SourceType::AwsGuardDuty => {
                let made_of = |operation: &str| {
                    GUARDDUTY_FINDINGS.iter().any(|(kind, components)| {
                        operation.contains(kind) && components.contains(&component)
                    })
                };
                let mut findings = events::of(source);
                let found = findings
                    .any(|one| one.techniques.contains(&technique.id) && made_of(one.operation));
                found.then_some(Evidence::Review)
            }
            source => {
                let recorded = |row: &&Records| row.source == source && row.component == component;
                RECORDS.iter().find(recorded)?;
                let component = self.component(component)?;
                Some(if component.listed.contains(&source) {
                    Evidence::Component
                } else {
                    Evidence::Review
                })
            }
        }
    }
}
