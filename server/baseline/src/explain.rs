//! What was expected and what was seen, in words and as facts.

use crate::anomaly::{AnomalyKind, Fact, Statement, SubjectKind, Value};
use crate::known::Newness;
use crate::series::{Baseline, Basis, Metric};

/// Something that was new.
#[derive(Debug, Clone)]
pub(crate) struct First {
    pub(crate) kind: AnomalyKind,
    pub(crate) text: String,
    pub(crate) users: u32,
    pub(crate) peers: u32,
    pub(crate) newness: Newness,
    pub(crate) whose: Option<Whose>,
}

/// To whom it was new.
#[derive(Debug, Clone)]
pub(crate) enum Whose {
    Subject {
        days: u32,
        events: u64,
        values: usize,
        usual: Vec<String>,
    },
    Tenant {
        days: u32,
    },
}

impl First {
    pub(crate) fn of_subject(
        mut self,
        days: u32,
        events: u64,
        values: usize,
        usual: Vec<String>,
    ) -> Self {
        self.whose = Some(Whose::Subject {
            days,
            events,
            values,
            usual,
        });
        self
    }

    pub(crate) fn of_tenant(mut self, days: u32) -> Self {
        self.whose = Some(Whose::Tenant { days });
        self
    }

    pub(crate) fn is_of_tenant(&self) -> bool {
        matches!(self.whose, Some(Whose::Tenant { .. }))
    }

    /// Days and events of history.
    pub(crate) fn history(&self) -> (u32, u64) {
        match self.whose {
            Some(Whose::Subject { days, events, .. }) => (days, events),
            Some(Whose::Tenant { days }) => (days, 0),
            None => (0, 0),
        }
    }

    /// What it is, one and many, and what is done with it.
    const fn words(&self) -> (&'static str, &'static str, &'static str) {
        match self.kind {
            AnomalyKind::FirstSeenRegion => ("region", "regions", "acted in"),
            AnomalyKind::FirstSeenNetwork => ("network", "networks", "came from"),
            AnomalyKind::FirstSeenUserAgent => ("program", "programs", "used"),
            _ => ("operation", "operations", "used"),
        }
    }
}

fn fact(name: &'static str, value: Value) -> Fact {
    Fact { name, value }
}

fn count(n: impl Into<u64>) -> Value {
    Value::Count(n.into())
}

fn number(n: impl Into<f64>) -> Value {
    // A tenth is as fine as anybody reads it.
    Value::Number((n.into() * 10.0).round() / 10.0)
}

/// `1 day`, `2 days`, `12,345 days`.
fn many(n: u64, one: &str, more: &str) -> String {
    let word = if n == 1 { one } else { more };
    format!("{} {word}", digits(n))
}

fn digits(n: u64) -> String {
    let text = n.to_string();
    let mut out = String::new();
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `a`, `a and b`, `a, b and c`.
fn list(of: &[String]) -> String {
    match of {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// An amount of a metric, with its unit.
fn amount(n: f64, metric: Metric) -> String {
    let whole = n.round().max(0.0) as u64;
    match metric {
        Metric::Events => many(whole, "event", "events"),
        Metric::Failures => many(whole, "failed event", "failed events"),
        Metric::Destinations => many(whole, "target", "targets"),
        Metric::Bytes if n >= 1_048_576.0 => {
            format!("{} MiB", digits((n / 1_048_576.0).round() as u64))
        }
        Metric::Bytes => format!("{} KiB", digits((n / 1_024.0).round() as u64)),
    }
}

/// How often new ones came.
fn pace(newness: &Newness) -> f64 {
    7.0 * f64::from(newness.found) / f64::from(newness.days.max(1.0))
}

/// What was usual before something new.
pub(crate) fn usual(first: &First) -> Statement {
    let (one, more, _) = first.words();
    let pace = pace(&first.newness);
    let mut facts = vec![
        fact("others", count(first.users)),
        fact("principals", count(first.peers)),
        fact("new_in_seven_active_days", number(pace)),
    ];
    let others = format!(
        "Of {} of the tenant, {} had this one.",
        many(first.peers.into(), "principal", "principals"),
        match first.users {
            0 => "none".to_owned(),
            users => digits(users.into()),
        }
    );
    let sentence = match &first.whose {
        Some(Whose::Subject {
            days,
            events,
            values,
            usual,
        }) => {
            facts.push(fact("values", count(*values as u64)));
            facts.push(fact("most_frequent", Value::Texts(usual.clone())));
            let most = match usual.is_empty() {
                true => String::new(),
                false => format!(", most often {}", list(usual)),
            };
            format!(
                "In {} and {} it had {}{most}; lately {pace:.1} new ones came in seven active days. {others}",
                many(u64::from(*days), "day", "days"),
                many(*events, "event", "events"),
                many(*values as u64, one, more),
            )
        }
        Some(Whose::Tenant { days }) => format!(
            "In {} nobody of the tenant had this {one}; lately {pace:.1} {more} came in seven days that were new to all. {} {} followed.",
            many(u64::from(*days), "day", "days"),
            many(first.peers.into(), "principal", "principals"),
            if first.peers == 1 { "is" } else { "are" },
        ),
        None => others,
    };
    Statement { sentence, facts }
}

/// Something new.
pub(crate) fn first(first: &First) -> Statement {
    let (one, more, verb) = first.words();
    let today = first.newness.today;
    let mut sentence = match first.is_of_tenant() {
        false => format!("It {verb} the {one} {} for the first time.", first.text),
        true => format!(
            "Somebody too new, or too full of new things, to be judged alone {verb} the {one} {}.",
            first.text
        ),
    };
    if today > 1 {
        let to = if first.is_of_tenant() { " to all" } else { "" };
        sentence.push_str(&format!(
            " By then {today} {more} were new{to} on that day."
        ));
    }
    let facts = vec![
        fact("value", Value::Text(first.text.clone())),
        fact("new_today", count(today)),
    ];
    Statement { sentence, facts }
}

const DAYS: [&str; 7] = [
    "Thursdays",
    "Fridays",
    "Saturdays",
    "Sundays",
    "Mondays",
    "Tuesdays",
    "Wednesdays",
];

/// An hour's beginning and end, UTC.
fn clock(hour: u32) -> String {
    format!("{:02}:00 and {:02}:00 UTC", hour % 24, (hour + 1) % 24)
}

/// What an hour was expected to be.
pub(crate) fn hour(baseline: &Baseline, metric: Metric, hour: u32) -> Statement {
    let (low, high) = baseline.range();
    let median = baseline.median();
    let of = match baseline.basis {
        Basis::HourOfWeek { weeks } => {
            let day = DAYS.get((hour / 24 % 7) as usize).copied();
            format!(
                "On {} between {}: by this hour and its neighbours of {}",
                day.unwrap_or_default(),
                clock(hour),
                many(u64::from(weeks), "week", "weeks")
            )
        }
        Basis::HourOfDay { days, weight } => format!(
            "Between {}: by this hour and its neighbours of {}, which are no four weeks, so that the hour weighs {:.0} % against all hours",
            clock(hour),
            many(u64::from(days), "day", "days"),
            weight * 100.0
        ),
        Basis::FirstSeen { .. } => String::new(),
    };
    let sentence = format!(
        "{of}, {} in the hour; up to {} would be no surprise.",
        amount(median, metric),
        amount(high, metric)
    );
    let facts = vec![
        fact("metric", Value::Text(metric.as_str().to_owned())),
        fact("median_in_hour", number(median)),
        fact("low_in_hour", number(low)),
        fact("high_in_hour", number(high)),
    ];
    Statement { sentence, facts }
}

/// An hour that stands out.
pub(crate) fn peak(n: u64, metric: Metric, hour: u32) -> Statement {
    Statement {
        sentence: format!(
            "Between {} there were {}, as far as they were taken by then.",
            clock(hour),
            amount(n as f64, metric)
        ),
        facts: vec![
            fact("metric", Value::Text(metric.as_str().to_owned())),
            fact("in_hour", count(n)),
            fact("hour_begins_s", count(u64::from(hour) * 3_600)),
        ],
    }
}

/// Connections at a steady beat.
#[derive(Debug, Clone)]
pub(crate) struct Steady {
    pub(crate) target: String,
    pub(crate) network: String,
    pub(crate) gap: f32,
    pub(crate) mad: f32,
    pub(crate) others: u32,
    pub(crate) addresses: u32,
    pub(crate) newness: Newness,
    pub(crate) days: u32,
}

/// What was expected of an address that has a beat.
pub(crate) fn not_steady(steady: &Steady) -> Statement {
    let pace = pace(&steady.newness);
    Statement {
        sentence: format!(
            "In {} steady connections to {pace:.1} new targets came in seven active days. Of {} of the tenant, {} connected to {}.",
            many(u64::from(steady.days), "day", "days"),
            many(
                steady.addresses.saturating_sub(1).into(),
                "other address",
                "other addresses"
            ),
            match steady.others {
                0 => "none".to_owned(),
                others => digits(others.into()),
            },
            steady.network,
        ),
        facts: vec![
            fact("others", count(steady.others)),
            fact("addresses", count(steady.addresses)),
            fact("new_in_seven_active_days", number(pace)),
        ],
    }
}

/// A beat.
pub(crate) fn steady(steady: &Steady) -> Statement {
    Statement {
        sentence: format!(
            "It connected to {} every {:.0} seconds; half of the last {} gaps were within {:.0} seconds of that.",
            steady.target,
            steady.gap,
            crate::beacon::GAPS,
            steady.mad.ceil(),
        ),
        facts: vec![
            fact("target", Value::Text(steady.target.clone())),
            fact("network", Value::Text(steady.network.clone())),
            fact("median_gap_s", number(steady.gap)),
            fact("mad_gap_s", number(steady.mad)),
        ],
    }
}

/// A way across accounts that was never gone.
pub(crate) fn chain(
    whose: SubjectKind,
    accounts: &[String],
    (role, of): (&str, &str),
    (users, peers): (u32, u32),
    newness: &Newness,
    days: u32,
) -> (Statement, Statement) {
    let pace = pace(newness);
    let from = accounts.first().map_or("", String::as_str);
    let it = match whose {
        SubjectKind::Tenant => "the tenant's principals",
        _ => "it",
    };
    let expected = Statement {
        sentence: format!(
            "In {} {it} came to roles of other accounts by {pace:.1} new ways in seven active days. Of {} of the tenant, {} went from account {from} to {of}.",
            many(u64::from(days), "day", "days"),
            many(peers.into(), "principal", "principals"),
            match users {
                0 => "none".to_owned(),
                users => digits(users.into()),
            },
        ),
        facts: vec![
            fact("others", count(users)),
            fact("principals", count(peers)),
            fact("new_in_seven_active_days", number(pace)),
        ],
    };
    let by = match accounts.split_first() {
        Some((_, by)) if !by.is_empty() => format!(" by {}", list(by)),
        _ => String::new(),
    };
    let mut way = accounts.to_vec();
    way.push(of.to_owned());
    let seen = Statement {
        sentence: format!(
            "From account {from}{by} it took on the role {role} of account {of} for the first time."
        ),
        facts: vec![
            fact("role", Value::Text(role.to_owned())),
            fact("accounts", Value::Texts(way)),
        ],
    };
    (expected, seen)
}
