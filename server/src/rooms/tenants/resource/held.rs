//! Which instance a tenant has.

use cordon_kernel::db::nanos;
use cordon_kernel::{Result, TenantId};
use jiff::Timestamp;
use sqlx::AnyConnection;
use uuid::Uuid;

/// How somebody names a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Which {
    /// By its entry in the register.
    Resource(Uuid),
    /// By its own id.
    Identifier(String),
}

/// The id of an instance, if it is the tenant's at a moment.
pub(in super::super) async fn instance_at(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    which: &Which,
    at: Timestamp,
) -> Result<Option<String>> {
    let (resource, identifier) = match which {
        Which::Resource(id) => (id.hyphenated().to_string(), ""),
        Which::Identifier(identifier) => (String::new(), identifier.as_str()),
    };
    Ok(sqlx::query_scalar(
        "SELECT identifier FROM resources \
          WHERE tenant_id = $1 AND kind = 'instance' AND (resource_id = $2 OR identifier = $3) \
            AND valid_from <= $4 AND (valid_to IS NULL OR valid_to > $4) LIMIT 1",
    )
    .bind(tenant.as_str())
    .bind(resource)
    .bind(identifier)
    .bind(nanos(at))
    .fetch_optional(conn)
    .await?)
}
