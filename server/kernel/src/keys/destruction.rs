//! The list of destroyed keys: a file of its own, so that a key service that comes back from a
//! backup does not bring back what was destroyed since. Lines of JSON, each with a MAC that only
//! the key service's secret makes. It never shrinks.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{io, lock, replace};
use super::service::{DestroyedKey, KeyId};
use crate::error::{Error, Reason, Result};

/// The list, in a file.
#[derive(Debug, Clone)]
pub struct DestructionList {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Line {
    id: String,
    time: jiff::Timestamp,
    mac: String,
}

/// What a line's MAC is over.
fn content(gone: &DestroyedKey) -> Vec<u8> {
    format!("{}\0{}", gone.id, gone.time).into_bytes()
}

impl DestructionList {
    /// The list in the file at `path`, which need not be there yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Held for the length of a change by several processes.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the file system refuses.
    pub fn lock(&self) -> Result<File> {
        lock(&self.path)
    }

    fn text(&self) -> Result<String> {
        match std::fs::read_to_string(&self.path) {
            // A last line without its end was being written when the process died: the
            // destruction was never confirmed.
            Ok(text) => Ok(text
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'))
                .collect()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(e) => Err(io("read the destruction list of", &e)),
        }
    }

    /// Its lines, oldest first.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the file can't be read.
    pub fn lines(&self) -> Result<Vec<String>> {
        Ok(self.text()?.lines().map(str::to_owned).collect())
    }

    /// Puts a line at the end, durably before this returns.
    ///
    /// # Errors
    /// `UNAVAILABLE` when it can't be written.
    pub fn add(&self, line: &str) -> Result<()> {
        // Rewritten as a whole: an append after a torn line would glue two lines together.
        let whole = format!("{}{line}\n", self.text()?);
        replace(
            &self.path,
            whole.as_bytes(),
            "write the destruction list of",
        )
    }

    /// Reads the list, oldest first; `is_ours` as in [`read_line`].
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when a line is not of the key service's making; `UNAVAILABLE` when the
    /// file can't be read; what `is_ours` answers.
    pub fn load(
        &self,
        mut is_ours: impl FnMut(&[u8], &[u8]) -> Result<bool>,
    ) -> Result<Vec<DestroyedKey>> {
        let lines = self.lines()?;
        lines
            .iter()
            .map(|line| read_line(line, &mut is_ours))
            .collect()
    }

    /// Puts a key on the list, durably before this returns.
    ///
    /// # Errors
    /// `UNAVAILABLE` when it can't be written; what `mac` answers.
    pub fn append(
        &self,
        gone: &DestroyedKey,
        mac: impl FnOnce(&[u8]) -> Result<Vec<u8>>,
    ) -> Result<()> {
        self.add(&write_line(gone, mac)?)
    }
}

/// The line of a destroyed key.
///
/// # Errors
/// What `mac` answers.
pub fn write_line(
    gone: &DestroyedKey,
    mac: impl FnOnce(&[u8]) -> Result<Vec<u8>>,
) -> Result<String> {
    let line = Line {
        id: gone.id.as_str().to_owned(),
        time: gone.time,
        mac: hex::encode(mac(&content(gone))?),
    };
    serde_json::to_string(&line).map_err(|e| Error::internal(format!("destruction list: {e}")))
}

/// The destroyed key of a line. `is_ours` tells whether the MAC (second) of a line's content (first)
/// is the key service's.
///
/// # Errors
/// `FAILED_PRECONDITION` when the line is not of its making; what `is_ours` answers.
pub fn read_line(
    line: &str,
    is_ours: impl FnOnce(&[u8], &[u8]) -> Result<bool>,
) -> Result<DestroyedKey> {
    let forged = || {
        Error::new(
            Reason::FailedPrecondition,
            "the destruction list of the keys has a line that this key service did not write",
        )
    };
    let line: Line = serde_json::from_str(line).map_err(|_| forged())?;
    let gone = DestroyedKey {
        id: KeyId::from_stored(&line.id),
        time: line.time,
    };
    let mac = hex::decode(&line.mac).map_err(|_| forged())?;
    if is_ours(&content(&gone), &mac)? {
        Ok(gone)
    } else {
        Err(forged())
    }
}
