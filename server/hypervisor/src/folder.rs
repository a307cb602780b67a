//! Folders that are ours alone.

use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;

use crate::Error;

/// Makes a folder if it is not there, and sees to it that nobody else can enter it.
pub(crate) fn private(folder: &Path) -> Result<(), Error> {
    let io = Error::io("the private folder");
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.map_err(&io)?;
    let found = std::fs::symlink_metadata(folder).map_err(&io)?;
    let ours = found.uid() == rustix::process::geteuid().as_raw();
    match found.is_dir() && ours && found.mode() & 0o077 == 0 {
        true => Ok(()),
        false => Err(Error::NotAllowed("a private folder that others can enter")),
    }
}
