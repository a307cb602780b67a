//! A snapshot that was fetched into a folder, checked with nobody to ask.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cordon_evidence::check::{Bad, CheckError, check};
use cordon_evidence::list::{BlockList, HEAD_BYTES};
use cordon_evidence::manifest::Item;
use cordon_evidence::names::check_name;
use cordon_evidence::record::Record;

use super::partial_path;
use super::signed::{CheckedCustody, SignedManifest, check_custody, read_manifest};
use crate::error::{Error, Reason, Result};
use crate::statement::{MAX_ENVELOPE_BYTES, PublicKeys};

/// The envelope of the manifest.
pub const MANIFEST_FILE: &str = "manifest.json";
/// The entries of the chain of custody, one a line.
pub const CUSTODY_FILE: &str = "custody.ndjson";
/// The envelope of what was signed of the chain's end.
pub const HEAD_FILE: &str = "custody-head.json";

/// Largest chain of custody that is read, in bytes.
const MAX_CUSTODY_BYTES: u64 = 1 << 30;

/// What stands behind an item's name in that of its list.
const LIST_ENDING: &str = ".blocks";

/// Where an item's file is.
///
/// # Errors
///
/// `INVALID_ARGUMENT` for a name that would lead out of the folder, or is that of another file in it.
pub fn item_path(folder: &Path, item: &str) -> Result<PathBuf> {
    check_name(item).map_err(|problem| {
        Error::invalid(
            "item",
            format!("{item:?} can't be a file's name: {problem}"),
        )
    })?;
    // Some systems take small and capital letters for the same.
    let small = item.to_ascii_lowercase();
    let ours = [MANIFEST_FILE, CUSTODY_FILE, HEAD_FILE].contains(&small.as_str())
        || small.ends_with(LIST_ENDING)
        || small.ends_with(".partial");
    match ours {
        true => Err(Error::invalid(
            "item",
            format!("an item `{item}` would be in the place of another file of the snapshot"),
        )),
        false => Ok(folder.join(item)),
    }
}

/// Where the list of an item's blocks is.
///
/// # Errors
///
/// As [`item_path`].
pub fn list_path(folder: &Path, item: &str) -> Result<PathBuf> {
    let mut path = item_path(folder, item)?.into_os_string();
    path.push(LIST_ENDING);
    Ok(path.into())
}

/// Entries of a chain of custody as they are kept: one a line.
#[must_use]
pub fn custody_lines(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut lines = Vec::new();
    for entry in entries {
        lines.extend_from_slice(entry);
        lines.push(b'\n');
    }
    lines
}

/// What came of checking an item's file.
#[derive(Debug)]
#[non_exhaustive]
pub enum ItemResult {
    /// It is what was acquired, byte for byte.
    Same,
    /// There is no file of it.
    Absent,
    /// A download of it has not ended.
    Partial,
    /// It is not what was acquired: the first thing that differs.
    Differs(Bad),
    /// It could not be checked, and why: as when its list of blocks is gone or was changed.
    Unchecked(Error),
}

/// A folder with a snapshot: its signed manifest, and beside it items with the lists of their blocks
/// and the chain of custody. It comes from [`Folder::open`]; all that it does is read.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// What was signed of the snapshot.
    pub signed: SignedManifest,
}

impl Folder {
    /// Reads and checks the manifest in a folder.
    ///
    /// # Errors
    ///
    /// `IO` when there is none, and as [`read_manifest`]; `INVALID_ARGUMENT` when an item's name is
    /// none for a file.
    pub fn open(path: &Path, keys: &PublicKeys) -> Result<Self> {
        let envelope = read(&path.join(MANIFEST_FILE), MAX_ENVELOPE_BYTES as u64)?;
        let signed = read_manifest(&envelope, keys)?;
        for item in &signed.manifest.items {
            item_path(path, &item.name)?;
        }
        Ok(Self {
            path: path.to_owned(),
            signed,
        })
    }

    /// The list of an item's blocks, checked against the manifest.
    ///
    /// # Errors
    ///
    /// `IO` when it is not there, `HASH_MISMATCH` when it is another one or was changed.
    pub fn list(&self, item: &Item) -> Result<BlockList> {
        let path = list_path(&self.path, &item.name)?;
        let geometry = item.content.geometry();
        let geometry = geometry.map_err(|error| Error::invalid("content", error.to_string()))?;
        let most = HEAD_BYTES as u64 + geometry.blocks().saturating_mul(Record::BYTES as u64);
        let bytes = read(&path, most)?;
        BlockList::open(bytes, &item.content).map_err(|error| {
            Error::new(Reason::HashMismatch, format!("{}: {error}", path.display()))
        })
    }

    /// Checks an item's file from its first byte to its end: each block against the list, and the
    /// whole against the manifest. `progress` is told how many bytes were read.
    pub fn check_item(&self, item: &Item, progress: impl FnMut(u64)) -> ItemResult {
        let path = match item_path(&self.path, &item.name) {
            Ok(path) => path,
            Err(error) => return ItemResult::Unchecked(error),
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return match partial_path(&path).exists() {
                    true => ItemResult::Partial,
                    false => ItemResult::Absent,
                };
            }
            Err(error) => return ItemResult::Unchecked(unreadable(&path, &error)),
        };
        let list = match self.list(item) {
            Ok(list) => list,
            Err(error) => return ItemResult::Unchecked(error),
        };
        let bytes = Counted {
            from: file,
            count: 0,
            progress,
        };
        match check(bytes, &item.content, &list) {
            Ok(()) => ItemResult::Same,
            Err(CheckError::Bad(bad)) => ItemResult::Differs(bad),
            Err(error) => {
                let text = format!("{}: {error}", path.display());
                ItemResult::Unchecked(Error::new(Reason::Io, text))
            }
        }
    }

    /// Checks the chain of custody from the manifest to the end that was signed; `None` when the
    /// folder has none.
    ///
    /// # Errors
    ///
    /// As [`check_custody`]; `IO` when a part of it is not there.
    pub fn check_custody(&self, keys: &PublicKeys) -> Result<Option<CheckedCustody>> {
        let (lines, head) = (self.path.join(CUSTODY_FILE), self.path.join(HEAD_FILE));
        if !lines.exists() && !head.exists() {
            return Ok(None);
        }
        let lines = read(&lines, MAX_CUSTODY_BYTES)?;
        let head = read(&head, MAX_ENVELOPE_BYTES as u64)?;
        let entries: Vec<_> = lines
            .split_inclusive(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\n").unwrap_or(line))
            .collect();
        check_custody(&self.signed, &entries, &head, keys).map(Some)
    }
}

/// Reads a file, but not more of it than it can have.
fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let failed = |error: io::Error| unreadable(path, &error);
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    // One byte more shows that it is too large.
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    match bytes.len() as u64 > most {
        true => Err(Error::new(
            Reason::TooLarge,
            format!("{} has more than {most} bytes", path.display()),
        )),
        false => Ok(bytes),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::new(Reason::Io, format!("{}: {error}", path.display()))
}

/// Says how many bytes were read so far.
struct Counted<R, P> {
    from: R,
    count: u64,
    progress: P,
}

impl<R: Read, P: FnMut(u64)> Read for Counted<R, P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.from.read(buffer)?;
        self.count = self.count.saturating_add(got as u64);
        (self.progress)(self.count);
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_stays_in_its_folder_and_out_of_the_way_of_others() {
        let folder = Path::new("/evidence");
        assert_eq!(
            item_path(folder, "disk.raw").unwrap(),
            folder.join("disk.raw")
        );
        let list = list_path(folder, "disk.raw").unwrap();
        assert_eq!(list, folder.join("disk.raw.blocks"));
        for name in [
            "",
            "..",
            "../x",
            "/etc/passwd",
            "a\\b",
            ".bashrc",
            "nul.raw",
            "manifest.json",
            "Manifest.JSON",
            "custody.ndjson",
            "custody-head.json",
            "disk.raw.blocks",
            "disk.raw.Partial",
        ] {
            let error = item_path(folder, name).unwrap_err();
            assert_eq!(*error.reason(), Reason::InvalidArgument, "{name}");
            assert!(list_path(folder, name).is_err(), "{name}");
        }
    }
}
