//! The sample's machines: a folder of image files, so that snapshots can be tried without a hypervisor.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::Context as _;

use super::sample::{Machine, TENANTS};
use crate::config::{Config, Driver, Hypervisor};

/// How large a machine's disk is; most of it is a hole.
const DISK: u64 = 64 << 20;
/// Where something lies on it, every so far.
const STEP: u64 = 8 << 20;

/// Has the server reach the folder, unless the configuration names hypervisors.
pub(super) fn reach(config: &mut Config) {
    if config.hypervisors.is_empty() {
        config.hypervisors.push(Hypervisor {
            name: "quickstart".to_owned(),
            instances: config.data_dir.join("machines"),
            private: config.data_dir.join("hypervisor"),
            max_bytes_per_second: 0,
            driver: Driver::Images {
                shared: Vec::new(),
                qemu_nbd: "qemu-nbd".into(),
            },
        });
    }
}

/// Makes the disks that are not there yet.
///
/// # Errors
/// When a file can't be written.
pub(super) fn lay_out(data_dir: &Path) -> anyhow::Result<()> {
    for machine in TENANTS.iter().flat_map(|tenant| tenant.machines) {
        let folder = data_dir.join("machines").join(machine.instance);
        std::fs::create_dir_all(&folder)?;
        let path = folder.join("vda.raw");
        disk(machine, &path).with_context(|| format!("the disk {}", path.display()))?;
    }
    Ok(())
}

fn disk(machine: &Machine, path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let partial = path.with_extension("partial");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true);
    let file = file.open(&partial)?;
    file.set_len(DISK)?;
    for (number, line) in machine.lines.iter().enumerate() {
        let text = format!("{line}\n").repeat(200);
        file.write_all_at(text.as_bytes(), STEP * number as u64)?;
    }
    file.sync_all()?;
    std::fs::rename(partial, path)
}
