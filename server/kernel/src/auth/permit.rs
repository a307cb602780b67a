//! A permit says that the policy allowed one action to one caller at one place. Every write
//! transaction asks for it, and the audit entry takes its action from it.

use super::action::Action;
use super::principal::{Home, Principal};
use super::scope::{IngestScope, ProviderScope, SelfScope, TenantScope};
use crate::ids::{CredentialId, SourceId, TenantId};

/// Leave to do one action in the scope that it was given out with, and in no other.
#[derive(Debug)]
pub struct Permit {
    action: Action,
    credential: CredentialId,
    place: Place,
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Tenant(TenantId),
    Source(SourceId),
    Provider,
    Own,
}

impl Permit {
    pub(crate) fn for_tenant(action: Action, scope: &TenantScope) -> Self {
        Self {
            action,
            credential: scope.principal().credential().clone(),
            place: Place::Tenant(scope.tenant().clone()),
        }
    }

    pub(crate) fn for_source(action: Action, scope: &IngestScope) -> Self {
        Self {
            action,
            credential: scope.principal().credential().clone(),
            place: Place::Source(scope.source().clone()),
        }
    }

    pub(crate) fn for_provider(action: Action, scope: &ProviderScope) -> Self {
        Self {
            action,
            credential: scope.principal().credential().clone(),
            place: Place::Provider,
        }
    }

    pub(crate) fn for_self(action: Action, scope: &SelfScope) -> Self {
        Self {
            action,
            credential: scope.principal().credential().clone(),
            place: Place::Own,
        }
    }

    /// What is allowed.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// Whether this permit was given out with a scope like `scope`: same caller, same tenant.
    #[must_use]
    pub fn covers_tenant(&self, scope: &TenantScope) -> bool {
        self.credential == *scope.principal().credential()
            && matches!(&self.place, Place::Tenant(tenant) if tenant == scope.tenant())
    }

    /// Whether this permit was given out with a scope like `scope`: same caller, same source.
    #[must_use]
    pub fn covers_source(&self, scope: &IngestScope) -> bool {
        self.credential == *scope.principal().credential()
            && matches!(&self.place, Place::Source(source) if source == scope.source())
    }

    /// Whether this permit was given out with a provider scope of the same caller.
    #[must_use]
    pub fn covers_provider(&self, scope: &ProviderScope) -> bool {
        self.credential == *scope.principal().credential() && self.place == Place::Provider
    }

    /// Whether a permit to issue or renew reaches as far as `principal`: in a tenant its own
    /// people, in the provider's registers everyone, in one's own affairs oneself.
    #[must_use]
    pub fn covers_principal(&self, principal: &Principal) -> bool {
        match &self.place {
            Place::Tenant(tenant) => {
                matches!(principal.home(), Home::Tenant(home) if home == tenant)
            }
            Place::Provider => true,
            Place::Own => self.credential == *principal.credential(),
            Place::Source(_) => false,
        }
    }

    /// Whether this permit was given out with a scope of the same caller's own affairs.
    #[must_use]
    pub fn covers_self(&self, scope: &SelfScope) -> bool {
        self.credential == *scope.principal().credential() && self.place == Place::Own
    }
}

#[cfg(test)]
mod tests {
    use super::super::principal::{Role, tests::principal};
    use super::*;

    #[test]
    fn a_permit_covers_its_own_scope_only() {
        let acme: TenantId = "acme".parse().unwrap();
        let globex: TenantId = "globex".parse().unwrap();
        let alice = principal(1, "tenants/acme", Role::Admin);
        let bob = principal(2, "tenants/acme", Role::Admin);
        let scope = TenantScope::own(acme.clone(), alice.clone());
        let permit = Permit::for_tenant(Action::RevokeCredential, &scope);
        assert!(permit.covers_tenant(&scope));
        assert!(!permit.covers_tenant(&TenantScope::own(globex, alice.clone())));
        assert!(!permit.covers_tenant(&TenantScope::own(acme, bob)));
        assert!(!permit.covers_self(&SelfScope::new(alice.clone())));
        assert!(!permit.covers_provider(&ProviderScope::new(alice.clone())));
        assert!(!permit.covers_source(&IngestScope::new("trail".parse().unwrap(), alice)));
    }
}
