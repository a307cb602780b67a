//! `qemu-nbd` for one image: read-only, for one client, with limits, and gone with its client.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::process::{Child, Command};

use super::chain::Chain;
use crate::Error;
use crate::disk::{DiskSource, Extent, Piece};
use crate::nbd::{NbdDisk, NbdLimits};

/// How long it may take to be there.
const START: Duration = Duration::from_secs(10);
const DISTANCE: Duration = Duration::from_millis(20);
/// How much memory it may use: its tables are in it, which the chain's limits bound.
const MEMORY: u64 = 2 << 30;

/// A disk behind a server of its own, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct ServedDisk {
    disk: NbdDisk,
    _server: Child,
}

impl ServedDisk {
    /// Starts the server on a chain that was looked at. The chain has to stay open as long.
    pub(crate) async fn start(
        program: &Path,
        name: &str,
        socket: PathBuf,
        chain: &Chain,
        limits: NbdLimits,
    ) -> Result<Self, Error> {
        let mut server = Command::new(program);
        server.args([
            "--read-only",
            "--shared=1",
            "--export-name=disk",
            "--socket",
        ]);
        server.arg(&socket).arg(format!("json:{}", chain.graph()));
        server.env_clear().env("LC_ALL", "C").current_dir("/");
        server
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // Without a client it ends by itself as well, so that even our death leaves none.
        let spawned = server.process_group(0).kill_on_drop(true).spawn();
        let mut server = spawned.map_err(|_| Error::Unsupported("images without qemu-nbd"))?;
        confine(&server)?;
        let began = tokio::time::Instant::now();
        let disk = loop {
            match NbdDisk::connect(name, &socket, "disk", limits).await {
                Ok(disk) => break disk,
                Err(Error::Unreachable(_)) if began.elapsed() < START => {}
                Err(error) => return Err(error),
            }
            if server.try_wait().map_err(Error::io("qemu-nbd"))?.is_some() {
                // In use by a machine that writes to it, or not in order.
                return Err(Error::refused("qemu-nbd", "it does not open the image"));
            }
            tokio::time::sleep(DISTANCE).await;
        };
        let _ = std::fs::remove_file(&socket);
        if disk.length() != chain.size() {
            return Err(Error::Protocol("an image of another size"));
        }
        let _server = server;
        Ok(Self { disk, _server })
    }
}

/// It writes no file, and can't take all memory, whatever the image makes of it.
fn confine(server: &Child) -> Result<(), Error> {
    let pid = server
        .id()
        .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let limits = [
        (Resource::As, MEMORY),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        let set = prlimit(pid, resource, limit);
        set.map_err(|error| Error::io("the limits of qemu-nbd")(error.into()))?;
    }
    Ok(())
}

#[async_trait]
impl DiskSource for ServedDisk {
    fn name(&self) -> &str {
        self.disk.name()
    }

    fn length(&self) -> u64 {
        self.disk.length()
    }

    async fn read_at(&self, offset: u64, length: u32) -> Result<Piece, Error> {
        self.disk.read_at(offset, length).await
    }

    async fn extents(&self, offset: u64, length: u64) -> Result<Vec<Extent>, Error> {
        self.disk.extents(offset, length).await
    }
}
