//! Connections that come back at steady intervals.

use serde::{Deserialize, Serialize};

use crate::robust::{deviation, median, steady_bits};
use crate::room::Room;

/// Gaps between connections that are remembered, and needed to call them steady.
pub(crate) const GAPS: usize = 24;
/// Targets of one source that are followed at a time.
pub(crate) const PAIRS: usize = 16;
/// The shortest gap, in seconds: below it a program is busy and not waiting.
const SHORTEST: f32 = 10.0;
/// How surprising the steadiness must be by itself, in bits.
const STEADY_BITS: f32 = 12.0;
/// Seconds after which a target that was not seen makes room first.
const STALE: u32 = 172_800;
/// Most events of one beacon that are told.
const MOST_TOLD: u8 = 100;

/// One target of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pair {
    target: u64,
    /// When it was seen last, in seconds since 1970, and the source's port then.
    last: u32,
    port: u16,
    gaps: Vec<u32>,
    next: u8,
    names: Vec<[u8; 16]>,
    /// How many events of it were told, once it was found steady.
    told: u8,
    judged: bool,
}

/// The targets of a source that are followed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Pairs(Vec<Pair>);

/// A beat that a target was found to have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Beat {
    /// The median gap and its MAD, in seconds.
    pub(crate) gap: f32,
    pub(crate) mad: f32,
    pub(crate) names: Vec<[u8; 16]>,
    /// Whether it is the first time that this is said.
    pub(crate) first: bool,
}

impl Pairs {
    /// What one costs, kept or in memory, whichever is more.
    pub(crate) const BYTES: usize = 96 + GAPS * 5 + 3 * 16;

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is as this code leaves it.
    pub(crate) fn is_sound(&self) -> bool {
        self.0.len() <= PAIRS
            && self.0.iter().all(|pair| {
                pair.gaps.len() <= GAPS && usize::from(pair.next) < GAPS && pair.names.len() <= 3
            })
    }

    /// Takes in a connection to a target, and says if it goes there at a steady beat. A
    /// connection from the port of the last one is the same, told again: flow logs tell of long
    /// ones each minute.
    pub(crate) fn take(
        &mut self,
        target: u64,
        (second, port): (u32, u16),
        name: [u8; 16],
        room: &mut Room,
    ) -> Option<Beat> {
        let Some(pair) = self.0.iter_mut().find(|pair| pair.target == target) else {
            self.follow(target, (second, port), name, room);
            return None;
        };
        if second <= pair.last {
            return None;
        }
        let gap = second - pair.last;
        if pair.port == port {
            return None;
        }
        pair.last = second;
        pair.port = port;
        match pair.gaps.get_mut(usize::from(pair.next)) {
            Some(oldest) => *oldest = gap,
            None => pair.gaps.push(gap),
        }
        pair.next = (pair.next + 1) % GAPS as u8;
        if pair.names.len() >= 3 {
            pair.names.remove(0);
        }
        pair.names.push(name);
        if pair.gaps.len() < GAPS || pair.told >= MOST_TOLD {
            return None;
        }
        let mut gaps: Vec<f32> = pair.gaps.iter().map(|gap| *gap as f32).collect();
        let gap = median(&mut gaps);
        let mad = deviation(&mut gaps, gap);
        let steady = steady_bits(GAPS, mad / gap.max(1.0)) >= STEADY_BITS;
        if gap < SHORTEST || !steady {
            return None;
        }
        let first = !pair.judged;
        pair.judged = true;
        Some(Beat {
            gap,
            mad,
            names: std::mem::take(&mut pair.names),
            first,
        })
    }

    /// Says that the beat of a target was told, or that it never is to be.
    pub(crate) fn told(&mut self, target: u64, events: usize) {
        if let Some(pair) = self.0.iter_mut().find(|pair| pair.target == target) {
            let events = u8::try_from(events).unwrap_or(MOST_TOLD);
            pair.told = pair.told.saturating_add(events);
        }
    }

    /// Follows one more target. One that was not seen for long makes room, or the one of which
    /// least is known.
    fn follow(&mut self, target: u64, (second, port): (u32, u16), name: [u8; 16], room: &mut Room) {
        if self.0.len() >= PAIRS || !room.take(Self::BYTES) {
            let worth = |pair: &Pair| {
                let stale = second.saturating_sub(pair.last) > STALE;
                let known = if stale { 0 } else { pair.gaps.len() };
                (known, pair.last)
            };
            let least = self
                .0
                .iter()
                .enumerate()
                .min_by_key(|(_, pair)| worth(pair));
            let Some((at, _)) = least else {
                return;
            };
            self.0.remove(at);
        }
        self.0.push(Pair {
            target,
            last: second,
            port,
            gaps: Vec::new(),
            next: 0,
            names: vec![name],
            told: 0,
            judged: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beats(gaps: impl Iterator<Item = u32>, port: impl Fn(u32) -> u16) -> usize {
        let mut pairs = Pairs::default();
        let mut room = Room::new(10_000);
        let mut at = 1_000_000;
        let mut found = 0;
        for (n, gap) in (0_u32..).zip(gaps) {
            at += gap;
            found += usize::from(pairs.take(7, (at, port(n)), [0; 16], &mut room).is_some());
        }
        found
    }

    #[test]
    fn a_beat_with_jitter_is_found_and_random_connections_are_not() {
        let jitter = |n: u32| 60 + (n.wrapping_mul(2_654_435_761) >> 16) % 18;
        assert!(beats((0..40).map(jitter), |n| 40_000 + n as u16) > 10);
        let random = |n: u32| {
            let unit = f64::from(n.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24);
            (-(1.0 - unit).ln() * 60.0) as u32 + 1
        };
        assert_eq!(
            beats((0..400).map(random), |n| 40_000 + (n % 20_000) as u16),
            0
        );
    }

    #[test]
    fn one_long_connection_is_no_beat() {
        assert_eq!(beats((0..100).map(|_| 60), |_| 40_000), 0);
    }

    #[test]
    fn many_targets_do_not_drive_out_one_that_is_known() {
        let mut pairs = Pairs::default();
        let mut room = Room::new(100_000);
        let mut found = 0;
        for n in 0..40_u32 {
            let at = (1_000_000 + n * 300, 40_000 + n as u16);
            found += usize::from(pairs.take(7, at, [0; 16], &mut room).is_some());
            for other in 0..u64::from(if n == 0 { 0 } else { 50_u32 }) {
                let target = 1_000 + u64::from(n) * 50 + other;
                assert!(pairs.take(target, at, [0; 16], &mut room).is_none());
            }
        }
        assert!(found > 10);
        assert!(pairs.len() <= PAIRS && pairs.is_sound());
    }
}
