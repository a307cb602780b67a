//! When a call is tried again, and how long to wait before.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Reason};
use crate::servers::Servers;

/// How patiently failures that may pass by themselves are waited out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The wait after the first failure; it doubles with each one that follows.
    pub first_delay: Duration,
    /// The longest wait.
    pub max_delay: Duration,
    /// How long failures may follow each other without any success in between before the last
    /// one is returned. Zero means that no call is made again, at another server neither.
    pub patience: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(5),
            patience: Duration::from_secs(60),
        }
    }
}

/// Whether a call may be sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Sending it twice has the effect of sending it once.
    Safe,
    /// Only when nothing of it was done for certain: the server said that it refused the call, or
    /// it was not sent.
    IfRefused,
}

/// The waits of one call or stream.
#[derive(Debug)]
pub(crate) struct Backoff {
    policy: RetryPolicy,
    /// Where it may be taken up at once, as long as there is one that was not tried.
    servers: Option<Servers>,
    /// Failures since the last wait.
    at_once: usize,
    failures: u32,
    since: Option<Instant>,
}

impl Backoff {
    pub(crate) const fn new(policy: RetryPolicy, servers: Option<Servers>) -> Self {
        Self {
            policy,
            servers,
            at_once: 0,
            failures: 0,
            since: None,
        }
    }

    /// There was progress: the next failure is a first one again.
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
        self.at_once = 0;
        self.since = None;
    }

    /// How long to wait after this failure; `None` when it is final.
    pub(crate) fn after(&mut self, error: &Error, repeat: Repeat) -> Option<Duration> {
        let may = match repeat {
            Repeat::Safe => error.is_transient(),
            Repeat::IfRefused => error.is_transient() && error.was_not_done(),
        };
        if !may {
            return None;
        }
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        let delay = if self.goes_on_elsewhere(error) {
            Duration::ZERO
        } else {
            self.at_once = 0;
            self.delay().max(error.retry_after().unwrap_or_default())
        };
        let patient = !self.policy.patience.is_zero() && waited + delay <= self.policy.patience;
        patient.then_some(delay)
    }

    /// Whether another server may do better, without a wait. What it was told by one of them,
    /// as that a quota is used up, it would hear from all.
    fn goes_on_elsewhere(&mut self, error: &Error) -> bool {
        self.at_once += 1;
        let servers = self.servers.as_ref();
        *error.reason() == Reason::Unavailable
            && servers.is_some_and(|servers| servers.has_another(self.at_once))
    }

    /// Waits after this failure, or returns it when it is final.
    pub(crate) async fn pause(&mut self, error: Error, repeat: Repeat) -> Result<(), Error> {
        match self.after(&error, repeat) {
            Some(delay) => {
                tokio::time::sleep(delay).await;
                Ok(())
            }
            None => Err(error),
        }
    }

    /// Doubles each time, between half and all of it at random, so that many clients that lost
    /// the same server do not come back all at once.
    fn delay(&mut self) -> Duration {
        let doubled = self
            .policy
            .first_delay
            .saturating_mul(1 << self.failures.min(16))
            .min(self.policy.max_delay);
        self.failures = self.failures.saturating_add(1);
        doubled.mul_f64(0.5 + jitter() / 2.0)
    }
}

/// A number from 0 to 1, other each time.
pub(crate) fn jitter() -> f64 {
    f64::from((random() >> 32) as u32) / f64::from(u32::MAX)
}

/// A number that is other each time; nothing that a secret could be made of.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// An id that marks a call, in the form of a random UUID.
pub(crate) fn unique_id() -> String {
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48 & 0x3fff),
        low & 0xffff_ffff_ffff,
    )
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    fn refused(delay: Option<Duration>) -> Error {
        let mut details = ErrorDetails::new();
        details.set_error_info("UNAVAILABLE", "cordon", std::collections::HashMap::new());
        details.set_retry_info(delay);
        Status::with_error_details(Code::Unavailable, "busy", details).into()
    }

    #[test]
    fn waits_grow_up_to_their_limit() {
        let mut backoff = Backoff::new(RetryPolicy::default(), None);
        let lost = Error::from(Status::unavailable("gone"));
        let mut longest = Duration::ZERO;
        for failure in 0..12 {
            let delay = backoff.after(&lost, Repeat::Safe).unwrap();
            let full = Duration::from_millis(100 << failure).min(Duration::from_secs(5));
            assert!(delay >= full / 2 && delay <= full, "{failure}: {delay:?}");
            longest = longest.max(delay);
        }
        assert!(longest > Duration::from_secs(2));
        backoff.reset();
        assert!(backoff.after(&lost, Repeat::Safe).unwrap() <= Duration::from_millis(100));
    }

    #[test]
    fn the_server_may_ask_for_more() {
        let mut backoff = Backoff::new(RetryPolicy::default(), None);
        let asked = Duration::from_secs(7);
        assert_eq!(
            backoff.after(&refused(Some(asked)), Repeat::IfRefused),
            Some(asked)
        );
    }

    #[test]
    fn what_is_not_safe_to_repeat_is_repeated_only_when_it_was_refused() {
        let mut backoff = Backoff::new(RetryPolicy::default(), None);
        let lost = Error::from(Status::unavailable("gone"));
        assert_eq!(backoff.after(&lost, Repeat::IfRefused), None);
        assert!(backoff.after(&refused(None), Repeat::IfRefused).is_some());
        let unsent = Error::from(Status::unavailable("gone")).unsent();
        assert!(backoff.after(&unsent, Repeat::IfRefused).is_some());
        let wrong = Error::from(Status::invalid_argument("wrong"));
        assert_eq!(backoff.after(&wrong, Repeat::Safe), None);
    }

    #[tokio::test]
    async fn patience_ends() {
        let patience = Duration::from_millis(120);
        let policy = RetryPolicy {
            first_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(10),
            patience,
        };
        let mut backoff = Backoff::new(policy, None);
        let begun = Instant::now();
        let mut failures = 0;
        loop {
            let lost = Error::from(Status::unavailable("gone"));
            if backoff.pause(lost, Repeat::Safe).await.is_err() {
                break;
            }
            failures += 1;
        }
        assert!(failures > 3, "{failures}");
        assert!(begun.elapsed() > patience - Duration::from_millis(20));

        let impatient = RetryPolicy {
            patience: Duration::ZERO,
            ..RetryPolicy::default()
        };
        let mut never = Backoff::new(impatient, None);
        assert_eq!(
            never.after(&Status::unavailable("gone").into(), Repeat::Safe),
            None
        );
    }

    #[test]
    fn ids_are_uuids_and_differ() {
        let ids: std::collections::HashSet<_> = (0..1_000).map(|_| unique_id()).collect();
        assert_eq!(ids.len(), 1_000);
        for id in ids {
            let lengths: Vec<_> = id.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
            assert_eq!(&id[14..15], "4");
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
    }

    #[test]
    fn jitter_stays_in_bounds_and_varies() {
        let drawn: Vec<_> = (0..100).map(|_| jitter()).collect();
        assert!(drawn.iter().all(|number| (0.0..=1.0).contains(number)));
        assert!(drawn.iter().any(|number| *number < 0.5));
        assert!(drawn.iter().any(|number| *number > 0.5));
    }
}
