//! The way out, as the provider has set it up.

use cordon_courier::{Guard, Mailer};
use jiff::SignedDuration;

/// What notices are sent with.
#[derive(Debug)]
pub struct Courier {
    /// What every URL of a tenant's passes.
    pub guard: Guard,
    /// The provider's relay; `None`: no mail is sent.
    pub mailer: Option<Mailer>,
    /// How often something is tried.
    pub pace: Pace,
}

/// How often something is tried that does not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The wait after the first failure; it doubles with each further one.
    pub first: SignedDuration,
    /// The longest wait.
    pub longest: SignedDuration,
    /// After how long it is given up.
    pub give_up: SignedDuration,
}

impl Pace {
    /// The wait after so many failures in a row: between half of it and all of it, by the dice, so
    /// that what failed together is not tried again together.
    #[must_use]
    pub fn wait(&self, failures: u32, dice: [u8; 8]) -> SignedDuration {
        let doubled = 1_i32
            .checked_shl(failures.saturating_sub(1).min(30))
            .unwrap_or(i32::MAX);
        let whole = self.first.saturating_mul(doubled).min(self.longest);
        let half = whole.as_nanos() / 2;
        let dice = i128::from(u64::from_be_bytes(dice));
        let jitter = half * dice / i128::from(u64::MAX);
        let nanos = i64::try_from(half + jitter).unwrap_or(i64::MAX);
        SignedDuration::from_nanos(nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PACE: Pace = Pace {
        first: SignedDuration::from_secs(10),
        longest: SignedDuration::from_hours(1),
        give_up: SignedDuration::from_hours(72),
    };

    #[test]
    fn waits_double_up_to_the_longest() {
        let most = |failures| PACE.wait(failures, [0xff; 8]).as_secs();
        assert_eq!([most(1), most(2), most(3)], [10, 20, 40]);
        assert_eq!([most(9), most(10), most(1_000)], [2_560, 3_600, 3_600]);
    }

    proptest! {
        #[test]
        fn a_wait_is_between_half_and_all(failures in any::<u32>(), dice in any::<[u8; 8]>()) {
            let (wait, most) = (PACE.wait(failures, dice), PACE.wait(failures, [0xff; 8]));
            prop_assert!(wait <= most && wait.as_nanos() >= most.as_nanos() / 2);
            prop_assert!(most >= PACE.first && most <= PACE.longest);
        }
    }
}
