//! The statistics: median and MAD, and how surprising a number is, in bits.

/// Most bits that are told: beyond them nothing more is learned from a number.
const MOST_BITS: f32 = 60.0;
/// A count's own noise: the MAD of a Poisson count after [`level`].
pub(crate) const NOISE: f32 = 0.6745;

/// The middle of the values, the lower one of two; 0 of none. Their order is changed.
pub(crate) fn median(values: &mut [f32]) -> f32 {
    let middle = values.len().saturating_sub(1) / 2;
    if values.is_empty() {
        return 0.0;
    }
    let (_, value, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    *value
}

/// The median absolute deviation from `centre`. The values become deviations.
pub(crate) fn deviation(values: &mut [f32], centre: f32) -> f32 {
    for value in values.iter_mut() {
        *value = (*value - centre).abs();
    }
    median(values)
}

/// Anscombe's transform of a count, after which a Poisson count has the same noise at any size.
pub(crate) fn level(count: f64) -> f32 {
    (2.0 * (count.max(0.0) + 0.375).sqrt()) as f32
}

/// The count of a level.
pub(crate) fn count_of(level: f32) -> f64 {
    let half = f64::from(level.max(0.0)) / 2.0;
    (half * half - 0.375).max(0.0)
}

/// How surprising a level is under a Laplace distribution of the same median and MAD: one bit for
/// being above the median, and one for each MAD.
pub(crate) fn above_bits(level: f32, centre: f32, spread: f32) -> f32 {
    (1.0 + ((level - centre) / spread.max(0.01)).max(0.0)).min(MOST_BITS)
}

/// How surprising `n` new things on one day are to who had `found` on `days` days before. How
/// often new things come is taken as a gamma distribution, so that the count is negative
/// binomial: with few days behind it nothing is very surprising.
pub(crate) fn new_bits(n: u16, found: f32, days: f32) -> f32 {
    /// Beyond this many the rate counts as unsteady all the same: new things come in bursts.
    const STEADIEST: f64 = 4.0;
    let mut shape = 0.5 + f64::from(found.max(0.0));
    let mut rate = 1.0 + f64::from(days.max(0.0));
    if shape > STEADIEST {
        rate *= STEADIEST / shape;
        shape = STEADIEST;
    }
    let go_on = 1.0 / (rate + 1.0);
    let mut mass = (rate * go_on).powf(shape);
    let n = u32::from(n).min(400);
    for k in 0..n {
        mass *= go_on * (shape + f64::from(k)) / f64::from(k + 1);
    }
    let mut tail = 0.0;
    for k in n..n + 400 {
        tail += mass;
        mass *= go_on * (shape + f64::from(k)) / f64::from(k + 1);
    }
    bits(tail)
}

/// How surprising it is that one of `all` has what `users` of them have.
pub(crate) fn rarity_bits(users: u32, all: u32) -> f32 {
    bits((f64::from(users) + 0.5) / (f64::from(all.max(users)) + 1.0))
}

/// How surprising it is that half of `n` gaps lie within `relative` of their median, if
/// connections came at random: half of a binomial, by Chernoff's bound.
pub(crate) fn steady_bits(n: usize, relative: f32) -> f32 {
    let within = (f64::from(relative) * std::f64::consts::LN_2).clamp(1e-3, 0.5);
    let divergence = 0.5 * (0.5 / within).log2() + 0.5 * (0.5 / (1.0 - within)).log2();
    ((n as f64 * divergence) as f32).clamp(0.0, MOST_BITS)
}

fn bits(probability: f64) -> f32 {
    let bits = -probability.clamp(1e-18, 1.0).log2();
    (bits as f32).clamp(0.0, MOST_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wild_value_moves_neither_median_nor_mad() {
        let mut calm = [9.0, 10.0, 11.0, 10.0, 1000.0];
        assert_eq!(median(&mut calm), 10.0);
        assert_eq!(deviation(&mut calm, 10.0), 1.0);
        assert_eq!(median(&mut []), 0.0);
    }

    #[test]
    fn levels_go_back_to_counts() {
        for count in [0.0, 1.0, 50.0, 1e6] {
            assert!((count_of(level(count)) - count).abs() < 1e-3 * (count + 1.0));
        }
    }

    #[test]
    fn the_first_new_thing_in_a_month_surprises_more_than_in_a_day() {
        assert!(new_bits(1, 0.0, 28.0) > new_bits(1, 0.0, 1.0) + 3.0);
        assert!(new_bits(3, 0.0, 28.0) > new_bits(1, 0.0, 28.0) + 5.0);
        assert!(new_bits(1, 20.0, 28.0) < 2.0);
        assert_eq!(new_bits(0, 0.0, 28.0), 0.0);
        assert!(new_bits(u16::MAX, 0.0, 28.0) <= MOST_BITS);
    }

    #[test]
    fn what_all_have_is_no_surprise() {
        assert!(rarity_bits(0, 40) > 6.0);
        assert!(rarity_bits(40, 40) < 0.1);
        assert_eq!(rarity_bits(7, 3), rarity_bits(7, 7));
    }

    #[test]
    fn random_gaps_are_not_steady() {
        // The relative MAD of exponential gaps is about 0.7 of their median.
        assert!(steady_bits(24, 0.7) < 1.0);
        assert!(steady_bits(24, 0.15) > 12.0);
    }
}
