//! The noise on the count of one day, and what it bounds.
//!
//! It follows the two-sided geometric law: `k` has the probability
//! `(1 - alpha) / (1 + alpha) * alpha^|k|`. It is the difference of two runs of successes, each
//! success having the probability `alpha`, which is a power of two, so that it is drawn exactly
//! from bits: no floating-point number comes into it, whose gaps have told secrets elsewhere.

/// Bits of one trial, which succeeds if all are 0: `alpha` is 1 / 2^`TRIAL_BITS`. Divides 8.
pub(crate) const TRIAL_BITS: u32 = 2;

/// What one contribution of one tenant may change in the logarithm of any answer's probability:
/// `ln(1 / alpha)`.
#[must_use]
pub fn epsilon() -> f64 {
    f64::from(TRIAL_BITS) * std::f64::consts::LN_2
}

/// The most that anyone can learn of a fact which shows in so many `contributions`, whatever else
/// he knows, asks or contributes: hits less false alarms of the best guess, from 0 (tossing a
/// coin) to 1 (certain). Of `n` contributions it is `tanh(n * epsilon / 2)`; of one it is
/// `(1 - alpha) / (1 + alpha)`.
#[must_use]
pub fn advantage_bound(contributions: u32) -> f64 {
    (f64::from(contributions) * epsilon() / 2.0).tanh()
}

/// The noise that 32 random bytes give, at most 64 either way; a longer run has the probability
/// 2^-128. It looks at every bit, so that how long it takes doesn't tell how large the noise is.
pub(crate) fn two_sided_geometric(random: &[u8; 32]) -> i64 {
    let (up, down) = random.split_at(16);
    successes(up) - successes(down)
}

fn successes(bits: &[u8]) -> i64 {
    let (mut run, mut count) = (1, 0);
    for byte in bits {
        for trial in 0..8 / TRIAL_BITS {
            let bits = (byte >> (trial * TRIAL_BITS)) & ((1 << TRIAL_BITS) - 1);
            run &= i64::from(bits == 0);
            count += run;
        }
    }
    count
}
