//! Guessing by what was seen in games of which the secret was known, and counting how well it goes.

use std::collections::HashMap;
use std::fmt;

use crate::Bucket;

/// How often each run of answers came up in either world.
#[derive(Default)]
pub(super) struct Games {
    seen: HashMap<Vec<Bucket>, [u32; 2]>,
}

impl Games {
    pub(super) fn learn(&mut self, victim: bool, answers: &[Bucket]) {
        self.seen.entry(answers.to_vec()).or_default()[usize::from(victim)] += 1;
    }

    /// Logarithm of how many times likelier the answers are with the victim.
    pub(super) fn score(&self, answers: &[Bucket]) -> f64 {
        let [without, with] = self.seen.get(answers).copied().unwrap_or_default();
        ((f64::from(with) + 0.5) / (f64::from(without) + 0.5)).ln()
    }
}

/// Hits less false alarms.
#[derive(Default)]
pub(super) struct Advantage {
    games: u32,
    hits: u32,
    alarms: u32,
}

impl Advantage {
    /// Counts a guess in each world: whether "yes" was said.
    pub(super) fn count(&mut self, without: bool, with: bool) {
        self.games += 1;
        self.hits += u32::from(with);
        self.alarms += u32::from(without);
    }

    fn rates(&self) -> [f64; 2] {
        [self.hits, self.alarms].map(|of| f64::from(of) / f64::from(self.games))
    }

    pub(super) fn value(&self) -> f64 {
        let [hits, alarms] = self.rates();
        hits - alarms
    }

    /// Half of the 99 % confidence interval.
    fn margin(&self) -> f64 {
        let variance: f64 = self.rates().iter().map(|rate| rate * (1.0 - rate)).sum();
        2.576 * (variance / f64::from(self.games)).sqrt()
    }

    pub(super) fn upper(&self) -> f64 {
        self.value() + self.margin()
    }

    pub(super) fn lower(&self) -> f64 {
        self.value() - self.margin()
    }
}

impl fmt::Display for Advantage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ± {:.3}", self.value(), self.margin())
    }
}
