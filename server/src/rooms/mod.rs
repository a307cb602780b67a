//! The rooms. Each is entered by its `rpc` from outside and by its `mod` from other rooms.

pub mod events;
pub mod tenants;
pub mod transparency;
