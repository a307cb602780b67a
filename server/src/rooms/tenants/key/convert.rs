//! Between messages and a key rotation.

use cordon_kernel::{Disclosed, Name, Result, TenantId};
use cordon_proto::tenants as wire;
use wire::key_rotation::State;

use super::super::fields::{Fields, wire_time};
use super::store::KeyRotation;

pub(in super::super) fn rotate(
    request: &wire::RotateTenantKeyRequest,
) -> Result<(TenantId, String)> {
    let mut fields = Fields::default();
    let tenant = fields.named(Name::parse_tenant("name", &request.name));
    let reason = fields.reason("reason", &request.reason);
    match (tenant, reason) {
        (Some(tenant), Some(reason)) => Ok((tenant, reason)),
        _ => Err(fields.refuse()),
    }
}

/// The message that shows it.
pub(in super::super) fn encode(rotation: Disclosed<KeyRotation>) -> wire::KeyRotation {
    let rotation = rotation.into_wire();
    let state = match rotation.finished {
        None => State::Reencrypting,
        Some(_) => State::Done,
    };
    wire::KeyRotation {
        name: Name::KeyRotation(rotation.tenant, rotation.version).to_string(),
        state: state.into(),
        create_time: Some(wire_time(rotation.created)),
        finish_time: rotation.finished.map(wire_time),
        segment_count: rotation.segments,
        done_count: rotation.done,
    }
}
