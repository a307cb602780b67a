//! A room turns a scope of one tenant into one of another.
use cordon_kernel::{TenantId, TenantScope};

fn retarget(scope: &mut TenantScope, other: TenantId) {
    scope.tenant = other;
}

fn main() {}
