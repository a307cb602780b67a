//! Why evidence could not be kept or shown.

use cordon_evidence::geometry::GeometryError;
use cordon_evidence::hasher::HashError;

/// Why evidence could not be kept or shown.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The source ended, failed, or was not what it should be.
    #[error(transparent)]
    Source(#[from] cordon_hypervisor::Error),
    /// More or less came than was to come.
    #[error(transparent)]
    Size(#[from] HashError),
    /// More than an item may have.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// Store, database or keys.
    #[error(transparent)]
    Kernel(#[from] cordon_kernel::Error),
    /// A block is not what was acquired any more.
    #[error("block {index} is not what was acquired")]
    Damaged {
        /// Which block.
        index: u64,
    },
}

impl VaultError {
    /// Something that must not be, such as a map that leads nowhere.
    pub(crate) fn internal(what: &'static str) -> Self {
        Self::Kernel(cordon_kernel::Error::internal(what))
    }
}
