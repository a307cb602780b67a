//! Cases go out and come in.
//!
//! A [`Case`](document::Case) is the whole of an incident: what it is, what was said about it and
//! what happened to it. It goes out as our own JSON ([`document`]) or as STIX 2.1 ([`stix`]), to an
//! [`Audience`] that its marking allows. From both forms it is read again ([`read`]) and brought
//! into another tenant or installation, where it says of itself what it was
//! ([`Incidents::import`](crate::Incidents::import)).
//!
//! The forms are described in `docs/exchange.md`.

mod cases;
pub mod document;
mod import;
pub mod read;
pub mod stix;
mod tlp;
mod words;

pub use cordon_proto::incidents::import_result::Outcome as ImportOutcome;
pub use cordon_proto::incidents::{ForeignComment, ForeignIncident, ImportResult};

pub use self::cases::cases;
pub use self::import::{MAX_BATCH, Offered};
pub(crate) use self::tlp::check_marking;
pub use self::tlp::{Audience, allows, check};
