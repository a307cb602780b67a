//! What can go wrong in the lake.

use std::fmt;

/// Result of the lake.
pub type Result<T, E = LakeError> = std::result::Result<T, E>;

/// An error of the lake. Only [`LakeError::Filter`], [`LakeError::Query`], [`LakeError::Exhausted`]
/// and [`LakeError::Kernel`] speak to the caller; the texts of the others are for the log.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The filter is wrong.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The query is none that can be answered; says why, and where.
    #[error("{0}")]
    Query(String),
    /// A query reached a limit; says which, and what to narrow.
    #[error("{0}")]
    Exhausted(String),
    /// Stored bytes are not what was written: damaged, swapped, or under another key.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// What a query was to read was sealed, merged or swept meanwhile: read the catalogue anew.
    /// Searches do that by themselves.
    #[error("the catalogue has changed meanwhile")]
    Stale,
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

    /// What stays away however often the catalogue is read anew is lost.
    pub(crate) fn lost(self) -> Self {
        match self {
            Self::Stale => Self::corrupt("what the catalogue names is not there"),
            other => other,
        }
    }

    /// An object that is not there (any more) means that the catalogue has changed.
    pub(crate) fn gone(self) -> Self {
        match self {
            Self::Store(object_store::Error::NotFound { .. }) => Self::Stale,
            other => other,
        }
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
            write!(
                f,
                "line {}, column {}: {}",
                self.line, self.column, self.message
            )
        }
    }
}

impl std::error::Error for FilterError {}

impl From<LakeError> for cordon_kernel::Error {
    /// Filters tell the caller what is wrong with them; what the kernel said is passed on;
    /// what passes with time is `UNAVAILABLE`; the rest is `INTERNAL`, and the log has it.
    fn from(error: LakeError) -> Self {
        use cordon_kernel::Reason;
        match error {
            LakeError::Kernel(error) => error,
            LakeError::Filter(error) => {
                let text = error.to_string();
                Self::new(Reason::InvalidFilter, text.clone())
                    .with_violation("filter", text)
                    .with_metadata("line", error.line.to_string())
                    .with_metadata("column", error.column.to_string())
            }
            LakeError::Query(text) => {
                Self::new(Reason::InvalidQuery, text.clone()).with_violation("sql", text)
            }
            LakeError::Exhausted(text) => Self::new(Reason::TooMuchWork, text),
            LakeError::TooLarge(what) => Self::new(Reason::TooLarge, format!("too large: {what}")),
            LakeError::Stale => Self::new(
                Reason::Unavailable,
                "the events are being rearranged; try again",
            )
            .with_retry_after(std::time::Duration::from_secs(1)),
            error @ (LakeError::Store(_) | LakeError::Io(_)) => {
                Self::new(Reason::Unavailable, "stored events can't be reached now")
                    .with_retry_after(std::time::Duration::from_secs(1))
                    .with_source(error)
            }
            error => Self::internal(error),
        }
    }
}
