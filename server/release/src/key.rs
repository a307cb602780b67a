//! Keys of a day and of a tenant's memory, and what is made under them.

use std::fmt;

use zeroize::Zeroizing;

use crate::day::Day;
use crate::indicator::Indicator;

/// What stands for an indicator in the counts of one day: a keyed hash. Without the day's key
/// nobody can tell what it stands for, or that two days have the same indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub [u8; 16]);

/// What stands for an indicator in a tenant's own memory of what it has contributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnTag(pub [u8; 16]);

/// What stands for a question in the budget of a billing organisation, for one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 16]);

/// The provider's key of one day: makes the tags of the day's counts, and the noise on them.
///
/// A day has one key for ever. Under a second one the same counts would get a second noise, and
/// that costs each tenant its privacy again; so a lost key means a day without answers, and a key
/// is not rotated but destroyed, once no window reaches back to its day.
pub struct DayKey {
    day: Day,
    tags: Zeroizing<[u8; 32]>,
    noise: Zeroizing<[u8; 32]>,
    fingerprints: Zeroizing<[u8; 32]>,
}

impl DayKey {
    /// The key of a day from the secret that was drawn at random for that day.
    #[must_use]
    pub fn new(day: Day, secret: &[u8; 32]) -> Self {
        let derive = |context: &str| {
            let mut hash = blake3::Hasher::new_derive_key(context);
            hash.update(secret);
            // Should two days be given one secret, they still have two keys.
            hash.update(&day.number().to_be_bytes());
            Zeroizing::new(*hash.finalize().as_bytes())
        };
        Self {
            day,
            tags: derive("cordon release v1 tags"),
            noise: derive("cordon release v1 noise"),
            fingerprints: derive("cordon release v1 fingerprints"),
        }
    }

    /// The day that it is the key of.
    #[must_use]
    pub const fn day(&self) -> Day {
        self.day
    }

    /// Under what the day's counts have the indicator.
    #[must_use]
    pub fn tag(&self, indicator: &Indicator) -> Tag {
        Tag(half(&hash(&self.tags, &indicator.to_string())))
    }

    /// 32 bytes that nobody without the key can tell from random ones: the day's noise on the
    /// count of an indicator, by its canonical form, is made of them.
    pub(crate) fn noise(&self, canonical: &str) -> [u8; 32] {
        hash(&self.noise, canonical)
    }

    /// Under what a budget has the question, by its canonical form.
    pub(crate) fn fingerprint(&self, release: &str, canonical: &str) -> Fingerprint {
        let text = format!("{release} {canonical}");
        Fingerprint(half(&hash(&self.fingerprints, &text)))
    }
}

impl fmt::Debug for DayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DayKey({})", self.day)
    }
}

/// A tenant's key for its memory of what it has contributed. Not the day's: what a tenant saw is
/// remembered under its own key, and goes with it.
pub struct MemoryKey(Zeroizing<[u8; 32]>);

impl MemoryKey {
    /// From a secret that is this tenant's and serves nothing else.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(Zeroizing::new(blake3::derive_key(
            "cordon release v1 memory",
            secret,
        )))
    }

    pub(crate) fn tag(&self, indicator: &Indicator) -> OwnTag {
        OwnTag(half(&hash(&self.0, &indicator.to_string())))
    }
}

impl fmt::Debug for MemoryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryKey")
    }
}

fn hash(key: &[u8; 32], text: &str) -> [u8; 32] {
    *blake3::keyed_hash(key, text.as_bytes()).as_bytes()
}

fn half(hash: &[u8; 32]) -> [u8; 16] {
    let mut short = [0; 16];
    for (to, from) in short.iter_mut().zip(hash) {
        *to = *from;
    }
    short
}
