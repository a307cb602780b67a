//! Between messages and a legal hold.

use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::tenants as wire;
use uuid::Uuid;

use super::super::fields::{Fields, wire_time};
use super::model::{Hold, NewHold};

/// Longest reference, in characters.
const MAX_REFERENCE: usize = 200;

pub(in super::super) fn create(request: wire::CreateLegalHoldRequest) -> Result<NewHold> {
    let mut fields = Fields::default();
    let body = request.legal_hold.unwrap_or_default();
    let tenant = fields.named(Name::parse_tenant("parent", &request.parent));
    let reason = fields.reason("legal_hold.reason", &body.reason);
    if reason.as_ref().is_some_and(String::is_empty) {
        fields.wrong("legal_hold.reason", "say why the tenant must be kept");
    }
    let reference = body.reference.trim();
    if reference.chars().count() > MAX_REFERENCE || reference.chars().any(char::is_control) {
        fields.wrong(
            "legal_hold.reference",
            "expected at most 200 characters of text without control characters",
        );
    }
    match (tenant, reason) {
        (Some(tenant), Some(reason)) => {
            fields.finish()?;
            Ok(NewHold {
                tenant,
                reason,
                reference: reference.to_owned(),
            })
        }
        _ => Err(fields.refuse()),
    }
}

pub(in super::super) fn release(
    request: &wire::ReleaseLegalHoldRequest,
) -> Result<((TenantId, Uuid), String)> {
    let mut fields = Fields::default();
    let reason = fields.reason("reason", &request.reason);
    let hold = match Name::parse("name", &request.name)? {
        Name::LegalHold(tenant, id) => (tenant, id),
        _ => {
            return Err(Error::invalid(
                "name",
                "expected tenants/{tenant}/legalHolds/{hold}",
            ));
        }
    };
    match reason {
        Some(reason) => Ok((hold, reason)),
        None => Err(fields.refuse()),
    }
}

/// The message that shows it.
pub(in super::super) fn encode(hold: Disclosed<Hold>) -> wire::LegalHold {
    let hold = hold.into_wire();
    wire::LegalHold {
        name: Name::LegalHold(hold.tenant, hold.id).to_string(),
        reason: hold.reason,
        reference: hold.reference,
        create_time: Some(wire_time(hold.created)),
        release_time: hold.released.map(wire_time),
    }
}
