//! Originals of events that concern several tenants: packed at ingest, read by staff who enter
//! every tenant that the event concerns.

use std::sync::Arc;

use cordon_kernel::db::OriginalRecord;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, EventName, Result, TenantId};
use cordon_proto::events as wire;
use cordon_views::{Attributed, LONGEST_RECORD};

use super::convert::to_time;
use super::get::name;
use super::quarantine;
use crate::transport::Caller;

/// How hard records are packed: they are small, and each is packed alone.
const LEVEL: i32 = 1;
/// Most bytes of a packed record with all that is needed to read it.
const LONGEST: usize = LONGEST_RECORD + (64 << 10);

/// Packs originals; reused from record to record.
pub(super) struct Packer(zstd::bulk::Compressor<'static>);

impl Packer {
    /// # Errors
    /// `INTERNAL` when there is no memory.
    pub(super) fn new() -> Result<Self> {
        zstd::bulk::Compressor::new(LEVEL)
            .map(Self)
            .map_err(Error::internal)
    }

    /// The original of a record of which views were made; `None` when it concerns one tenant
    /// alone, who then has it as it is.
    ///
    /// # Errors
    /// `INTERNAL` when it can't be packed.
    pub(super) fn pack(
        &mut self,
        attributed: &Attributed<TenantId>,
        kept: impl FnOnce() -> Vec<u8>,
    ) -> Result<Option<OriginalRecord>> {
        if !attributed.views.iter().any(|(_, row)| row.shared) {
            return Ok(None);
        }
        let parties = attributed.views.iter();
        Ok(Some(OriginalRecord {
            parties: parties
                .map(|(tenant, row)| (tenant.clone(), EventName::from_bytes(row.name)))
                .collect(),
            plain: self.0.compress(&kept()).map_err(Error::internal)?,
        }))
    }
}

/// Answers `GetEventOriginal`.
///
/// # Errors
/// As [`Kernel::original`]; `PERMISSION_DENIED` for all who don't enter.
pub(super) async fn get(
    kernel: &Arc<Kernel>,
    caller: &Caller,
    request: &wire::GetEventOriginalRequest,
) -> Result<wire::GetEventOriginalResponse> {
    let (tenant, event) = name(&request.name)?;
    let entry = caller.entry()?.ok_or_else(Error::permission_denied)?;
    let original = kernel
        .original(caller.credential(), &entry, &tenant, event)
        .await?
        .into_wire();
    let plain = zstd::bulk::decompress(&original.plain, LONGEST).map_err(Error::internal)?;
    let kept = quarantine::decode(&plain)?;
    Ok(wire::GetEventOriginalResponse {
        events: original.events.iter().map(ToString::to_string).collect(),
        source_type: kept.source_type.as_str().into(),
        observed_time: Some(to_time(kept.observed)),
        raw: kept.record.to_vec().into(),
        raw_context: kept.context.unwrap_or_default().to_owned(),
    })
}
