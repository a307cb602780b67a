//! Which values somebody is known by, and how often new ones come.

use serde::{Deserialize, Serialize};

use crate::robust::new_bits;
use crate::room::Room;

/// What can be new about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    Operation,
    Region,
    Network,
    UserAgent,
    /// From which account a chain of roles came, and to which role.
    Chain,
    /// The network that a connection went to.
    Destination,
}

/// How many features there are.
pub(crate) const FEATURES: usize = 6;

impl Feature {
    pub(crate) const ALL: [Self; FEATURES] = [
        Self::Operation,
        Self::Region,
        Self::Network,
        Self::UserAgent,
        Self::Chain,
        Self::Destination,
    ];

    /// Most values that one subject is known by.
    pub(crate) const fn most(self) -> usize {
        match self {
            Self::Operation => 160,
            Self::Region => 16,
            Self::Network => 48,
            Self::UserAgent | Self::Chain => 32,
            Self::Destination => 64,
        }
    }

    /// Most values that the tenant as a whole is known by.
    pub(crate) const fn most_of_tenant(self) -> usize {
        match self {
            Self::Operation => 1_024,
            Self::Region => 64,
            Self::Network | Self::Destination => 512,
            Self::UserAgent => 384,
            Self::Chain => 128,
        }
    }
}

/// One value of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Value {
    pub(crate) hash: u64,
    /// The days on which it was seen first and last.
    pub(crate) first: u16,
    pub(crate) last: u16,
    pub(crate) count: u32,
}

impl Value {
    /// What one costs, kept or in memory, whichever is more.
    pub(crate) const BYTES: usize = 24;
}

/// Whether a value was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Since this day.
    Known { first: u16 },
    /// It was not; to make room one was forgotten that was seen as late as this one.
    New { crowded: bool },
}

/// The values of one feature of a subject, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Known(Vec<Value>);

impl Known {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is as this code leaves it.
    pub(crate) fn is_sound(&self, most: usize) -> bool {
        self.0.len() <= most && self.0.is_sorted_by(|a, b| a.hash < b.hash)
    }

    /// The values that were seen most often.
    pub(crate) fn frequent(&self, n: usize) -> Vec<u64> {
        let mut all: Vec<(u32, u64)> = self.0.iter().map(|v| (v.count, v.hash)).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.into_iter().take(n).map(|(_, hash)| hash).collect()
    }

    /// Takes in a value. The one that was seen least lately makes room.
    pub(crate) fn see(&mut self, hash: u64, day: u16, most: usize, room: &mut Room) -> Seen {
        let at = match self.0.binary_search_by_key(&hash, |value| value.hash) {
            Ok(at) => {
                let Some(value) = self.0.get_mut(at) else {
                    return Seen::Known { first: day };
                };
                value.last = value.last.max(day);
                value.first = value.first.min(day);
                value.count = value.count.saturating_add(1);
                return Seen::Known { first: value.first };
            }
            Err(at) => at,
        };
        let mut crowded = false;
        let mut at = at;
        if self.0.len() >= most || !room.take(Value::BYTES) {
            let oldest = self.0.iter().enumerate();
            let oldest = oldest.min_by_key(|(_, value)| (value.last, value.count));
            let Some((gone, value)) = oldest else {
                return Seen::New { crowded: true };
            };
            crowded = value.last >= day;
            self.0.remove(gone);
            at -= usize::from(gone < at);
        }
        let value = Value {
            hash,
            first: day,
            last: day,
            count: 1,
        };
        self.0.insert(at.min(self.0.len()), value);
        Seen::New { crowded }
    }
}

/// How often something new comes: how much on how many days, the last four weeks weighing most.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Novelty {
    found: f32,
    days: f32,
    /// The day that is counted, how much came on it, and the bits of its rarest.
    day: u16,
    today: u16,
    rarest: f32,
}

impl Novelty {
    /// What of the past is left each day.
    const KEPT: f32 = 1.0 - 1.0 / 28.0;

    /// Whether it is as this code leaves it.
    pub(crate) fn is_sound(&self) -> bool {
        let fine = |value: f32| value.is_finite() && value >= 0.0;
        fine(self.found) && fine(self.days) && fine(self.rarest)
    }

    /// Says that there is an event on this day.
    pub(crate) fn on(&mut self, day: u16) {
        if day <= self.day {
            return;
        }
        if self.day > 0 {
            self.found = self.found * Self::KEPT + f32::from(self.today);
            self.days = self.days * Self::KEPT + 1.0;
        }
        self.day = day;
        self.today = 0;
        self.rarest = 0.0;
    }

    /// Takes in something new that is so rare, and says how surprising the day is with it.
    pub(crate) fn take(&mut self, day: u16, rarity: f32) -> Newness {
        self.on(day);
        self.today = self.today.saturating_add(1);
        self.rarest = self.rarest.max(rarity);
        self.now()
    }

    /// How surprising the day is as it is.
    pub(crate) fn now(&self) -> Newness {
        Newness {
            today: self.today,
            found: self.found,
            days: self.days,
            bits: new_bits(self.today, self.found, self.days) + self.rarest,
        }
    }
}

/// How surprising something new is, and by what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Newness {
    pub(crate) today: u16,
    pub(crate) found: f32,
    pub(crate) days: f32,
    pub(crate) bits: f32,
}
