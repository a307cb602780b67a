//! From clocks to a report.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::agreement::{Agreement, AgreementDraft};
use super::super::attainment::{Attainment, Group, credits, total};
use super::super::clock::Subject;
use super::super::decided::{DecidedClock, Outcome};
use super::super::objective::{ObjectiveKind, Severity};
use super::super::period::Period;
use super::{Availability, ClocksDigest, Credits, Figures, Freshness, Line, Month, Report, Total};

/// Most breached clocks that a report names.
pub const MAX_BREACHES: usize = 1_000;

/// The order in which breached clocks are named, and what tells one from another.
type Place = (
    Severity,
    Timestamp,
    u64,
    ObjectiveKind,
    Timestamp,
    Option<Subject>,
    String,
);

/// Makes a report of clocks that come in any order. It keeps none of them but the breached ones
/// that are named: of the others no more than how often each time was spent.
#[derive(Debug)]
pub struct Builder<'a> {
    tenant: String,
    period: Period,
    as_of: Timestamp,
    agreements: &'a [Agreement],
    attainment: Attainment,
    versions: BTreeSet<u32>,
    breaches: BTreeMap<Place, DecidedClock>,
    breached: u64,
}

impl<'a> Builder<'a> {
    /// Begins the report of a tenant's month, as far as it is at `now`. `agreements` are all that
    /// the tenant has or had.
    pub fn new(
        tenant: impl Into<String>,
        period: Period,
        now: Timestamp,
        agreements: &'a [Agreement],
    ) -> Self {
        Self {
            tenant: tenant.into(),
            period,
            as_of: period.as_of(now),
            agreements,
            attainment: Attainment::default(),
            versions: BTreeSet::new(),
            breaches: BTreeMap::new(),
            breached: 0,
        }
    }

    /// Counts a clock that was decided in the month. Each is to be counted once.
    pub fn add(&mut self, clock: &DecidedClock) {
        self.attainment.add_decided(clock);
        if !self.versions.contains(&clock.agreement) {
            self.versions.insert(clock.agreement);
        }
        if clock.state == Outcome::Met {
            return;
        }
        self.breached = self.breached.saturating_add(1);
        let full = self.breaches.len() >= MAX_BREACHES;
        if full {
            let last = self.breaches.last_key_value();
            let (severity, decided) = (clock.severity, clock.decided);
            if last.is_some_and(|(last, _)| (last.0, last.1) < (severity, decided)) {
                return;
            }
        }
        let place = (
            clock.severity,
            clock.decided,
            clock.number,
            clock.kind,
            clock.started,
            clock.subject.clone(),
            clock.incident.clone(),
        );
        self.breaches.insert(place, clock.clone());
        if full {
            self.breaches.pop_last();
        }
    }

    /// The report. `earlier` are the months before, in any order: the eleven latest of those
    /// before the period are taken. `clocks` is the digest of the lines that go with it.
    pub fn finish(
        self,
        availability: Option<Availability>,
        freshness: Option<Freshness>,
        earlier: Vec<Month>,
        clocks: Option<ClocksDigest>,
    ) -> Report {
        let mut kinds: BTreeMap<ObjectiveKind, Group> = BTreeMap::new();
        let mut overall = Group::default();
        let mut lines = Vec::new();
        for (kind, severity, group) in self.attainment.groups() {
            kinds.entry(kind).or_default().merge(group);
            overall.merge(group);
            lines.push(Line {
                kind,
                severity,
                figures: Figures::from(group),
            });
        }
        let totals = kinds.iter().map(|(kind, group)| Total {
            kind: *kind,
            figures: Figures::from(group),
        });
        let named = u64::try_from(self.breaches.len()).unwrap_or(u64::MAX);
        Report {
            period: self.period,
            as_of: self.as_of,
            complete: self.period.is_over_at(self.as_of),
            agreements: self.agreements(),
            lines,
            totals: totals.collect(),
            overall: Figures::from(&overall),
            credits: self.credits(availability.as_ref()),
            breaches_left_out: self.breached.saturating_sub(named),
            breaches: self.breaches.into_values().collect(),
            availability,
            freshness,
            earlier: latest(earlier, self.period),
            clocks,
            tenant: self.tenant,
        }
    }

    /// Whether it was in force in some part of the month that is reported on.
    fn was_in_force(&self, agreement: &Agreement) -> bool {
        let validity = agreement.validity();
        let begun = validity.from < self.period.to() && validity.from <= self.as_of;
        begun && validity.to.is_none_or(|to| to > self.period.from())
    }

    fn agreements(&self) -> Vec<AgreementDraft> {
        let listed = self.agreements.iter().filter(|agreement| {
            self.versions.contains(&agreement.version()) || self.was_in_force(agreement)
        });
        let mut drafts: Vec<AgreementDraft> =
            listed.map(|agreement| agreement.clone().into()).collect();
        for draft in &mut drafts {
            // It may get its end later: the report of a month that is over must stay the same.
            draft.valid_to = draft.valid_to.filter(|to| *to < self.period.to());
            // Who is called counts in no figure, and reports go further than people's names need.
            draft.duties = Vec::new();
            draft.contacts = Vec::new();
            draft.escalations = Vec::new();
        }
        drafts.sort_by_key(|draft| draft.version);
        drafts
    }

    fn credits(&self, availability: Option<&Availability>) -> Credits {
        let in_force = self.agreements.iter().filter(|a| self.was_in_force(a));
        let Some(agreement) = in_force.max_by_key(|agreement| agreement.validity().from) else {
            return Credits::default();
        };
        let availability = availability.and_then(|measured| measured.attained);
        let owed = credits(agreement, &self.attainment, availability);
        Credits {
            agreement: Some(agreement.version()),
            total: total(&owed),
            owed,
        }
    }
}

fn latest(mut months: Vec<Month>, before: Period) -> Vec<Month> {
    months.retain(|month| month.period < before);
    months.sort_by_key(|month| month.period);
    let over = months.len().saturating_sub(11);
    months.drain(..over);
    months
}
