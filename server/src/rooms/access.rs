//! The two ways to what the registers have about a tenant: the tenant's own people reach theirs,
//! staff reach anyone's. Everything behind is the same for both, and both leave an entry in the
//! tenant's log.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::{ProviderRead, ProviderTx, TenantRead, TenantTx};
use cordon_kernel::facade::Kernel;
use cordon_kernel::{
    Action, Disclosed, Home, Permit, ProviderScope, Result, TenantId, TenantScope,
};
use sqlx::AnyConnection;

use crate::transport::Caller;

/// A scope and its permit.
#[derive(Debug)]
pub(crate) enum Access {
    /// A tenant's own people.
    Tenant(TenantScope, Permit),
    /// Staff.
    Provider(ProviderScope, Permit),
}

impl Access {
    /// To what the registers have about `tenant`. For anyone else's tenant the answer to a
    /// tenant's people is the same whether or not it exists.
    pub(crate) async fn to_tenant(
        kernel: &Kernel,
        caller: &Caller,
        tenant: &TenantId,
        action: Action,
    ) -> Result<Self> {
        if caller.credential().principal().is_provider() {
            let (scope, permit) = caller.provider_scope(kernel, action).await?;
            Ok(Self::Provider(scope, permit))
        } else {
            let (scope, permit) = kernel
                .gate()
                .permit_tenant(caller.credential(), tenant, action)
                .await?;
            Ok(Self::Tenant(scope, permit))
        }
    }

    /// To what is `tenant`'s own: for its people as they are, for staff by entering.
    pub(crate) async fn within(
        kernel: &Kernel,
        caller: &Caller,
        tenant: &TenantId,
        action: Action,
    ) -> Result<Self> {
        let (scope, permit) = caller.tenant_scope(kernel, tenant, action).await?;
        Ok(Self::Tenant(scope, permit))
    }

    /// To what the registers have at `home`.
    pub(crate) async fn to_home(
        kernel: &Kernel,
        caller: &Caller,
        home: &Home,
        action: Action,
    ) -> Result<Self> {
        if let Home::Tenant(tenant) = home {
            return Self::to_tenant(kernel, caller, tenant, action).await;
        }
        let (scope, permit) = caller.provider_scope(kernel, action).await?;
        Ok(Self::Provider(scope, permit))
    }

    pub(crate) fn permit(&self) -> &Permit {
        match self {
            Self::Tenant(_, permit) | Self::Provider(_, permit) => permit,
        }
    }

    /// What was read by this way may go out.
    pub(crate) fn disclose<T>(&self, value: T) -> Disclosed<T> {
        match self {
            Self::Tenant(scope, _) => Disclosed::own(scope, value),
            Self::Provider(scope, _) => Disclosed::summary(scope, value),
        }
    }

    pub(crate) async fn read(&self, kernel: &Kernel) -> Result<Reading<'_>> {
        Ok(match self {
            Self::Tenant(scope, _) => Reading::Tenant(kernel.db().tenant_read(scope).await?),
            Self::Provider(scope, _) => Reading::Provider(kernel.db().provider_read(scope).await?),
        })
    }

    pub(crate) async fn write(&self, kernel: &Kernel) -> Result<Writing<'_>> {
        Ok(match self {
            Self::Tenant(scope, permit) => {
                Writing::Tenant(kernel.db().tenant_tx(scope, permit).await?)
            }
            Self::Provider(scope, permit) => {
                Writing::Provider(kernel.db().provider_tx(scope, permit).await?)
            }
        })
    }

    /// Logs a read about `home`: for a tenant in the tenant's own log, whoever reads.
    pub(crate) async fn audit_read(
        &self,
        kernel: &Kernel,
        home: &Home,
        entry: AuditEntry,
    ) -> Result<()> {
        match (self, home) {
            (Self::Tenant(scope, _), _) => kernel.db().audit_read(scope, entry).await,
            (Self::Provider(scope, permit), Home::Tenant(tenant)) => {
                let mut tx = kernel.db().provider_tx(scope, permit).await?;
                tx.about(tenant);
                tx.commit(entry).await?;
                Ok(())
            }
            (Self::Provider(scope, _), _) => kernel.db().audit_provider_read(scope, entry).await,
        }
    }
}

/// A snapshot by either way.
pub(crate) enum Reading<'s> {
    Tenant(TenantRead<'s>),
    Provider(ProviderRead<'s>),
}

impl Reading<'_> {
    pub(crate) fn conn(&mut self) -> &mut AnyConnection {
        match self {
            Self::Tenant(read) => read.conn(),
            Self::Provider(read) => read.conn(),
        }
    }
}

/// A transaction by either way.
pub(crate) enum Writing<'s> {
    Tenant(TenantTx<'s>),
    Provider(ProviderTx<'s>),
}

impl Writing<'_> {
    pub(crate) fn conn(&mut self) -> &mut AnyConnection {
        match self {
            Self::Tenant(tx) => tx.conn(),
            Self::Provider(tx) => tx.conn(),
        }
    }

    /// Logs and commits a change at `home`: for a tenant in the tenant's own log too.
    pub(crate) async fn commit(self, home: &Home, entry: AuditEntry) -> Result<()> {
        match self {
            Self::Tenant(tx) => tx.commit(entry).await?,
            Self::Provider(mut tx) => {
                if let Home::Tenant(tenant) = home {
                    tx.about(tenant);
                }
                tx.commit(entry).await?
            }
        };
        Ok(())
    }
}
