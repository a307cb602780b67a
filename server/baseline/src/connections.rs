//! What addresses connect to: how much, how many targets, and at what beat.

use crate::anomaly::{AnomalyKind, SubjectKind};
use crate::beacon::Beat;
use crate::explain::{self, Steady};
use crate::known::{Feature, Seen};
use crate::model::purpose;
use crate::observation::{Connection, is_public, network};
use crate::robust::rarity_bits;
use crate::room::Room;
use crate::series::{Basis, LEARNED_DAYS, Metric};
use crate::subject::Subject;
use crate::taking::{Draft, Judge, Taking, table_of};

/// Most others of the tenant that may connect to where a beacon goes: what more do is no secret.
const MOST_OTHERS: u32 = 2;

impl Taking<'_, '_> {
    /// Takes the event in for the source's address.
    pub(crate) fn connection(&mut self, source: u64, connection: Connection) {
        let name = connection.source.to_string();
        self.follow(
            SubjectKind::Address,
            source,
            &name,
            |judge, subject, room| {
                judge.volume(subject, Metric::Events, 1, room);
                if let Some(bytes) = judge.observation.bytes {
                    judge.volume(subject, Metric::Bytes, bytes, room);
                }
                if connection.opened() {
                    let target = judge.target(&connection);
                    judge.volume(subject, Metric::Destinations, target, room);
                    if is_public(connection.target) {
                        judge.beat(subject, &connection, target, room);
                    }
                }
            },
        );
    }
}

impl Judge<'_, '_> {
    fn target(&self, connection: &Connection) -> u64 {
        let address = connection.target.to_string();
        let port = connection.target_port.to_le_bytes();
        let key = &self.model.key;
        key.hash(purpose::TARGET, &[address.as_bytes(), &port])
    }

    /// Follows connections to where the subject has not gone for long, and nearly nobody else.
    fn beat(
        &mut self,
        subject: &mut Subject,
        connection: &Connection,
        target: u64,
        room: &mut Room,
    ) {
        let (feature, day) = (Feature::Destination, self.when.day);
        let network = network(connection.target);
        let hash = self
            .model
            .key
            .hash(purpose::DESTINATION, &[network.as_bytes()]);
        let since = match subject.see(feature, hash, day, room) {
            Seen::Known { first } => {
                self.common.touch(feature, hash, day);
                first
            }
            Seen::New { crowded } => {
                // Who goes to too many networks to remember them would count for one again and
                // again.
                let text = || network.clone();
                let before = self.common.see(feature, (hash, text), day, !crowded);
                self.crowded += u64::from(before.crowded);
                day
            }
        };
        let users = self
            .common
            .value(feature, hash)
            .map_or(0, |value| value.users);
        let others = users.saturating_sub(1);
        if others > MOST_OTHERS || u32::from(day.saturating_sub(since)) > LEARNED_DAYS {
            return;
        }
        let at = (self.when.second, connection.source_port);
        let beat = subject.pairs.take(target, at, self.observation.name, room);
        if let Some(beat) = beat {
            let told = self.steady(subject, connection, target, (beat, others, &network));
            subject.pairs.told(target, told);
        }
    }

    /// Judges a beat; how many events of it are told, or so many that it never is.
    fn steady(
        &mut self,
        subject: &mut Subject,
        connection: &Connection,
        target: u64,
        (beat, others, network): (Beat, u32, &str),
    ) -> usize {
        /// A beat that belongs to what was learned is never told.
        const NEVER: usize = 255;
        let (kind, day) = (AnomalyKind::Beaconing, self.when.day);
        let addresses = self.common.followed.get(table_of(self.kind));
        let addresses = addresses.copied().unwrap_or_default();
        let rarity = rarity_bits(others, addresses.saturating_sub(1));
        let learned = subject.is_learned(self.when);
        let novelty = match learned {
            true => subject.novelty(Feature::Destination),
            false if self.common.is_learned(day) => self.common.novelty(Feature::Destination),
            false => return NEVER,
        };
        let newness = novelty.map(|novelty| match beat.first {
            true => novelty.take(day, rarity),
            false => novelty.now(),
        });
        let Some(newness) = self.surprising(kind, newness) else {
            // If it comes to be surprising later, with others of the day, it is told then.
            return 0;
        };
        let (days, events) = match learned {
            true => (subject.days(self.when), subject.events),
            false => (self.common.days(), 0),
        };
        let steady = Steady {
            target: format!("{} port {}", connection.target, connection.target_port),
            network: network.to_owned(),
            gap: beat.gap,
            mad: beat.mad,
            others,
            addresses,
            newness,
            days,
        };
        let told = beat.names.len().max(1);
        self.tell(Draft {
            kind,
            metric: Metric::Destinations,
            basis: Basis::FirstSeen { days, events },
            bits: newness.bits,
            count: told as u64,
            events: beat.names,
            apart: target,
            expected: explain::not_steady(&steady),
            seen: explain::steady(&steady),
        });
        told
    }
}
