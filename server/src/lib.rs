//! The Cordon server: configuration, transport, rooms and jobs around the kernel and the lake.
//!
//! A call goes socket → [`transport`] (TLS, authentication, limits) → a room's `rpc` → `service`
//! (permit, load, decide, apply, commit) → kernel and lake, and back through `Disclosed`.

pub mod app;
pub mod config;
pub mod jobs;
pub mod providers;
pub mod quickstart;
pub mod rooms;
pub mod transport;
