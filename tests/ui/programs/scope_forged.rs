//! A room writes itself a capability.
use cordon_kernel::{IngestScope, Principal, ProviderScope, SourceId, TenantId, TenantScope};

fn tenant(tenant: TenantId, principal: Principal) -> TenantScope {
    TenantScope {
        tenant,
        principal,
        entered: None,
    }
}

fn source(source: SourceId, principal: Principal) -> IngestScope {
    IngestScope { source, principal }
}

fn provider(principal: Principal) -> ProviderScope {
    ProviderScope { principal }
}

fn main() {}
