//! What Cordon's isolation rests on, and nothing else: identity, capabilities, transactions,
//! keys, disclosure and the audit log. No other crate can mint a scope, reach a database
//! connection or open a tenant's data without one.
//!
//! The way in is [`auth::Gate`]: a verified credential and a wish become a scope and a permit,
//! or an error that looks the same whether or not what was asked for exists.

pub mod auth;
pub mod clock;
pub mod disclose;
pub mod error;
pub mod ids;
pub mod names;

pub use auth::{
    Action, Entry, Home, IngestScope, Permit, Principal, ProviderScope, Role, SelfScope,
    TenantScope, VerifiedCredential,
};
pub use clock::Env;
pub use disclose::Disclosed;
pub use error::{Error, Reason, Result};
pub use ids::{AccountId, CredentialId, EventName, SourceId, TenantId};
pub use names::Name;
