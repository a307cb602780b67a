//! What is loaded of a tenant's model, and how events are taken.

use std::collections::{BTreeMap, BTreeSet};

use crate::anomaly::Anomaly;
use crate::common::Common;
use crate::model::{Model, PARTS, Part};
use crate::observation::Observation;
use crate::shard::{PartError, Shard, from_bytes, to_bytes};
use crate::taking::{Joined, Taking, When};

/// How far an event's time may be ahead of when the tenant's events were observed, in nanoseconds:
/// clocks of sources differ.
const AHEAD_NS: i64 = 600_000_000_000;

/// Parts that must be loaded first. Nothing was taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} parts of the model are not loaded", .0.len())]
pub struct MissingParts(pub Vec<Part>);

/// What came of some events.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// What is unusual, in the order in which it was found; no two of one key. Another call may
    /// find more of the same key: [`Anomaly::join`].
    pub anomalies: Vec<Anomaly>,
    /// Anomalies that are not told since there were too many in this call.
    pub untold: u64,
    /// Events that were neither learned nor judged, since their time lies in the future or is none.
    pub unusable: u64,
    /// How often the model was too full to follow a name or to remember a value: somebody new may
    /// go unjudged. 0 when the model sees all.
    pub crowded: u64,
}

/// The loaded parts of one tenant's model.
#[derive(Debug, Clone)]
pub struct Baselines {
    model: Model,
    common: Option<Common>,
    shards: BTreeMap<Part, Shard>,
    dirty: BTreeSet<Part>,
}

impl Baselines {
    /// Nothing loaded yet.
    #[must_use]
    pub const fn new(model: Model) -> Self {
        Self {
            model,
            common: None,
            shards: BTreeMap::new(),
            dirty: BTreeSet::new(),
        }
    }

    /// All parts, new: those of a tenant of whom nothing is kept.
    #[must_use]
    pub fn empty(model: Model) -> Self {
        let mut all = Self::new(model);
        all.common = Some(Common::default());
        let parts = (1..PARTS).filter_map(Part::new);
        all.shards = parts.map(|part| (part, Shard::default())).collect();
        all
    }

    /// The parts that these events touch and that are not loaded, in ascending order.
    #[must_use]
    pub fn missing(&self, observations: &[Observation<'_>]) -> Vec<Part> {
        let mut missing = BTreeSet::new();
        for observation in observations {
            let parts = self.model.parts(observation).into_iter();
            missing.extend(parts.filter(|part| !self.has(*part)));
        }
        missing.into_iter().collect()
    }

    fn has(&self, part: Part) -> bool {
        match part {
            Part::COMMON => self.common.is_some(),
            part => self.shards.contains_key(&part),
        }
    }

    /// Loads a part from its kept bytes; `None` if it was never kept.
    ///
    /// # Errors
    /// [`PartError`] when the bytes are not those of this part of this tenant, as this version
    /// writes them. Nothing is loaded then; to begin anew, load `None`.
    pub fn load(&mut self, part: Part, kept: Option<&[u8]>) -> Result<(), PartError> {
        let key = &self.model.key;
        if part == Part::COMMON {
            let common: Common = match kept {
                Some(bytes) => from_bytes(key, part, bytes)?,
                None => Common::default(),
            };
            if !common.is_sound() {
                return Err(PartError::Corrupt);
            }
            self.common = Some(common);
        } else {
            let mut shard: Shard = match kept {
                Some(bytes) => from_bytes(key, part, bytes)?,
                None => Shard::default(),
            };
            if !shard.settle() {
                return Err(PartError::Corrupt);
            }
            self.shards.insert(part, shard);
        }
        self.dirty.remove(&part);
        Ok(())
    }

    /// A loaded part as bytes to be kept.
    #[must_use]
    pub fn to_bytes(&self, part: Part) -> Option<Vec<u8>> {
        let key = &self.model.key;
        match part {
            Part::COMMON => Some(to_bytes(key, part, self.common.as_ref()?)),
            part => Some(to_bytes(key, part, self.shards.get(&part)?)),
        }
    }

    /// The parts that have changed since they were loaded or [kept](Self::kept).
    #[must_use]
    pub fn dirty(&self) -> Vec<Part> {
        self.dirty.iter().copied().collect()
    }

    /// Says that all that has changed is kept.
    pub fn kept(&mut self) {
        self.dirty.clear();
    }

    /// How many subjects the loaded parts follow.
    #[must_use]
    pub fn subjects(&self) -> usize {
        self.shards.values().map(Shard::len).sum()
    }

    /// Takes events in the order in which they came, learns from them and says what is unusual.
    /// `observed_ns` is the newest time at which an event of the tenant was observed, nanoseconds
    /// since 1970: events whose own time is later by more than ten minutes are not believed.
    ///
    /// # Errors
    /// [`MissingParts`] when parts are not loaded; then nothing was taken.
    pub fn take(
        &mut self,
        observations: &[Observation<'_>],
        observed_ns: i64,
    ) -> Result<Outcome, MissingParts> {
        let parts: Vec<_> = observations
            .iter()
            .map(|one| self.model.parts(one))
            .collect();
        let touched = parts.iter().flatten().copied();
        let missing: BTreeSet<Part> = touched.filter(|part| !self.has(*part)).collect();
        let missing: Vec<Part> = missing.into_iter().collect();
        let Some(common) = self.common.as_mut().filter(|_| missing.is_empty()) else {
            return match observations {
                [] => Ok(Outcome::default()),
                _ => Err(MissingParts(missing)),
            };
        };
        let mut joined = Joined::default();
        let mut outcome = Outcome::default();
        for (observation, parts) in observations.iter().zip(parts) {
            let believed = observation.time_ns <= observed_ns.saturating_add(AHEAD_NS);
            let Some(when) = When::of(observation.time_ns).filter(|_| believed) else {
                outcome.unusable += 1;
                continue;
            };
            let mut taking = Taking {
                model: &self.model,
                common: &mut *common,
                shards: &mut self.shards,
                observation,
                when,
                joined: &mut joined,
                crowded: 0,
            };
            taking.take();
            outcome.crowded += taking.crowded;
            let shards = parts.into_iter().filter(|part| *part != Part::COMMON);
            self.dirty.extend(shards);
        }
        if std::mem::take(&mut common.changed) {
            self.dirty.insert(Part::COMMON);
        }
        (outcome.anomalies, outcome.untold) = joined.end();
        Ok(outcome)
    }
}
