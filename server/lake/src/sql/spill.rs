//! What a query puts on disk: files without a name, in pieces that are sealed under a key which is
//! in this process's memory alone and ends with the file.

use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cordon_kernel::keys::{ContentCipher, TenantCipher};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::{SpillFile, SpillWriter, TempFileFactory};
use futures::Stream;

use super::SqlLimits;

/// Bytes of a piece, before it is sealed.
const PIECE: usize = 256 << 10;
/// What a piece is bound to, besides the tenant and its number.
const OBJECT: &str = "spill";

/// Of a disk whose size is known a tenth is left free, or this, whichever is less.
const RESERVE: u64 = 8 << 30;

/// Makes such files for one query.
pub(super) struct Spills {
    cipher: Arc<TenantCipher>,
    folder: PathBuf,
    room: Arc<Room>,
}

/// What there is room for.
struct Room {
    /// Bytes of this query.
    used: Arc<AtomicU64>,
    limit: u64,
    /// Bytes of all queries of the process.
    all: Arc<AtomicU64>,
    all_limit: u64,
    /// Bytes that are left free; none: [`RESERVE`], or a tenth.
    reserve: Option<u64>,
}

impl Room {
    /// Takes room for a piece that goes to this file.
    fn take(&self, size: u64, file: &std::fs::File) -> std::io::Result<()> {
        let own = self.used.fetch_add(size, Ordering::Relaxed) + size;
        let all = self.all.fetch_add(size, Ordering::Relaxed) + size;
        let taken = if own > self.limit {
            Err(ErrorKind::QuotaExceeded.into())
        } else if all > self.all_limit {
            Err(ErrorKind::StorageFull.into())
        } else {
            self.leaves_enough(size, file)
        };
        if taken.is_err() {
            self.give(size);
        }
        taken
    }

    fn give(&self, size: u64) {
        self.used.fetch_sub(size, Ordering::Relaxed);
        self.all.fetch_sub(size, Ordering::Relaxed);
    }

    /// Refuses what would leave others too little of the disk. It may be the database's.
    fn leaves_enough(&self, size: u64, file: &std::fs::File) -> std::io::Result<()> {
        let disk = rustix::fs::fstatvfs(file)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let whole = disk.f_blocks.saturating_mul(disk.f_frsize);
        let reserve = self.reserve.unwrap_or(RESERVE.min(whole / 10));
        match free.saturating_sub(size) < reserve {
            true => Err(ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
}

impl Spills {
    /// For a query with these limits, among all queries, which have so many bytes on disk.
    pub(super) fn new(cipher: Arc<TenantCipher>, limits: &SqlLimits, all: &Arc<AtomicU64>) -> Self {
        Self {
            cipher,
            folder: limits.folder.clone().unwrap_or_else(std::env::temp_dir),
            room: Arc::new(Room {
                used: Arc::default(),
                limit: limits.disk,
                all: Arc::clone(all),
                all_limit: limits.disk_of_all,
                reserve: limits.disk_reserve,
            }),
        }
    }

    /// A file that is empty yet.
    pub(super) fn file(&self) -> Result<Spill> {
        Ok(Spill {
            file: Arc::new(Mutex::new(tempfile::tempfile_in(&self.folder)?)),
            cipher: Arc::new(self.cipher.content(self.cipher.new_content_key())),
            sizes: Arc::default(),
            room: Arc::clone(&self.room),
        })
    }

    /// Bytes on disk now.
    pub(super) fn used(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.room.used)
    }
}

impl TempFileFactory for Spills {
    fn create_temp_file(&self, _: &str) -> Result<Arc<dyn SpillFile>> {
        Ok(Arc::new(self.file()?))
    }
}

/// One file.
pub(super) struct Spill {
    pub(super) file: Arc<Mutex<std::fs::File>>,
    cipher: Arc<ContentCipher>,
    /// Lengths of the sealed pieces.
    sizes: Arc<Mutex<Vec<u32>>>,
    room: Arc<Room>,
}

impl Drop for Spill {
    fn drop(&mut self) {
        self.room.give(total(&self.sizes));
    }
}

fn total(sizes: &Mutex<Vec<u32>>) -> u64 {
    let sizes = sizes.lock().unwrap_or_else(|broken| broken.into_inner());
    sizes.iter().map(|size| u64::from(*size)).sum()
}

impl SpillFile for Spill {
    fn size(&self) -> Option<u64> {
        Some(total(&self.sizes))
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let sizes = self
            .sizes
            .lock()
            .unwrap_or_else(|broken| broken.into_inner());
        let mut places = Vec::with_capacity(sizes.len());
        let mut at = 0_u64;
        for size in sizes.iter() {
            places.push((at, *size));
            at += u64::from(*size);
        }
        drop(sizes);
        let (file, cipher) = (Arc::clone(&self.file), Arc::clone(&self.cipher));
        let pieces = futures::stream::iter(places.into_iter().enumerate());
        Ok(Box::pin(futures::StreamExt::then(
            pieces,
            move |(number, (at, size))| {
                let (file, cipher) = (Arc::clone(&file), Arc::clone(&cipher));
                async move {
                    let read = tokio::task::spawn_blocking(move || {
                        let mut sealed = vec![0; size as usize];
                        {
                            let mut file = file.lock().unwrap_or_else(|broken| broken.into_inner());
                            file.seek(SeekFrom::Start(at))?;
                            file.read_exact(&mut sealed)?;
                        }
                        cipher
                            .open(OBJECT, number as u64, &sealed)
                            .map(Bytes::from)
                            .map_err(|error| DataFusionError::External(Box::new(error)))
                    });
                    read.await
                        .map_err(|error| DataFusionError::External(Box::new(error)))?
                }
            },
        )))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(Writer {
            file: Arc::clone(&self.file),
            cipher: Arc::clone(&self.cipher),
            sizes: Arc::clone(&self.sizes),
            room: Arc::clone(&self.room),
            piece: Vec::with_capacity(PIECE),
        }))
    }
}

/// Collects bytes to pieces and appends them.
struct Writer {
    file: Arc<Mutex<std::fs::File>>,
    cipher: Arc<ContentCipher>,
    sizes: Arc<Mutex<Vec<u32>>>,
    room: Arc<Room>,
    piece: Vec<u8>,
}

impl Writer {
    fn put(&mut self) -> std::io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let mut sizes = self
            .sizes
            .lock()
            .unwrap_or_else(|broken| broken.into_inner());
        let sealed = self
            .cipher
            .seal(OBJECT, sizes.len() as u64, &self.piece)
            .map_err(std::io::Error::other)?;
        let size = sealed.len() as u64;
        let mut file = self
            .file
            .lock()
            .unwrap_or_else(|broken| broken.into_inner());
        self.room.take(size, &file)?;
        file.seek(SeekFrom::End(0))?;
        if let Err(error) = file.write_all(&sealed) {
            self.room.give(size);
            return Err(error);
        }
        sizes.push(u32::try_from(size).map_err(std::io::Error::other)?);
        self.piece.clear();
        Ok(())
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = PIECE.saturating_sub(self.piece.len()).max(1);
        let taken = bytes.len().min(room);
        self.piece
            .extend_from_slice(bytes.get(..taken).unwrap_or_default());
        if self.piece.len() >= PIECE {
            self.put()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.put()
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        Ok(self.put()?)
    }
}
