//! The law of the noise as formulas, apart from the code under test.

use crate::WINDOW_DAYS;

const ALPHA: f64 = 0.25;

/// The probability of one day's noise.
pub(super) fn probability(noise: i64) -> f64 {
    let size = i32::try_from(noise.abs()).unwrap();
    (1.0 - ALPHA) / (1.0 + ALPHA) * ALPHA.powi(size)
}

/// The law of a window's noise, which is the sum of its days', as value and probability.
pub(super) fn window_law() -> Vec<(i64, f64)> {
    const WIDTH: i64 = 60;
    let mut law = vec![(0_i64, 1.0)];
    for _ in 0..WINDOW_DAYS {
        law = (-WIDTH..=WIDTH)
            .map(|sum| {
                let ways = law.iter().map(|(so_far, p)| p * probability(sum - so_far));
                (sum, ways.sum())
            })
            .collect();
    }
    law
}
