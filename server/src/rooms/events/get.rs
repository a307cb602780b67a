//! One event: as it is, and why it is seen.

use std::sync::Arc;

use arrow::array::RecordBatch;
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{
    Action, Disclosed, Error, EventName, Name, Permit, Reason, Result, TenantId, TenantScope,
};
use cordon_lake::schema::Columns;
use cordon_lake::{Events, Lake, Query};
use cordon_proto::events as wire;
use cordon_views::explain;

use super::convert::{self, Tally, View};
use crate::transport::Caller;

/// Answers `GetEvent`.
///
/// # Errors
/// `PERMISSION_DENIED`, the same for every name that is not the caller's tenant's; `NOT_FOUND`.
pub(super) async fn get(
    kernel: &Arc<Kernel>,
    lake: &Lake,
    caller: &Caller,
    request: &wire::GetEventRequest,
) -> Result<wire::GetEventResponse> {
    let view = View::from_wire(request.view)?;
    let (tenant, event) = name(&request.name)?;
    let (scope, permit) = caller
        .tenant_scope(kernel, &tenant, Action::GetEvent)
        .await?;
    let batch = load(kernel, lake, &scope, &permit, event).await?;
    let events = convert::events(
        &tenant,
        Disclosed::own(&scope, batch),
        view,
        &mut Tally::default(),
    )?;
    Ok(wire::GetEventResponse {
        event: events.into_iter().next(),
    })
}

/// Whether the caller may read an event that is there: what other rooms ask before they link to it.
///
/// # Errors
/// As [`get`].
pub(crate) async fn require(
    kernel: &Kernel,
    lake: &Lake,
    caller: &Caller,
    tenant: &TenantId,
    event: EventName,
) -> Result<()> {
    let (scope, permit) = caller
        .tenant_scope(kernel, tenant, Action::GetEvent)
        .await?;
    load(kernel, lake, &scope, &permit, event).await.map(drop)
}

/// Answers `ExplainEvent`.
///
/// # Errors
/// As [`get`].
pub(super) async fn explain_event(
    kernel: &Arc<Kernel>,
    lake: &Lake,
    caller: &Caller,
    request: &wire::ExplainEventRequest,
) -> Result<wire::ExplainEventResponse> {
    let (tenant, event) = name(&request.name)?;
    let (scope, permit) = caller
        .tenant_scope(kernel, &tenant, Action::ExplainEvent)
        .await?;
    let batch =
        Disclosed::own(&scope, load(kernel, lake, &scope, &permit, event).await?).into_wire();
    let events = Events::new(&batch)?;
    let withheld = events.withheld(0);
    let row = events.row(0, &withheld);
    let why = explain(&row).ok_or_else(|| Error::internal("a party table can't be read"))?;
    Ok(wire::ExplainEventResponse {
        name: request.name.clone(),
        shared: row.shared,
        reasons: why
            .parties
            .into_iter()
            .filter(|party| !party.pseudonym)
            .map(|party| wire::VisibilityReason {
                path: party.path,
                value: party.value,
            })
            .collect(),
        withheld: withheld
            .iter()
            .map(|gap| wire::WithheldField {
                path: gap.path.clone(),
                reason: gap.reason.as_str().into(),
            })
            .collect(),
        source_type: row.source_type.as_str().into(),
        normalizer_version: i32::from(row.normalizer),
    })
}

pub(super) fn name(text: &str) -> Result<(TenantId, EventName)> {
    match Name::parse("name", text)? {
        Name::Event(tenant, event) => Ok((tenant, event)),
        _ => Err(Error::invalid(
            "name",
            "expected tenants/{tenant}/events/{event}",
        )),
    }
}

async fn load(
    kernel: &Kernel,
    lake: &Lake,
    scope: &TenantScope,
    permit: &Permit,
    event: EventName,
) -> Result<RecordBatch> {
    let entry = AuditEntry::new(permit).resource(Name::Event(scope.tenant().clone(), event));
    kernel.db().audit_read(scope, entry).await?;
    let query = Query {
        filter: super::filter(lake, scope, &format!("name = '{event}'"))?,
        columns: Columns::ALL,
        limit: Some(1),
        ..Query::default()
    };
    lake.search(scope, query)
        .await?
        .next()
        .await?
        .ok_or_else(|| Error::new(Reason::NotFound, "no such event"))
}
