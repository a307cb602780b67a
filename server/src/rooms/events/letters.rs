//! Dead letters: records that could not be read, listed and read again.

use std::sync::Arc;

use bytes::Bytes;
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Name, Result};
use cordon_proto::events as wire;
use uuid::Uuid;

use super::convert::to_time;
use super::ingest::{Batch, Ingest};
use super::quarantine;
use crate::transport::Caller;

/// Bytes of records after which a page ends.
const PAGE_BYTES: usize = 4 << 20;

/// Answers `ListDeadLetters`. Operators see the bytes too: that is in the provider's log first.
///
/// # Errors
/// `PERMISSION_DENIED`, `INVALID_ARGUMENT`, `UNAVAILABLE`.
pub(super) async fn list(
    kernel: &Arc<Kernel>,
    caller: &Caller,
    request: &wire::ListDeadLettersRequest,
) -> Result<wire::ListDeadLettersResponse> {
    let source = Name::parse_source("parent", &request.parent)?;
    let size = match request.page_size {
        0 => 100,
        n => u32::try_from(n)
            .map_err(|_| Error::invalid("page_size", "expected a number that is not negative"))?
            .min(1_000),
    };
    let after = match request.page_token.as_str() {
        "" => None,
        token => Some(Uuid::try_parse(token).map_err(|_| {
            Error::new(
                cordon_kernel::Reason::InvalidPageToken,
                "expected the token of the answer before",
            )
        })?),
    };
    let (scope, permit) = caller
        .provider_scope(kernel, Action::ListDeadLetters)
        .await?;
    let entry = AuditEntry::new(&permit).resource(Name::Source(source.clone()));
    kernel.db().audit_provider_read(&scope, entry).await?;
    let rows = kernel
        .db()
        .dead_letters(&scope, &source, after, size)
        .await?;
    let full = rows.len() == usize::try_from(size).unwrap_or(usize::MAX);
    let mut dead_letters = Vec::with_capacity(rows.len());
    let (mut bytes, mut last, mut cut) = (0, None, false);
    for row in rows {
        if bytes > PAGE_BYTES {
            cut = true;
            break;
        }
        last = Some(row.id);
        let kept = kernel.db().dead_letter(&scope, &source, row.id).await?;
        let record = quarantine::decode(&kept)?.record.to_vec();
        bytes += record.len();
        let (row, record) = Disclosed::summary(&scope, (row, record)).into_wire();
        dead_letters.push(wire::DeadLetter {
            name: Name::DeadLetter(source.clone(), row.id).to_string(),
            batch_id: row.batch_id,
            line: i64::try_from(row.line).unwrap_or(i64::MAX),
            size_bytes: i64::try_from(row.full_bytes).unwrap_or(i64::MAX),
            reason: row.reason,
            create_time: Some(to_time(cordon_kernel::db::nanos(row.stored_time))),
            content: record.into(),
        });
    }
    let next_page_token = match last {
        Some(last) if full || cut => last.hyphenated().to_string(),
        _ => String::new(),
    };
    Ok(wire::ListDeadLettersResponse {
        dead_letters,
        next_page_token,
    })
}

/// Dead letters read again at a time.
const STEP: u32 = 256;

/// Answers `ReplayDeadLetters`: what can be read now is stored and leaves the dead letters.
///
/// # Errors
/// `PERMISSION_DENIED`, `NOT_FOUND` for a source that does not exist, `UNAVAILABLE`; what was
/// replayed until then stays replayed.
pub(super) async fn replay(
    kernel: &Arc<Kernel>,
    ingest: &Ingest,
    caller: &Caller,
    request: &wire::ReplayDeadLettersRequest,
) -> Result<wire::ReplayDeadLettersResponse> {
    let source = Name::parse_source("parent", &request.parent)?;
    let (provider, permit) = caller
        .provider_scope(kernel, Action::ReplayDeadLetters)
        .await?;
    let (scope, _) = caller
        .ingest_scope(kernel, &source, Action::ReplayDeadLetters)
        .await?;
    let entry = AuditEntry::new(&permit).resource(Name::Source(source.clone()));
    kernel.db().audit_provider_read(&provider, entry).await?;
    let (mut accepted, mut remaining) = (0_i64, 0_i64);
    let mut after = None;
    loop {
        let rows = kernel
            .db()
            .dead_letters(&provider, &source, after, STEP)
            .await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.id);
        for row in &rows {
            let kept = kernel.db().dead_letter(&provider, &source, row.id).await?;
            let kept = quarantine::decode(&kept)?;
            let batch = Batch {
                id: format!("replay/{}", row.id.hyphenated()),
                source_type: kept.source_type,
                context: kept.context.unwrap_or_default().to_owned(),
                records: vec![Bytes::copy_from_slice(kept.record)],
                lines: Vec::new(),
                unreadable: Vec::new(),
                watermark: None,
            };
            if ingest.retry(&scope, batch).await?.is_some() {
                kernel
                    .db()
                    .forget_dead_letter(&provider, &source, row.id)
                    .await?;
                accepted += 1;
            } else {
                remaining += 1;
            }
        }
    }
    Ok(wire::ReplayDeadLettersResponse {
        accepted_count: accepted,
        remaining_count: remaining,
    })
}
