//! What QEMU tells of a machine.

use serde_json::{Value, json};

use crate::qmp::Qmp;
use crate::{Disk, Error, Instance, RunState};

/// Most disks of a machine.
const MAX_DISKS: usize = 64;
/// Longest name of a disk.
const MAX_NAME: usize = 64;

/// A disk, and how it hangs together inside QEMU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drive {
    pub(crate) disk: Disk,
    /// The path of the device.
    pub(crate) device: String,
    /// The node that the device is connected to.
    pub(crate) node: String,
}

/// A machine, with what is needed to acquire it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) state: RunState,
    pub(crate) memory: u64,
    pub(crate) drives: Vec<Drive>,
}

impl Machine {
    /// Asks a monitor.
    pub(crate) async fn ask(qmp: &mut Qmp) -> Result<Self, Error> {
        let state = state(qmp).await?;
        // QEMU's storage daemon has a monitor and no memory.
        let memory = match qmp.execute("query-memory-size-summary", json!({})).await {
            Ok(memory) => {
                let part = |name| memory.get(name).and_then(Value::as_u64).unwrap_or(0);
                part("base-memory").saturating_add(part("plugged-memory"))
            }
            Err(Error::Refused { .. }) => 0,
            Err(error) => return Err(error),
        };
        let blocks = qmp.execute("query-block", json!({})).await?;
        let blocks = blocks
            .as_array()
            .ok_or(Error::Protocol("a list of disks"))?;
        let mut drives: Vec<Drive> = Vec::new();
        for block in blocks {
            let Some(mut drive) = drive(block)? else {
                continue;
            };
            let taken = |name: &str, drives: &[Drive]| drives.iter().any(|d| d.disk.name == name);
            if drive.disk.name.is_empty() || taken(&drive.disk.name, &drives) {
                drive.disk.name = format!("disk{}", drives.len());
            }
            if taken(&drive.disk.name, &drives) {
                return Err(Error::Protocol("disks of one name"));
            }
            if drives.len() >= MAX_DISKS {
                return Err(Error::Limit("the number of disks"));
            }
            drives.push(drive);
        }
        Ok(Self {
            state,
            memory,
            drives,
        })
    }

    /// What others are told.
    pub(crate) fn instance(&self) -> Instance {
        Instance {
            state: self.state,
            memory: self.memory,
            disks: self.drives.iter().map(|drive| drive.disk.clone()).collect(),
        }
    }
}

/// Whether the machine runs.
pub(crate) async fn state(qmp: &mut Qmp) -> Result<RunState, Error> {
    let status = qmp.execute("query-status", json!({})).await?;
    match status.get("status").and_then(Value::as_str) {
        Some("running") => Ok(RunState::Running),
        Some("paused" | "prelaunch" | "suspended") => Ok(RunState::Paused),
        Some(_) => Ok(RunState::Stopped),
        None => Err(Error::Protocol("the state of the machine")),
    }
}

/// One entry of `query-block`; `None` for what is no disk of the machine.
fn drive(block: &Value) -> Result<Option<Drive>, Error> {
    let text = |value: &Value, name| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(inserted), Some(device)) = (block.get("inserted"), text(block, "qdev")) else {
        return Ok(None);
    };
    let node = text(inserted, "node-name").filter(|node| !node.is_empty());
    let size = inserted
        .pointer("/image/virtual-size")
        .and_then(Value::as_u64);
    let (Some(node), Some(size)) = (node, size) else {
        return Err(Error::Protocol("a disk without a node or a size"));
    };
    let flag = |value: &Value, name| value.get(name).and_then(Value::as_bool).unwrap_or(false);
    let writable = !flag(inserted, "ro");
    if !writable && flag(block, "removable") {
        return Ok(None);
    }
    let name = name(&device);
    let disk = Disk {
        name,
        size,
        writable,
    };
    Ok(Some(Drive { disk, device, node }))
}

/// The name of a device out of its path: `/machine/peripheral/vd0/virtio-backend` is `vd0`.
fn name(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty());
    let named = |part: &&str| {
        !matches!(
            *part,
            "machine" | "peripheral" | "peripheral-anon" | "unattached" | "virtio-backend"
        )
    };
    let name = parts.rev().find(named).unwrap_or_default();
    let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name: String = name.replace(['[', ']'], "");
    match name.len() <= MAX_NAME && name.chars().all(good) && !name.starts_with('.') {
        true => name,
        false => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_disk_has_the_name_of_its_device() {
        assert_eq!(name("/machine/peripheral/vd0/virtio-backend"), "vd0");
        assert_eq!(name("/machine/peripheral/sd1"), "sd1");
        let anonymous = "/machine/peripheral-anon/device[1]/virtio-backend";
        assert_eq!(name(anonymous), "device1");
        for bad in [
            "",
            "/machine/peripheral/../..",
            "/machine/peripheral/a b",
            "/x/.ssh",
        ] {
            assert_eq!(name(bad), "", "{bad}");
        }
        assert_eq!(name(&"x".repeat(100)), "");
    }
}
