//! What Cordon's isolation rests on, and nothing else: identity, capabilities, transactions,
//! keys, disclosure and the audit log. No other crate can mint a scope, reach a database
//! connection or open a tenant's data without one.
//!
//! The way in is [`auth::Gate`]: a verified credential and a wish become a scope and a permit,
//! or an error that looks the same whether or not what was asked for exists.

#![allow(
    clippy::duplicate_mod,
    reason = "the texts that both databases take are compiled for each one's connection (docs/adr/0007)"
)]

pub mod audit;
pub mod auth;
pub mod clock;
pub mod db;
pub mod disclose;
pub mod error;
pub mod facade;
pub mod ids;
pub mod keys;
pub mod names;
pub mod page;
pub mod statement;

pub use audit::AuditEntry;
pub use auth::{
    Action, Entry, Gate, Home, IngestScope, Permit, Principal, ProviderScope, Role, SelfScope,
    TenantScope, VerifiedCredential,
};
pub use clock::Env;
pub use db::{Db, DbConfig};
pub use disclose::Disclosed;
pub use error::{Error, Reason, Result};
pub use facade::{Kernel, KernelConfig};
pub use ids::{AccountId, CredentialId, EventName, ServiceId, SourceId, TenantId};
pub use names::Name;
