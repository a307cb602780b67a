//! Cordon's way out. Whatever leaves for a place that a tenant named goes through here: the guard
//! looks at the address before anything is sent, webhooks are signed, mail goes to the provider's
//! own relay. Knows nobody's tenants and no room.

mod failure;
pub mod guard;
pub mod mail;
pub mod webhook;

pub use failure::Failure;
pub use guard::{Destination, Guard, GuardConfig};
pub use mail::{Letter, MailConfig, Mailer, Security};
pub use webhook::{CloudEvent, SigningKey, post};
