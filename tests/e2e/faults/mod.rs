//! What a server does when something that it stands on fails: it says so, acknowledges nothing that
//! isn't durable, and goes on by itself when the cause is gone.

mod disk;
mod schema;
mod sending;
mod site;
mod start;
mod stores;
