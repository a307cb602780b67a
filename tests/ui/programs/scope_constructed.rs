//! A room calls the constructors that the gate calls.
use cordon_kernel::{IngestScope, Principal, ProviderScope, SourceId, TenantId, TenantScope};

fn tenant(tenant: TenantId, principal: Principal) -> TenantScope {
    TenantScope::own(tenant, principal)
}

fn job(tenant: TenantId) -> TenantScope {
    TenantScope::for_job(tenant, "seal")
}

fn source(source: SourceId, principal: Principal) -> IngestScope {
    IngestScope::new(source, principal)
}

fn provider(principal: Principal) -> ProviderScope {
    ProviderScope::new(principal)
}

fn main() {}
