//! Questions, between messages and what plans take.

use std::collections::BTreeSet;

use cordon_analysis::question as ask;
use cordon_analysis::{Question, Scope};
use cordon_kernel::{Error, Name, Result, TenantId};
use cordon_proto::analysis as wire;
use cordon_proto::analysis::question::Kind;
use cordon_release::Indicator;
use jiff::Timestamp;
use prost_types::Duration;

use crate::rooms::fields::{time_of, wire_time};

/// Most bytes of a question, as it is kept.
const MOST_BYTES: usize = 512 << 10;

/// A question of that tenant's.
pub(super) fn asked(tenant: &TenantId, question: Option<wire::Question>) -> Result<Question> {
    let kind = question.and_then(|question| question.kind);
    let Some(kind) = kind else {
        return Err(Error::invalid(
            "analysis.question",
            "expected a question of some kind",
        ));
    };
    let question = match kind {
        Kind::Human(human) => Question::Human(ask::Human {
            text: human.text.trim().to_owned(),
        }),
        Kind::Rule(rule) => Question::Rule(ask::Rule { texts: rule.texts }),
        Kind::Timeline(timeline) => Question::Timeline(self::timeline(tenant, timeline)?),
        Kind::Pivot(pivot) => Question::Pivot(ask::Pivot {
            subject: subject("analysis.question.pivot.subject", pivot.subject)?,
        }),
        Kind::RoleChain(chain) => Question::RoleChain(role_chain(chain)?),
        Kind::Indicators(indicators) => Question::Indicators(
            match (
                indicators.stix_patterns.is_empty(),
                indicators.list.is_empty(),
            ) {
                (false, true) => ask::Indicators::Stix {
                    patterns: indicators.stix_patterns,
                },
                (true, false) => ask::Indicators::List {
                    text: indicators.list,
                },
                _ => {
                    return Err(Error::invalid(
                        "analysis.question.indicators",
                        "expected either patterns or a list",
                    ));
                }
            },
        ),
        Kind::Seen(seen) => Question::Seen(ask::Seen {
            subjects: seen
                .subjects
                .into_iter()
                .map(|one| subject("analysis.question.seen.subjects", Some(one)))
                .collect::<Result<_>>()?,
        }),
        Kind::Volume(volume) => Question::Volume(ask::Volume {
            minimum_bytes: u64::try_from(volume.minimum_bytes).map_err(|_| {
                Error::invalid(
                    "analysis.question.volume.minimum_bytes",
                    "expected a number that is not negative",
                )
            })?,
        }),
        Kind::Changes(changes) => Question::Changes(ask::Changes {
            window: match changes.window {
                Some(asked) => Some(window("analysis.question.changes.window", Some(asked))?),
                None => None,
            },
            actor: (!changes.actor.is_empty()).then_some(changes.actor),
        }),
        Kind::Beacons(beacons) => {
            let mut asked = ask::Beacons::default();
            if beacons.minimum_connections != 0 {
                asked.minimum_count = u32::try_from(beacons.minimum_connections).unwrap_or(0);
            }
            if beacons.minimum_score != 0.0 {
                asked.minimum_score = beacons.minimum_score;
            }
            Question::Beacons(asked)
        }
        Kind::Compare(compare) => Question::Compare(ask::Compare {
            baseline: window("analysis.question.compare.baseline", compare.baseline)?,
            window: window("analysis.question.compare.window", compare.window)?,
        }),
        Kind::Sql(sql) => Question::Sql(ask::Sql { query: sql.query }),
        Kind::SeenByOthers(asked) => Question::SeenByOthers(seen_by_others(asked)?),
    };
    question.validate().map_err(|invalid| {
        Error::invalid(
            format!("analysis.question.{}", invalid.field),
            invalid.message,
        )
    })?;
    let bytes = serde_json::to_vec(&question)
        .map_err(Error::internal)?
        .len();
    if bytes > MOST_BYTES {
        let rule = "has more than 512 KiB: ask in several questions";
        return Err(Error::invalid("analysis.question", rule));
    }
    Ok(question)
}

fn timeline(tenant: &TenantId, asked: wire::TimelineQuestion) -> Result<ask::Timeline> {
    use wire::timeline_question::{Around, Same as Wire};
    let field = "analysis.question.timeline.around";
    let around = match asked.around {
        Some(Around::Event(name)) => match Name::parse(field, &name)? {
            Name::Event(of, event) if of == *tenant => ask::Around::Event(event.to_string()),
            // Whether or not there is such an event.
            Name::Event(..) => return Err(Error::permission_denied()),
            _ => {
                return Err(Error::invalid(
                    field,
                    "expected tenants/{tenant}/events/{event}",
                ));
            }
        },
        Some(Around::Time(at)) => ask::Around::Time(time(field, &at)?),
        None => return Err(Error::invalid(field, "expected an event or a time")),
    };
    let same = asked.same.iter().map(|same| {
        Ok(match Wire::try_from(*same) {
            Ok(Wire::Actor) => ask::Same::Actor,
            Ok(Wire::Account) => ask::Same::Account,
            Ok(Wire::Address) => ask::Same::Address,
            Ok(Wire::Resources) => ask::Same::Resources,
            Ok(Wire::Unspecified) | Err(_) => {
                return Err(Error::invalid(
                    "analysis.question.timeline.same",
                    "is not known",
                ));
            }
        })
    });
    Ok(ask::Timeline {
        around,
        before_seconds: seconds("analysis.question.timeline.before", asked.before)?,
        after_seconds: seconds("analysis.question.timeline.after", asked.after)?,
        same: same.collect::<Result<BTreeSet<_>>>()?,
    })
}

fn seen_by_others(asked: wire::SeenByOthersQuestion) -> Result<ask::SeenByOthers> {
    use wire::seen_by_others_question::Indicator as Wire;
    let asked = match asked.indicator {
        Some(Wire::Address(text)) => ask::SeenByOthers::Address(text),
        Some(Wire::FileSha256(text)) => ask::SeenByOthers::FileSha256(text),
        None => {
            return Err(Error::invalid(
                "analysis.question.seen_by_others.indicator",
                "expected an address or the SHA-256 of a file",
            ));
        }
    };
    // Understood before anybody has to wait for it.
    indicator(&asked)?;
    Ok(asked)
}

/// What is asked for, in its one form.
pub(in crate::rooms::analysis) fn indicator(asked: &ask::SeenByOthers) -> Result<Indicator> {
    let (field, read) = match asked {
        ask::SeenByOthers::Address(text) => ("address", Indicator::parse_address(text)),
        ask::SeenByOthers::FileSha256(text) => ("file_sha256", Indicator::parse_file_sha256(text)),
    };
    read.map_err(|refused| {
        let field = format!("analysis.question.seen_by_others.{field}");
        Error::invalid(field, refused.to_string())
    })
}

fn wire_seen_by_others(asked: &ask::SeenByOthers) -> wire::SeenByOthersQuestion {
    use wire::seen_by_others_question::Indicator as Wire;
    wire::SeenByOthersQuestion {
        indicator: Some(match asked {
            ask::SeenByOthers::Address(text) => Wire::Address(text.clone()),
            ask::SeenByOthers::FileSha256(text) => Wire::FileSha256(text.clone()),
        }),
    }
}

fn role_chain(asked: wire::RoleChainQuestion) -> Result<ask::RoleChain> {
    use wire::role_chain_question::{Direction as Wire, Start};
    let start = match asked.start {
        Some(Start::Actor(actor)) => ask::Start::Actor(actor),
        Some(Start::AccessKey(key)) => ask::Start::AccessKey(key),
        Some(Start::Role(role)) => ask::Start::Role(role),
        None => {
            return Err(Error::invalid(
                "analysis.question.role_chain.start",
                "expected an actor, an access key or a role",
            ));
        }
    };
    let direction = match Wire::try_from(asked.direction) {
        Ok(Wire::Unspecified) => ask::Direction::Both,
        Ok(Wire::Forward) => ask::Direction::Forward,
        Ok(Wire::Backward) => ask::Direction::Backward,
        Err(_) => {
            return Err(Error::invalid(
                "analysis.question.role_chain.direction",
                "is not known",
            ));
        }
    };
    let hops = match asked.hops {
        0 => 4,
        hops => u32::try_from(hops).unwrap_or(0),
    };
    Ok(ask::RoleChain {
        start,
        direction,
        hops,
    })
}

fn subject(field: &str, asked: Option<wire::Subject>) -> Result<ask::Subject> {
    use wire::subject::Subject as Wire;
    Ok(match asked.and_then(|asked| asked.subject) {
        Some(Wire::Actor(text)) => ask::Subject::Actor(text),
        Some(Wire::AccessKey(text)) => ask::Subject::AccessKey(text),
        Some(Wire::Address(text)) => ask::Subject::Address(text),
        Some(Wire::Resource(text)) => ask::Subject::Resource(text),
        Some(Wire::Operation(text)) => ask::Subject::Operation(text),
        Some(Wire::Region(text)) => ask::Subject::Region(text),
        Some(Wire::UserAgent(text)) => ask::Subject::UserAgent(text),
        Some(Wire::Account(text)) => ask::Subject::Account(text),
        None => return Err(Error::invalid(field, "expected somebody or something")),
    })
}

fn window(field: &str, asked: Option<wire::Window>) -> Result<ask::Window> {
    let asked = asked.unwrap_or_default();
    match (asked.start_time, asked.end_time) {
        (Some(start), Some(end)) => Ok(ask::Window {
            since: time(field, &start)?,
            until: time(field, &end)?,
        }),
        _ => Err(Error::invalid(field, "expected a start and an end")),
    }
}

fn time(field: &str, at: &prost_types::Timestamp) -> Result<Timestamp> {
    time_of(at).ok_or_else(|| Error::invalid(field, "expected a time from 1678 to 2262"))
}

fn seconds(field: &str, length: Option<Duration>) -> Result<u64> {
    let length = length.unwrap_or_default();
    u64::try_from(length.seconds)
        .map_err(|_| Error::invalid(field, "expected a length that is not negative"))
}

/// Over which events: what is not said is all up to `now`.
pub(super) fn scope(asked: Option<wire::AnalysisScope>, now: Timestamp) -> Result<Scope> {
    let asked = asked.unwrap_or_default();
    let at = |field: &str, at: Option<&prost_types::Timestamp>| match at {
        Some(at) => time(field, at).map(Some),
        None => Ok(None),
    };
    let scope = Scope {
        since: at("analysis.scope.start_time", asked.start_time.as_ref())?
            .unwrap_or(Timestamp::UNIX_EPOCH),
        until: at("analysis.scope.end_time", asked.end_time.as_ref())?.unwrap_or(now),
        accounts: asked.accounts,
        resources: asked.resources,
        source_types: asked.source_types,
    };
    scope.validate().map_err(|invalid| {
        let field = invalid
            .field
            .replace("since", "start_time")
            .replace("until", "end_time");
        Error::invalid(format!("analysis.{field}"), invalid.message)
    })?;
    Ok(scope)
}

pub(super) fn wire_scope(scope: &Scope) -> wire::AnalysisScope {
    wire::AnalysisScope {
        start_time: Some(wire_time(scope.since)),
        end_time: Some(wire_time(scope.until)),
        accounts: scope.accounts.clone(),
        resources: scope.resources.clone(),
        source_types: scope.source_types.clone(),
    }
}

/// The question as a message.
pub(super) fn wire_question(tenant: &TenantId, question: &Question) -> wire::Question {
    let kind = Some(kind(tenant, question));
    wire::Question { kind }
}

fn kind(tenant: &TenantId, question: &Question) -> Kind {
    match question {
        Question::Timeline(asked) => Kind::Timeline(wire_timeline(tenant, asked)),
        Question::Pivot(asked) => Kind::Pivot(wire::PivotQuestion {
            subject: Some(wire_subject(&asked.subject)),
        }),
        Question::RoleChain(asked) => Kind::RoleChain(wire_role_chain(asked)),
        Question::Indicators(asked) => Kind::Indicators(match asked {
            ask::Indicators::Stix { patterns } => wire::IndicatorsQuestion {
                stix_patterns: patterns.clone(),
                list: String::new(),
            },
            ask::Indicators::List { text } => wire::IndicatorsQuestion {
                stix_patterns: Vec::new(),
                list: text.clone(),
            },
        }),
        Question::Seen(asked) => Kind::Seen(wire::SeenQuestion {
            subjects: asked.subjects.iter().map(wire_subject).collect(),
        }),
        Question::Volume(asked) => Kind::Volume(wire::VolumeQuestion {
            minimum_bytes: i64::try_from(asked.minimum_bytes).unwrap_or(i64::MAX),
        }),
        Question::Changes(asked) => Kind::Changes(wire::ChangesQuestion {
            window: asked.window.as_ref().map(wire_window),
            actor: asked.actor.clone().unwrap_or_default(),
        }),
        Question::Beacons(asked) => Kind::Beacons(wire::BeaconsQuestion {
            minimum_connections: i32::try_from(asked.minimum_count).unwrap_or(i32::MAX),
            minimum_score: asked.minimum_score,
        }),
        Question::Compare(asked) => Kind::Compare(wire::CompareQuestion {
            baseline: Some(wire_window(&asked.baseline)),
            window: Some(wire_window(&asked.window)),
        }),
        Question::Rule(asked) => Kind::Rule(wire::RuleQuestion {
            texts: asked.texts.clone(),
        }),
        Question::Sql(asked) => Kind::Sql(wire::SqlQuestion {
            query: asked.query.clone(),
        }),
        Question::SeenByOthers(asked) => Kind::SeenByOthers(wire_seen_by_others(asked)),
        Question::Human(asked) => Kind::Human(wire::HumanQuestion {
            text: asked.text.clone(),
        }),
    }
}

fn wire_timeline(tenant: &TenantId, asked: &ask::Timeline) -> wire::TimelineQuestion {
    use wire::timeline_question::{Around, Same as Wire};
    let length = |seconds: u64| {
        Some(Duration {
            seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
            nanos: 0,
        })
    };
    wire::TimelineQuestion {
        around: Some(match &asked.around {
            ask::Around::Event(event) => Around::Event(format!("tenants/{tenant}/events/{event}")),
            ask::Around::Time(at) => Around::Time(wire_time(*at)),
        }),
        before: length(asked.before_seconds),
        after: length(asked.after_seconds),
        same: asked
            .same
            .iter()
            .map(|same| {
                i32::from(match same {
                    ask::Same::Actor => Wire::Actor,
                    ask::Same::Account => Wire::Account,
                    ask::Same::Address => Wire::Address,
                    ask::Same::Resources => Wire::Resources,
                })
            })
            .collect(),
    }
}

fn wire_role_chain(asked: &ask::RoleChain) -> wire::RoleChainQuestion {
    use wire::role_chain_question::{Direction as Wire, Start};
    wire::RoleChainQuestion {
        start: Some(match &asked.start {
            ask::Start::Actor(actor) => Start::Actor(actor.clone()),
            ask::Start::AccessKey(key) => Start::AccessKey(key.clone()),
            ask::Start::Role(role) => Start::Role(role.clone()),
        }),
        direction: match asked.direction {
            ask::Direction::Both => Wire::Unspecified,
            ask::Direction::Forward => Wire::Forward,
            ask::Direction::Backward => Wire::Backward,
        }
        .into(),
        hops: i32::try_from(asked.hops).unwrap_or(i32::MAX),
    }
}

fn wire_subject(subject: &ask::Subject) -> wire::Subject {
    use wire::subject::Subject as Wire;
    wire::Subject {
        subject: Some(match subject {
            ask::Subject::Actor(text) => Wire::Actor(text.clone()),
            ask::Subject::AccessKey(text) => Wire::AccessKey(text.clone()),
            ask::Subject::Address(text) => Wire::Address(text.clone()),
            ask::Subject::Resource(text) => Wire::Resource(text.clone()),
            ask::Subject::Operation(text) => Wire::Operation(text.clone()),
            ask::Subject::Region(text) => Wire::Region(text.clone()),
            ask::Subject::UserAgent(text) => Wire::UserAgent(text.clone()),
            ask::Subject::Account(text) => Wire::Account(text.clone()),
        }),
    }
}

fn wire_window(window: &ask::Window) -> wire::Window {
    wire::Window {
        start_time: Some(wire_time(window.since)),
        end_time: Some(wire_time(window.until)),
    }
}
