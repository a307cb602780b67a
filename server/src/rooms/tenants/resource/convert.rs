//! Between messages and a resource.

use cordon_kernel::db::timestamp;
use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::tenants as wire;
use uuid::Uuid;

use super::super::fields::{Fields, wire_time};
use super::super::validity::Validity;
use super::identifier::{Identifier, Kind};
use super::model::{Resource, Wanted};
use super::service::Imported;

/// Most resources of one import.
const MAX_RESOURCES: usize = 10_000;

pub(in super::super) fn import(
    request: wire::ImportResourcesRequest,
) -> Result<(TenantId, Vec<Wanted>)> {
    let tenant = Name::parse_tenant("parent", &request.parent)?;
    if request.resources.len() > MAX_RESOURCES {
        return Err(Error::invalid(
            "resources",
            "expected at most 10,000 a call",
        ));
    }
    let mut fields = Fields::default();
    let mut wanted = Vec::with_capacity(request.resources.len());
    for (n, resource) in request.resources.iter().enumerate() {
        let field = |name: &str| format!("resources[{n}].{name}");
        let identifier = fields
            .read(&field("kind"), resource.kind.parse::<Kind>())
            .and_then(|kind| {
                fields.read(
                    &field("identifier"),
                    Identifier::parse(kind, &resource.identifier),
                )
            });
        let from = fields.time(&field("start_time"), resource.start_time);
        let to = fields.time(&field("end_time"), resource.end_time);
        let (Some(identifier), Some(from), Some(to)) = (identifier, from, to) else {
            continue;
        };
        match Validity::new(from, to) {
            Some(validity) => wanted.push(Wanted {
                identifier,
                validity,
            }),
            None => fields.wrong(field("end_time"), "expected a time after start_time"),
        }
    }
    fields.finish()?;
    Ok((tenant, wanted))
}

pub(in super::super) fn delete(request: &wire::DeleteResourceRequest) -> Result<(TenantId, Uuid)> {
    match Name::parse("name", &request.name)? {
        Name::Resource(tenant, id) => Ok((tenant, id)),
        _ => Err(Error::invalid(
            "name",
            "expected tenants/{tenant}/resources/{resource}",
        )),
    }
}

/// The message that shows it.
pub(in super::super) fn encode(resource: Disclosed<Resource>) -> wire::Resource {
    let resource = resource.into_wire();
    let time = |nanos| wire_time(timestamp(nanos));
    wire::Resource {
        name: Name::Resource(resource.tenant, resource.id).to_string(),
        kind: resource.identifier.kind().as_str().to_owned(),
        identifier: resource.identifier.as_str().to_owned(),
        start_time: resource.validity.start().map(time),
        end_time: resource.validity.to().map(time),
    }
}

/// The message that shows it.
pub(in super::super) fn encode_import(
    imported: Disclosed<Imported>,
) -> wire::ImportResourcesResponse {
    let imported = imported.into_wire();
    let count = |n| i64::try_from(n).unwrap_or(i64::MAX);
    wire::ImportResourcesResponse {
        created_count: count(imported.created),
        unchanged_count: count(imported.unchanged),
    }
}
