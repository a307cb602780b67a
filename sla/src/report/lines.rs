//! The clocks of a report as lines of JSON, and the digest that binds them to it.

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::super::decided::DecidedClock;

/// What binds the lines of clocks to a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClocksDigest {
    /// How many lines there are.
    pub count: u64,
    /// SHA-256 over all bytes of all lines, line ends and all, in hexadecimal digits.
    pub sha256: String,
}

/// A clock as a line of JSON, with the line's end.
///
/// # Errors
///
/// Never, as far as is known: nothing in a clock has a form that JSON lacks.
pub fn line(clock: &DecidedClock) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(512);
    serde_json::to_writer(&mut line, clock)?;
    line.push(b'\n');
    Ok(line)
}

/// The digest while lines go by. What counts are the bytes as they are, in their order.
#[derive(Clone)]
pub struct ClockLines {
    hash: Context,
    count: u64,
}

impl std::fmt::Debug for ClockLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("ClockLines");
        shown.field("count", &self.count).finish_non_exhaustive()
    }
}

impl Default for ClockLines {
    fn default() -> Self {
        Self {
            hash: Context::new(&SHA256),
            count: 0,
        }
    }
}

impl ClockLines {
    /// Takes the next bytes: any part of the lines, whole or not.
    pub fn take(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
        self.count = self
            .count
            .saturating_add(u64::try_from(ends).unwrap_or(u64::MAX));
    }

    /// The digest of what was taken.
    pub fn finish(self) -> ClocksDigest {
        ClocksDigest {
            count: self.count,
            sha256: hex::encode(self.hash.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_of_the_bytes_however_they_come() {
        let mut whole = ClockLines::default();
        whole.take(b"{\"a\":1}\n{\"a\":2}\n");
        let mut parts = ClockLines::default();
        for part in [&b"{\"a\""[..], b":1}\n{", b"\"a\":2}\n", b""] {
            parts.take(part);
        }
        let whole = whole.finish();
        assert_eq!(whole, parts.finish());
        assert_eq!(whole.count, 2);
        // printf '{"a":1}\n{"a":2}\n' | sha256sum
        assert_eq!(
            whole.sha256,
            "e91bd3062f38c3f1df2165d987872b022fb39a08c642a6fbc3b862dd2a2aaf24"
        );
        let mut other = ClockLines::default();
        other.take(b"{\"a\":2}\n{\"a\":1}\n");
        assert_ne!(other.finish(), whole);
    }
}
