//! A room keeps a copy of a capability beyond the call that it was lent for.
use cordon_kernel::{IngestScope, Permit, ProviderScope, TenantScope, VerifiedCredential};

fn copy<T: Clone>() {}

fn main() {
    copy::<TenantScope>();
    copy::<IngestScope>();
    copy::<ProviderScope>();
    copy::<Permit>();
    copy::<VerifiedCredential>();
}
