//! The two digests that everything here has: SHA-256, which courts and other tools know, and
//! BLAKE3, so that no single algorithm's end is the end of the evidence.

use std::fmt;
use std::str::FromStr;

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// How much goes through all hashes of a block before the next: little enough to stay in the
/// processor's nearest caches.
const STRIP: usize = 32 << 10;

/// Zeros to hash, where there are none in memory.
static ZEROS: [u8; STRIP] = [0; STRIP];

/// A digest of 32 bytes. As text it is 64 hexadecimal digits, small letters only: one digest,
/// one spelling.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

/// Why a text is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 hexadecimal digits in small letters")]
pub struct NoDigest;

impl Digest {
    /// The SHA-256 of all parts, one behind the other.
    #[must_use]
    pub fn sha256(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        finish(context)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let mut bytes = [0; 32];
        let small = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) if small => Ok(Self(bytes)),
            _ => Err(NoDigest),
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = NoDigest;

    fn try_from(text: String) -> Result<Self, NoDigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

fn finish(context: Context) -> Digest {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    Digest(bytes)
}

/// Both digests of the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digests {
    /// SHA-256.
    pub sha256: Digest,
    /// BLAKE3, unkeyed.
    pub blake3: Digest,
}

impl Digests {
    /// Of bytes in memory.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut digesting = Digesting::default();
        digesting.update(bytes);
        digesting.finish()
    }

    /// Of so many zeros.
    #[must_use]
    pub fn of_zeros(length: u64) -> Self {
        let mut digesting = Digesting::default();
        digesting.zeros(length);
        digesting.finish()
    }
}

/// Both digests while bytes go by.
#[derive(Clone)]
pub(crate) struct Digesting {
    sha256: Context,
    blake3: blake3::Hasher,
}

impl Default for Digesting {
    fn default() -> Self {
        Self {
            sha256: Context::new(&SHA256),
            blake3: blake3::Hasher::new(),
        }
    }
}

impl fmt::Debug for Digesting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digesting")
    }
}

impl Digesting {
    /// Takes the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for strip in bytes.chunks(STRIP) {
            self.strip(strip);
        }
    }

    /// Takes the next bytes, and lets another take them too while they are near.
    pub(crate) fn update_with(&mut self, other: &mut Self, bytes: &[u8]) {
        for strip in bytes.chunks(STRIP) {
            self.strip(strip);
            other.strip(strip);
        }
    }

    /// Takes so many zeros.
    pub(crate) fn zeros(&mut self, length: u64) {
        let mut left = length;
        while left > 0 {
            let part = left.min(STRIP as u64);
            self.strip(ZEROS.get(..part as usize).unwrap_or(&ZEROS));
            left -= part;
        }
    }

    pub(crate) fn finish(self) -> Digests {
        Digests {
            sha256: finish(self.sha256),
            blake3: Digest(*self.blake3.finalize().as_bytes()),
        }
    }

    fn strip(&mut self, strip: &[u8]) {
        self.sha256.update(strip);
        self.blake3.update(strip);
    }
}

/// Whether all bytes are zero. Looks at 64 at once and stops at the first that is not.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    let any = |part: &[u8]| part.iter().fold(0, |all, byte| all | byte) != 0;
    let chunks = bytes.chunks_exact(64);
    !any(chunks.remainder()) && !chunks.into_iter().any(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_other_programs() {
        // printf '' | sha256sum; printf '' | b3sum; the same of `abc` and of 1 MiB of zeros.
        for (digests, sha256, blake3) in [
            (
                Digests::of(b""),
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            ),
            (
                Digests::of(b"abc"),
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
            ),
        ] {
            assert_eq!(digests.sha256.to_string(), sha256);
            assert_eq!(digests.blake3.to_string(), blake3);
        }
        let zeros = Digests::of_zeros(1 << 20).sha256.to_string();
        let known = "30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58";
        assert_eq!(zeros, known);
    }

    #[test]
    fn zeros_that_are_not_there_hash_like_those_that_are() {
        for length in [0, 1, STRIP - 1, STRIP, STRIP + 1, 3 * STRIP + 7] {
            let there = Digests::of(&vec![0; length]);
            assert_eq!(Digests::of_zeros(length as u64), there, "{length}");
        }
    }

    #[test]
    fn a_byte_that_is_not_zero_is_seen_wherever_it_stands() {
        for length in [1, 63, 64, 65, 200] {
            assert!(is_zero(&vec![0; length]));
            for at in 0..length {
                let mut bytes = vec![0; length];
                bytes[at] = 1;
                assert!(!is_zero(&bytes), "{at} of {length}");
            }
        }
        assert!(is_zero(b""));
    }

    #[test]
    fn a_digest_has_one_spelling() {
        let text = Digests::of(b"abc").sha256.to_string();
        assert_eq!(text.parse::<Digest>().unwrap().to_string(), text);
        for wrong in [
            text.to_uppercase(),
            text[1..].to_owned(),
            format!("{text}0"),
        ] {
            assert_eq!(wrong.parse::<Digest>(), Err(NoDigest));
        }
        assert!("é".repeat(32).parse::<Digest>().is_err());
    }
}
