//! The services that a tenant uses, and how it gets at the records of each. The provider's register,
//! as accounts are: what is stated to the users of a service is for the tenants that stand here.

pub(super) mod convert;
mod model;
mod service;
mod store;

pub(super) use model::Service;
pub(super) use store::all;
