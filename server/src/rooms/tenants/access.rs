//! What the registers know about a home before anything is done there.

use cordon_kernel::{Error, Home, Name, Reason, Result};
use sqlx::AnyConnection;

use super::{source, tenant};
pub(super) use crate::rooms::access::Access;

/// Refuses a home that is not in the registers, or not any more. Its own people are there anyway;
/// staff are told.
pub(super) async fn exists(conn: &mut AnyConnection, home: &Home) -> Result<()> {
    match home {
        Home::Provider => Ok(()),
        Home::Tenant(id) => match tenant::find(conn, id).await? {
            Some(tenant) => tenant.exists(),
            None => Err(no_such_tenant()),
        },
        Home::Source(id) => match source::find(conn, id).await? {
            Some(source) => source.exists(),
            None => Err(Error::new(Reason::NotFound, "no such source")),
        },
    }
}

/// Refuses a tenant that was never in the registers; a deleted one has a past to be read.
pub(super) async fn existed(conn: &mut AnyConnection, home: &Home) -> Result<()> {
    match home {
        Home::Tenant(id) if tenant::find(conn, id).await?.is_none() => Err(no_such_tenant()),
        Home::Source(id) if source::find(conn, id).await?.is_none() => {
            Err(Error::new(Reason::NotFound, "no such source"))
        }
        _ => Ok(()),
    }
}

/// The name of a home, if it has one.
pub(super) fn name(home: &Home) -> Option<Name> {
    match home {
        Home::Provider => None,
        Home::Tenant(id) => Some(Name::Tenant(id.clone())),
        Home::Source(id) => Some(Name::Source(id.clone())),
    }
}

pub(super) fn no_such_tenant() -> Error {
    Error::new(Reason::NotFound, "no such tenant")
}
