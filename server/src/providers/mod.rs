//! What the provider plugs in: drivers for the traits of the kernel and the rooms. A driver says
//! what it did and what it could not do.

pub mod courier;
pub mod hypervisors;
pub mod objects;
pub mod pkcs11;
