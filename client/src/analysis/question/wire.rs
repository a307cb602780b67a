//! Questions as messages, checked before they are sent.

use cordon_proto::analysis as wire;
use cordon_proto::analysis::question::Kind;
use cordon_proto::analysis::seen_by_others_question::Indicator as WireIndicator;

use super::{
    Around, Beacons, Changes, Direction, Indicators, Question, RoleChain, Same, SharedIndicator,
    Start, Subject, TimelineQuestion, Window,
};
use crate::analysis::check;
use crate::error::{Error, Result};
use crate::time::to_proto;

/// Most things of a question that asks when they were seen.
const MOST_SUBJECTS: usize = 20;
/// Most patterns of STIX, and most lines of a list.
const MOST_PATTERNS: usize = 1_000;
const MOST_LINES: usize = 10_000;
/// Most bytes of indicators: what one message holds.
const MOST_INDICATOR_BYTES: usize = 3 << 20;
/// Most Sigma rules.
const MOST_RULES: usize = 100;
/// Longest rule and longest query, in bytes.
const LONGEST_TEXT: usize = 64 << 10;
/// Most bytes of rules together: what one message holds.
const MOST_RULE_BYTES: usize = 3 << 20;
/// Longest question to people, in characters.
const LONGEST_WORDS: usize = 8_000;

impl Question {
    /// The message; `event` gives an event's full name.
    pub(in crate::analysis) fn into_wire(
        self,
        event: impl Fn(&str) -> Result<String>,
    ) -> Result<wire::Question> {
        let kind = match self {
            Self::Timeline(asked) => Kind::Timeline(timeline(asked, event)?),
            Self::Pivot(asked) => Kind::Pivot(pivot(asked)?),
            Self::RoleChain(asked) => Kind::RoleChain(role_chain(asked)?),
            Self::Indicators(asked) => Kind::Indicators(indicators(asked)?),
            Self::Seen(subjects) => Kind::Seen(seen(subjects)?),
            Self::Volume { minimum_bytes } => Kind::Volume(wire::VolumeQuestion {
                minimum_bytes: i64::try_from(minimum_bytes).map_err(|_| {
                    let field = "analysis.question.volume.minimum_bytes";
                    Error::invalid(field, "is larger than anything that is counted")
                })?,
            }),
            Self::Changes(asked) => Kind::Changes(changes(asked)?),
            Self::Beacons(asked) => Kind::Beacons(beacons(asked)?),
            Self::Compare { baseline, window } => Kind::Compare(compare(baseline, window)?),
            Self::Rules(texts) => Kind::Rule(rules(texts)?),
            Self::Sql(query) => {
                check::bytes("analysis.question.sql.query", &query, LONGEST_TEXT)?;
                Kind::Sql(wire::SqlQuestion { query })
            }
            Self::SeenByOthers(of) => Kind::SeenByOthers(wire::SeenByOthersQuestion {
                indicator: Some(match of {
                    SharedIndicator::Address(text) => WireIndicator::Address(text),
                    SharedIndicator::FileSha256(text) => WireIndicator::FileSha256(text),
                }),
            }),
            Self::Human(text) => {
                check::words("analysis.question.human.text", &text, LONGEST_WORDS)?;
                Kind::Human(wire::HumanQuestion { text })
            }
        };
        Ok(wire::Question { kind: Some(kind) })
    }

    /// Whether people answer it.
    #[must_use]
    pub const fn is_human(&self) -> bool {
        matches!(self, Self::Human(_))
    }
}

fn timeline(
    asked: TimelineQuestion,
    event: impl Fn(&str) -> Result<String>,
) -> Result<wire::TimelineQuestion> {
    use wire::timeline_question::{Around as Wire, Same as WireSame};
    let around = match &asked.around {
        Around::Event(name) => Wire::Event(event(name)?),
        Around::Time(_) if !asked.same.is_empty() => {
            let field = "analysis.question.timeline.same";
            return Err(Error::invalid(
                field,
                "needs an event in the midst: name one, or leave it empty",
            ));
        }
        Around::Time(time) => Wire::Time(to_proto(*time)),
    };
    if asked.before.is_zero() && asked.after.is_zero() {
        let field = "analysis.question.timeline.after";
        return Err(Error::invalid(field, "expected some time before or after"));
    }
    let same = asked.same.iter().map(|same| match same {
        Same::Actor => WireSame::Actor,
        Same::Account => WireSame::Account,
        Same::Address => WireSame::Address,
        Same::Resources => WireSame::Resources,
    });
    Ok(wire::TimelineQuestion {
        around: Some(around),
        before: Some(check::around(
            "analysis.question.timeline.before",
            asked.before,
        )?),
        after: Some(check::around(
            "analysis.question.timeline.after",
            asked.after,
        )?),
        same: same.map(i32::from).collect(),
    })
}

fn subject(field: &str, subject: Subject) -> Result<wire::Subject> {
    use wire::subject::Subject as Wire;
    let (word, subject) = match subject {
        Subject::Actor(text) => ("actor", Wire::Actor(text)),
        Subject::AccessKey(text) => ("access_key", Wire::AccessKey(text)),
        Subject::Address(text) => ("address", Wire::Address(text)),
        Subject::Resource(text) => ("resource", Wire::Resource(text)),
        Subject::Operation(text) => ("operation", Wire::Operation(text)),
        Subject::Region(text) => ("region", Wire::Region(text)),
        Subject::UserAgent(text) => ("user_agent", Wire::UserAgent(text)),
        Subject::Account(text) => ("account", Wire::Account(text)),
    };
    let (Wire::Actor(text)
    | Wire::AccessKey(text)
    | Wire::Address(text)
    | Wire::Resource(text)
    | Wire::Operation(text)
    | Wire::Region(text)
    | Wire::UserAgent(text)
    | Wire::Account(text)) = &subject;
    check::text(&format!("{field}.{word}"), text)?;
    Ok(wire::Subject {
        subject: Some(subject),
    })
}

fn pivot(asked: Subject) -> Result<wire::PivotQuestion> {
    let field = "analysis.question.pivot.subject";
    match asked {
        Subject::Actor(_) | Subject::AccessKey(_) | Subject::Address(_) | Subject::Resource(_) => {
            Ok(wire::PivotQuestion {
                subject: Some(subject(field, asked)?),
            })
        }
        _ => Err(Error::invalid(
            field,
            "expected an actor, an access key, an address or a resource; of others ask when they \
             were seen",
        )),
    }
}

fn role_chain(asked: RoleChain) -> Result<wire::RoleChainQuestion> {
    use wire::role_chain_question::{Direction as WireDirection, Start as Wire};
    let field = |word| format!("analysis.question.role_chain.start.{word}");
    let start = match asked.start {
        Start::Actor(text) => {
            check::text(&field("actor"), &text)?;
            Wire::Actor(text)
        }
        Start::AccessKey(text) => {
            check::text(&field("access_key"), &text)?;
            Wire::AccessKey(text)
        }
        Start::Role(text) => {
            check::text(&field("role"), &text)?;
            Wire::Role(text)
        }
    };
    if asked.hops.is_some_and(|hops| !(1..=8).contains(&hops)) {
        let field = "analysis.question.role_chain.hops";
        return Err(Error::invalid(field, "expected 1 to 8"));
    }
    Ok(wire::RoleChainQuestion {
        start: Some(start),
        direction: match asked.direction {
            Direction::Both => WireDirection::Unspecified,
            Direction::Forward => WireDirection::Forward,
            Direction::Backward => WireDirection::Backward,
        }
        .into(),
        // 0 stands for the usual number.
        hops: asked
            .hops
            .map_or(0, |hops| i32::try_from(hops).unwrap_or(0)),
    })
}

fn indicators(asked: Indicators) -> Result<wire::IndicatorsQuestion> {
    let mut question = wire::IndicatorsQuestion::default();
    let (field, count, most, bytes) = match &asked {
        Indicators::Stix(patterns) => {
            let bytes = patterns.iter().map(String::len).sum();
            ("stix_patterns", patterns.len(), MOST_PATTERNS, bytes)
        }
        Indicators::List(text) => {
            let lines = text.lines().map(str::trim);
            let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
            ("list", lines.count(), MOST_LINES, text.len())
        }
    };
    let field = format!("analysis.question.indicators.{field}");
    check::count(&field, count, 1, most)?;
    if bytes > MOST_INDICATOR_BYTES {
        return Err(Error::invalid(&field, "has more than 3 MiB: ask in parts"));
    }
    match asked {
        Indicators::Stix(patterns) => question.stix_patterns = patterns,
        Indicators::List(text) => question.list = text,
    }
    Ok(question)
}

fn seen(subjects: Vec<Subject>) -> Result<wire::SeenQuestion> {
    let field = "analysis.question.seen.subjects";
    check::count(field, subjects.len(), 1, MOST_SUBJECTS)?;
    let subjects = subjects.into_iter().enumerate();
    let subjects = subjects.map(|(at, one)| subject(&format!("{field}[{at}]"), one));
    Ok(wire::SeenQuestion {
        subjects: subjects.collect::<Result<_>>()?,
    })
}

fn window(field: &str, window: Window) -> Result<wire::Window> {
    check::order(field, Some(window.start), Some(window.end))?;
    Ok(wire::Window {
        start_time: Some(to_proto(window.start)),
        end_time: Some(to_proto(window.end)),
    })
}

fn changes(asked: Changes) -> Result<wire::ChangesQuestion> {
    if let Some(actor) = &asked.actor {
        check::text("analysis.question.changes.actor", actor)?;
    }
    let of = asked
        .window
        .map(|of| window("analysis.question.changes.window", of));
    Ok(wire::ChangesQuestion {
        window: of.transpose()?,
        actor: asked.actor.unwrap_or_default(),
    })
}

fn beacons(asked: Beacons) -> Result<wire::BeaconsQuestion> {
    let few = asked.minimum_connections;
    if few.is_some_and(|few| !(4..=1_000).contains(&few)) {
        let field = "analysis.question.beacons.minimum_connections";
        return Err(Error::invalid(field, "expected 4 to 1000"));
    }
    let score = asked.minimum_score;
    if score.is_some_and(|score| !(score > 0.0 && score <= 1.0)) {
        let field = "analysis.question.beacons.minimum_score";
        return Err(Error::invalid(field, "expected more than 0, up to 1"));
    }
    Ok(wire::BeaconsQuestion {
        minimum_connections: few.map_or(0, |few| i32::try_from(few).unwrap_or(0)),
        minimum_score: score.unwrap_or_default(),
    })
}

fn compare(baseline: Window, with: Window) -> Result<wire::CompareQuestion> {
    let question = wire::CompareQuestion {
        baseline: Some(window("analysis.question.compare.baseline", baseline)?),
        window: Some(window("analysis.question.compare.window", with)?),
    };
    if baseline.start < with.end && with.start < baseline.end {
        let field = "analysis.question.compare.window";
        return Err(Error::invalid(field, "overlaps the baseline"));
    }
    Ok(question)
}

fn rules(texts: Vec<String>) -> Result<wire::RuleQuestion> {
    let field = "analysis.question.rule.texts";
    check::count(field, texts.len(), 1, MOST_RULES)?;
    for (at, text) in texts.iter().enumerate() {
        check::bytes(&format!("{field}[{at}]"), text, LONGEST_TEXT)?;
    }
    if texts.iter().map(String::len).sum::<usize>() > MOST_RULE_BYTES {
        return Err(Error::invalid(field, "have more than 3 MiB: ask in parts"));
    }
    Ok(wire::RuleQuestion { texts })
}
