//! When a server that failed is called again.

use std::time::Duration;

use tokio::time::Instant;

use crate::retry::jitter;

/// How long a server is left out after a first failure; it doubles with each one that follows.
const FIRST_REST: Duration = Duration::from_millis(500);
/// The longest that it is left out.
const LONGEST_REST: Duration = Duration::from_secs(10);
/// How long one call may try a server that failed before another one tries it as well.
const TRIAL: Duration = Duration::from_secs(2);

/// What is known of one server.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// How many followed each other without an answer in between.
    failures: u32,
    rests_until: Option<Instant>,
    /// Whether it rests because a call is trying it.
    on_trial: bool,
}

impl Health {
    /// Until when it is left out, if it is.
    pub(super) fn rests(&self, now: Instant) -> Option<Instant> {
        self.rests_until.filter(|until| *until > now)
    }

    /// A call goes there. When the server failed before, the other calls keep away until it is
    /// known what becomes of this one.
    pub(super) fn tried(&mut self, now: Instant) {
        if self.failures > 0 && self.rests(now).is_none() {
            self.rests_until = Some(now + TRIAL);
            self.on_trial = true;
        }
    }

    /// It answered.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// It did not. All calls that were under way there notice one failure: it counts once.
    pub(super) fn failed(&mut self, now: Instant) {
        if self.rests(now).is_some() && !self.on_trial {
            return;
        }
        let rest = FIRST_REST
            .saturating_mul(1 << self.failures.min(16))
            .min(LONGEST_REST);
        // Between half and all of it, so that many clients do not come back all at once.
        let rest = rest.mul_f64(0.5 + jitter() / 2.0);
        self.failures = self.failures.saturating_add(1);
        self.rests_until = Some(now + rest);
        self.on_trial = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it rests from `now` on.
    fn rest(health: &Health, now: Instant) -> Duration {
        health.rests(now).unwrap() - now
    }

    #[test]
    fn rests_grow_up_to_their_limit_and_end_with_an_answer() {
        let (mut health, mut now) = (Health::default(), Instant::now());
        for failure in 0..10 {
            health.tried(now);
            health.failed(now);
            let full = (FIRST_REST * (1 << failure)).min(LONGEST_REST);
            let rest = rest(&health, now);
            assert!(rest >= full / 2 && rest <= full, "{failure}: {rest:?}");
            now += rest;
            assert_eq!(health.rests(now), None, "it is tried again");
        }
        health.answered();
        health.failed(now);
        assert!(rest(&health, now) <= FIRST_REST);
    }

    #[test]
    fn one_failure_that_many_calls_notice_counts_once() {
        let (mut health, now) = (Health::default(), Instant::now());
        health.failed(now);
        let first = rest(&health, now);
        for _ in 0..100 {
            health.failed(now);
        }
        assert_eq!(rest(&health, now), first);
    }

    #[test]
    fn one_call_tries_what_failed_and_the_others_keep_away_meanwhile() {
        let (mut health, mut now) = (Health::default(), Instant::now());
        health.tried(now);
        assert_eq!(health.rests(now), None, "nothing is known against it");
        health.failed(now);
        now += FIRST_REST;
        health.tried(now);
        assert_eq!(rest(&health, now), TRIAL);
        // What came of it counts, although it rests.
        health.failed(now);
        assert!(rest(&health, now) <= FIRST_REST * 2);
        // A trial of which nobody says what came of it ends.
        now += FIRST_REST * 2;
        health.tried(now);
        assert_eq!(health.rests(now + TRIAL), None);
    }
}
