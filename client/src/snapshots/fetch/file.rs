//! The file of an item that is not whole yet.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use cordon_evidence::check::{Bad, Differing};
use cordon_evidence::digest::Digests;
use cordon_evidence::geometry::Geometry;
use cordon_evidence::record::Record;

use crate::error::{Error, Reason, Result};

/// Where an item's file is until it is whole: beside where it is to be.
#[must_use]
pub fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// A file that is being filled.
#[derive(Debug)]
pub(super) struct Partial {
    file: File,
    path: PathBuf,
    geometry: Geometry,
    /// How long it was when it was found: behind that there was nothing.
    pub(super) found: u64,
}

impl Partial {
    /// Opens the file that is to become `target`, or begins it. It has the item's size at once: what
    /// is never written is a hole.
    pub(super) fn open(target: &Path, geometry: Geometry) -> Result<Self> {
        let path = partial_path(target);
        let failed = |error: io::Error| failure(&path, &error);
        match target.symlink_metadata() {
            Ok(_) => return Err(taken(target)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failure(target, &error)),
        }
        // A link would lead elsewhere.
        if path.symlink_metadata().is_ok_and(|found| !found.is_file()) {
            return Err(Error::new(
                Reason::Io,
                format!("{} is no file: move it away", path.display()),
            ));
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(
                    Reason::Io,
                    format!("another download writes to {}", path.display()),
                ));
            }
            // Not every file system has locks.
            Err(TryLockError::Error(_)) => {}
        }
        let found = file.metadata().map_err(failed)?.len();
        file.set_len(geometry.size()).map_err(failed)?;
        Ok(Self {
            file,
            path,
            geometry,
            found,
        })
    }

    /// Whether a block is there, as its record says. Where nothing is to be, there is nothing
    /// afterwards.
    pub(super) fn has(&self, index: u64, record: &Record, buffer: &mut Vec<u8>) -> Result<bool> {
        let (offset, length) = (self.geometry.offset(index), self.geometry.length(index));
        if offset >= self.found {
            return Ok(!record.kind.is_stored());
        }
        buffer.resize(length as usize, 0);
        let failed = |error: io::Error| failure(&self.path, &error);
        read_at(&self.file, buffer, offset).map_err(failed)?;
        if record.kind.is_stored() {
            return Ok(Digests::of(buffer) == record.digests);
        }
        if buffer.iter().any(|byte| *byte != 0) {
            buffer.fill(0);
            write_at(&self.file, buffer, offset).map_err(failed)?;
        }
        Ok(true)
    }

    /// Checks a block that came by both its digests, and writes it where it belongs.
    pub(super) fn put(&self, index: u64, record: &Record, bytes: &[u8]) -> Result<(), Refused> {
        let found = Digests::of(bytes);
        if let Some(differing) = differing(&found, &record.digests) {
            return Err(Refused::Bad(self.bad(index, differing)));
        }
        // A hole stays one.
        if record.kind.is_stored() {
            let offset = self.geometry.offset(index);
            write_at(&self.file, bytes, offset)
                .map_err(|error| Refused::Failed(failure(&self.path, &error)))?;
        }
        Ok(())
    }

    /// What is said of a block that is not what was acquired.
    pub(super) fn bad(&self, index: u64, differing: Differing) -> Bad {
        Bad::Block {
            index,
            offset: self.geometry.offset(index),
            length: self.geometry.length(index),
            differing,
        }
    }

    /// Makes the file durable and gives it its name.
    pub(super) fn finish(&self, target: &Path) -> Result<()> {
        let failed = |error: io::Error| failure(&self.path, &error);
        self.file.sync_all().map_err(failed)?;
        if target.symlink_metadata().is_ok() {
            return Err(taken(target));
        }
        std::fs::rename(&self.path, target).map_err(failed)?;
        sync_folder(target).map_err(|error| failure(target, &error))
    }
}

/// Why a block was not written.
#[derive(Debug)]
pub(super) enum Refused {
    /// It is not what was acquired.
    Bad(Bad),
    /// The file does not take it.
    Failed(Error),
}

fn differing(one: &Digests, other: &Digests) -> Option<Differing> {
    match (one.sha256 == other.sha256, one.blake3 == other.blake3) {
        (true, true) => None,
        (false, true) => Some(Differing::Sha256),
        (true, false) => Some(Differing::Blake3),
        (false, false) => Some(Differing::Both),
    }
}

fn taken(target: &Path) -> Error {
    Error::new(
        Reason::AlreadyExists,
        format!("{} is there already", target.display()),
    )
}

fn failure(path: &Path, error: &io::Error) -> Error {
    Error::new(Reason::Io, format!("{}: {error}", path.display()))
}

/// A name is durable when its folder is.
#[cfg(unix)]
fn sync_folder(target: &Path) -> io::Result<()> {
    let folder = target.parent().filter(|path| !path.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    let mut rest = buffer;
    while !rest.is_empty() {
        let got = std::os::windows::fs::FileExt::seek_read(file, rest, offset)?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        rest = rest.get_mut(got..).unwrap_or_default();
        offset += got as u64;
    }
    Ok(())
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], mut offset: u64) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let put = std::os::windows::fs::FileExt::seek_write(file, rest, offset)?;
        if put == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        rest = rest.get(put..).unwrap_or_default();
        offset += put as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshots::fetch::testing::made;

    #[test]
    fn a_file_is_as_large_as_the_item_and_goes_where_it_belongs() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("disk.raw");
        let (bytes, _, list) = made("d_d", 0);
        let geometry = list.geometry();
        let partial = Partial::open(&target, geometry).unwrap();
        let size = |path: &Path| path.metadata().unwrap().len();
        assert_eq!(size(&partial_path(&target)), geometry.size());
        assert_eq!(partial.found, 0);
        let other = Partial::open(&target, geometry).unwrap_err();
        assert!(other.message().contains("another download"), "{other}");
        let block = |index: u64| {
            let start = usize::try_from(geometry.offset(index)).unwrap();
            bytes[start..start + geometry.length(index) as usize].to_vec()
        };
        for index in [0, 2] {
            let record = list.record(index).unwrap();
            let mut wrong = block(index);
            wrong[7] ^= 1;
            let refused = partial.put(index, &record, &wrong);
            assert!(
                matches!(refused, Err(Refused::Bad(Bad::Block { index: at, .. })) if at == index)
            );
            partial.put(index, &record, &block(index)).unwrap();
        }
        partial.finish(&target).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), bytes);
        assert!(!partial_path(&target).exists());
        let error = Partial::open(&target, geometry).unwrap_err();
        assert_eq!(*error.reason(), Reason::AlreadyExists);
    }

    #[test]
    fn what_is_there_is_looked_at_and_holes_are_made_empty() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("disk.raw");
        let (bytes, _, list) = made("d_dd", 0);
        let mut old = bytes.clone();
        let block = usize::try_from(list.geometry().offset(1)).unwrap();
        old[block + 5] = 1;
        old[2 * block + 5] ^= 1;
        old.truncate(3 * block);
        std::fs::write(partial_path(&target), old).unwrap();
        let partial = Partial::open(&target, list.geometry()).unwrap();
        let mut buffer = Vec::new();
        let there: Vec<_> = (0..4)
            .map(|index| {
                let record = list.record(index).unwrap();
                partial.has(index, &record, &mut buffer).unwrap()
            })
            .collect();
        assert_eq!(there, [true, true, false, false]);
        let now = std::fs::read(partial_path(&target)).unwrap();
        assert_eq!(now.len(), bytes.len());
        assert!(now[block..2 * block].iter().all(|byte| *byte == 0));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("disk.raw");
        let elsewhere = folder.path().join("elsewhere");
        std::fs::write(&elsewhere, "mine").unwrap();
        std::os::unix::fs::symlink(&elsewhere, partial_path(&target)).unwrap();
        let (_, _, list) = made("d", 0);
        let error = Partial::open(&target, list.geometry()).unwrap_err();
        assert!(error.message().contains("is no file"), "{error}");
        assert_eq!(std::fs::read(&elsewhere).unwrap(), b"mine");
    }
}
