//! Between messages and a tenant.

use cordon_kernel::db::deletion::{LONGEST_WAIT, SHORTEST_WAIT};
use cordon_kernel::{Disclosed, Name, Result, TenantId};
use cordon_proto::tenants as wire;
use jiff::SignedDuration;

use super::super::fields::{Fields, wire_time};
use super::model::{Command, NewTenant, State, Tenant};

/// Where data lies when nobody says where.
const HOME_REGION: &str = "local";
/// What regions and organisations are called by.
const LABEL: &str = "expected 1 to 63 lower-case letters, digits and hyphens";
/// Longest request id, in bytes.
const MAX_REQUEST_ID: usize = 128;

pub(in super::super) fn create(request: wire::CreateTenantRequest) -> Result<NewTenant> {
    let mut fields = Fields::default();
    let body = request.tenant.unwrap_or_default();
    let id = fields.read("tenant_id", request.tenant_id.parse::<TenantId>());
    let display_name = fields.display_name(
        "tenant.display_name",
        &body.display_name,
        &request.tenant_id,
    );
    let parent = match body.parent.as_str() {
        "" => Some(None),
        name => fields
            .named(Name::parse_tenant("tenant.parent", name))
            .map(Some),
    };
    let home_region = match body.home_region.as_str() {
        "" => Some(HOME_REGION),
        region if is_label(region) => Some(region),
        _ => {
            fields.wrong("tenant.home_region", LABEL);
            None
        }
    };
    let billing_organisation = match body.billing_organisation.as_str() {
        "" => None,
        organisation => {
            if !is_label(organisation) {
                fields.wrong("tenant.billing_organisation", LABEL);
            }
            Some(organisation.to_owned())
        }
    };
    let printable =
        |id: &str| id.len() <= MAX_REQUEST_ID && id.bytes().all(|b| b.is_ascii_graphic());
    if !printable(&request.request_id) {
        fields.wrong(
            "request_id",
            "expected at most 128 printable ASCII characters, best a UUID",
        );
    }
    match (id, display_name, parent, home_region) {
        (Some(id), Some(display_name), Some(parent), Some(home_region)) => {
            fields.finish()?;
            Ok(NewTenant {
                id,
                display_name,
                parent,
                home_region: home_region.to_owned(),
                billing_organisation,
                request_id: request.request_id,
            })
        }
        _ => Err(fields.refuse()),
    }
}

pub(in super::super) fn update(request: wire::UpdateTenantRequest) -> Result<(TenantId, Command)> {
    let mut fields = Fields::default();
    let body = request.tenant.unwrap_or_default();
    let id = fields.named(Name::parse_tenant("tenant.name", &body.name));
    if request.update_mask.unwrap_or_default().paths != ["billing_organisation"] {
        fields.wrong("update_mask", "expected billing_organisation");
    }
    let organisation = body.billing_organisation;
    if !organisation.is_empty() && !is_label(&organisation) {
        fields.wrong("tenant.billing_organisation", LABEL);
    }
    let Some(id) = id else {
        return Err(fields.refuse());
    };
    fields.finish()?;
    let organisation = (!organisation.is_empty()).then_some(organisation);
    let etag = body.etag;
    Ok((id, Command::Bill { organisation, etag }))
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

pub(in super::super) fn suspend(
    request: wire::SuspendTenantRequest,
) -> Result<(TenantId, Command)> {
    let mut fields = Fields::default();
    let id = fields.named(Name::parse_tenant("name", &request.name));
    let reason = fields.reason("reason", &request.reason);
    match (id, reason) {
        (Some(id), Some(reason)) => Ok((
            id,
            Command::Suspend {
                reason,
                etag: request.etag,
            },
        )),
        _ => Err(fields.refuse()),
    }
}

pub(in super::super) fn resume(request: wire::ResumeTenantRequest) -> Result<(TenantId, Command)> {
    let id = Name::parse_tenant("name", &request.name)?;
    Ok((id, Command::Resume { etag: request.etag }))
}

pub(in super::super) fn delete(request: wire::DeleteTenantRequest) -> Result<(TenantId, Command)> {
    let mut fields = Fields::default();
    let id = fields.named(Name::parse_tenant("name", &request.name));
    let reason = fields.reason("reason", &request.reason);
    let wait = match request.waiting_period {
        None => LONGEST_WAIT,
        Some(wait) => SignedDuration::new(wait.seconds, 0),
    };
    let exact = request.waiting_period.is_none_or(|wait| wait.nanos == 0);
    if !exact || wait < SHORTEST_WAIT || wait > LONGEST_WAIT {
        fields.wrong("waiting_period", "expected 7 to 30 days, in whole seconds");
    }
    match (id, reason) {
        (Some(id), Some(reason)) => {
            fields.finish()?;
            let etag = request.etag;
            Ok((id, Command::Delete { wait, reason, etag }))
        }
        _ => Err(fields.refuse()),
    }
}

pub(in super::super) fn undelete(
    request: wire::UndeleteTenantRequest,
) -> Result<(TenantId, Command)> {
    let id = Name::parse_tenant("name", &request.name)?;
    Ok((id, Command::Undelete { etag: request.etag }))
}

/// The message that shows it.
pub(in super::super) fn encode(tenant: Disclosed<Tenant>) -> wire::Tenant {
    let tenant = tenant.into_wire();
    let state = match tenant.state {
        State::Active => wire::tenant::State::Active,
        State::Suspended => wire::tenant::State::Suspended,
        State::PendingDeletion => wire::tenant::State::PendingDeletion,
        State::Deleted => wire::tenant::State::Deleted,
    };
    wire::Tenant {
        name: Name::Tenant(tenant.id).to_string(),
        display_name: tenant.display_name,
        state: state.into(),
        parent: tenant
            .parent
            .map(|parent| Name::Tenant(parent).to_string())
            .unwrap_or_default(),
        home_region: tenant.home_region,
        billing_organisation: tenant.billing_organisation.unwrap_or_default(),
        create_time: Some(wire_time(tenant.created)),
        update_time: Some(wire_time(tenant.updated)),
        purge_time: tenant.purge.map(wire_time),
        etag: tenant.etag,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn create_tells_every_mistake() {
        let request = wire::CreateTenantRequest {
            tenant_id: "Acme!".into(),
            tenant: Some(wire::Tenant {
                display_name: "a\u{0}".into(),
                parent: "sources/x".into(),
                home_region: "EU".into(),
                ..wire::Tenant::default()
            }),
            request_id: "x".repeat(129),
        };
        let error = create(request).unwrap_err();
        let names: Vec<&str> = error
            .violations()
            .iter()
            .map(|v| v.field.as_str())
            .collect();
        let expected = [
            "tenant_id",
            "tenant.display_name",
            "tenant.parent",
            "tenant.home_region",
            "request_id",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn create_fills_in_what_is_not_said() {
        let request = wire::CreateTenantRequest {
            tenant_id: "acme".into(),
            ..Default::default()
        };
        let new = create(request).unwrap();
        assert_eq!(
            (new.display_name.as_str(), new.home_region.as_str()),
            ("acme", "local")
        );
        assert_eq!(new.parent, None);
    }
}
