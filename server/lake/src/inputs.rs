//! What an answer is made of: which pieces of a tenant's events, and how far the sources had come.

use cordon_kernel::TenantScope;
use cordon_kernel::db::segments::Snapshot;
use serde::Serialize;

use crate::error::Result;
use crate::lake::Lake;

/// Most pieces that are named one by one; of the others their number is told.
const MOST_NAMED: usize = 1_000;

/// The pieces of a tenant's events that an answer looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inputs {
    /// Up to this sequence number.
    pub head: u64,
    /// What is older than this sequence number is not kept any more.
    pub oldest_seq: u64,
    /// Sealed segments whose events may be in the range of times, oldest first.
    pub segments: Vec<Segment>,
    /// How many more there are than are named.
    pub unnamed_segments: usize,
    /// Sequence numbers of the events that no segment has yet: the first and the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsealed: Option<(u64, u64)>,
    /// How far each source had come: told apart, as completeness.
    #[serde(skip)]
    pub sources: Vec<SourceUntil>,
}

/// A sealed segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// Its id.
    pub id: String,
    /// BLAKE3 of its bytes as they are stored, in hexadecimal digits.
    pub blake3: String,
    /// How many events it has.
    pub rows: u64,
}

/// How far a source had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceUntil {
    /// Which.
    pub source: String,
    /// Everything up to this event time (ns) had been delivered, says the source.
    pub complete_until: Option<i64>,
    /// Latest event time (ns) of what it had delivered to this tenant.
    pub observed_until: i64,
}

impl Lake {
    /// The pieces that hold the tenant's events of a range of event times (nanoseconds since 1970;
    /// from, and up to without it), up to the sequence number `head` or to the newest.
    ///
    /// # Errors
    /// The kernel's, when the catalogue can't be had.
    pub async fn inputs(
        &self,
        scope: &TenantScope,
        (since, until): (i64, i64),
        head: Option<u64>,
    ) -> Result<Inputs> {
        let snapshot: Snapshot = self.kernel.db().snapshot(scope).await?;
        let head = head.map_or(snapshot.head, |head| head.min(snapshot.head));
        let within =
            |(first, min, max): (u64, i64, i64)| first <= head && min < until && max >= since;
        let segments = snapshot
            .segments
            .iter()
            .filter(|row| within((row.first_seq, row.min_time, row.max_time)));
        let unsealed = snapshot
            .unsealed
            .iter()
            .filter(|block| within((block.first_seq, block.min_time, block.max_time)));
        let unsealed = unsealed.fold(None, |all: Option<(u64, u64)>, block| {
            let first = all.map_or(block.first_seq, |(first, _)| first);
            Some((first, block.last_seq().min(head)))
        });
        Ok(Inputs {
            head,
            oldest_seq: snapshot.oldest_seq,
            unnamed_segments: segments.clone().count().saturating_sub(MOST_NAMED),
            segments: segments
                .take(MOST_NAMED)
                .map(|row| Segment {
                    id: row.id.hyphenated().to_string(),
                    blake3: blake3::Hash::from_bytes(row.object_hash)
                        .to_hex()
                        .to_string(),
                    rows: row.rows,
                })
                .collect(),
            unsealed,
            sources: snapshot
                .sources
                .iter()
                .map(|progress| SourceUntil {
                    source: progress.source.to_string(),
                    complete_until: progress.watermark,
                    observed_until: progress.observed_until,
                })
                .collect(),
        })
    }
}
