//! `[evidence]` and `[[hypervisors]]`.

use std::path::PathBuf;

use anyhow::bail;
use serde::Deserialize;

/// How much evidence a tenant may keep.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Evidence {
    /// Most bytes of all snapshots of a tenant, as they lie in the object store; no snapshot is begun
    /// beyond that.
    pub max_tenant_bytes: u64,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            max_tenant_bytes: 4 << 40,
        }
    }
}

impl Evidence {
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        let most = i64::MAX.unsigned_abs();
        if !(1..=most).contains(&self.max_tenant_bytes) {
            bail!("evidence.max_tenant_bytes: from 1 to {most}");
        }
        Ok(())
    }
}

/// A hypervisor that this server reaches.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hypervisor {
    /// What it is called in manifests.
    pub name: String,
    /// The folder with a folder for each instance, by the id that it is registered by.
    pub instances: PathBuf,
    /// A folder for sockets that nobody else may enter; it is made if it is not there.
    pub private: PathBuf,
    /// The highest rate at which instances are read, in bytes a second; 0 for any.
    #[serde(default)]
    pub max_bytes_per_second: u64,
    /// How it is reached.
    pub driver: Driver,
}

/// How a hypervisor is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Driver {
    /// Disks as image files, `NAME.raw` or `NAME.qcow2` in the instance's folder.
    Images {
        /// Folders with images that those of all instances may be differences to.
        #[serde(default)]
        shared: Vec<PathBuf>,
        /// The program that reads qcow2 images.
        #[serde(default = "qemu_nbd")]
        qemu_nbd: PathBuf,
    },
    /// QEMU by a monitor of its own: `monitor.sock` in the instance's folder, and `agent.sock` if the
    /// guest has an agent.
    Qemu {
        /// A folder for what guests overwrite while they are read.
        store: PathBuf,
        /// The program `cordon-watchdog`.
        watchdog: PathBuf,
    },
}

fn qemu_nbd() -> PathBuf {
    "qemu-nbd".into()
}

impl Driver {
    /// What it is called in manifests.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Images { .. } => "image files",
            Self::Qemu { .. } => "QEMU",
        }
    }
}

pub(super) fn validate(hypervisors: &[Hypervisor]) -> anyhow::Result<()> {
    let mut names = std::collections::BTreeSet::new();
    for one in hypervisors {
        let name = one.name.trim();
        if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
            bail!("hypervisors.name: expected 1 to 100 bytes of text");
        }
        if !names.insert(name) {
            bail!("hypervisors: the name {name:?} stands there twice");
        }
        if one.max_bytes_per_second != 0 && one.max_bytes_per_second < 1 << 20 {
            bail!("hypervisors.max_bytes_per_second: 0, or at least 1048576");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    fn read(text: &str) -> anyhow::Result<Config> {
        let config: Config = toml::from_str(text)?;
        config.validate()?;
        Ok(config)
    }

    #[test]
    fn hypervisors_are_read_by_their_drivers() {
        let images = "[[hypervisors]]\nname = 'a'\ninstances = '/i'\nprivate = '/p'\ndriver = { images = {} }\n";
        let qemu = "[[hypervisors]]\nname = 'b'\ninstances = '/i'\nprivate = '/p'\n\
                    driver = { qemu = { store = '/s', watchdog = '/w' } }\n";
        let config = read(&format!("{images}{qemu}")).unwrap();
        let words: Vec<_> = config
            .hypervisors
            .iter()
            .map(|one| one.driver.word())
            .collect();
        assert_eq!(words, ["image files", "QEMU"]);
        for wrong in [
            format!("{images}{images}"),
            images.replace("'a'", "' '"),
            images.replace("images = {}", "esx = {}"),
            images.replace("images = {}", "images = { share = [] }"),
            qemu.replace(", watchdog = '/w'", ""),
            format!("{images}max_bytes_per_second = 5\n"),
            "[evidence]\nmax_tenant_bytes = 0\n".to_owned(),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }
}
