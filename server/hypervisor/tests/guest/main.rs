//! The QEMU driver against a guest that runs: emulated, with Debian's kernel and busybox, writing to
//! its disks all the time. Where that can't be had the tests say so and are skipped by name.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod acquire;
mod death;
mod machine;
mod trouble;
