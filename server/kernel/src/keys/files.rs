//! Files that only their owner reads, replaced as a whole and durably.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Reason, Result};

/// The path with something behind its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

pub(super) fn open_private(
    path: &Path,
    how: impl FnOnce(&mut OpenOptions) -> &mut OpenOptions,
) -> Result<File> {
    let mut options = OpenOptions::new();
    how(&mut options);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path).map_err(|e| io("open", &e))
}

/// Held for the length of a change of `path`; released when dropped.
pub(super) fn lock(path: &Path) -> Result<File> {
    let file = open_private(&beside(path, ".lock"), |o| {
        o.create(true).write(true).truncate(false)
    })?;
    file.lock().map_err(|e| io("lock", &e))?;
    Ok(file)
}

/// Writes the whole file: beside, flushed, renamed over, directory flushed. `what` completes
/// "cannot … the key file" should that fail.
pub(super) fn replace(path: &Path, bytes: &[u8], what: &str) -> Result<()> {
    let temporary = beside(path, ".new");
    let mut file = open_private(&temporary, |o| o.create(true).write(true).truncate(true))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(|e| io(what, &e))?;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))
        .and_then(|dir| dir.sync_all())
        .map_err(|e| io("flush the directory of", &e))
}

pub(super) fn io(what: &str, error: &std::io::Error) -> Error {
    Error::new(
        Reason::Unavailable,
        format!("cannot {what} the key file: {}", error.kind()),
    )
}
