//! Whether a source shows a component of a technique, and what says so.

use serde::Serialize;

use crate::records::{OCSF_CLASSES, RECORDS, Records, TOLD_BY};
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
        let asked = technique.references.iter().filter(|one| {
            one.component == component && available.platforms().contains(&one.platform)
        });
        if asked.clone().any(|one| one.source == Some(source)) {
            return Some(Evidence::Analytic);
        }
        let here = asked
            .clone()
            .any(|one| source.platforms().contains(&one.platform));
        match source {
            SourceType::Ocsf => {
                let mut classes = OCSF_CLASSES.iter();
                let sent = classes.any(|(class, components)| {
                    available.ocsf_classes().contains(class) && components.contains(&component)
                });
                (here && sent).then_some(Evidence::Review)
            }
            SourceType::AwsGuardDuty => {
                (here && tells(source, technique, component)).then_some(Evidence::Review)
            }
            // No analytic of the table is for Linux.
            SourceType::LinuxAuth if tells(source, technique, component) => {
                self.recorded(component, source)
            }
            SourceType::LinuxAuth => None,
            _ if here => self.recorded(component, source),
            _ => None,
        }
    }

    /// What says that a source records a component at large.
    fn recorded(&self, component: &str, source: SourceType) -> Option<Evidence> {
        let fits = |row: &&Records| row.source == source && row.component == component;
        RECORDS.iter().find(fits)?;
        let listed = self.component(component)?.listed.contains(&source);
        Some(if listed {
            Evidence::Component
        } else {
            Evidence::Review
        })
    }
}

/// Whether an operation of the source that may be part of the technique tells of the component.
fn tells(source: SourceType, technique: &Technique, component: &str) -> bool {
    let mut operations = events::of(source).filter(|one| one.techniques.contains(&technique.id));
    operations.any(|one| {
        TOLD_BY.iter().any(|(of, kind, components)| {
            *of == source && one.operation.contains(kind) && components.contains(&component)
        })
    })
}
