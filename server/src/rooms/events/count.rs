//! Counts: how many events there are, by up to three columns.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Name, Result};
use cordon_lake::Lake;
use cordon_lake::count::CountQuery;
use cordon_lake::schema::Column;
use cordon_proto::events as wire;

use super::completeness;
use super::convert::{self, Tally};
use crate::transport::Caller;

/// Most columns to group by.
const COLUMNS: usize = 3;

/// Answers `CountEvents`.
///
/// # Errors
/// `PERMISSION_DENIED`, `INVALID_FILTER`, `INVALID_ARGUMENT` for a column that can't be grouped by.
pub(super) async fn count(
    kernel: &Arc<Kernel>,
    lake: &Lake,
    caller: &Caller,
    request: wire::CountEventsRequest,
) -> Result<wire::CountEventsResponse> {
    let tenant = Name::parse_tenant("parent", &request.parent)?;
    let range = convert::range(request.start_time.as_ref(), request.end_time.as_ref())?;
    if request.group_by.len() > COLUMNS {
        return Err(Error::invalid("group_by", "expected at most three columns"));
    }
    let by = request
        .group_by
        .iter()
        .map(|name| column(name))
        .collect::<Result<Vec<_>>>()?;
    let limit = match request.limit {
        0 => 100,
        n => usize::try_from(n)
            .map_err(|_| Error::invalid("limit", "expected a number that is not negative"))?
            .min(10_000),
    };
    let (scope, permit) = caller
        .tenant_scope(kernel, &tenant, Action::CountEvents)
        .await?;
    let filter = super::filter(lake, &scope, &request.filter)?;
    let entry = AuditEntry::new(&permit)
        .resource(Name::Tenant(tenant))
        .detail("filter", &request.filter)
        .detail("group_by", request.group_by.join(","));
    kernel.db().audit_read(&scope, entry).await?;
    let query = CountQuery {
        since: range.0,
        until: range.1,
        filter,
        by,
    };
    let counted = Disclosed::own(&scope, lake.count(&scope, &query).await?).into_wire();
    Ok(wire::CountEventsResponse {
        counts: counted
            .counts
            .into_iter()
            .take(limit)
            .map(|group| wire::EventCount {
                values: group
                    .values
                    .into_iter()
                    .map(Option::unwrap_or_default)
                    .collect(),
                count: i64::try_from(group.count).unwrap_or(i64::MAX),
            })
            .collect(),
        completeness: Some(completeness::of(&counted.snapshot, &Tally::default())),
    })
}

fn column(name: &str) -> Result<Column> {
    Column::by_name(name)
        .filter(|column| column.visible())
        .ok_or_else(|| {
            let known: Vec<_> = Column::ALL
                .iter()
                .filter(|column| column.visible())
                .map(|column| column.name())
                .collect();
            Error::invalid(
                "group_by",
                format!("no column {name:?}; expected one of {}", known.join(", ")),
            )
        })
}
