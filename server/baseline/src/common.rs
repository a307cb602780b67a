//! What a tenant's subjects have in common: which values are used by how many of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::known::{FEATURES, Feature, Novelty};
use crate::observation::LONGEST;
use crate::series::LEARNED_DAYS;

/// Most subjects of a kind that raise what an anomaly needs.
const MOST_COUNTED: u32 = 4_096;

/// A value that somebody of the tenant has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shared {
    /// Its beginning, to tell it.
    pub(crate) text: String,
    pub(crate) first: u16,
    pub(crate) last: u16,
    /// How many subjects came to have it.
    pub(crate) users: u32,
}

/// Part 0 of a tenant's model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Common {
    /// The day of the first event, and the newest day.
    since: u16,
    newest: u16,
    values: [BTreeMap<u64, Shared>; FEATURES],
    novelty: [Novelty; FEATURES],
    /// How many subjects of each kind are followed.
    pub(crate) followed: [u32; 3],
    #[serde(skip)]
    pub(crate) changed: bool,
}

/// What was known of a value before an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Before {
    /// How many subjects had it.
    pub(crate) users: u32,
    /// Whether nobody of the tenant ever had it.
    pub(crate) new: bool,
    /// Since when somebody has it.
    pub(crate) first: u16,
    /// A value that others have was forgotten for it.
    pub(crate) crowded: bool,
}

impl Common {
    /// Most bytes that it takes, kept or in memory.
    #[cfg(test)]
    pub(crate) fn most_bytes() -> usize {
        let values = Feature::ALL.iter().map(|feature| feature.most_of_tenant());
        values.sum::<usize>() * (LONGEST + 24) + 256
    }

    /// Whether it is as this code leaves it.
    pub(crate) fn is_sound(&self) -> bool {
        let most = |feature: Feature| feature.most_of_tenant();
        let values = self.values.iter().zip(Feature::ALL);
        values
            .clone()
            .all(|(values, feature)| values.len() <= most(feature))
            && self
                .values
                .iter()
                .flat_map(BTreeMap::values)
                .all(|value| value.text.len() <= LONGEST)
            && self.novelty.iter().all(Novelty::is_sound)
    }

    /// Says that there is an event on this day.
    pub(crate) fn on(&mut self, day: u16) {
        if day > self.newest {
            self.newest = day;
            self.changed = true;
            if self.since == 0 {
                self.since = day;
            }
            if self.is_learned(day) {
                self.novelty.iter_mut().for_each(|novelty| novelty.on(day));
            }
        }
    }

    /// Whether what is new to the tenant is worth telling.
    pub(crate) fn is_learned(&self, day: u16) -> bool {
        u32::from(day.saturating_sub(self.since)) >= LEARNED_DAYS && self.since > 0
    }

    /// Days since the first event.
    pub(crate) fn days(&self) -> u32 {
        u32::from(self.newest.saturating_sub(self.since))
    }

    /// How often something comes that is new to the tenant.
    pub(crate) fn novelty(&mut self, feature: Feature) -> Option<&mut Novelty> {
        self.changed = true;
        self.novelty.get_mut(feature as usize)
    }

    /// What is known of a value.
    pub(crate) fn value(&self, feature: Feature, hash: u64) -> Option<&Shared> {
        self.values.get(feature as usize)?.get(&hash)
    }

    /// How many subjects of some kinds are followed, as bits: the more there are, the more
    /// surprising an anomaly of one must be.
    pub(crate) fn crowd_bits(&self, kinds: &[usize]) -> f32 {
        let count = kinds.iter().filter_map(|kind| self.followed.get(*kind));
        let count = count.fold(0_u32, |all, kind| all.saturating_add(*kind));
        (count.min(MOST_COUNTED) as f32 + 1.0).log2()
    }

    /// Says that somebody had a value who had it before.
    pub(crate) fn touch(&mut self, feature: Feature, hash: u64, day: u16) {
        let value = self.values.get_mut(feature as usize);
        if let Some(value) = value.and_then(|values| values.get_mut(&hash))
            && value.last < day
        {
            value.last = day;
            self.changed = true;
        }
    }

    /// Takes in a value that a subject didn't have; `user` if the subject is followed and counts.
    pub(crate) fn see(
        &mut self,
        feature: Feature,
        (hash, text): (u64, impl FnOnce() -> String),
        day: u16,
        user: bool,
    ) -> Before {
        let none = Before {
            users: 0,
            new: true,
            first: day,
            crowded: false,
        };
        let Some(values) = self.values.get_mut(feature as usize) else {
            return none;
        };
        if let Some(value) = values.get_mut(&hash) {
            let before = Before {
                users: value.users,
                new: false,
                first: value.first,
                crowded: false,
            };
            if user || value.last < day {
                value.users = value.users.saturating_add(u32::from(user));
                value.last = value.last.max(day);
                self.changed = true;
            }
            return before;
        }
        self.changed = true;
        let mut crowded = false;
        if values.len() >= feature.most_of_tenant() {
            crowded = forget_some(values);
        }
        let value = Shared {
            text: text(),
            first: day,
            last: day,
            users: u32::from(user),
        };
        values.insert(hash, value);
        Before { crowded, ..none }
    }
}

/// Forgets an eighth of the values: what few have goes before what many have, else one name could
/// drive out all. Whether somebody who is followed had one of them.
fn forget_some(values: &mut BTreeMap<u64, Shared>) -> bool {
    let worth = values
        .iter()
        .map(|(hash, value)| (value.users, value.last, *hash));
    let mut worth: Vec<(u32, u16, u64)> = worth.collect();
    worth.sort_unstable();
    let mut used = false;
    for (users, _, hash) in worth.into_iter().take(values.len() / 8 + 1) {
        values.remove(&hash);
        used |= users > 0;
    }
    used
}
