//! What acquires a machine's state: its disks as they were at one moment, its memory, and what is
//! known of its network from outside. Knows no tenant, no store and no room; whether somebody may
//! acquire a machine was decided before anything here is called.
//!
//! [`Hypervisor`] says what a driver has to keep. [`qemu`] is QEMU by its monitor, [`image`]
//! are image files.
//! [`nbd`] reads disks from either, and from whatever else speaks NBD. [`watchdog`] is a process of
//! its own that lets a guest go on whose acquirer has died.
//!
//! The machine under examination is nobody's friend: a guest may have taken over its hypervisor.
//! So whatever answers a question is held against what was asked, and may not take for ever.

mod disk;
mod error;
mod folder;
mod hypervisor;
mod id;
pub mod image;
pub mod nbd;
pub mod qemu;
pub mod qmp;
pub mod watchdog;

pub use disk::{Allocation, DiskSource, Extent, MAX_READ, Piece, Step, walk};
pub use error::Error;
pub use hypervisor::{
    Acquisition, Cleaned, Consistency, Disk, DiskState, Finished, Hypervisor, Instance, Interface,
    MemoryMoment, MemorySource, Neighbour, NetworkState, Reached, Request, RunState,
};
pub use id::AcquisitionId;
