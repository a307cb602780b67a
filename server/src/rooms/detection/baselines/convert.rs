//! Between messages and baselines.

use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::detection as wire;

use super::service::Told;
use crate::rooms::fields::wire_time;

/// `tenants/{tenant}/baselines`.
pub(super) fn baselines_name(name: &str) -> Result<TenantId> {
    match Name::parse("name", name)? {
        Name::Baselines(tenant) => Ok(tenant),
        _ => Err(Error::invalid(
            "name",
            "expected tenants/{tenant}/baselines",
        )),
    }
}

pub(super) fn baselines(tenant: &TenantId, told: Disclosed<Told>) -> wire::Baselines {
    let told = told.into_wire();
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    wire::Baselines {
        name: Name::Baselines(tenant.clone()).to_string(),
        enabled: told.baselines.enabled,
        learned_sequence: count(told.baselines.learned),
        head_sequence: count(told.head),
        part_count: i32::try_from(told.parts).unwrap_or(i32::MAX),
        size_bytes: told.bytes,
        crowded_count: told.baselines.crowded,
        learn_time: told.baselines.learned_time.map(wire_time),
        etag: told.baselines.etag,
    }
}
