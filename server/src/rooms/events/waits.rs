//! How long events waited from their receipt until they could be seen: counted in memory, and handed
//! over now and then. What a server counted within the last minute is lost when it dies.

use std::collections::BTreeMap;

use cordon_kernel::TenantId;
use cordon_kernel::db::measures::{Waited, day_of};
use jiff::{SignedDuration, Timestamp};
use std::sync::{Mutex, PoisonError};

type Counts = BTreeMap<(TenantId, i64, i64), u64>;

/// Counts by tenant, day and time.
#[derive(Debug, Default)]
pub struct Waits(Mutex<Counts>);

impl Waits {
    /// Counts events of a tenant that could be seen at `seen`, `waited` after they had come.
    pub(super) fn note(
        &self,
        tenant: &TenantId,
        events: u64,
        seen: Timestamp,
        waited: SignedDuration,
    ) {
        let key = (tenant.clone(), day_of(seen), bucket(waited));
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_default();
        *count = count.saturating_add(events);
    }

    /// Takes out what was counted.
    pub(crate) fn take(&self) -> Vec<Waited> {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let waited = |((tenant, day, bucket), count)| Waited {
            tenant,
            day,
            bucket,
            count,
        };
        counts.into_iter().map(waited).collect()
    }

    /// Puts back what could not be handed over.
    pub(crate) fn put_back(&self, waited: Vec<Waited>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for one in waited {
            let count = counts.entry((one.tenant, one.day, one.bucket)).or_default();
            *count = count.saturating_add(one.count);
        }
    }
}

/// Milliseconds, rounded up to three binary digits: at most a quarter too much.
fn bucket(waited: SignedDuration) -> i64 {
    let over = i128::from(waited.subsec_nanos() % 1_000_000 != 0);
    let millis = i64::try_from(waited.as_millis().saturating_add(over)).unwrap_or(i64::MAX);
    let millis = millis.clamp(1, 1 << 40);
    let shift = (63 - millis.leading_zeros()).saturating_sub(2);
    let step = 1_i64 << shift;
    (millis + step - 1) / step * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_at_most_a_quarter_too_long() {
        for (waited, expected) in [
            (0, 1),
            (1, 1),
            (7, 7),
            (8, 8),
            (9, 10),
            (11, 12),
            (1_000, 1_024),
        ] {
            assert_eq!(bucket(SignedDuration::from_millis(waited)), expected);
        }
        assert_eq!(bucket(SignedDuration::from_nanos(1_000_001)), 2);
        for waited in (1..100_000).step_by(37) {
            let bucket = bucket(SignedDuration::from_millis(waited));
            assert!(
                bucket >= waited && (bucket - waited) * 4 <= waited,
                "{waited}"
            );
        }
        assert_eq!(bucket(SignedDuration::MAX), 1 << 40);
    }

    #[test]
    fn what_was_taken_is_counted_once_unless_it_is_put_back() {
        let waits = Waits::default();
        let acme: TenantId = "acme".parse().unwrap();
        let at = Timestamp::UNIX_EPOCH;
        waits.note(&acme, 3, at, SignedDuration::from_millis(5));
        waits.note(&acme, 4, at, SignedDuration::from_millis(5));
        let taken = waits.take();
        assert_eq!((taken.len(), taken[0].count), (1, 7));
        assert_eq!(waits.take(), []);
        waits.note(&acme, 1, at, SignedDuration::from_millis(5));
        waits.put_back(taken);
        assert_eq!(waits.take()[0].count, 8);
    }
}
