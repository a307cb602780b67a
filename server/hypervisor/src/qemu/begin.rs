//! How an acquisition begins, and what it then is.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::describe::{Drive, Machine};
use super::keeper::{Keeper, Order};
use super::memory::{Dump, MemoryStream};
use super::names::{self, Kind};
use super::note::{self, Note, Pause};
use super::snapshot::Snapshot;
use super::{QemuConfig, Sockets, agent, network, undo};
use crate::error::within;
use crate::hypervisor::{Finished, MemorySource, NetworkState};
use crate::nbd::NbdDisk;
use crate::qmp::Qmp;
use crate::watchdog::Watchdog;
use crate::{
    Acquisition, AcquisitionId, Consistency, DiskSource, DiskState, Error, MemoryMoment, Reached,
    Request, RunState,
};

/// The host's neighbour table.
const NEIGHBOURS: &str = "/proc/net/arp";

/// An acquisition under way.
#[derive(Debug)]
pub(crate) struct QemuAcquisition {
    reached: Reached,
    memory: Option<MemoryStream>,
    network: Option<NetworkState>,
    disks: Vec<Arc<dyn DiskSource>>,
    /// To the keeper, which ends when this does.
    orders: mpsc::Sender<Order>,
}

/// What was set up, but for the keeper.
struct Begun {
    reached: Reached,
    dump: Option<(Dump, MemoryStream)>,
    network: Option<NetworkState>,
    disks: Vec<Arc<dyn DiskSource>>,
}

/// Begins. When this fails, everything is undone.
pub(crate) async fn begin(
    config: &QemuConfig,
    id: &AcquisitionId,
    sockets: Sockets,
    request: &Request,
) -> Result<QemuAcquisition, Error> {
    let mut qmp = Qmp::connect(&sockets.monitor, config.qmp).await?;
    // We have the monitor, so that whoever left something here is dead.
    if !note::left(&mut qmp).await?.is_empty() {
        undo(&mut qmp, None, sockets.agent.as_deref()).await?;
    }
    let machine = Machine::ask(&mut qmp).await?;
    let drives = chosen(&machine, request)?;
    if request.memory && machine.memory == 0 {
        return Err(Error::Unsupported("a dump of no memory"));
    }
    let agent = sockets.agent.as_deref();
    let watchdog = Watchdog::start(&config.watchdog, &sockets.monitor, id, agent)?;
    let mut keeper = Keeper {
        qmp,
        id: id.clone(),
        agent: sockets.agent,
        watchdog,
        socket: config.private.join(format!("{id}.sock")),
        pause: None,
        limit: config.max_memory_pause,
        finished: Finished::default(),
    };
    let set = set_up(config, &mut keeper, &machine, &drives, request).await;
    let begun = match set {
        Ok(begun) => begun,
        Err(error) => {
            // What failed is said; if undoing fails too, the watchdog takes over.
            if let Err(error) = keeper.end().await {
                tracing::error!(acquisition = %id, %error, "left to the watchdog");
            }
            return Err(error);
        }
    };
    let (orders, taken) = mpsc::channel(1);
    let (dump, memory) = begun.dump.unzip();
    tokio::spawn(keeper.keep(dump, taken));
    Ok(QemuAcquisition {
        reached: begun.reached,
        memory,
        network: begun.network,
        disks: begun.disks,
        orders,
    })
}

/// The disks that were asked for, in the machine's order.
fn chosen(machine: &Machine, request: &Request) -> Result<Vec<Drive>, Error> {
    let Some(names) = &request.disks else {
        return Ok(machine.drives.clone());
    };
    let known = |name: &String| machine.drives.iter().any(|drive| drive.disk.name == *name);
    if !names.iter().all(known) {
        return Err(Error::NotFound("a disk of that name"));
    }
    let asked = machine
        .drives
        .iter()
        .filter(|drive| names.contains(&drive.disk.name));
    Ok(asked.cloned().collect())
}

async fn set_up(
    config: &QemuConfig,
    keeper: &mut Keeper,
    machine: &Machine,
    drives: &[Drive],
    request: &Request,
) -> Result<Begun, Error> {
    let id = keeper.id.clone();
    let socket = keeper.socket.clone();
    let connected = |drive: &Drive| (drive.device.clone(), drive.node.clone());
    let drives_before = drives.iter().map(connected).collect();
    let note = Note {
        drives: drives_before,
    };
    note.leave(&mut keeper.qmp, &id).await?;
    let snapshot = Snapshot {
        id: &id,
        drives,
        store: &config.store,
        socket: &socket,
    };
    snapshot.prepare(&mut keeper.qmp).await?;

    let mut reached = Reached {
        disks: DiskState::AtRest,
        memory: None,
        moment: None,
        pause: None,
        remarks: Vec::new(),
    };
    if machine.state == RunState::Running {
        reached.disks = DiskState::PowerCut;
        stop(keeper, &mut reached).await?;
    }
    // The guest stands still: this is the time that counts.
    let taken = snapshot.take(&mut keeper.qmp);
    within(config.max_snapshot_pause, "the snapshot", taken).await?;
    let together = request.consistency == Consistency::Paused && request.memory;
    if !together {
        reached.pause = keeper.release().await?;
    }
    let mut dump = None;
    if request.memory {
        dump = Some(Dump::begin(&mut keeper.qmp, &id, machine.memory).await?);
        reached.memory = Some(match together || machine.state != RunState::Running {
            true => MemoryMoment::Same,
            false => MemoryMoment::Later,
        });
    }
    let network = match request.network {
        true => Some(network::state(&mut keeper.qmp, Path::new(NEIGHBOURS)).await?),
        false => None,
    };
    snapshot.export(&mut keeper.qmp).await?;
    let disks = connect(config, &id, drives, &socket).await?;
    Ok(Begun {
        reached,
        dump,
        network,
        disks,
    })
}

/// Lets the guest stand still, its file systems frozen if there is somebody to ask.
async fn stop(keeper: &mut Keeper, reached: &mut Reached) -> Result<(), Error> {
    let pause = Pause {
        frozen: keeper.agent.is_some(),
    };
    pause.leave(&mut keeper.qmp, &keeper.id).await?;
    // From here on there is something to release, even if nothing of what follows works.
    keeper.pause = Some((pause, Instant::now()));
    if let Some(agent) = &keeper.agent {
        match agent::freeze(agent).await {
            Ok(0) => reached.remarks.push("the guest's agent froze nothing"),
            Ok(_) => reached.disks = DiskState::SaidFrozen,
            Err(_) => reached.remarks.push("the guest's agent did not freeze"),
        }
    }
    keeper.qmp.forget_events();
    keeper.pause = Some((pause, Instant::now()));
    keeper.qmp.execute("stop", serde_json::json!({})).await?;
    reached.moment = keeper.qmp.last_event("STOP").filter(|micros| *micros > 0);
    Ok(())
}

async fn connect(
    config: &QemuConfig,
    id: &AcquisitionId,
    drives: &[Drive],
    socket: &Path,
) -> Result<Vec<Arc<dyn DiskSource>>, Error> {
    let mut disks: Vec<Arc<dyn DiskSource>> = Vec::new();
    for (i, drive) in drives.iter().enumerate() {
        let export = names::node(id, Kind::Snapshot, i);
        let disk = NbdDisk::connect(&drive.disk.name, socket, &export, config.nbd).await?;
        if disk.length() != drive.disk.size {
            return Err(Error::Protocol("a disk of another size"));
        }
        disks.push(Arc::new(disk));
    }
    Ok(disks)
}

#[async_trait]
impl Acquisition for QemuAcquisition {
    fn reached(&self) -> &Reached {
        &self.reached
    }

    fn memory(&mut self) -> Option<Box<dyn MemorySource>> {
        let memory = self.memory.take()?;
        Some(Box::new(memory))
    }

    fn network(&self) -> Option<&NetworkState> {
        self.network.as_ref()
    }

    fn disks(&self) -> &[Arc<dyn DiskSource>] {
        &self.disks
    }

    async fn finish(self: Box<Self>) -> Result<Finished, Error> {
        const LOST: Error = Error::Gone("the acquisition");
        let (order, ended) = oneshot::channel();
        self.orders.send(order).await.map_err(|_| LOST)?;
        ended.await.map_err(|_| LOST)?
    }
}
