//! Data sources: what a tenant gets at, what is measured of it, and what it tells of which attack.
//! Everything is from the tenant's own register and its own events.

pub(super) mod convert;
mod measure;
mod offered;
mod service;

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_kernel::{Result, ServiceId, TenantScope};
use cordon_lake::Lake;
use jiff::SignedDuration;

use super::services;
use cordon_attack::{Access, SourceType};

/// How it stands with the records of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logging {
    pub(crate) service: ServiceId,
    /// Kinds of records that the tenant is to read itself.
    pub(crate) agreed: Vec<SourceType>,
    /// Those of them of which no event came.
    pub(crate) silent: Vec<SourceType>,
}

/// How it stands with the records of each service that the tenant uses, by what came of it within
/// the time before now; by id.
///
/// # Errors
/// `UNAVAILABLE` when database or objects can't be reached.
pub(crate) async fn logging(
    kernel: &Arc<Kernel>,
    lake: &Lake,
    scope: &TenantScope,
    within: SignedDuration,
) -> Result<Vec<Logging>> {
    let mut read = kernel.db().tenant_read(scope).await?;
    let services = services::all(read.conn(), scope.tenant()).await?;
    drop(read);
    if services.is_empty() {
        return Ok(Vec::new());
    }
    let since = measure::before(kernel.env().now(), within);
    let seen = measure::seen(lake, scope, since).await?;
    let logging = services.into_iter().map(|service| {
        let direct = service
            .sources
            .iter()
            .filter(|(_, access)| *access == Access::Direct);
        let agreed: Vec<_> = direct.map(|(source, _)| *source).collect();
        let silent = agreed.iter().filter(|source| seen.events(**source) == 0);
        Logging {
            service: service.id,
            silent: silent.copied().collect(),
            agreed,
        }
    });
    Ok(logging.collect())
}
