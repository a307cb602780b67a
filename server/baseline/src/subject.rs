//! What is known of one subject.

use serde::{Deserialize, Serialize};

use crate::beacon::Pairs;
use crate::known::{FEATURES, Feature, Known, Novelty, Seen};
use crate::room::Room;
use crate::series::{LEARNED_DAYS, METRICS, Metric, Series};
use crate::taking::When;

/// Events of a subject before it is judged by itself.
const LEARNED_EVENTS: u64 = 30;

/// A subject that is followed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Subject {
    /// The hours since and until which it is followed.
    pub(crate) since: u32,
    pub(crate) last: u32,
    pub(crate) events: u64,
    known: [Known; FEATURES],
    novelty: [Novelty; FEATURES],
    series: [Option<Box<Series>>; METRICS],
    pub(crate) pairs: Pairs,
}

impl Subject {
    /// What one costs that knows nothing yet, kept or in memory, whichever is more.
    pub(crate) const BYTES: usize = 448;

    pub(crate) fn new(hour: u32) -> Self {
        Self {
            since: hour,
            last: hour,
            ..Self::default()
        }
    }

    /// What it costs, kept or in memory, whichever is more.
    pub(crate) fn bytes(&self) -> usize {
        let values: usize = self.known.iter().map(Known::len).sum();
        let series = self.series.iter().flatten();
        Self::BYTES
            + values * crate::known::Value::BYTES
            + series.map(|series| series.bytes()).sum::<usize>()
            + self.pairs.len() * Pairs::BYTES
    }

    /// Whether it is as this code leaves it.
    pub(crate) fn is_sound(&self) -> bool {
        let known = self.known.iter().zip(Feature::ALL);
        let mut series = self.series.iter().zip(Metric::ALL);
        known
            .clone()
            .all(|(known, feature)| known.is_sound(feature.most()))
            && self.novelty.iter().all(Novelty::is_sound)
            && series.all(|(series, metric)| series.as_ref().is_none_or(|s| s.is_sound(metric)))
            && self.pairs.is_sound()
    }

    /// Days since it is followed.
    pub(crate) fn days(&self, when: When) -> u32 {
        when.hour.saturating_sub(self.since) / 24
    }

    /// Whether it is known well enough to be judged by itself.
    pub(crate) fn is_learned(&self, when: When) -> bool {
        self.days(when) >= LEARNED_DAYS && self.events >= LEARNED_EVENTS
    }

    /// Says that there is an event of it.
    pub(crate) fn on(&mut self, when: When) {
        self.events = self.events.saturating_add(1);
        self.last = self.last.max(when.hour);
        if self.is_learned(when) {
            self.novelty
                .iter_mut()
                .for_each(|novelty| novelty.on(when.day));
        }
    }

    /// Takes in a value of a feature.
    pub(crate) fn see(&mut self, feature: Feature, hash: u64, day: u16, room: &mut Room) -> Seen {
        match self.known.get_mut(feature as usize) {
            Some(known) => known.see(hash, day, feature.most(), room),
            None => Seen::New { crowded: true },
        }
    }

    /// How many values of a feature it has, and which most often.
    pub(crate) fn values(&self, feature: Feature) -> (usize, Vec<u64>) {
        let known = self.known.get(feature as usize);
        known.map_or((0, Vec::new()), |known| (known.len(), known.frequent(3)))
    }

    /// How often new values of a feature come.
    pub(crate) fn novelty(&mut self, feature: Feature) -> Option<&mut Novelty> {
        self.novelty.get_mut(feature as usize)
    }

    /// A metric of it, which is begun if there is room.
    pub(crate) fn series(
        &mut self,
        metric: Metric,
        hour: u32,
        room: &mut Room,
    ) -> Option<&mut Series> {
        let slot = self.series.get_mut(metric as usize)?;
        if slot.is_none() {
            let series = Series::new(hour, metric);
            if !room.take(series.bytes()) {
                return None;
            }
            *slot = Some(Box::new(series));
        }
        slot.as_deref_mut()
    }
}
