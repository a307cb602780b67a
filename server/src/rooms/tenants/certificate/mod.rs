//! What was signed of a tenant's destruction. The kernel makes it; here it is read.

pub(super) mod convert;
mod service;
