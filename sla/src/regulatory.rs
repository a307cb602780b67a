//! The deadlines of the law for reports on an incident, as countdowns.
//!
//! These are not service levels: they run in real time on all days, no hand-over pauses
//! them, and no agreement changes them. Which duties an entity has, when it became aware and
//! how it classified the incident are facts that others settle.
//!
//! Deadlines are counted from the moment itself, and months keep the time of day. Where the
//! rules on periods (Regulation (EEC, Euratom) No 1182/71) give until the end of the hour or
//! of the day, the deadline here is a little earlier, never later.

mod facts;
mod table;
#[cfg(test)]
mod tests;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, Zoned};
use serde::{Deserialize, Serialize};

pub use self::facts::{Fact, Facts};
pub use self::table::{Cap, Duty, RULES, Relief, Report, Rule, Term, Trigger};
use super::calendar::Calendar;

/// A report that was submitted, or submitted again with news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// By which duty.
    pub duty: Duty,
    /// What.
    pub report: Report,
    /// When.
    pub at: Timestamp,
}

/// What is known of an incident.
#[derive(Debug, Clone, Copy, Default)]
pub struct RegulatoryFacts<'a> {
    /// The duties that the entity has for it.
    pub duties: &'a [Duty],
    /// When the entity became aware.
    pub awareness: Option<Timestamp>,
    /// When the entity classified it as major (DORA).
    pub classification: Option<Timestamp>,
    /// The reports that were submitted, in any order.
    pub submissions: &'a [Submission],
    /// What the agreement sets where the law names no number.
    pub internal_target: Option<SignedDuration>,
    /// The bank holidays of the entity's Member State and its time zone: the holidays and
    /// the zone of a calendar, whose hours don't matter. Without one there is no relief.
    pub bank_holidays: Option<&'a Calendar>,
    /// Whether the entity is of those that some relief leaves out.
    pub left_out_of_relief: bool,
}

/// How a countdown stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// What it runs from has not happened.
    Waiting,
    /// It runs.
    Running,
    /// Submitted in time, the last moment included.
    Met,
    /// Not submitted in time, whether or not it was later.
    Missed,
    /// It runs, but there is no number to hold it to.
    Elapsing,
    /// Submitted, without a number to hold it to.
    Submitted,
}

/// A deadline of an incident, as of a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Countdown<'t> {
    /// The rule that it follows from.
    pub rule: &'t Rule,
    /// When the term began to run.
    pub started: Option<Timestamp>,
    /// When the term ends.
    pub due: Option<Timestamp>,
    /// Noon of the next working day, where the law grants that.
    pub relieved: Option<Timestamp>,
    /// Whether the number is the agreement's and not the law's.
    pub internal: bool,
    /// When it was submitted first.
    pub submitted: Option<Timestamp>,
    /// How it stands.
    pub progress: Progress,
    /// Real time since the start, up to the submission; none before the start.
    pub elapsed: Option<SignedDuration>,
    /// Real time that is left, or was left at the submission; below zero, by how much it is
    /// late.
    pub left: Option<SignedDuration>,
}

impl Countdown<'_> {
    /// The last moment that is in time.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.relieved.or(self.due)
    }
}

/// The countdowns of an incident as of `now`, in the order of the table. Facts after `now`
/// are not looked at.
pub fn countdowns<'t>(
    facts: &RegulatoryFacts<'_>,
    table: &'t [Rule],
    now: Timestamp,
) -> Vec<Countdown<'t>> {
    let facts = Known { facts, now };
    let day = facts
        .awareness()
        .unwrap_or(now)
        .to_zoned(TimeZone::UTC)
        .date();
    let in_force = |rule: &&Rule| {
        let newer = |other: &Rule| {
            let same = (other.duty, other.report) == (rule.duty, rule.report);
            same && other.since > rule.since && other.since <= day
        };
        facts.facts.duties.contains(&rule.duty) && rule.since <= day && !table.iter().any(newer)
    };
    let rules = table.iter().filter(in_force);
    rules.map(|rule| facts.countdown(rule)).collect()
}

/// The facts up to a moment.
struct Known<'a> {
    facts: &'a RegulatoryFacts<'a>,
    now: Timestamp,
}

impl Known<'_> {
    fn awareness(&self) -> Option<Timestamp> {
        self.facts.awareness.filter(|at| *at <= self.now)
    }

    fn submissions(&self, duty: Duty, report: Report) -> impl Iterator<Item = Timestamp> {
        let all = self.facts.submissions.iter();
        all.filter(move |s| s.duty == duty && s.report == report && s.at <= self.now)
            .map(|submission| submission.at)
    }

    /// When what a term of the rule runs from happened. What comes after the report itself
    /// no longer moves its deadline.
    fn trigger(&self, rule: &Rule, trigger: Trigger, until: Timestamp) -> Option<Timestamp> {
        match trigger {
            Trigger::Awareness => self.awareness(),
            Trigger::Classification => self.facts.classification.filter(|at| *at <= self.now),
            Trigger::FirstSubmission(report) => self.submissions(rule.duty, report).min(),
            Trigger::LatestSubmission(report) => {
                let all = self.submissions(rule.duty, report);
                all.filter(|at| *at <= until).max()
            }
        }
    }

    fn countdown<'t>(&self, rule: &'t Rule) -> Countdown<'t> {
        let submitted = self.submissions(rule.duty, rule.report).min();
        let end = submitted.unwrap_or(self.now);
        let started = self.trigger(rule, rule.trigger, end);
        let by_law = started.and_then(|at| self.due(rule, at));
        let unnumbered = rule.term == Term::WithoutUndueDelay;
        let target = self.facts.internal_target.filter(|_| unnumbered);
        let by_agreement = started
            .zip(target)
            .and_then(|(at, target)| at.checked_add(target).ok());
        let due = by_law.or(by_agreement);
        let relieved = by_law.and_then(|due| self.relieved(rule, due));
        let deadline = relieved.or(due);
        let progress = match (started, submitted, deadline) {
            (_, Some(at), Some(deadline)) if at > deadline => Progress::Missed,
            (Some(_), Some(_), None) if unnumbered => Progress::Submitted,
            (_, Some(_), _) => Progress::Met,
            (None, None, _) => Progress::Waiting,
            (Some(_), None, Some(deadline)) if self.now > deadline => Progress::Missed,
            (Some(_), None, Some(_)) => Progress::Running,
            (Some(_), None, None) => Progress::Elapsing,
        };
        Countdown {
            rule,
            started,
            due,
            relieved,
            internal: by_law.is_none() && by_agreement.is_some(),
            submitted,
            progress,
            elapsed: started.map(|at| end.duration_since(at)),
            left: deadline.map(|at| at.duration_since(end)),
        }
    }

    /// When the terms of the rule end, of which the first one began to run at a moment.
    fn due(&self, rule: &Rule, started: Timestamp) -> Option<Timestamp> {
        let due = match rule.term {
            Term::Hours(hours) => started
                .checked_add(SignedDuration::from_hours(hours))
                .ok()?,
            Term::Months(months) => {
                let span = Span::new().try_months(months).ok()?;
                let local = started.to_zoned(TimeZone::UTC).checked_add(span).ok()?;
                local.timestamp()
            }
            Term::WithoutUndueDelay => return None,
        };
        let cap = rule.cap.and_then(|cap| {
            let at = self.trigger(rule, cap.trigger, started)?;
            at.checked_add(SignedDuration::from_hours(cap.hours)).ok()
        });
        let cap = cap.filter(|cap| started <= *cap);
        Some(cap.map_or(due, |cap| cap.min(due)))
    }

    /// Noon of the next working day, if the deadline is on none and the rule grants that.
    fn relieved(&self, rule: &Rule, due: Timestamp) -> Option<Timestamp> {
        let granted = rule.relief?.for_all || !self.facts.left_out_of_relief;
        let calendar = self.facts.bank_holidays.filter(|_| granted)?;
        let (zone, holidays) = match calendar {
            Calendar::AlwaysOpen => ("UTC", None),
            Calendar::OfficeHours(hours) => (hours.time_zone(), Some(hours.holidays())),
        };
        let works = |day: &Zoned| {
            !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
                && !holidays.is_some_and(|holidays| holidays.contains(&day.date()))
        };
        let mut day = due.in_tz(zone).ok()?;
        if works(&day) {
            return None;
        }
        // No run of holidays is as long as a year.
        for _ in 0..366 {
            day = day.tomorrow().ok()?;
            if works(&day) {
                let noon = day.date().at(12, 0, 0, 0);
                return Some(noon.in_tz(zone).ok()?.timestamp());
            }
        }
        None
    }
}
