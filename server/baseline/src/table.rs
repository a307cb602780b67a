//! Subjects of one kind in one shard: those that are followed, and names that were seen on one day
//! only and cost next to nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::room::Room;
use crate::subject::Subject;
use crate::taking::When;

/// Names of one day that are remembered.
const MOST_PROBES: usize = 256;
/// What a name costs.
const PROBE_BYTES: usize = 32;
/// Hours for which a subject is kept that does nothing, whoever else wants its place. It is the
/// floor: within it nobody is driven out by names that an attacker makes.
const FLOOR: u32 = 14 * 24;
/// Bytes that should be left before an event is taken: what a subject first needs.
const RESERVE: usize = 4_096;

/// A name that was seen on one day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Probe {
    day: u16,
    last: u32,
}

/// Subjects of one kind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Table {
    followed: BTreeMap<u64, Subject>,
    probes: BTreeMap<u64, Probe>,
    #[serde(skip)]
    bytes: usize,
    /// The hour in which nobody was found who could make room: until the next nobody will.
    #[serde(skip)]
    tight: u32,
}

/// What became of the places of a table when an event was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Places {
    /// Subjects that are followed from now on, and no more.
    pub(crate) came: u32,
    pub(crate) went: u32,
    /// Names of one day that were forgotten early, so that they count as new again.
    pub(crate) forgotten: u64,
    /// Subjects that should be followed and can't be, or of which not all could be remembered.
    pub(crate) crowded: u64,
}

impl Table {
    /// What names of one day cost at most.
    pub(crate) const PROBES_BYTES: usize = MOST_PROBES * PROBE_BYTES;

    /// Whether it is as this code leaves it; counts what it costs.
    pub(crate) fn settle(&mut self) -> bool {
        self.bytes = self.followed.values().map(Subject::bytes).sum();
        self.probes.len() <= MOST_PROBES && self.followed.values().all(Subject::is_sound)
    }

    pub(crate) fn len(&self) -> usize {
        self.followed.len()
    }

    /// Where there is an event of a subject: what is known of it, if it is followed, and the room
    /// that is left to know more.
    pub(crate) fn subject(
        &mut self,
        subject: u64,
        when: When,
        most: usize,
        places: &mut Places,
    ) -> Option<(&mut Subject, Room)> {
        if most.saturating_sub(self.bytes) < RESERVE {
            self.make_room(when, most, places);
        }
        if !self.followed.contains_key(&subject) {
            let again = match self.probes.get_mut(&subject) {
                None => {
                    self.probe(subject, when, places);
                    false
                }
                Some(probe) => {
                    let again = probe.day != when.day;
                    probe.last = probe.last.max(when.hour);
                    again
                }
            };
            if !again {
                return None;
            }
            if most.saturating_sub(self.bytes) < RESERVE {
                places.crowded += 1;
                return None;
            }
            self.probes.remove(&subject);
            self.bytes += Subject::BYTES;
            self.followed.insert(subject, Subject::new(when.hour));
            places.came += 1;
        }
        let room = Room::new(most.saturating_sub(self.bytes));
        self.followed
            .get_mut(&subject)
            .map(|subject| (subject, room))
    }

    /// Takes note of what a subject has grown by.
    pub(crate) fn grew(&mut self, most: usize, room: &Room, places: &mut Places) {
        let left = most.saturating_sub(self.bytes);
        self.bytes += left.saturating_sub(room.left());
        places.crowded += u64::from(room.refused());
    }

    /// Forgets subjects that did nothing for longer than the floor, the longest first.
    fn make_room(&mut self, when: When, most: usize, places: &mut Places) {
        if self.tight == when.hour {
            return;
        }
        let idle = |subject: &Subject| when.hour.saturating_sub(subject.last);
        while most.saturating_sub(self.bytes) < RESERVE {
            let longest = self
                .followed
                .iter()
                .max_by_key(|(_, subject)| idle(subject));
            let Some((gone, bytes)) = longest
                .filter(|(_, subject)| idle(subject) > FLOOR)
                .map(|(hash, subject)| (*hash, subject.bytes()))
            else {
                self.tight = when.hour;
                return;
            };
            self.followed.remove(&gone);
            self.bytes = self.bytes.saturating_sub(bytes);
            places.went += 1;
        }
    }

    /// Remembers a name. When there are too many, the quarter that was not seen for longest goes.
    fn probe(&mut self, subject: u64, when: When, places: &mut Places) {
        if self.probes.len() >= MOST_PROBES {
            let mut all: Vec<(u32, u64)> = self.probes.iter().map(|(h, p)| (p.last, *h)).collect();
            all.sort_unstable();
            for (last, hash) in all.into_iter().take(MOST_PROBES / 4) {
                self.probes.remove(&hash);
                // Whoever comes back after two weeks may be new again.
                let early = when.hour.saturating_sub(last) < FLOOR;
                places.forgotten += u64::from(early);
            }
        }
        let probe = Probe {
            day: when.day,
            last: when.hour,
        };
        self.probes.insert(subject, probe);
    }
}
