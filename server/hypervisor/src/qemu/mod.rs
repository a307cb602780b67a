//! QEMU by its monitor.
//!
//! Each instance has a folder with the name that the resource directory has for it, in which its
//! sockets are: `monitor.sock`, a monitor for us alone (libvirt's own takes one client, which is
//! libvirt), and `agent.sock`, if the guest has an agent.
//!
//! The disks are frozen at one moment by a filter that keeps what the guest overwrites, and are then
//! pulled through NBD while the guest goes on. When the store for what is kept is full or too slow,
//! the snapshot breaks and the guest notices nothing.

mod agent;
mod begin;
mod describe;
mod keeper;
mod memory;
mod names;
mod network;
mod note;
mod snapshot;
mod undo;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;

use crate::nbd::NbdLimits;
use crate::qmp::{Qmp, QmpLimits};
use crate::watchdog::WatchdogCommand;
use crate::{Acquisition, AcquisitionId, Cleaned, Error, Hypervisor, Instance, Request};
use describe::Machine;
pub(crate) use undo::undo;

/// Longest name of an instance.
const MAX_NAME: usize = 128;

/// What the driver is told by the provider.
#[derive(Debug, Clone)]
pub struct QemuConfig {
    /// The folder of the instances' folders.
    pub instances: PathBuf,
    /// The folder for the exports' sockets. Nobody else may enter it; it is made if it is not there.
    pub private: PathBuf,
    /// The folder for what guests overwrite while they are acquired, in files without names.
    pub store: PathBuf,
    /// How the watchdog is started.
    pub watchdog: WatchdogCommand,
    /// How long a guest may stand still for a snapshot of its disks.
    pub max_snapshot_pause: Duration,
    /// How long it may stand still for a dump of its memory.
    pub max_memory_pause: Duration,
    /// How long the monitor may take.
    pub qmp: QmpLimits,
    /// How much is asked of the exports at once.
    pub nbd: NbdLimits,
}

impl QemuConfig {
    /// A configuration with the usual limits.
    #[must_use]
    pub fn new(
        instances: PathBuf,
        private: PathBuf,
        store: PathBuf,
        watchdog: WatchdogCommand,
    ) -> Self {
        Self {
            instances,
            private,
            store,
            watchdog,
            max_snapshot_pause: Duration::from_secs(2),
            max_memory_pause: Duration::from_secs(120),
            qmp: QmpLimits::default(),
            nbd: NbdLimits::default(),
        }
    }
}

/// The driver.
#[derive(Debug, Clone)]
pub struct Qemu {
    config: Arc<QemuConfig>,
}

/// Where an instance is reached.
#[derive(Debug, Clone)]
struct Sockets {
    monitor: PathBuf,
    agent: Option<PathBuf>,
}

impl Qemu {
    /// The driver; makes the private folder if it is not there.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] when others can enter the private folder, [`Error::Io`].
    pub fn new(config: QemuConfig) -> Result<Self, Error> {
        crate::folder::private(&config.private)?;
        let config = Arc::new(config);
        Ok(Self { config })
    }

    fn sockets(&self, instance: &str) -> Result<Sockets, Error> {
        let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let named = (1..=MAX_NAME).contains(&instance.len()) && instance.chars().all(good);
        if !named || instance.starts_with('.') {
            return Err(Error::Invalid("the name of an instance"));
        }
        let folder = self.config.instances.join(instance);
        let monitor = folder.join("monitor.sock");
        if !monitor.exists() {
            return Err(Error::NotFound("the instance"));
        }
        let agent = Some(folder.join("agent.sock")).filter(|agent| agent.exists());
        Ok(Sockets { monitor, agent })
    }
}

#[async_trait]
impl Hypervisor for Qemu {
    async fn describe(&self, instance: &str) -> Result<Instance, Error> {
        let sockets = self.sockets(instance)?;
        let mut qmp = Qmp::connect(&sockets.monitor, self.config.qmp).await?;
        Ok(Machine::ask(&mut qmp).await?.instance())
    }

    async fn begin(
        &self,
        id: &AcquisitionId,
        instance: &str,
        request: &Request,
    ) -> Result<Box<dyn Acquisition>, Error> {
        let sockets = self.sockets(instance)?;
        let (config, id, request) = (Arc::clone(&self.config), id.clone(), request.clone());
        let (done, begun) = oneshot::channel();
        // In a task of its own, so that it ends well even if nobody waits for it any more.
        tokio::spawn(async move {
            let begun = begin::begin(&config, &id, sockets, &request).await;
            let _dropped = done.send(begun);
        });
        let begun = begun.await.map_err(|_| Error::Gone("the acquisition"))?;
        Ok(Box::new(begun?))
    }

    async fn cleanup(&self, instance: &str) -> Result<Cleaned, Error> {
        let sockets = self.sockets(instance)?;
        let mut qmp = Qmp::connect(&sockets.monitor, self.config.qmp).await?;
        undo(&mut qmp, None, sockets.agent.as_deref()).await
    }
}
