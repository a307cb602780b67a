//! One event, taken in by all whom it tells of.

use std::collections::BTreeMap;

use crate::anomaly::{
    Anomaly, AnomalyKind, MOST_EVENTS, Statement, Subject as Told, SubjectKind, techniques,
};
use crate::common::Common;
use crate::explain;
use crate::known::Newness;
use crate::model::{Model, Part, purpose};
use crate::observation::{Observation, clip_to};
use crate::room::Room;
use crate::series::{Basis, Metric};
use crate::shard::Shard;
use crate::subject::Subject;
use crate::table::Places;

/// Most anomalies that one call tells.
const MOST_ANOMALIES: usize = 1_000;
/// Longest name of a subject that is told, in bytes.
const LONGEST_NAME: usize = 256;

/// Bits that an anomaly needs, besides one for each doubling of the subjects that could have it
/// (docs/adr/0022 says how they were found).
const NEEDED: [(AnomalyKind, f32); 8] = [
    (AnomalyKind::FirstSeenOperation, 5.8),
    (AnomalyKind::FirstSeenRegion, 4.5),
    (AnomalyKind::FirstSeenNetwork, 5.8),
    (AnomalyKind::FirstSeenUserAgent, 4.0),
    (AnomalyKind::Volume, 7.8),
    (AnomalyKind::Beaconing, 3.0),
    (AnomalyKind::FanOut, 6.0),
    (AnomalyKind::RoleChain, 3.0),
];

/// An event's time, in the steps that the model counts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) day: u16,
    pub(crate) hour: u32,
    pub(crate) second: u32,
}

impl When {
    /// `None` before 1970 and after 2106, which no event is.
    pub(crate) fn of(time_ns: i64) -> Option<Self> {
        let second = u32::try_from(time_ns.div_euclid(1_000_000_000)).ok()?;
        let hour = second / 3_600;
        let day = u16::try_from(hour / 24).ok()?;
        Some(Self { day, hour, second })
    }
}

/// Anomalies, those of one key together.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    all: Vec<Anomaly>,
    places: BTreeMap<[u8; 16], usize>,
    untold: u64,
}

impl Joined {
    fn push(&mut self, anomaly: Anomaly) {
        let place = self.places.get(&anomaly.key).copied();
        if let Some(known) = place.and_then(|at| self.all.get_mut(at)) {
            known.join(anomaly);
        } else if self.all.len() < MOST_ANOMALIES {
            self.places.insert(anomaly.key, self.all.len());
            self.all.push(anomaly);
        } else {
            self.untold += 1;
        }
    }

    pub(crate) fn end(self) -> (Vec<Anomaly>, u64) {
        (self.all, self.untold)
    }
}

/// One event and all that it may change.
pub(crate) struct Taking<'a, 'e> {
    pub(crate) model: &'a Model,
    pub(crate) common: &'a mut Common,
    pub(crate) shards: &'a mut BTreeMap<Part, Shard>,
    pub(crate) observation: &'a Observation<'e>,
    pub(crate) when: When,
    pub(crate) joined: &'a mut Joined,
    pub(crate) crowded: u64,
}

impl Taking<'_, '_> {
    /// Takes in the event.
    pub(crate) fn take(&mut self) {
        self.common.on(self.when.day);
        let subjects = self.model.subjects(self.observation);
        if let Some(connection) = self.observation.connection() {
            if let Some(source) = subjects.who {
                self.connection(source, connection);
            }
            return;
        }
        if let Some(principal) = subjects.who {
            self.principal(principal, subjects.role);
        }
        for (resource, name) in subjects.resources {
            self.resource(resource, name);
        }
    }

    fn resource(&mut self, resource: u64, name: &str) {
        self.follow(
            SubjectKind::Resource,
            resource,
            name,
            |judge, subject, room| {
                judge.volume(subject, Metric::Events, 1, room);
                if let Some(bytes) = judge.observation.bytes {
                    judge.volume(subject, Metric::Bytes, bytes, room);
                }
            },
        );
    }

    /// Takes the event in where a subject is kept; whether the subject is followed.
    pub(crate) fn follow(
        &mut self,
        kind: SubjectKind,
        hash: u64,
        name: &str,
        take: impl FnOnce(&mut Judge<'_, '_>, &mut Subject, &mut Room),
    ) -> bool {
        let table_at = table_of(kind);
        let most = Shard::most(&self.model.limits, table_at);
        let shard = self.shards.get_mut(&Part::of(hash));
        let Some(table) = shard.and_then(|shard| shard.table(table_at)) else {
            return false;
        };
        let mut places = Places::default();
        let mut followed = false;
        let subject = table.subject(hash, self.when, most, &mut places);
        if kind == SubjectKind::Resource && subject.is_none() {
            // Most resources are named once, such as objects in a store: forgetting them is no loss.
            places.forgotten = 0;
        }
        if let Some((subject, mut room)) = subject {
            subject.on(self.when);
            let mut judge = Judge {
                model: self.model,
                common: &mut *self.common,
                observation: self.observation,
                when: self.when,
                joined: &mut *self.joined,
                crowded: 0,
                kind,
                hash,
                name,
            };
            take(&mut judge, subject, &mut room);
            places.crowded += judge.crowded;
            table.grew(most, &room, &mut places);
            followed = true;
        }
        if let Some(count) = self.common.followed.get_mut(table_at) {
            *count = count
                .saturating_add(places.came)
                .saturating_sub(places.went);
            self.common.changed |= places.came != places.went;
        }
        self.crowded += places.crowded + places.forgotten;
        followed
    }
}

/// The table in which subjects of a kind are kept.
pub(crate) const fn table_of(kind: SubjectKind) -> usize {
    match kind {
        SubjectKind::Principal | SubjectKind::Tenant => 0,
        SubjectKind::Address => 1,
        SubjectKind::Resource => 2,
    }
}

/// One event and one subject of it.
pub(crate) struct Judge<'a, 'e> {
    pub(crate) model: &'a Model,
    pub(crate) common: &'a mut Common,
    pub(crate) observation: &'a Observation<'e>,
    pub(crate) when: When,
    pub(crate) joined: &'a mut Joined,
    pub(crate) crowded: u64,
    pub(crate) kind: SubjectKind,
    pub(crate) hash: u64,
    pub(crate) name: &'a str,
}

/// What is to be told of an anomaly, besides what all say in the same way.
pub(crate) struct Draft {
    pub(crate) kind: AnomalyKind,
    pub(crate) metric: Metric,
    pub(crate) basis: Basis,
    pub(crate) bits: f32,
    pub(crate) count: u64,
    pub(crate) events: Vec<[u8; 16]>,
    /// What tells two anomalies of a kind and subject apart.
    pub(crate) apart: u64,
    pub(crate) expected: Statement,
    pub(crate) seen: Statement,
}

impl Judge<'_, '_> {
    /// How many bits an anomaly needs.
    pub(crate) fn needed(&self, kind: AnomalyKind) -> f32 {
        let own = NEEDED.iter().find(|(of, _)| *of == kind);
        let crowd = match kind {
            AnomalyKind::Volume => self.common.crowd_bits(&[0, 1, 2]),
            AnomalyKind::Beaconing | AnomalyKind::FanOut => self.common.crowd_bits(&[1]),
            _ => self.common.crowd_bits(&[0]),
        };
        let own = own.map_or(0.0, |(_, bits)| *bits);
        (own + crowd + self.model.limits.more_bits).max(1.0)
    }

    /// Counts in an hour, and tells if the hour stands out.
    pub(crate) fn volume(
        &mut self,
        subject: &mut Subject,
        metric: Metric,
        amount: u64,
        room: &mut Room,
    ) {
        let (hour, name) = (self.when.hour, self.observation.name);
        let since = subject.since;
        let kind = match metric {
            Metric::Destinations => AnomalyKind::FanOut,
            _ => AnomalyKind::Volume,
        };
        let needed = self.needed(kind);
        let Some(series) = subject.series(metric, hour, room) else {
            return;
        };
        match metric {
            Metric::Destinations => series.add_different(hour, amount, name),
            _ => series.add(metric, hour, amount, name),
        }
        let Some(peak) = series.peak(metric, hour, since, needed) else {
            return;
        };
        self.tell(Draft {
            kind,
            metric,
            basis: peak.baseline.basis,
            bits: peak.bits,
            count: peak.count,
            expected: explain::hour(&peak.baseline, metric, hour),
            seen: explain::peak(peak.count, metric, hour),
            events: peak.names,
            apart: u64::from(self.when.day),
        });
    }

    /// Whether a novelty is surprising enough, and by how much.
    pub(crate) fn surprising(
        &self,
        kind: AnomalyKind,
        newness: Option<Newness>,
    ) -> Option<Newness> {
        newness.filter(|newness| newness.bits >= self.needed(kind))
    }

    pub(crate) fn tell(&mut self, draft: Draft) {
        let limit = self.needed(draft.kind);
        let key = self.model.key.long(
            purpose::ANOMALY,
            &[
                draft.kind.as_str().as_bytes(),
                draft.metric.as_str().as_bytes(),
                self.kind.as_str().as_bytes(),
                &self.hash.to_le_bytes(),
                &draft.apart.to_le_bytes(),
            ],
        );
        let mut events = draft.events;
        if !events.contains(&self.observation.name) {
            events.push(self.observation.name);
        }
        events.truncate(MOST_EVENTS);
        let account = match self.observation.principal() {
            Some(principal) if self.kind != SubjectKind::Resource => principal.account,
            _ => self.observation.account,
        };
        let time = self.observation.time_ns;
        self.joined.push(Anomaly {
            kind: draft.kind,
            subject: Told {
                kind: self.kind,
                name: clip_to(self.name, LONGEST_NAME),
                account: clip_to(account, LONGEST_NAME),
            },
            key,
            expected: draft.expected,
            seen: draft.seen,
            basis: draft.basis,
            score: draft.bits,
            limit,
            times: (time, time),
            count: draft.count,
            events,
            techniques: techniques(draft.kind, draft.metric),
        });
    }
}
