//! Who may do what. Certificates ([`mtls`]) and tokens ([`token`]) become a
//! [`VerifiedCredential`]; the [`gate`] turns one of those and a
//! wish into a scope and a [`permit`], or refuses.

pub mod action;
pub mod credential;
pub mod gate;
pub mod mtls;
pub mod permit;
pub mod policy;
pub mod principal;
pub mod scope;
mod standing;
pub mod token;

pub use action::Action;
pub use credential::VerifiedCredential;
pub use gate::Gate;
pub use permit::Permit;
pub use policy::Reach;
pub use principal::{Home, Principal, Role};
pub use scope::{Entry, IngestScope, ProviderScope, SelfScope, TenantScope};
pub(crate) use standing::{CredentialRecord, SourceStatus, StandingSource, TenantStatus};
