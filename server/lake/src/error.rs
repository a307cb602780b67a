//! What can go wrong in the lake.

use std::fmt;

/// Result of the lake.
pub type Result<T, E = LakeError> = std::result::Result<T, E>;

/// An error of the lake. Only [`LakeError::Filter`] and [`LakeError::Kernel`] speak to the
/// caller; the texts of the others are for the log.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The filter is wrong.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// Stored bytes are not what was written: damaged, swapped, or under another key.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// A block or batch would be too large.
    #[error("too large: {0}")]
    TooLarge(&'static str),
    /// The kernel refused or failed.
    #[error(transparent)]
    Kernel(#[from] cordon_kernel::Error),
    /// The object store failed.
    #[error("object store: {0}")]
    Store(#[from] object_store::Error),
    /// Arrow failed.
    #[error("arrow: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// Parquet failed. Wrong keys, swapped and changed bytes end here too.
    #[error("parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// DataFusion failed.
    #[error("datafusion: {0}")]
    DataFusion(#[from] datafusion::error::DataFusionError),
    /// The operating system failed.
    #[error("input/output: {0}")]
    Io(#[from] std::io::Error),
}

impl LakeError {
    pub(crate) fn corrupt(text: impl Into<String>) -> Self {
        Self::Corrupt(text.into())
    }
}

/// A mistake in a filter, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// What is wrong, and what would be right.
    pub message: String,
    /// Line of the mistake, from 1; 0 if it concerns the whole.
    pub line: u64,
    /// Column of the mistake in characters, from 1; 0 if it concerns the whole.
    pub column: u64,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            f.write_str(&self.message)
        } else {
            write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
        }
    }
}

impl std::error::Error for FilterError {}
