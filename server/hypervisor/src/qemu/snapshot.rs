//! The snapshot of all disks: what is made ready while the guest runs, what has to be done while it
//! stands still, and the exports.
//!
//! QEMU opens nothing of ours: the files that keep what the guest overwrites have no name, and they
//! and the socket of the exports are handed over open. So QEMU may be another user and confined.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use serde_json::{Value, json};

use super::describe::Drive;
use super::names::{self, Kind};
use crate::qmp::Qmp;
use crate::{AcquisitionId, Error};

/// How long the guest's write may wait for what it overwrites to be kept, in seconds. Longer, and the
/// snapshot breaks, not the guest.
const KEEP_SECONDS: u32 = 10;

/// A snapshot in the making.
#[derive(Debug)]
pub(crate) struct Snapshot<'a> {
    pub(crate) id: &'a AcquisitionId,
    pub(crate) drives: &'a [Drive],
    /// The folder for what the guest overwrites.
    pub(crate) store: &'a Path,
    /// The socket of the exports.
    pub(crate) socket: &'a Path,
}

impl Snapshot<'_> {
    /// Everything that can be done while the guest runs.
    pub(crate) async fn prepare(&self, qmp: &mut Qmp) -> Result<(), Error> {
        for (i, drive) in self.filtered() {
            let file = nameless(self.store, drive.disk.size)?;
            let mark = json!({ "opaque": names::note(self.id) });
            let added = qmp.execute_with("add-fd", mark, file.as_fd()).await?;
            let set = added.get("fdset-id").and_then(Value::as_u64);
            let set = set.ok_or(Error::Protocol("a file that was handed over"))?;
            let node = json!({
                "driver": "file",
                "node-name": names::node(self.id, Kind::Store, i),
                "filename": format!("/dev/fdset/{set}"),
                // Nobody else has it.
                "locking": "off",
            });
            qmp.execute("blockdev-add", node).await?;
        }
        if self.drives.is_empty() {
            return Ok(());
        }
        // An earlier one of this id is dead, or the monitor were not ours.
        let _ = std::fs::remove_file(self.socket);
        let socket = UnixListener::bind(self.socket).map_err(Error::io("the exports' socket"))?;
        let name = names::note(self.id);
        let named = json!({ "fdname": &name });
        qmp.execute_with("getfd", named.clone(), socket.as_fd())
            .await?;
        let address = json!({ "addr": { "type": "fd", "data": { "str": &name } } });
        match qmp.execute("nbd-server-start", address).await {
            Ok(_) => Ok(()),
            Err(error @ Error::Refused { .. }) => {
                let _ = qmp.execute("closefd", named).await;
                match error.to_string().contains("already running") {
                    true => Err(Error::Busy("it exports disks to somebody else")),
                    false => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Takes the snapshot. The guest must stand still, or the disks are of different moments.
    pub(crate) async fn take(&self, qmp: &mut Qmp) -> Result<(), Error> {
        for (i, drive) in self.filtered() {
            let filter = names::node(self.id, Kind::Filter, i);
            let node = json!({
                "driver": "copy-before-write",
                "node-name": &filter,
                "file": &drive.node,
                "target": names::node(self.id, Kind::Store, i),
                "on-cbw-error": "break-snapshot",
                "cbw-timeout": KEEP_SECONDS,
            });
            qmp.execute("blockdev-add", node).await?;
            let change = json!({ "path": &drive.device, "property": "drive", "value": &filter });
            qmp.execute("qom-set", change).await?;
            let node = json!({
                "driver": "snapshot-access",
                "node-name": names::node(self.id, Kind::Snapshot, i),
                "file": &filter,
            });
            qmp.execute("blockdev-add", node).await?;
        }
        Ok(())
    }

    /// Exports what was taken.
    pub(crate) async fn export(&self, qmp: &mut Qmp) -> Result<(), Error> {
        for (i, drive) in self.drives.iter().enumerate() {
            let name = names::node(self.id, Kind::Snapshot, i);
            // What nobody writes to is its own snapshot.
            let node = match drive.disk.writable {
                true => &name,
                false => &drive.node,
            };
            let export = json!({
                "type": "nbd",
                "id": &name,
                "name": &name,
                "node-name": node,
                "writable": false,
            });
            qmp.execute("block-export-add", export).await?;
        }
        Ok(())
    }

    fn filtered(&self) -> impl Iterator<Item = (usize, &Drive)> {
        let all = self.drives.iter().enumerate();
        all.filter(|(_, drive)| drive.disk.writable)
    }
}

/// A file without a name, which is gone when nobody has it open any more: not even our death leaves
/// pieces of a customer's disk behind.
fn nameless(folder: &Path, size: u64) -> Result<OwnedFd, Error> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let made = rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR);
    let made = made.and_then(|file| rustix::fs::ftruncate(&file, size).map(|()| file));
    made.map_err(|error| Error::io("the store of the snapshot")(error.into()))
}
