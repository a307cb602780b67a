//! A caller that goes to the next server when one fails, and what it went through.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cordon_client::Client;

use crate::harness::Places;

/// How long a call may go without an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a caller tries in all.
const DEADLINE: Duration = Duration::from_secs(120);
/// After a failure, before the next server is tried.
const PAUSE: Duration = Duration::from_millis(20);

/// What callers went through.
#[derive(Default)]
pub struct Waits {
    calls: u64,
    failures: BTreeMap<String, u64>,
    /// From the first failure of a call to its success.
    unavailable: Vec<Duration>,
}

impl Waits {
    /// Calls until it is answered.
    pub async fn call<T>(
        &mut self,
        places: &mut Places,
        call: impl AsyncFn(&Client) -> cordon_client::Result<T>,
    ) -> T {
        let begun = Instant::now();
        let mut failed: Option<Instant> = None;
        loop {
            let attempt = async { call(places.client().await?).await };
            let failure = match tokio::time::timeout(PATIENCE, attempt).await {
                Ok(Ok(answer)) => {
                    self.calls += 1;
                    self.unavailable.extend(failed.map(|since| since.elapsed()));
                    return answer;
                }
                Ok(Err(error)) => error.reason().to_string(),
                Err(_) => "no answer".to_owned(),
            };
            assert!(begun.elapsed() < DEADLINE, "no server answers: {failure}");
            failed.get_or_insert_with(Instant::now);
            *self.failures.entry(failure).or_default() += 1;
            places.turn(true);
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.unavailable.extend(other.unavailable);
        for (failure, count) in other.failures {
            *self.failures.entry(failure).or_default() += count;
        }
    }

    pub fn print(&self, what: &str, callers: usize) {
        let sum: Duration = self.unavailable.iter().sum();
        let longest = self.unavailable.iter().max().copied().unwrap_or_default();
        println!(
            "{what}: {} calls, {} of them failed at first ({:?}); unavailable to a caller for {:.0?} in all, {longest:.0?} at a time at most",
            self.calls,
            self.unavailable.len(),
            self.failures,
            sum / u32::try_from(callers).unwrap(),
        );
    }
}
