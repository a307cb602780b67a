//! A capability out of a message.
use cordon_kernel::{IngestScope, ProviderScope, TenantScope};

fn main() {
    let _: Result<TenantScope, _> = serde_json::from_str(r#"{"tenant":"acme"}"#);
    let _: Result<IngestScope, _> = serde_json::from_str(r#"{"source":"trail"}"#);
    let _: Result<ProviderScope, _> = serde_json::from_str("{}");
}
