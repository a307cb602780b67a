//! What only PostgreSQL has: roles, row policies, and others at the same time. These start one
//! whatever the run is for.

mod faults;
mod lint;
mod pools;
mod replicas;
mod start;
mod walls;
