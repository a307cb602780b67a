//! Questions that were asked, read back.

use cordon_proto::analysis as wire;
use cordon_proto::analysis::question::Kind;
use cordon_proto::analysis::seen_by_others_question::Indicator as WireIndicator;

use super::{
    Around, Beacons, Changes, Direction, Indicators, Question, RoleChain, Same, SharedIndicator,
    Start, Subject, TimelineQuestion, Window,
};
use crate::analysis::check;
use crate::time::from_proto;

impl Question {
    /// What an analysis asks; `None` for a kind that this version does not know, or what is no
    /// question.
    #[must_use]
    pub fn of(analysis: &wire::Analysis) -> Option<Self> {
        Some(match analysis.question.clone()?.kind? {
            Kind::Timeline(asked) => Self::Timeline(timeline(asked)?),
            Kind::Pivot(asked) => Self::Pivot(subject(asked.subject?)?),
            Kind::RoleChain(asked) => Self::RoleChain(role_chain(asked)?),
            Kind::Indicators(asked) => Self::Indicators(match asked.list.is_empty() {
                true => Indicators::Stix(asked.stix_patterns),
                false => Indicators::List(asked.list),
            }),
            Kind::Seen(asked) => {
                let subjects = asked.subjects.into_iter().map(subject);
                Self::Seen(subjects.collect::<Option<_>>()?)
            }
            Kind::Volume(asked) => Self::Volume {
                minimum_bytes: u64::try_from(asked.minimum_bytes).ok()?,
            },
            Kind::Changes(asked) => Self::Changes(Changes {
                window: match asked.window {
                    Some(of) => Some(window(&of)?),
                    None => None,
                },
                actor: (!asked.actor.is_empty()).then_some(asked.actor),
            }),
            Kind::Beacons(asked) => Self::Beacons(Beacons {
                minimum_connections: match asked.minimum_connections {
                    0 => None,
                    few => Some(u32::try_from(few).ok()?),
                },
                minimum_score: (asked.minimum_score != 0.0).then_some(asked.minimum_score),
            }),
            Kind::Compare(asked) => Self::Compare {
                baseline: window(&asked.baseline?)?,
                window: window(&asked.window?)?,
            },
            Kind::Rule(asked) => Self::Rules(asked.texts),
            Kind::Sql(asked) => Self::Sql(asked.query),
            Kind::SeenByOthers(asked) => Self::SeenByOthers(match asked.indicator? {
                WireIndicator::Address(text) => SharedIndicator::Address(text),
                WireIndicator::FileSha256(text) => SharedIndicator::FileSha256(text),
            }),
            Kind::Human(asked) => Self::Human(asked.text),
        })
    }

    /// Its kind, as a statement about its answer names it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Timeline(_) => "timeline",
            Self::Pivot(_) => "pivot",
            Self::RoleChain(_) => "role_chain",
            Self::Indicators(_) => "indicators",
            Self::Seen(_) => "seen",
            Self::Volume { .. } => "volume",
            Self::Changes(_) => "changes",
            Self::Beacons(_) => "beacons",
            Self::Compare { .. } => "compare",
            Self::Rules(_) => "rule",
            Self::Sql(_) => "sql",
            Self::SeenByOthers(_) => "seen_by_others",
            Self::Human(_) => "human",
        }
    }
}

fn timeline(asked: wire::TimelineQuestion) -> Option<TimelineQuestion> {
    use wire::timeline_question::{Around as Wire, Same as WireSame};
    let same = asked
        .same
        .iter()
        .map(|same| match WireSame::try_from(*same) {
            Ok(WireSame::Actor) => Some(Same::Actor),
            Ok(WireSame::Account) => Some(Same::Account),
            Ok(WireSame::Address) => Some(Same::Address),
            Ok(WireSame::Resources) => Some(Same::Resources),
            Ok(WireSame::Unspecified) | Err(_) => None,
        });
    Some(TimelineQuestion {
        same: same.collect::<Option<_>>()?,
        around: match asked.around? {
            Wire::Event(name) => Around::Event(name),
            Wire::Time(time) => Around::Time(from_proto(&time)?),
        },
        before: check::length(asked.before)?,
        after: check::length(asked.after)?,
    })
}

fn subject(asked: wire::Subject) -> Option<Subject> {
    use wire::subject::Subject as Wire;
    Some(match asked.subject? {
        Wire::Actor(text) => Subject::Actor(text),
        Wire::AccessKey(text) => Subject::AccessKey(text),
        Wire::Address(text) => Subject::Address(text),
        Wire::Resource(text) => Subject::Resource(text),
        Wire::Operation(text) => Subject::Operation(text),
        Wire::Region(text) => Subject::Region(text),
        Wire::UserAgent(text) => Subject::UserAgent(text),
        Wire::Account(text) => Subject::Account(text),
    })
}

fn role_chain(asked: wire::RoleChainQuestion) -> Option<RoleChain> {
    use wire::role_chain_question::{Direction as WireDirection, Start as Wire};
    Some(RoleChain {
        start: match asked.start? {
            Wire::Actor(text) => Start::Actor(text),
            Wire::AccessKey(text) => Start::AccessKey(text),
            Wire::Role(text) => Start::Role(text),
        },
        direction: match WireDirection::try_from(asked.direction).ok()? {
            WireDirection::Unspecified => Direction::Both,
            WireDirection::Forward => Direction::Forward,
            WireDirection::Backward => Direction::Backward,
        },
        hops: match asked.hops {
            0 => None,
            hops => Some(u32::try_from(hops).ok()?),
        },
    })
}

fn window(window: &wire::Window) -> Option<Window> {
    Some(Window {
        start: check::time(window.start_time)?,
        end: check::time(window.end_time)?,
    })
}

#[cfg(test)]
mod tests;
