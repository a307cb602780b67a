//! Disks as image files: raw ones are read by ourselves, qcow2 by `qemu-nbd` once every file that
//! belongs to one was looked at and opened.
//!
//! Each instance has a folder with the name that the resource directory has for it, in which its
//! images are, by the names of its disks: `vda.raw`, `vdb.qcow2`. Besides them an image may refer to
//! files in that folder and in the folders that all share, and to nothing else: neither to the
//! host's files nor to another customer's disk.

mod chain;
mod qcow2;
mod raw;
mod roots;
mod serve;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::hypervisor::{Finished, MemorySource, NetworkState};
use crate::nbd::NbdLimits;
use crate::{
    Acquisition, AcquisitionId, Cleaned, Disk, DiskSource, DiskState, Error, Hypervisor, Instance,
    Reached, Request, RunState,
};
pub use chain::ImageLimits;
use chain::{Chain, Format};
use raw::RawDisk;
use roots::Roots;
use serve::ServedDisk;

/// Most images of an instance.
const MAX_IMAGES: usize = 64;
/// Most entries of an instance's folder that are looked at.
const MAX_ENTRIES: usize = 4_096;
/// Longest name of an instance or a disk.
const MAX_NAME: usize = 128;

/// What the driver is told by the provider.
#[derive(Debug, Clone)]
pub struct ImageConfig {
    /// The folder of the instances' folders.
    pub instances: PathBuf,
    /// Folders with images that those of all instances may be differences to.
    pub shared: Vec<PathBuf>,
    /// The folder for sockets. Nobody else may enter it; it is made if it is not there.
    pub private: PathBuf,
    /// The program `qemu-nbd`.
    pub qemu_nbd: PathBuf,
    /// How much an image may be.
    pub limits: ImageLimits,
    /// How much is asked of `qemu-nbd` at once.
    pub nbd: NbdLimits,
}

/// The driver.
#[derive(Debug, Clone)]
pub struct Images {
    config: Arc<ImageConfig>,
}

/// An acquisition of images. Nothing was changed for it, so that there is nothing to undo.
#[derive(Debug)]
struct ImageAcquisition {
    reached: Reached,
    network: Option<NetworkState>,
    chains: Vec<Chain>,
    disks: Vec<Arc<dyn DiskSource>>,
}

/// An image of an instance.
#[derive(Debug)]
struct Image {
    disk: Disk,
    chain: Chain,
}

impl Images {
    /// The driver; makes the private folder if it is not there.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] when others can enter the private folder, [`Error::Io`].
    pub fn new(config: ImageConfig) -> Result<Self, Error> {
        crate::folder::private(&config.private)?;
        let config = Arc::new(config);
        Ok(Self { config })
    }

    /// Opens all images of an instance, or the first reason why one may not be.
    async fn images(&self, instance: &str) -> Result<Vec<Image>, Error> {
        if !is_name(instance) {
            return Err(Error::Invalid("the name of an instance"));
        }
        let config = Arc::clone(&self.config);
        let folder = config.instances.join(instance);
        let opened = tokio::task::spawn_blocking(move || open_all(&config, &folder));
        opened.await.map_err(|_| Error::Gone("the images"))?
    }
}

#[async_trait]
impl Hypervisor for Images {
    async fn describe(&self, instance: &str) -> Result<Instance, Error> {
        let images = self.images(instance).await?;
        Ok(Instance {
            state: RunState::Stopped,
            memory: 0,
            disks: images.into_iter().map(|image| image.disk).collect(),
        })
    }

    async fn begin(
        &self,
        id: &AcquisitionId,
        instance: &str,
        request: &Request,
    ) -> Result<Box<dyn Acquisition>, Error> {
        if request.memory {
            return Err(Error::Unsupported("memory of an image file"));
        }
        let mut images = self.images(instance).await?;
        if let Some(names) = &request.disks {
            let known = |name: &String| images.iter().any(|image| image.disk.name == *name);
            if !names.iter().all(known) {
                return Err(Error::NotFound("a disk of that name"));
            }
            images.retain(|image| names.contains(&image.disk.name));
        }
        let mut disks: Vec<Arc<dyn DiskSource>> = Vec::new();
        for (i, image) in images.iter().enumerate() {
            let (name, chain) = (&image.disk.name, &image.chain);
            if let Some(file) = chain.raw() {
                disks.push(Arc::new(RawDisk::new(name, file, chain.size())?));
                continue;
            }
            let socket = self.config.private.join(format!("{id}-{i:02}.sock"));
            let (program, limits) = (&self.config.qemu_nbd, self.config.nbd);
            let served = ServedDisk::start(program, name, socket, chain, limits).await?;
            disks.push(Arc::new(served));
        }
        let missing = vec!["everything: image files have no network"];
        let network = request.network.then(|| NetworkState {
            missing,
            ..NetworkState::default()
        });
        Ok(Box::new(ImageAcquisition {
            reached: Reached {
                disks: DiskState::AtRest,
                memory: None,
                moment: None,
                pause: None,
                remarks: vec!["that nobody wrote meanwhile is known when it has finished"],
            },
            network,
            chains: images.into_iter().map(|image| image.chain).collect(),
            disks,
        }))
    }

    async fn cleanup(&self, _instance: &str) -> Result<Cleaned, Error> {
        // Nothing is made at an instance, and servers end with their clients.
        Ok(Cleaned::default())
    }
}

#[async_trait]
impl Acquisition for ImageAcquisition {
    fn reached(&self) -> &Reached {
        &self.reached
    }

    fn memory(&mut self) -> Option<Box<dyn MemorySource>> {
        None
    }

    fn network(&self) -> Option<&NetworkState> {
        self.network.as_ref()
    }

    fn disks(&self) -> &[Arc<dyn DiskSource>] {
        &self.disks
    }

    async fn finish(self: Box<Self>) -> Result<Finished, Error> {
        for chain in &self.chains {
            if chain.has_changed()? {
                return Err(Error::SnapshotBroken);
            }
        }
        Ok(Finished::default())
    }
}

fn open_all(config: &ImageConfig, folder: &Path) -> Result<Vec<Image>, Error> {
    let own = std::fs::symlink_metadata(folder);
    if !own.is_ok_and(|own| own.is_dir()) {
        return Err(Error::NotFound("the instance"));
    }
    let folder = folder
        .canonicalize()
        .map_err(|_| Error::NotFound("the instance"))?;
    let roots = Roots::new(config.shared.iter().cloned().chain([folder.clone()]))?;
    let mut images = Vec::new();
    let entries = std::fs::read_dir(&folder).map_err(Error::io("the folder of images"))?;
    for entry in entries.take(MAX_ENTRIES) {
        let entry = entry.map_err(Error::io("the folder of images"))?;
        let Some((name, format)) = entry.file_name().to_str().and_then(declared) else {
            continue;
        };
        if images.len() >= MAX_IMAGES {
            return Err(Error::Limit("the number of images"));
        }
        let chain = Chain::open(&roots, &entry.path(), format, &config.limits)?;
        let (size, writable) = (chain.size(), true);
        let disk = Disk {
            name,
            size,
            writable,
        };
        images.push(Image { disk, chain });
    }
    images.sort_by(|a, b| a.disk.name.cmp(&b.disk.name));
    let names = images.iter().map(|image| &image.disk.name);
    match names.clone().zip(names.skip(1)).any(|(a, b)| a == b) {
        true => Err(Error::Invalid("images of one disk")),
        false => Ok(images),
    }
}

/// The disk's name and the format that a file's name declares.
fn declared(file: &str) -> Option<(String, Format)> {
    let (name, ending) = file.rsplit_once('.')?;
    let format = match ending {
        "raw" | "img" => Format::Raw,
        "qcow2" => Format::Qcow2,
        _ => return None,
    };
    is_name(name).then(|| (name.to_owned(), format))
}

fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(good) && !name.starts_with('.')
}
