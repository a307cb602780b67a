//! A room asks for the keys of whoever's name is at hand, and a source for keys that open.
use cordon_kernel::{IngestScope, Kernel, TenantId};

async fn by_name(kernel: &Kernel, tenant: &TenantId) {
    let _ = kernel.cipher(tenant).await;
}

async fn as_a_source(kernel: &Kernel, scope: &IngestScope) {
    let _ = kernel.cipher(scope).await;
}

fn main() {}
