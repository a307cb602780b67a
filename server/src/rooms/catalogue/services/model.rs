//! What a tenant's service is. Pure.

use cordon_attack::{Access, ServiceModel, SourceType};
use cordon_kernel::{Error, Reason, Result, ServiceId, TenantId};
use jiff::Timestamp;

/// Most services of a tenant.
pub(super) const MAX_SERVICES: usize = 200;

/// A service that a tenant uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Service {
    pub(in super::super) tenant: TenantId,
    pub(in super::super) id: ServiceId,
    pub(in super::super) model: ServiceModel,
    /// Which kinds of records are made of it, each once, and how the tenant gets at them.
    pub(in super::super) sources: Vec<(SourceType, Access)>,
    pub(in super::super) created: Timestamp,
}

/// A decided change; only this module makes one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change(Effect);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Insert(Service),
    Delete(TenantId, ServiceId),
}

impl Change {
    pub(super) fn effect(&self) -> &Effect {
        &self.0
    }
}

/// Decides on a new service beside those that the tenant uses.
///
/// # Errors
/// `ALREADY_EXISTS`; `QUOTA_EXCEEDED`.
pub(super) fn create(used: &[Service], new: Service) -> Result<Change> {
    if used.iter().any(|other| other.id == new.id) {
        return Err(Error::new(
            Reason::AlreadyExists,
            "the tenant uses the service already: delete it first to register it otherwise",
        ));
    }
    if used.len() >= MAX_SERVICES {
        return Err(Error::new(
            Reason::QuotaExceeded,
            "a tenant uses at most 200 services",
        ));
    }
    Ok(Change(Effect::Insert(new)))
}

/// Decides that a tenant does not use a service any more.
///
/// # Errors
/// `NOT_FOUND`.
pub(super) fn delete(used: &[Service], tenant: TenantId, id: ServiceId) -> Result<Change> {
    match used.iter().any(|other| other.id == id) {
        true => Ok(Change(Effect::Delete(tenant, id))),
        false => Err(Error::new(
            Reason::NotFound,
            "the tenant uses no such service",
        )),
    }
}
