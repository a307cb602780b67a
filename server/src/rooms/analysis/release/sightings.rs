//! What events name that may be counted across tenants: public addresses on either side, and the
//! SHA-256 of files.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use cordon_kernel::Result;
use cordon_lake::schema::{Column, Columns};
use cordon_lake::{Events, filled};
use cordon_release::Indicator;

/// Digits of a SHA-256.
const DIGITS: usize = 64;
/// Indicators that are remembered, so that one that comes again and again is given once.
const REMEMBERED: usize = 65_536;

/// The columns that are looked at.
pub(in super::super) fn columns() -> Columns {
    Columns::of(&[
        Column::Time,
        Column::Name,
        Column::Seq,
        Column::StoredTime,
        Column::SrcIp,
        Column::DstIp,
        Column::Raw,
    ])
}

/// Reads events one batch after the other.
#[derive(Debug, Default)]
pub(in super::super) struct Reader {
    known: HashSet<Indicator>,
}

impl Reader {
    /// Gives each indicator of each event, with the event's sequence number and when it was stored
    /// (ns). What was given lately is left out, if `once`.
    pub(in super::super) fn read(
        &mut self,
        batch: &RecordBatch,
        once: bool,
        mut take: impl FnMut(u64, i64, &Indicator),
    ) -> Result<()> {
        let batch = filled(batch)?;
        let events = Events::new(&batch)?;
        for at in 0..events.len() {
            let event = events.row(at, &[]);
            let (seq, stored) = (events.seq(at), events.stored_ns(at));
            let addresses = [event.src_ip, event.dst_ip].into_iter().flatten();
            let addresses = addresses.map(Indicator::address);
            let files = hashes(event.raw).map(Indicator::parse_file_sha256);
            for indicator in addresses.chain(files).flatten() {
                if !once || self.is_new(indicator) {
                    take(seq, stored, &indicator);
                }
            }
        }
        Ok(())
    }

    fn is_new(&mut self, indicator: Indicator) -> bool {
        if self.known.len() >= REMEMBERED && !self.known.contains(&indicator) {
            self.known.clear();
        }
        self.known.insert(indicator)
    }
}

/// The runs of exactly 64 hexadecimal digits in a text, which no letter or digit touches.
fn hashes(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| word.len() == DIGITS && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_stand_alone() {
        let hash = "ab".repeat(32);
        for (text, found) in [
            (format!(r#"{{"sha256":"{hash}"}}"#), 1),
            (format!("SHA256={},{hash}", hash.to_uppercase()), 2),
            (format!("{hash}0"), 0),
            (format!("x{hash}"), 0),
            (hash.replace('a', "g"), 0),
            ("ab".repeat(20), 0),
            (format!("é{hash}é"), 1),
        ] {
            assert_eq!(hashes(&text).count(), found, "{text}");
        }
    }
}
