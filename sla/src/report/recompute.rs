//! A report's sums, done again from one's own log.

use std::collections::HashMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::super::agreement::{Agreement, in_force};
use super::super::attainment::Attainment;
use super::super::clock::{Entry, Subject};
use super::super::decided::{DecidedClock, decided};
use super::super::objective::ObjectiveKind;
use super::super::period::Period;
use super::compare::compare;
use super::{Builder, ClockLines, ClocksDigest, KindOfMonth, Month, Report};

/// Most differences that are named.
pub const MAX_DIFFERENCES: usize = 10_000;

/// An incident's log, as one has it oneself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The text of the incident's UUID.
    pub incident: String,
    /// Its number; none if that is not known, and then not compared.
    pub number: Option<u64>,
    /// All its entries that clocks go by, in any order.
    pub entries: Vec<Entry>,
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "difference", rename_all = "snake_case")]
pub enum Difference {
    /// The lines of clocks are not those that the report was signed with.
    Digest {
        /// What was signed.
        reported: ClocksDigest,
        /// What the lines come to.
        own: ClocksDigest,
    },
    /// A line is no clock.
    Unreadable {
        /// Which one, from 1.
        line: u64,
        /// Why.
        why: String,
    },
    /// A clock was reported that the log does not have, or that was reported before.
    NotInLog {
        /// Which one.
        clock: Box<DecidedClock>,
    },
    /// The log has a clock that was not reported.
    NotReported {
        /// Which one.
        clock: Box<DecidedClock>,
    },
    /// A clock was reported otherwise than the log has it.
    Clock {
        /// As the log has it.
        clock: Box<DecidedClock>,
        /// What differs.
        field: String,
        /// As it was reported.
        reported: Value,
        /// As it comes from the log.
        own: Value,
    },
    /// A figure of the report.
    Figure {
        /// Which one.
        figure: String,
        /// As it was reported; null where it is not there.
        reported: Value,
        /// As it comes from the log; null where it is not there.
        own: Value,
    },
}

/// A clock for people.
fn called(clock: &DecidedClock) -> String {
    let which = match &clock.subject {
        Some(Subject::Interval(interval)) => format!(" {interval}"),
        Some(Subject::Request(request)) => format!(" {request}"),
        None => String::new(),
    };
    let incident = match clock.number {
        0 => clock.incident.clone(),
        number => format!("{number} ({})", clock.incident),
    };
    format!(
        "incident {incident}, {}{which} of {}",
        clock.kind.words(),
        clock.started
    )
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest { reported, own } => write!(
                f,
                "the clocks are not those that were signed: {} with SHA-256 {} were, and here are \
                 {} with {}",
                reported.count, reported.sha256, own.count, own.sha256
            ),
            Self::Unreadable { line, why } => write!(f, "line {line} is no clock: {why}"),
            Self::NotInLog { clock } => {
                write!(f, "{}: reported, but not in the log", called(clock))
            }
            Self::NotReported { clock } => {
                write!(f, "{}: in the log, but not reported", called(clock))
            }
            Self::Clock {
                clock,
                field,
                reported,
                own,
            } => write!(
                f,
                "{}: {field} was reported as {}, and comes to {}",
                called(clock),
                plain(reported),
                plain(own)
            ),
            Self::Figure {
                figure,
                reported,
                own,
            } => write!(
                f,
                "{figure} was reported as {}, and comes to {}",
                plain(reported),
                plain(own)
            ),
        }
    }
}

/// A value for people.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Recomputed {
    /// How many clocks came from the log.
    pub clocks: u64,
    /// Where report and log differ; at most [`MAX_DIFFERENCES`].
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub left_out: u64,
    /// The figures that no log can prove, since the service measured them itself.
    pub unproven: Vec<&'static str>,
}

impl Recomputed {
    /// Whether everything that the log can prove is as it was reported.
    pub fn agrees(&self) -> bool {
        self.differences.is_empty()
    }

    fn differ(&mut self, difference: Difference) {
        if self.differences.len() < MAX_DIFFERENCES {
            self.differences.push(difference);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }
}

/// What tells a clock from nearly all others: an incident that is opened, resolved and opened again in
/// one moment has two of one kind that start in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    incident: String,
    kind: ObjectiveKind,
    subject: Option<Subject>,
    started: Timestamp,
}

impl Key {
    fn of(clock: &DecidedClock) -> Self {
        Self {
            incident: clock.incident.clone(),
            kind: clock.kind,
            subject: clock.subject.clone(),
            started: clock.started,
        }
    }
}

/// Does all sums of a report again, and says what differs: every clock and every figure.
///
/// `lines` are the lines of clocks that came with the report, byte for byte, without their ends;
/// they are not looked at if the report has no digest of them. `logs` are those of all incidents
/// that the tenant ever had, and `agreements` all that it has or had. What the service measured
/// about itself is taken as it was reported: see [`Recomputed::unproven`].
///
/// A report of a month that is not over yet goes by what was known at its time. An entry that was
/// written in the very moment of the report may make a difference then.
pub fn recompute<L: AsRef<[u8]>>(
    report: &Report,
    lines: impl IntoIterator<Item = L>,
    logs: impl IntoIterator<Item = Log>,
    agreements: &[Agreement],
) -> Recomputed {
    let mut came = Recomputed::default();
    if report.availability.is_some() || report.earlier.iter().any(|m| m.availability.is_some()) {
        came.unproven.push("availability");
    }
    if report.freshness.is_some() {
        came.unproven.push("freshness");
    }
    let reported = read(report, lines, &mut came);
    let numbers: HashMap<&str, u64> = reported
        .iter()
        .chain(&report.breaches)
        .map(|clock| (clock.incident.as_str(), clock.number))
        .collect();

    let mut own: HashMap<Key, Vec<DecidedClock>> = HashMap::new();
    let mut builder = Builder::new(
        report.tenant.clone(),
        report.period,
        report.as_of,
        agreements,
    );
    let mut months: Vec<(Period, Attainment)> = report
        .earlier
        .iter()
        .map(|month| (month.period, Attainment::default()))
        .collect();
    let in_force_at = |at| in_force(agreements, at);
    for log in logs {
        let known = numbers.get(log.incident.as_str()).copied();
        let number = log.number.or(known).unwrap_or_default();
        let clocks = |period, now| {
            decided(
                &log.entries,
                in_force_at,
                &log.incident,
                number,
                period,
                now,
            )
        };
        for clock in clocks(report.period, report.as_of) {
            builder.add(&clock);
            came.clocks = came.clocks.saturating_add(1);
            own.entry(Key::of(&clock)).or_default().push(clock);
        }
        let begun = log.entries.iter().map(|entry| entry.at).min();
        for (period, attainment) in &mut months {
            if begun.is_some_and(|begun| begun < period.to()) {
                let clocks = clocks(*period, report.as_of);
                clocks
                    .iter()
                    .for_each(|clock| attainment.add_decided(clock));
            }
        }
    }
    drop(numbers);
    if report.clocks.is_some() {
        match_clocks(reported, own, &mut came);
    }
    let months = months.into_iter().zip(&report.earlier);
    let earlier = months.map(|((period, attainment), reported)| Month {
        period,
        kinds: kinds(&attainment),
        availability: reported.availability,
    });
    let own = builder.finish(
        report.availability.as_ref().map(|measured| {
            super::Availability::measured(
                measured.total_minutes,
                measured.available_minutes,
                measured.gaps.clone(),
            )
        }),
        report.freshness,
        earlier.collect(),
        report.clocks.clone(),
    );
    match (serde_json::to_value(report), serde_json::to_value(&own)) {
        (Ok(reported), Ok(own)) => compare(&reported, &own, &mut |figure, reported, own| {
            came.differ(Difference::Figure {
                figure: figure.to_owned(),
                reported: reported.clone(),
                own: own.clone(),
            });
        }),
        // No report has a form that JSON lacks; if one had, nothing would have been compared.
        (Err(error), _) | (_, Err(error)) => came.differ(Difference::Figure {
            figure: "the report".to_owned(),
            reported: Value::from(error.to_string()),
            own: Value::Null,
        }),
    }
    came
}

/// The clocks that came with the report.
fn read<L: AsRef<[u8]>>(
    report: &Report,
    lines: impl IntoIterator<Item = L>,
    came: &mut Recomputed,
) -> Vec<DecidedClock> {
    let Some(signed) = &report.clocks else {
        return Vec::new();
    };
    let mut digest = ClockLines::default();
    let mut clocks = Vec::new();
    for (number, line) in (1..).zip(lines) {
        digest.take(line.as_ref());
        digest.take(b"\n");
        match serde_json::from_slice(line.as_ref()) {
            Ok(clock) => clocks.push(clock),
            Err(error) => came.differ(Difference::Unreadable {
                line: number,
                why: error.to_string(),
            }),
        }
    }
    let own = digest.finish();
    if *signed != own {
        came.differ(Difference::Digest {
            reported: signed.clone(),
            own,
        });
    }
    clocks
}

fn match_clocks(
    reported: Vec<DecidedClock>,
    mut own: HashMap<Key, Vec<DecidedClock>>,
    came: &mut Recomputed,
) {
    // Those that are alike go first, so that none of them is taken for another one.
    let mut others = Vec::new();
    for clock in reported {
        let mine = own.get_mut(&Key::of(&clock));
        let place = mine
            .as_ref()
            .and_then(|mine| mine.iter().position(|one| *one == clock));
        match mine.zip(place) {
            Some((mine, place)) => drop(mine.swap_remove(place)),
            None => others.push(clock),
        }
    }
    for clock in others {
        let Some(mine) = own.get_mut(&Key::of(&clock)).and_then(Vec::pop) else {
            came.differ(Difference::NotInLog {
                clock: Box::new(clock),
            });
            continue;
        };
        let values = (serde_json::to_value(&clock), serde_json::to_value(&mine));
        if let (Ok(reported), Ok(value)) = values {
            compare(&reported, &value, &mut |field, reported, own| {
                came.differ(Difference::Clock {
                    clock: Box::new(mine.clone()),
                    field: field.to_owned(),
                    reported: reported.clone(),
                    own: own.clone(),
                });
            });
        }
    }
    let mut left: Vec<DecidedClock> = own.into_values().flatten().collect();
    left.sort_by(|a, b| {
        let order = |clock: &DecidedClock| (clock.number, clock.started, clock.kind);
        (order(a), &a.incident).cmp(&(order(b), &b.incident))
    });
    for clock in left {
        came.differ(Difference::NotReported {
            clock: Box::new(clock),
        });
    }
}

fn kinds(attainment: &Attainment) -> Vec<KindOfMonth> {
    let kinds = ObjectiveKind::ALL.into_iter();
    let kinds = kinds.map(|kind| (kind, attainment.of_kind(kind)));
    kinds
        .filter(|(_, group)| group.met > 0 || group.breached > 0)
        .map(|(kind, group)| KindOfMonth {
            kind,
            met: group.met,
            breached: group.breached,
            attained: group.attained(),
        })
        .collect()
}
