//! An export as a disk.

use std::path::Path;

use async_trait::async_trait;

use super::{NbdClient, NbdLimits};
use crate::Error;
use crate::disk::{DiskSource, Extent, Piece};

/// A disk that is read through an NBD export that nobody can write to.
#[derive(Debug)]
pub struct NbdDisk {
    name: String,
    client: NbdClient,
}

impl NbdDisk {
    /// Connects to an export.
    ///
    /// # Errors
    /// As [`NbdClient::connect`]; and [`Error::NotAllowed`] for an export that can be written to, for
    /// evidence that can change is none.
    pub async fn connect(
        name: &str,
        socket: &Path,
        export: &str,
        limits: NbdLimits,
    ) -> Result<Self, Error> {
        let client = NbdClient::connect(socket, export, limits).await?;
        if !client.export().read_only {
            return Err(Error::NotAllowed("an export that can be written to"));
        }
        let name = name.to_owned();
        Ok(Self { name, client })
    }
}

#[async_trait]
impl DiskSource for NbdDisk {
    fn name(&self) -> &str {
        &self.name
    }

    fn length(&self) -> u64 {
        self.client.export().size
    }

    async fn read_at(&self, offset: u64, length: u32) -> Result<Piece, Error> {
        self.client.read_at(offset, length).await
    }

    async fn extents(&self, offset: u64, length: u64) -> Result<Vec<Extent>, Error> {
        self.client.extents(offset, length).await
    }
}
