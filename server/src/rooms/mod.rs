//! The rooms. Each is entered by its `rpc` from outside and by its `mod` from other rooms. What they
//! share lies beside them: ways in, pages, fields, calls that name themselves.

mod access;
mod agreements;
pub mod analysis;
pub mod catalogue;
pub mod context;
pub mod detection;
pub mod events;
pub mod evidence;
mod fields;
pub mod incidents;
mod paging;
pub mod readiness;
pub mod reports;
mod requests;
pub mod sla;
pub mod tenants;
pub mod transparency;
mod uuid_text;
mod words;
