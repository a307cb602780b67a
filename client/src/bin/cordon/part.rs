//! Files that are there when they are whole.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};

/// A file that is not whole yet, beside the place where it is to be. Removed unless finished.
#[derive(Debug)]
pub(crate) struct Part {
    path: PathBuf,
    file: File,
    finished: bool,
}

impl Part {
    /// Begins a file that is to be at `target`.
    pub(crate) fn create(target: &Path) -> Result<Self, Failure> {
        let failed =
            |error: std::io::Error| Failure::local(format!("{}: {error}", target.display()));
        let name = target
            .file_name()
            .filter(|_| !target.is_dir())
            .ok_or_else(|| Failure::usage(format!("{} is no file's name", target.display())))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let path = target.with_file_name(hidden);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(failed)?;
        Ok(Self {
            path,
            file,
            finished: false,
        })
    }

    /// Writes a file of this content in one step: whoever reads it meanwhile finds the old one
    /// or the new one.
    pub(crate) fn write(target: &Path, content: &[u8]) -> Outcome {
        let part = Self::create(target)?;
        part.file().write_all(content)?;
        part.finish(target)
    }

    /// What is to be written to.
    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    /// Makes the file durable and moves it into place.
    pub(crate) fn finish(mut self, target: &Path) -> Outcome {
        self.file.sync_all()?;
        std::fs::rename(&self.path, target)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing more can be done about a left-over than to try.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_when_it_is_whole_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("events.ndjson");
        let files = || std::fs::read_dir(folder.path()).unwrap().count();

        let part = Part::create(&target).unwrap();
        part.file().write_all(b"half").unwrap();
        assert!(!target.exists());
        drop(part);
        assert_eq!(files(), 0);

        std::fs::write(&target, "old").unwrap();
        let part = Part::create(&target).unwrap();
        part.file().write_all(b"whole").unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"old");
        part.finish(&target).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"whole");
        assert_eq!(files(), 1);
        Part::write(&target, b"new").unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        assert_eq!(files(), 1);
        assert_eq!(Part::create(folder.path()).err().unwrap().code(), 2);
    }
}
