//! Which files may be opened, and how: beneath a folder that was allowed, by no symbolic link on the
//! way, read-only, and only if they are files. What is opened is kept open, and whoever reads it
//! afterwards reads what was looked at, whatever its name leads to by then.

use std::fs::File;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};

use crate::Error;

/// Folders that files may be opened from.
#[derive(Debug, Clone)]
pub(crate) struct Roots(Vec<PathBuf>);

impl Roots {
    /// The folders, none of which is a symbolic link itself once this is made.
    pub(crate) fn new(folders: impl IntoIterator<Item = PathBuf>) -> Result<Self, Error> {
        let real = folders.into_iter().map(|folder| {
            folder
                .canonicalize()
                .map_err(|_| Error::NotFound("the folder of images"))
        });
        real.collect::<Result<_, _>>().map(Self)
    }

    /// Opens a file by its absolute path.
    pub(crate) fn open(&self, path: &Path) -> Result<File, Error> {
        const REFUSED: Error = Error::NotAllowed("a file outside of the image folders");
        let within = |root: &PathBuf| {
            let rest = path.strip_prefix(root).ok()?;
            Some((root.clone(), rest.to_owned()))
        };
        let (root, rest) = self.0.iter().find_map(within).ok_or(REFUSED)?;
        let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(&root, folder, Mode::empty());
        let folder = folder.map_err(|_| Error::NotFound("the folder of images"))?;
        // Not to block on what is no file.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        let opened = rustix::fs::openat2(&folder, &rest, flags, Mode::empty(), resolve);
        let file = opened.map_err(|error| match error {
            rustix::io::Errno::NOENT => Error::NotFound("an image file"),
            rustix::io::Errno::XDEV | rustix::io::Errno::LOOP => REFUSED,
            error => Error::io("an image file")(error.into()),
        })?;
        let found = rustix::fs::fstat(&file).map_err(|e| Error::io("an image file")(e.into()))?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => Ok(File::from(file)),
            _ => Err(Error::NotAllowed("an image that is no file")),
        }
    }
}

/// The path that an image means by a name, as seen from itself.
pub(crate) fn beside(image: &Path, name: &str) -> Result<PathBuf, Error> {
    // `nbd://host/x`, `json:{}` and the like: QEMU takes what is before a colon for a way to get there.
    let scheme = name.split('/').next().unwrap_or_default();
    if scheme.contains(':') {
        return Err(Error::NotAllowed(
            "an image that is reached through a protocol",
        ));
    }
    let folder = image.parent().unwrap_or(Path::new("/"));
    let mut path = PathBuf::new();
    for part in folder.join(name).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    Ok(path)
}
