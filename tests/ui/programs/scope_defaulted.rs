//! A capability out of nothing.
use cordon_kernel::{IngestScope, Permit, ProviderScope, TenantId, TenantScope};

fn out_of_nothing<T: Default>() {}

fn main() {
    out_of_nothing::<TenantScope>();
    out_of_nothing::<IngestScope>();
    out_of_nothing::<ProviderScope>();
    out_of_nothing::<Permit>();
    // No tenant stands for "none given" either.
    out_of_nothing::<TenantId>();
}
