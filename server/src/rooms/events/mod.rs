//! Events: in, found again, followed, counted, taken out.

pub mod backfill;
mod completeness;
mod convert;
mod count;
mod directory;
mod export;
mod get;
mod ingest;
mod letters;
mod names;
mod originals;
mod quarantine;
mod rpc;
mod search;
#[cfg(test)]
mod tests;
mod waits;
mod watch;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_kernel::{Result, TenantScope};
use cordon_lake::Lake;
use cordon_lake::filter::Filter;
use cordon_proto::events::events_service_server::EventsServiceServer;

pub(crate) use convert::{View, range, wire_events};
pub use directory::Directory;
pub(crate) use get::require;
pub use ingest::Ingest;
pub use waits::Waits;

/// Most bytes of a message in either direction: a batch and what surrounds it.
const MESSAGE: usize = 16 << 20;

/// The service, to be mounted.
#[must_use]
pub fn service(
    kernel: Arc<Kernel>,
    lake: Arc<Lake>,
    ingest: Arc<Ingest>,
) -> EventsServiceServer<rpc::Rpc> {
    use tonic::codec::CompressionEncoding::{Gzip, Zstd};
    EventsServiceServer::new(rpc::Rpc::new(kernel, lake, ingest))
        .accept_compressed(Zstd)
        .accept_compressed(Gzip)
        .send_compressed(Zstd)
        .send_compressed(Gzip)
        .max_decoding_message_size(MESSAGE)
        .max_encoding_message_size(MESSAGE)
}

/// A request's filter, compiled for the scope's tenant; none passes everything.
fn filter(lake: &Lake, scope: &TenantScope, text: &str) -> Result<Option<Arc<Filter>>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    Ok(Some(lake.filters().compile(scope, text)?))
}

/// What other rooms' tests make batches with.
#[cfg(test)]
pub(crate) mod testing {
    use bytes::Bytes;
    use cordon_views::SourceType;

    pub(crate) use super::ingest::Batch;

    /// A batch of records of one kind.
    pub(crate) fn batch(id: String, source_type: SourceType, records: Vec<Bytes>) -> Batch {
        Batch {
            id,
            source_type,
            context: String::new(),
            records,
            lines: Vec::new(),
            unreadable: Vec::new(),
            watermark: None,
        }
    }
}
