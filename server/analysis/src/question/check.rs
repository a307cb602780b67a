//! What a question may hold.

use super::{
    Around, Beacons, Compare, Human, Indicators, Pivot, Question, RoleChain, Rule, Seen, Start,
    Subject, Timeline,
};
use crate::indicator;
use crate::time::Window;

/// Longest text that events are compared with, in bytes: no column holds more.
pub const LONGEST_TEXT: usize = 1024;
/// Most Sigma rules of one question.
pub(super) const MOST_RULES: usize = 100;
/// Longest question to people, in characters.
pub(super) const LONGEST_WORDS: usize = 8_000;
/// Longest rule or statement that the lake is given, in bytes.
pub const LONGEST_TEXT_OF_LAKE: usize = 64 << 10;
/// Most steps of a chain.
pub const MOST_HOPS: u32 = 8;
/// Most lines of a list of indicators.
pub const MOST_INDICATORS: usize = 10_000;
/// Most subjects of one question.
pub const MOST_SUBJECTS: usize = 20;
/// Widest window before or after, in seconds: 31 days.
pub const WIDEST_AROUND_SECONDS: u64 = 31 * 24 * 3600;
/// Longest period of a beacon, in seconds: 7 days.
const LONGEST_PERIOD_SECONDS: u64 = 7 * 24 * 3600;

/// A question that can't be asked so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {message}")]
pub struct Invalid {
    /// Which field, such as `pivot.subject.address`.
    pub field: String,
    /// What is wrong with it, and what would be right. Reads as a sentence after the field.
    pub message: String,
}

impl Invalid {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// A text that events can be compared with.
pub(crate) fn text(field: &str, value: &str) -> Result<(), Invalid> {
    if value.is_empty() {
        return Err(Invalid::new(field, "must not be empty"));
    }
    if value.len() > LONGEST_TEXT {
        let message = format!(
            "has {} bytes, at most {LONGEST_TEXT} are allowed",
            value.len()
        );
        return Err(Invalid::new(field, message));
    }
    Ok(())
}

fn of_lake(field: &str, value: &str) -> Result<(), Invalid> {
    if value.trim().is_empty() {
        return Err(Invalid::new(field, "must not be empty"));
    }
    if value.len() > LONGEST_TEXT_OF_LAKE {
        let message = format!(
            "has {} bytes, at most {LONGEST_TEXT_OF_LAKE} are allowed",
            value.len()
        );
        return Err(Invalid::new(field, message));
    }
    Ok(())
}

fn window(field: &str, window: Window) -> Result<(), Invalid> {
    if window.since >= window.until {
        return Err(Invalid::new(
            format!("{field}.until"),
            "must be later than since",
        ));
    }
    Ok(())
}

fn subject(field: &str, subject: &Subject) -> Result<(), Invalid> {
    let (word, value) = match subject {
        Subject::Actor(value) => ("actor", value),
        Subject::AccessKey(value) => ("access_key", value),
        Subject::Address(value) => ("address", value),
        Subject::Resource(value) => ("resource", value),
        Subject::Operation(value) => ("operation", value),
        Subject::Region(value) => ("region", value),
        Subject::UserAgent(value) => ("user_agent", value),
        Subject::Account(value) => ("account", value),
    };
    let field = format!("{field}.{word}");
    text(&field, value)?;
    if matches!(subject, Subject::Address(_)) && indicator::range(value).is_none() {
        return Err(Invalid::new(
            field,
            "is no address and no range; write 192.0.2.1, 198.51.100.0/24 or 2001:db8::/32",
        ));
    }
    Ok(())
}

impl Question {
    /// Checks everything that it holds.
    ///
    /// # Errors
    ///
    /// [`Invalid`] with the first field that is wrong.
    pub fn validate(&self) -> Result<(), Invalid> {
        match self {
            Self::Timeline(asked) => timeline(asked),
            Self::Pivot(asked) => pivot(asked),
            Self::RoleChain(asked) => role_chain(asked),
            Self::Indicators(asked) => indicators(asked),
            Self::Seen(asked) => seen(asked),
            Self::Volume(_) => Ok(()),
            Self::Changes(asked) => {
                if let Some(asked) = asked.window {
                    window("changes.window", asked)?;
                }
                match &asked.actor {
                    Some(actor) => text("changes.actor", actor),
                    None => Ok(()),
                }
            }
            Self::Beacons(asked) => beacons(asked),
            Self::Compare(asked) => compare(asked),
            Self::Rule(asked) => rules(asked),
            Self::Sql(asked) => of_lake("sql.query", &asked.query),
            Self::SeenByOthers(asked) => text("seen_by_others", asked.text()),
            Self::Human(asked) => human(asked),
        }
    }
}

fn rules(asked: &Rule) -> Result<(), Invalid> {
    if asked.texts.is_empty() || asked.texts.len() > MOST_RULES {
        let message = format!("must have 1 to {MOST_RULES} rules");
        return Err(Invalid::new("rule.texts", message));
    }
    for (at, text) in asked.texts.iter().enumerate() {
        of_lake(&format!("rule.texts[{at}]"), text)?;
    }
    Ok(())
}

fn human(asked: &Human) -> Result<(), Invalid> {
    if asked.text.trim().is_empty() || asked.text.chars().count() > LONGEST_WORDS {
        let message = format!("must have 1 to {LONGEST_WORDS} characters");
        return Err(Invalid::new("human.text", message));
    }
    Ok(())
}

fn timeline(asked: &Timeline) -> Result<(), Invalid> {
    match &asked.around {
        Around::Event(name) => {
            if name.len() != 32 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(Invalid::new(
                    "timeline.around.event",
                    "must be an event's name, 32 hexadecimal digits",
                ));
            }
        }
        Around::Time(_) if !asked.same.is_empty() => {
            return Err(Invalid::new(
                "timeline.same",
                "needs an event in the midst; name one, or leave it empty",
            ));
        }
        Around::Time(_) => {}
    }
    for (field, seconds) in [
        ("timeline.before_seconds", asked.before_seconds),
        ("timeline.after_seconds", asked.after_seconds),
    ] {
        if seconds > WIDEST_AROUND_SECONDS {
            let message = format!("must be at most {WIDEST_AROUND_SECONDS} (31 days)");
            return Err(Invalid::new(field, message));
        }
    }
    if asked.before_seconds == 0 && asked.after_seconds == 0 {
        return Err(Invalid::new(
            "timeline.after_seconds",
            "must not be 0 when before_seconds is",
        ));
    }
    Ok(())
}

fn pivot(asked: &Pivot) -> Result<(), Invalid> {
    subject("pivot.subject", &asked.subject)?;
    match asked.subject {
        Subject::Actor(_) | Subject::AccessKey(_) | Subject::Address(_) | Subject::Resource(_) => {
            Ok(())
        }
        _ => Err(Invalid::new(
            "pivot.subject",
            "must be an actor, an access_key, an address or a resource; for others ask compare or seen",
        )),
    }
}

fn role_chain(asked: &RoleChain) -> Result<(), Invalid> {
    let (field, value) = match &asked.start {
        Start::Actor(value) => ("role_chain.start.actor", value),
        Start::AccessKey(value) => ("role_chain.start.access_key", value),
        Start::Role(value) => ("role_chain.start.role", value),
    };
    text(field, value)?;
    if !(1..=MOST_HOPS).contains(&asked.hops) {
        return Err(Invalid::new(
            "role_chain.hops",
            format!("must be 1 to {MOST_HOPS}"),
        ));
    }
    Ok(())
}

fn indicators(asked: &Indicators) -> Result<(), Invalid> {
    indicator::parse(asked).map(drop)
}

fn seen(asked: &Seen) -> Result<(), Invalid> {
    if asked.subjects.is_empty() || asked.subjects.len() > MOST_SUBJECTS {
        return Err(Invalid::new(
            "seen.subjects",
            format!("must have 1 to {MOST_SUBJECTS} elements"),
        ));
    }
    for (at, one) in asked.subjects.iter().enumerate() {
        subject(&format!("seen.subjects[{at}]"), one)?;
    }
    Ok(())
}

fn beacons(asked: &Beacons) -> Result<(), Invalid> {
    if !(4..=1_000).contains(&asked.minimum_count) {
        return Err(Invalid::new(
            "beacons.minimum_count",
            "must be 4 to 1000; fewer connections have no period",
        ));
    }
    if asked.minimum_period_seconds == 0 {
        return Err(Invalid::new(
            "beacons.minimum_period_seconds",
            "must be at least 1",
        ));
    }
    if asked.maximum_period_seconds > LONGEST_PERIOD_SECONDS
        || asked.maximum_period_seconds < asked.minimum_period_seconds
    {
        return Err(Invalid::new(
            "beacons.maximum_period_seconds",
            format!("must be minimum_period_seconds to {LONGEST_PERIOD_SECONDS} (7 days)"),
        ));
    }
    if !(0.0..=1.0).contains(&asked.minimum_score) {
        return Err(Invalid::new("beacons.minimum_score", "must be 0 to 1"));
    }
    Ok(())
}

fn compare(asked: &Compare) -> Result<(), Invalid> {
    window("compare.baseline", asked.baseline)?;
    window("compare.window", asked.window)?;
    if asked.baseline.since < asked.window.until && asked.window.since < asked.baseline.until {
        return Err(Invalid::new(
            "compare.window",
            "must not overlap the baseline",
        ));
    }
    Ok(())
}
