//! Time and randomness, injected. Whatever needs either takes an [`Env`]; the ambient ones are
//! banned by `clippy.toml`, so that a test can run two worlds on the same clock and dice and
//! compare everything that comes out, byte for byte.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use uuid::Uuid;

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present, in UTC with nanoseconds.
    fn now(&self) -> Timestamp;
}

/// Where randomness comes from. Good enough for keys in every implementation but the seeded one.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `buf` with random bytes.
    fn fill(&self, buf: &mut [u8]);

    /// Randomness of its own for whatever `label` names, unmoved by what others draw.
    /// `None` means that this source needs no such thing, since nobody can predict it.
    fn fork(&self, label: &[u8]) -> Option<Arc<dyn Entropy>> {
        let _ = label;
        None
    }
}

/// Clock and randomness together, as handed to everything that needs either.
#[derive(Clone)]
pub struct Env {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Env")
    }
}

impl Env {
    /// The machine's clock and the operating system's randomness.
    #[must_use]
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }

    /// A clock that stands at `start` until the returned handle moves it, and randomness that
    /// `seed` determines. For tests: keys made from it are worth nothing.
    #[must_use]
    pub fn fixed(start: Timestamp, seed: u64) -> (Self, ManualClock) {
        let clock = ManualClock::at(start);
        let env = Self {
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SeededEntropy::new(
                *blake3::hash(&seed.to_le_bytes()).as_bytes(),
            )),
        };
        (env, clock)
    }

    /// The same clock with randomness of its own for `label` (a tenant, a request): what others
    /// draw does not move it. With the system's randomness this is simply a copy.
    #[must_use]
    pub fn fork(&self, label: &[u8]) -> Self {
        Self {
            clock: Arc::clone(&self.clock),
            entropy: self
                .entropy
                .fork(label)
                .unwrap_or_else(|| Arc::clone(&self.entropy)),
        }
    }

    /// The present, in UTC with nanoseconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut buf = [0; N];
        self.entropy.fill(&mut buf);
        buf
    }

    /// A UUID of version 7: the present in milliseconds (0 before 1970) and 74 random bits.
    #[must_use]
    pub fn uuid_v7(&self) -> Uuid {
        let millis = u64::try_from(self.now().as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }
}

struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buf: &mut [u8]) {
        if let Err(error) = OsRng.try_fill_bytes(buf) {
            // Nothing can be kept secret without randomness, and no caller could go on: keys
            // and nonces of zeroes would be worse than an end.
            tracing::error!(%error, "the operating system gives no randomness, giving up");
            std::process::abort();
        }
    }
}

/// A clock that moves only when told to. Copies share one time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Timestamp>>);

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(start)))
    }

    /// Sets the time, forwards or backwards.
    pub fn set(&self, to: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }

    /// Moves the time by `by`, which may be negative; it stops at the ends of representable time.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = if by.is_negative() {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        *now = now.checked_add(by).unwrap_or(end);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reproducible randomness: the output stream of a keyed hash.
struct SeededEntropy {
    seed: [u8; 32],
    state: Mutex<SeededState>,
}

#[derive(Default)]
struct SeededState {
    drawn: u64,
    // How often each label was forked: a second fork of a label must not repeat the first.
    forks: HashMap<Vec<u8>, u64>,
}

impl SeededEntropy {
    fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            state: Mutex::default(),
        }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buf: &mut [u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stream = blake3::Hasher::new_keyed(&self.seed).finalize_xof();
        stream.set_position(state.drawn);
        stream.fill(buf);
        state.drawn = state.drawn.saturating_add(buf.len() as u64);
    }

    fn fork(&self, label: &[u8]) -> Option<Arc<dyn Entropy>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let count = state.forks.entry(label.to_vec()).or_insert(0);
        let mut hash = blake3::Hasher::new_keyed(&self.seed);
        hash.update(b"fork")
            .update(&count.to_le_bytes())
            .update(label);
        *count += 1;
        Some(Arc::new(Self::new(*hash.finalize().as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_determines_what_is_drawn() {
        let (a, _) = Env::fixed(Timestamp::UNIX_EPOCH, 7);
        let (b, _) = Env::fixed(Timestamp::UNIX_EPOCH, 7);
        let (c, _) = Env::fixed(Timestamp::UNIX_EPOCH, 8);
        let first = a.bytes::<16>();
        assert_eq!(first, b.bytes());
        assert_ne!(first, c.bytes());
        assert_ne!(first, a.bytes());
    }

    #[test]
    fn a_fork_is_unmoved_by_others_and_never_repeats() {
        let (a, _) = Env::fixed(Timestamp::UNIX_EPOCH, 7);
        let (b, _) = Env::fixed(Timestamp::UNIX_EPOCH, 7);
        let _ = b.bytes::<64>();
        let _ = b.fork(b"other").bytes::<64>();
        let first = a.fork(b"acme").bytes::<32>();
        assert_eq!(first, b.fork(b"acme").bytes());
        assert_ne!(first, a.fork(b"acme").bytes());
        assert_ne!(first, a.fork(b"acm").bytes());
    }

    #[test]
    fn the_manual_clock_moves_only_when_told() {
        let (env, clock) = Env::fixed(Timestamp::UNIX_EPOCH, 1);
        clock.advance(SignedDuration::from_secs(90));
        assert_eq!(env.now().as_second(), 90);
        clock.advance(SignedDuration::from_secs(-100));
        assert_eq!(env.now().as_second(), -10);
        assert_eq!(env.uuid_v7().get_version_num(), 7);
        clock.set(Timestamp::MAX);
        clock.advance(SignedDuration::MAX);
        assert_eq!(env.now(), Timestamp::MAX);
    }

    #[test]
    fn system_randomness_differs_between_draws() {
        let env = Env::system();
        assert_ne!(env.bytes::<32>(), env.bytes::<32>());
        assert_ne!(env.fork(b"x").bytes::<32>(), [0; 32]);
    }
}
