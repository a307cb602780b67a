//! All files that an image is made of, each opened by us once and looked at before anybody else is
//! let near it.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::qcow2::{HEAD, Header};
use super::roots::{Roots, beside};
use crate::Error;

/// How an image is kept. It is declared, never guessed: a guest writes what it likes to the beginning
/// of a raw disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Raw,
    Qcow2,
}

/// How much an image may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageLimits {
    /// Most images that one may be a difference to, one after the other.
    pub chain: usize,
    /// The largest disk, in bytes. A small file can stand for a very large one.
    pub size: u64,
}

impl Default for ImageLimits {
    fn default() -> Self {
        Self {
            chain: 8,
            size: 64 << 40,
        }
    }
}

/// One file.
#[derive(Debug)]
struct Part {
    file: File,
    format: Format,
    data: Option<File>,
}

/// An image with everything that belongs to it, the image itself first.
#[derive(Debug)]
pub(crate) struct Chain {
    parts: Vec<Part>,
    size: u64,
    /// Every file as it was when it was opened.
    before: Vec<Stamp>,
}

/// What changes when a file is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp(u64, i64, i64, i64, i64);

impl Chain {
    /// Opens an image and everything that it refers to, if all of it is allowed.
    pub(crate) fn open(
        roots: &Roots,
        image: &Path,
        format: Format,
        limits: &ImageLimits,
    ) -> Result<Self, Error> {
        let mut parts = Vec::new();
        let mut size = None;
        let mut next = Some((image.to_owned(), format));
        while let Some((path, format)) = next.take() {
            if parts.len() > limits.chain {
                return Err(Error::Limit("the chain of an image"));
            }
            let file = roots.open(&path)?;
            let (part, own, following) = match format {
                Format::Raw => {
                    let length = file.metadata().map_err(Error::io("an image file"))?.len();
                    (
                        Part {
                            file,
                            format,
                            data: None,
                        },
                        length,
                        None,
                    )
                }
                Format::Qcow2 => look(roots, &path, file)?,
            };
            if own > limits.size {
                return Err(Error::Limit("the size of an image"));
            }
            size.get_or_insert(own);
            parts.push(part);
            next = following;
        }
        let mut chain = Self {
            parts,
            size: size.unwrap_or(0),
            before: Vec::new(),
        };
        chain.before = chain.stamps()?;
        Ok(chain)
    }

    /// The size of the disk in bytes.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// The file, if the disk is nothing but one.
    pub(crate) fn raw(&self) -> Option<&File> {
        match self.parts.as_slice() {
            [part] if part.format == Format::Raw => Some(&part.file),
            _ => None,
        }
    }

    /// Whether any of the files was written to since it was opened.
    pub(crate) fn has_changed(&self) -> Result<bool, Error> {
        Ok(self.stamps()? != self.before)
    }

    /// The chain as QEMU is told of it: each file by our own hand on it, and each reference in a
    /// header replaced by what it was resolved to, so that QEMU follows none.
    pub(crate) fn graph(&self) -> Value {
        let pid = std::process::id();
        let file = |file: &File| {
            let path = format!("/proc/{pid}/fd/{}", file.as_raw_fd());
            json!({ "driver": "file", "filename": path, "read-only": true })
        };
        let mut graph = Value::Null;
        for part in self.parts.iter().rev() {
            let mut node = json!({ "read-only": true, "file": file(&part.file) });
            if let Some(object) = node.as_object_mut() {
                let driver = match part.format {
                    Format::Raw => "raw",
                    Format::Qcow2 => "qcow2",
                };
                object.insert("driver".to_owned(), driver.into());
                if part.format == Format::Qcow2 {
                    object.insert("backing".to_owned(), graph);
                }
                if let Some(data) = &part.data {
                    object.insert("data-file".to_owned(), file(data));
                }
            }
            graph = node;
        }
        graph
    }

    fn stamps(&self) -> Result<Vec<Stamp>, Error> {
        let files = self
            .parts
            .iter()
            .flat_map(|part| [Some(&part.file), part.data.as_ref()]);
        let stamps = files.flatten().map(|file| {
            let now = file.metadata().map_err(Error::io("an image file"))?;
            let (written, changed) = (now.mtime(), now.ctime());
            Ok(Stamp(
                now.len(),
                written,
                now.mtime_nsec(),
                changed,
                now.ctime_nsec(),
            ))
        });
        stamps.collect()
    }
}

/// Looks at the header of a qcow2 image: the part, its disk's size, and what it is a difference to.
type Looked = (Part, u64, Option<(PathBuf, Format)>);

fn look(roots: &Roots, path: &Path, file: File) -> Result<Looked, Error> {
    let mut head = vec![0; HEAD];
    let mut filled = 0;
    while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = u64::try_from(filled).unwrap_or(u64::MAX);
        match file.read_at(rest, at).map_err(Error::io("an image file"))? {
            0 => break,
            read => filled = filled.saturating_add(read),
        }
    }
    head.truncate(filled);
    let header = Header::parse(&head)?;
    let data = match &header.data_file {
        Some(name) => Some(roots.open(&beside(path, name)?)?),
        None => None,
    };
    let following = match &header.backing {
        None => None,
        Some((name, format)) => {
            let format = match format.as_deref() {
                Some("raw") => Format::Raw,
                Some("qcow2") => Format::Qcow2,
                // QEMU would guess, and the guest of a raw image decides what it guesses.
                _ => return Err(Error::NotAllowed("a backing file of an undeclared format")),
            };
            Some((beside(path, name)?, format))
        }
    };
    let format = Format::Qcow2;
    Ok((Part { file, format, data }, header.size, following))
}
