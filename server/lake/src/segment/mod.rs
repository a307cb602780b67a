//! Segments: a tenant's sealed events as encrypted Parquet, newest first.
//!
//! Rows are sorted by time descending, then name. Row groups hold up to [`GROUP_ROWS`] rows
//! or [`GROUP_TEXT`] bytes of raw events, so that whatever holds one in memory is bounded.
//! Everything in the file is encrypted under the segment's own key, footer included, and bound
//! to tenant and segment by the associated data. Between the last row group and Parquet's own
//! indexes lies ours, sealed by the kernel: Bloom filters per row group. (Parquet's would lie
//! in the clear: the writer does not encrypt them, and whoever has the bucket could ask them
//! for addresses.) Other readers of the format skip those bytes.

mod index;
mod meta;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use index::{INDEXED, SegmentIndex};
pub(crate) use meta::{GroupMeta, SegmentMeta};
pub(crate) use read::{SegmentFile, matches_hash};
pub(crate) use write::{SegmentWriter, WrittenSegment};

/// Version of the layout, in the segment's row.
pub(crate) const FORMAT: u32 = 2;

/// The one before, without a column of credentials.
pub(crate) const FIRST: u32 = 1;

/// Most rows in a row group.
pub(crate) const GROUP_ROWS: usize = 8_192;

/// Row groups end once their raw events have so many bytes.
pub(crate) const GROUP_TEXT: usize = 32 << 20;

/// What the sealed index is called in its associated data.
fn index_object(segment: &str) -> String {
    format!("segment-index/{segment}")
}
