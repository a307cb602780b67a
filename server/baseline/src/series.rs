//! What somebody does in each hour, over six weeks, and what is to be expected of an hour.
//!
//! Each hour is one byte, which is a count to within nine percent. With six weeks of those the
//! median and MAD of an hour of the week are exact and cost one kibibyte; a sketch would cost more
//! for each of 168 hours and know less.

use datasketches::hll::{HllSketch, HllType};
use serde::{Deserialize, Serialize};

use crate::packed;
use crate::robust::{NOISE, above_bits, count_of, deviation, level, median};

/// Hours that are remembered: six weeks, and what an hour's neighbours need.
pub(crate) const RING: usize = 43 * 24;
/// Hours of a week and of a day.
const WEEK: u32 = 168;
const DAY: u32 = 24;
/// Days of history before anything is expected.
pub(crate) const LEARNED_DAYS: u32 = 7;
/// Weeks of history from which on hours of the week are told apart.
const SEASONED_WEEKS: u32 = 4;
/// Most weeks and days that are compared.
const MOST_WEEKS: u32 = 6;
const MOST_DAYS: u32 = 28;
/// How many samples the pooled spread weighs as much as.
const POOL_WEIGHT: f32 = 4.0;
/// The spread that is taken to be there before there are active hours to know it by, and how many
/// of those it weighs as much as.
const PRIOR_SPREAD: f32 = 2.0;
const PRIOR_HOURS: f32 = 24.0;
/// The least spread, as a part of the level.
const LEAST_RELATIVE: f32 = 0.04;
/// The least spread, as a part of the pooled one: the MAD of an hour that is idle on most days is
/// nothing, however much is done on the others.
const LEAST_POOLED: f32 = 0.4;
/// Events of an hour whose names are remembered until it stands out.
const NAMES: usize = 12;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Events.
    Events,
    /// Events of which the record says that they were refused or failed.
    Failures,
    /// Bytes carried.
    Bytes,
    /// Different addresses and ports to which connections were opened.
    Destinations,
}

/// How many metrics there are.
pub(crate) const METRICS: usize = 4;

impl Metric {
    pub(crate) const ALL: [Self; METRICS] = [
        Self::Events,
        Self::Failures,
        Self::Bytes,
        Self::Destinations,
    ];

    /// The name by which findings tell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Failures => "failures",
            Self::Bytes => "bytes",
            Self::Destinations => "destinations",
        }
    }

    /// How much is one in an hour's byte.
    const fn unit(self) -> u64 {
        match self {
            Self::Bytes => 1024,
            _ => 1,
        }
    }

    /// How much is one in a level: below it nothing stands out.
    const fn grain(self) -> f64 {
        match self {
            Self::Bytes => 1_048_576.0,
            _ => 1.0,
        }
    }
}

/// By what an hour was expected to be as it was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Basis {
    /// The same hour of the week and its neighbours.
    HourOfWeek {
        /// How many weeks were compared.
        weeks: u32,
    },
    /// The same hour of the day and its neighbours, since there are less than four weeks.
    HourOfDay {
        /// How many days were compared.
        days: u32,
        /// How much weight the hour has against all hours, 0 to 1.
        weight: f32,
    },
    /// What was seen since the subject is known.
    FirstSeen {
        /// How many days that is.
        days: u32,
        /// In how many events.
        events: u64,
    },
}

/// What an hour was expected to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Baseline {
    pub(crate) basis: Basis,
    centre: f32,
    spread: f32,
    grain: f64,
}

impl Baseline {
    pub(crate) fn median(&self) -> f64 {
        count_of(self.centre) * self.grain
    }

    /// What is left when three MADs are taken, and reached when they are added.
    pub(crate) fn range(&self) -> (f64, f64) {
        let away = 3.0 * self.spread;
        (
            count_of(self.centre - away) * self.grain,
            count_of(self.centre + away) * self.grain,
        )
    }

    fn bits(&self, count: u64) -> f32 {
        above_bits(level(count as f64 / self.grain), self.centre, self.spread)
    }

    /// The least count that surprises by so many bits.
    fn reach(&self, bits: f32) -> u64 {
        let reached = self.centre + (bits - 1.0).max(0.0) * self.spread;
        (count_of(reached) * self.grain).ceil() as u64
    }
}

/// An hour that stands out.
#[derive(Debug, Clone)]
pub(crate) struct Peak {
    pub(crate) baseline: Baseline,
    pub(crate) count: u64,
    pub(crate) bits: f32,
    pub(crate) names: Vec<[u8; 16]>,
}

/// One metric of one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Series {
    #[serde(with = "packed::runs")]
    ring: Vec<u8>,
    /// The newest hour, since 1970, and what came in it and in the one before it, exactly.
    hour: u32,
    now: u64,
    before: u64,
    /// The count at which the hour is looked at; 0 when that is not known yet.
    limit: u64,
    names: Vec<[u8; 16]>,
    /// The MAD of all active hours, and the day on which it was last computed.
    pool: f32,
    pool_day: u32,
    /// What was counted as different in this hour.
    #[serde(with = "packed::sketch")]
    different: Option<HllSketch>,
}

impl Series {
    /// What one costs, kept or in memory, whichever is more; a sketch apart.
    pub(crate) const BYTES: usize = RING + 320;
    /// What a sketch costs more.
    pub(crate) const SKETCH_BYTES: usize = 1_100;

    pub(crate) fn new(hour: u32, metric: Metric) -> Self {
        // With 1,024 registers a count of ten thousands is right to within 3.3 %, one of tens
        // is exact.
        let different = match metric {
            Metric::Destinations => HllSketch::new(10, HllType::Hll4).ok(),
            _ => None,
        };
        Self {
            ring: vec![0; RING],
            hour,
            now: 0,
            before: 0,
            limit: 0,
            names: Vec::new(),
            pool: 0.0,
            pool_day: 0,
            different,
        }
    }

    /// Whether it is as this code leaves it.
    pub(crate) fn is_sound(&self, metric: Metric) -> bool {
        self.ring.len() == RING
            && self.names.len() <= NAMES
            && self.pool.is_finite()
            && self.pool >= 0.0
            && self.different.is_some() == (metric == Metric::Destinations)
            && self
                .different
                .as_ref()
                .is_none_or(|sketch| sketch.lg_config_k() == 10)
    }

    pub(crate) fn bytes(&self) -> usize {
        let sketch = self.different.as_ref().map_or(0, |_| Self::SKETCH_BYTES);
        Self::BYTES + sketch
    }

    /// Takes in what came in an hour. Hours long past are learned as well as a byte can.
    pub(crate) fn add(&mut self, metric: Metric, hour: u32, amount: u64, name: [u8; 16]) {
        self.advance(metric, hour);
        if hour == self.hour {
            self.now = self.now.saturating_add(amount);
            self.note(name);
        } else if hour.checked_add(1) == Some(self.hour) {
            self.before = self.before.saturating_add(amount);
            self.keep(metric, hour, self.before);
        } else if self.hour - hour < RING as u32 {
            let slot = self.ring.get(slot(hour)).copied().unwrap_or_default();
            let was = decoded(slot) * metric.unit() as f64;
            self.keep(metric, hour, (was as u64).saturating_add(amount));
        }
    }

    /// Takes in one of what is counted by difference. Of an hour that is over nothing is learned.
    pub(crate) fn add_different(&mut self, hour: u32, of: u64, name: [u8; 16]) {
        self.advance(Metric::Destinations, hour);
        if hour != self.hour {
            return;
        }
        let Some(sketch) = &mut self.different else {
            return;
        };
        sketch.update(of);
        // The one estimate of the library that doesn't depend on the order.
        let count = sketch.composite_estimate().round() as u64;
        if count > self.now {
            self.now = count;
            self.note(name);
        }
    }

    fn note(&mut self, name: [u8; 16]) {
        if self.names.len() < NAMES {
            self.names.push(name);
        }
    }

    /// Goes on to an hour, if it is a later one. Hours in between were idle.
    fn advance(&mut self, metric: Metric, hour: u32) {
        if hour <= self.hour {
            return;
        }
        self.keep(metric, self.hour, self.now);
        let next = self.hour + 1 == hour;
        self.before = if next { self.now } else { 0 };
        let gap = (hour - self.hour).min(RING as u32);
        for at in hour - (gap - 1)..=hour {
            self.keep(metric, at, 0);
        }
        self.hour = hour;
        self.now = 0;
        self.limit = 0;
        self.names = Vec::new();
        if self.different.is_some() {
            self.different = HllSketch::new(10, HllType::Hll4).ok();
        }
    }

    fn keep(&mut self, metric: Metric, hour: u32, count: u64) {
        if let Some(at) = self.ring.get_mut(slot(hour)) {
            *at = encoded(count / metric.unit());
        }
    }

    /// Whether the newest hour stands out by so many bits. It is asked after each event, and says
    /// so when the limit is reached and whenever it has doubled since.
    pub(crate) fn peak(
        &mut self,
        metric: Metric,
        hour: u32,
        since: u32,
        limit: f32,
    ) -> Option<Peak> {
        if hour != self.hour {
            return None;
        }
        if self.limit == 0 {
            let expected = self.expected(metric, since);
            self.limit = expected.map_or(u64::MAX, |expected| expected.reach(limit).max(1));
        }
        if self.now < self.limit {
            return None;
        }
        let baseline = self.expected(metric, since)?;
        let bits = baseline.bits(self.now);
        self.limit = self.now.saturating_mul(2);
        Some(Peak {
            baseline,
            count: self.now,
            bits,
            names: std::mem::take(&mut self.names),
        })
    }

    /// What is expected of the newest hour, of a subject known since an hour.
    fn expected(&mut self, metric: Metric, since: u32) -> Option<Baseline> {
        let age = self.hour.saturating_sub(since);
        let days = (age / DAY).min(MOST_DAYS);
        if days < LEARNED_DAYS {
            return None;
        }
        self.refresh_pool(metric, since);
        let weeks = (age / WEEK).min(MOST_WEEKS);
        let (period, periods) = match weeks >= SEASONED_WEEKS {
            true => (WEEK, weeks),
            false => (DAY, days),
        };
        // The hour before and the one after as well: jobs drift, and clocks change twice a year.
        let mut centre = 0.0_f32;
        let mut away = Vec::with_capacity(96);
        for neighbour in 0..3 {
            let of = (self.hour + 1).saturating_sub(neighbour);
            let mut samples = Vec::with_capacity(32);
            samples.extend(
                (1..=periods).map(|ago| self.level_at(metric, of.saturating_sub(period * ago))),
            );
            let middle = median(&mut samples);
            deviation(&mut samples, middle);
            away.append(&mut samples);
            centre = centre.max(middle);
        }
        let mad = median(&mut away);
        let weight = periods as f32 / (periods as f32 + POOL_WEIGHT);
        let mixed = weight * mad + (1.0 - weight) * self.pool;
        let mut spread = mixed.max(LEAST_POOLED * self.pool);
        let basis = if weeks >= SEASONED_WEEKS {
            Basis::HourOfWeek { weeks }
        } else {
            let overall = self.overall(metric, since);
            let shrunk = overall + weight * (centre - overall);
            spread += (centre - shrunk).abs();
            centre = shrunk.max(overall);
            Basis::HourOfDay { days, weight }
        };
        let spread = spread.max(NOISE).max(LEAST_RELATIVE * centre);
        Some(Baseline {
            basis,
            centre,
            spread,
            grain: metric.grain(),
        })
    }

    /// The level of an hour that is over.
    fn level_at(&self, metric: Metric, hour: u32) -> f32 {
        let slot = self.ring.get(slot(hour)).copied().unwrap_or_default();
        level(decoded(slot) * metric.unit() as f64 / metric.grain())
    }

    /// The hours that are over and remembered, newest first.
    fn past(&self, since: u32) -> impl Iterator<Item = u32> + use<> {
        let newest = self.hour;
        let age = newest.saturating_sub(since).min(RING as u32 - 1);
        (1..=age).map(move |ago| newest - ago)
    }

    fn overall(&self, metric: Metric, since: u32) -> f32 {
        let mut all: Vec<f32> = self
            .past(since)
            .map(|at| self.level_at(metric, at))
            .collect();
        median(&mut all)
    }

    /// How far active hours are from the median of their hour of the day, once a day.
    fn refresh_pool(&mut self, metric: Metric, since: u32) {
        let day = self.hour / DAY;
        if self.pool_day == day {
            return;
        }
        self.pool_day = day;
        let mut of_hour: Vec<Vec<f32>> = vec![Vec::new(); DAY as usize];
        for at in self.past(since) {
            if let Some(levels) = of_hour.get_mut((at % DAY) as usize) {
                levels.push(self.level_at(metric, at));
            }
        }
        let idle = level(0.0);
        let mut away = Vec::new();
        for levels in &mut of_hour {
            let middle = median(levels);
            let active = levels.iter().filter(|level| **level > idle);
            away.extend(active.map(|level| (level - middle).abs()));
        }
        let hours = away.len() as f32;
        let mad = median(&mut away);
        self.pool = (hours * mad + PRIOR_HOURS * PRIOR_SPREAD) / (hours + PRIOR_HOURS);
    }
}

const fn slot(hour: u32) -> usize {
    hour as usize % RING
}

/// A count as a byte: eight steps to each doubling.
fn encoded(count: u64) -> u8 {
    ((count as f64 + 1.0).log2() * 8.0).round().min(255.0) as u8
}

fn decoded(byte: u8) -> f64 {
    (f64::from(byte) / 8.0).exp2() - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u32 = 480_000;

    /// A weekday's work from nine to five, 100 an hour, for some hours.
    fn work(hours: u32) -> Series {
        let mut series = Series::new(START, Metric::Events);
        for hour in START..START + hours {
            let weekday = (hour / 24 + 3) % 7 < 5;
            if weekday && (9..17).contains(&(hour % 24)) {
                series.add(Metric::Events, hour, 100 + u64::from(hour % 13), [1; 16]);
            }
        }
        series
    }

    #[test]
    fn bytes_are_counts_to_within_nine_percent() {
        for count in [0_u64, 1, 2, 3, 9, 10, 100, 12_345, 1_000_000] {
            let back = decoded(encoded(count));
            assert!(
                (back - count as f64).abs() <= 0.09 * count as f64 + 0.1,
                "{count}: {back}"
            );
        }
        assert_eq!(encoded(u64::MAX), 255);
    }

    #[test]
    fn the_basis_is_told() {
        let at = |days: u32| {
            let hour = START + days * 24 + 10;
            let mut series = work(days * 24 + 10);
            series.add(Metric::Events, hour, 1, [1; 16]);
            series.expected(Metric::Events, START)
        };
        assert_eq!(at(6), None);
        let Basis::HourOfDay { days, weight } = at(10).unwrap().basis else {
            panic!("ten days are no weeks");
        };
        assert_eq!(days, 10);
        assert!(weight > 0.7 && weight < 0.72);
        let seasoned = at(35).unwrap();
        assert_eq!(seasoned.basis, Basis::HourOfWeek { weeks: 5 });
        assert!((90.0..120.0).contains(&seasoned.median()), "{seasoned:?}");
    }

    #[test]
    fn an_hour_of_six_times_as_much_stands_out_and_its_double_again() {
        let mut series = work(35 * 24 + 10);
        let hour = START + 35 * 24 + 10;
        let mut told = Vec::new();
        for n in 0..2_000_u32 {
            let name = u128::from(n).to_le_bytes();
            series.add(Metric::Events, hour, 1, name);
            told.extend(series.peak(Metric::Events, hour, START, 12.0));
        }
        assert!(told[0].count < 700, "{:?}", told[0].count);
        assert_eq!(told[0].names.len(), NAMES);
        assert!(told.len() >= 2 && told[1].count == 2 * told[0].count);
        assert!(told[1].bits > told[0].bits);
    }

    #[test]
    fn what_comes_late_is_learned() {
        let mut series = work(35 * 24);
        let hour = START + 35 * 24 - 200;
        let before = series.level_at(Metric::Events, hour);
        series.add(Metric::Events, hour, 5_000, [0; 16]);
        assert!(series.level_at(Metric::Events, hour) > before);
        // So late that its hour is another's by now.
        let whole = series.clone();
        series.add(Metric::Events, START - 400, 5_000, [0; 16]);
        assert_eq!(series, whole);
    }

    #[test]
    fn different_ones_are_counted() {
        let mut series = Series::new(START, Metric::Destinations);
        for n in 0..5_000_u64 {
            series.add_different(START, n % 1_000, [0; 16]);
        }
        assert!((900..1_100).contains(&series.now), "{}", series.now);
        series.add_different(START + 1, 1, [0; 16]);
        assert_eq!(series.now, 1);
    }
}
