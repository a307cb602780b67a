//! What a driver of a hypervisor does. See [`Hypervisor`] for what one has to keep.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::disk::DiskSource;
use crate::{AcquisitionId, Error};

/// Whether an instance runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// It runs.
    Running,
    /// It stands still and can go on.
    Paused,
    /// It is off, or was ended by an error.
    Stopped,
}

/// A disk of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Its name, one of a kind within the instance.
    pub name: String,
    /// Its size in bytes, as the guest sees it.
    pub size: u64,
    /// Whether the guest can write to it.
    pub writable: bool,
}

/// An instance, as the hypervisor tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Whether it runs.
    pub state: RunState,
    /// Its memory in bytes; 0 when it has none that can be dumped.
    pub memory: u64,
    /// Its disks, but for media that only read and can be taken out.
    pub disks: Vec<Disk>,
}

/// How the parts of an acquisition shall fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// All of one moment: the guest stands still until memory has been read.
    Paused,
    /// All disks of one moment, for which the guest stands still for some milliseconds. Memory is of
    /// a later moment.
    Live,
}

/// What to acquire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// How the parts shall fit together.
    pub consistency: Consistency,
    /// Whether memory is wanted.
    pub memory: bool,
    /// Whether network state is wanted.
    pub network: bool,
    /// Which disks, by name; all of them if `None`, none if empty.
    pub disks: Option<Vec<String>>,
}

/// In which state the disks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskState {
    /// Nobody wrote: the instance did not run.
    AtRest,
    /// As if the power had gone: what the guest had not yet written is missing.
    PowerCut,
    /// The guest's agent said that it had written everything and stopped writing. The agent is part
    /// of what is examined, so that this is its word and not the hypervisor's.
    SaidFrozen,
}

/// Of which moment memory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryMoment {
    /// The same as the disks'.
    Same,
    /// Some time after the disks'.
    Later,
}

/// What was reached, which may be less than what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The state of the disks.
    pub disks: DiskState,
    /// Of which moment memory is, if it was asked for.
    pub memory: Option<MemoryMoment>,
    /// When the disks stood still, in microseconds since 1970 by the host's clock, where the
    /// hypervisor told.
    pub moment: Option<i64>,
    /// How long the guest stood still for the disks; with [`Consistency::Paused`] and memory that is
    /// known only in the end, and told by [`Finished`].
    pub pause: Option<Duration>,
    /// What was tried and did not work, in plain words.
    pub remarks: Vec<&'static str>,
}

/// A network interface of the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name at the hypervisor.
    pub name: String,
    /// Its address, as the guest has set it.
    pub mac: String,
    /// Whether the guest listens to everything that passes.
    pub promiscuous: bool,
}

/// A neighbour that the host has seen behind an interface of the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its IP address.
    pub address: String,
    /// Its MAC address.
    pub mac: String,
    /// The host's interface that it is behind.
    pub device: String,
}

/// What can be told of the guest's network from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkState {
    /// The guest's interfaces.
    pub interfaces: Vec<Interface>,
    /// Which addresses the host knows for them.
    pub neighbours: Vec<Neighbour>,
    /// What this driver can't tell, in plain words.
    pub missing: Vec<&'static str>,
}

/// Memory, as a stream: an ELF core.
#[async_trait]
pub trait MemorySource: std::fmt::Debug + Send {
    /// About how many bytes will come.
    fn expected(&self) -> u64;

    /// The next bytes; `None` only when all have come and the hypervisor has said so. The guest may
    /// stand still until then, so whoever takes too long gets an error.
    ///
    /// # Errors
    /// Whatever ended the dump early: what came until then is not the memory.
    async fn next(&mut self) -> Result<Option<Bytes>, Error>;
}

/// How an acquisition ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finished {
    /// How long the guest stood still for the disks, or for all of it.
    pub pause: Duration,
    /// How long it stood still for memory alone, with [`Consistency::Live`].
    pub memory_pause: Option<Duration>,
}

/// An acquisition under way. Read memory first, then the network, then the disks: in the order in
/// which they pass away.
///
/// It holds the instance until [`Self::finish`] is called or it is dropped, which cleans up as well,
/// only that nobody hears how it went.
#[async_trait]
pub trait Acquisition: std::fmt::Debug + Send {
    /// What was reached.
    fn reached(&self) -> &Reached;

    /// Memory, if it was asked for and was not taken yet.
    fn memory(&mut self) -> Option<Box<dyn MemorySource>>;

    /// Network state, if it was asked for.
    fn network(&self) -> Option<&NetworkState>;

    /// The disks that were asked for.
    fn disks(&self) -> &[std::sync::Arc<dyn DiskSource>];

    /// Lets go of the instance. Every disk that is still held answers with errors afterwards.
    ///
    /// # Errors
    /// When something of the acquisition may be left behind. [`Hypervisor::cleanup`] tries again.
    async fn finish(self: Box<Self>) -> Result<Finished, Error>;
}

/// What was cleaned up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// How many acquisitions had left something.
    pub acquisitions: usize,
    /// Whether the instance stood still because of one of them, and goes on now.
    pub resumed: bool,
}

/// A hypervisor that state can be acquired from.
///
/// Drivers here are QEMU by its monitor and image files. A driver for libvirt or OpenStack keeps the
/// same promises:
///
/// - **One moment.** All disks that an acquisition gives are of the same moment. libvirt:
///   `virDomainBackupBegin` in pull mode gives NBD exports of all disks of one moment, which
///   [`crate::nbd::NbdDisk`] reads; with `virDomainFSFreeze` before and `virDomainFSThaw` after.
///   OpenStack: a Cinder group snapshot, of which temporary volumes are made and attached to the
///   acquirer, read as [`crate::image`] does; Nova's instance snapshot covers the root disk alone
///   and is not enough.
/// - **Evidence is pulled.** The hypervisor writes nothing into evidence and evidence nothing into the
///   instance's disks. Internal snapshots write into the disk that is to be examined.
/// - **The guest goes on.** When evidence can't be taken as fast as the guest writes, the acquisition
///   fails and not the guest. When the acquirer dies, somebody else resumes the guest: a watchdog
///   ([`crate::watchdog`]), or a hypervisor that does so by itself.
/// - **Memory is whole or an error.** libvirt: `virDomainCoreDumpWithFormat` with
///   `VIR_DOMAIN_CORE_DUMP_FORMAT_RAW` and `VIR_DUMP_MEMORY_ONLY` to a pipe that is passed by path,
///   and its job statistics for the result. OpenStack has no interface for it: refuse, don't leave out.
/// - **What was reached is said**, not what was asked for; what could not be done is an error or a
///   remark, never a silent success.
/// - **Cleaning up** is idempotent, recognises what dead acquirers left by the id in its name, and
///   touches nothing else.
/// - **Nothing hangs.** Each question to the hypervisor has a time limit, and every answer is held
///   against sense: it may be under the control of the guest.
///
/// Whether the caller may acquire an instance was decided before any of this is called.
#[async_trait]
pub trait Hypervisor: std::fmt::Debug + Send + Sync {
    /// Tells of an instance, by the name that the resource directory has for it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Busy`] while it is being acquired, and whatever the hypervisor
    /// answers.
    async fn describe(&self, instance: &str) -> Result<Instance, Error>;

    /// Begins an acquisition. Given up halfway, it cleans up as if dropped.
    ///
    /// # Errors
    /// As [`Self::describe`]; nothing is left behind then, and the guest goes on.
    async fn begin(
        &self,
        id: &AcquisitionId,
        instance: &str,
        request: &Request,
    ) -> Result<Box<dyn Acquisition>, Error>;

    /// Removes what dead acquirers left at an instance, and resumes it if they had paused it.
    ///
    /// # Errors
    /// [`Error::Busy`] while somebody acquires it, and whatever the hypervisor answers.
    async fn cleanup(&self, instance: &str) -> Result<Cleaned, Error>;
}
