//! Export: the bytes of a file with all events of a search.

use std::sync::Arc;

use bytes::Bytes;
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Name, Result, TenantScope};
use cordon_lake::export::{CsvExport, ParquetExport, export_columns};
use cordon_lake::schema::Columns;
use cordon_lake::{Lake, Query};
use cordon_proto::events as wire;

use super::completeness;
use super::convert::{self, Tally, View};
use crate::transport::{Caller, Feed, Feeder};

/// Bytes of one message, about.
const PIECE: usize = 256 << 10;

/// What makes the file's bytes.
enum Writer {
    Ndjson,
    Csv(CsvExport),
    Parquet(Box<ParquetExport>),
}

/// Answers `ExportEvents`.
///
/// # Errors
/// `PERMISSION_DENIED`, `INVALID_FILTER`, `INVALID_ARGUMENT` before anything is sent.
pub(super) async fn export(
    kernel: &Arc<Kernel>,
    lake: &Arc<Lake>,
    caller: Caller,
    request: wire::ExportEventsRequest,
) -> Result<Feed<wire::ExportEventsResponse>> {
    let tenant = Name::parse_tenant("parent", &request.parent)?;
    let range = convert::range(request.start_time.as_ref(), request.end_time.as_ref())?;
    let writer = match wire::ExportFormat::try_from(request.format) {
        Ok(wire::ExportFormat::Ndjson) => Writer::Ndjson,
        Ok(wire::ExportFormat::Csv) => Writer::Csv(CsvExport::new(export_columns())),
        Ok(wire::ExportFormat::Parquet) => {
            Writer::Parquet(Box::new(ParquetExport::new(export_columns())?))
        }
        Ok(wire::ExportFormat::Unspecified) | Err(_) => {
            return Err(Error::invalid("format", "expected NDJSON, CSV or PARQUET"));
        }
    };
    let (scope, permit) = caller
        .tenant_scope(kernel, &tenant, Action::ExportEvents)
        .await?;
    let filter = super::filter(lake, &scope, &request.filter)?;
    let entry = AuditEntry::new(&permit)
        .resource(Name::Tenant(tenant))
        .detail("filter", &request.filter)
        .detail("format", request.format);
    kernel.db().audit_read(&scope, entry).await?;
    let query = Query {
        since: range.0,
        until: range.1,
        filter,
        columns: Columns::ALL,
        ..Query::default()
    };
    let scope = Arc::new(scope);
    let work = run(Arc::clone(lake), Arc::clone(&scope), query, writer);
    Ok(Feed::spawn(Arc::clone(kernel), caller, scope, work))
}

fn run(
    lake: Arc<Lake>,
    scope: Arc<TenantScope>,
    query: Query,
    mut writer: Writer,
) -> impl FnOnce(Feeder<wire::ExportEventsResponse>) -> futures::future::BoxFuture<'static, Result<()>>
{
    |feeder| {
        Box::pin(async move {
            let mut found = lake.search(&scope, query).await?;
            let (mut tally, mut count) = (Tally::default(), 0_i64);
            while let Some(batch) = found.next().await? {
                count = count.saturating_add(i64::try_from(batch.num_rows()).unwrap_or(i64::MAX));
                let batch = Disclosed::own(&scope, batch);
                let ready = match &mut writer {
                    Writer::Ndjson => {
                        let mut out = Vec::new();
                        for event in convert::events(scope.tenant(), batch, View::Ocsf, &mut tally)?
                        {
                            out.extend_from_slice(event.ocsf_json.as_bytes());
                            out.push(b'\n');
                        }
                        out
                    }
                    Writer::Csv(csv) => csv.write(&convert::tallied(batch, &mut tally)?)?,
                    Writer::Parquet(parquet) => {
                        parquet.write(&convert::tallied(batch, &mut tally)?)?
                    }
                };
                send(&feeder, ready, count).await?;
            }
            let rest = match writer {
                Writer::Ndjson => Vec::new(),
                Writer::Csv(csv) => csv.finish(),
                Writer::Parquet(parquet) => parquet.finish()?,
            };
            send(&feeder, rest, count).await?;
            let summary = wire::SearchSummary {
                returned_count: count,
                next_page_token: String::new(),
                completeness: Some(completeness::of(found.snapshot(), &tally)),
            };
            let message = wire::ExportEventsResponse {
                event_count: count,
                summary: Some(summary),
                ..Default::default()
            };
            feeder.send(message).await
        })
    }
}

async fn send(
    feeder: &Feeder<wire::ExportEventsResponse>,
    bytes: Vec<u8>,
    event_count: i64,
) -> Result<()> {
    let mut bytes = Bytes::from(bytes);
    while !bytes.is_empty() {
        let content = bytes.split_to(PIECE.min(bytes.len()));
        feeder
            .send(wire::ExportEventsResponse {
                content,
                event_count,
                summary: None,
            })
            .await?;
    }
    Ok(())
}
