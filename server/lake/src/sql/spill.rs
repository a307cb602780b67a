//! What a query puts on disk: files without a name, in pieces that are sealed under a key which is
//! in this process's memory alone and ends with the file.

use std::io::{Read as _, Seek as _, SeekFrom, Write};
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

/// Bytes of a piece, before it is sealed.
const PIECE: usize = 256 << 10;
/// What a piece is bound to, besides the tenant and its number.
const OBJECT: &str = "spill";

/// Makes such files for one query.
pub(super) struct Spills {
    cipher: Arc<TenantCipher>,
    folder: PathBuf,
    used: Arc<AtomicU64>,
    limit: u64,
}

impl Spills {
    pub(super) fn new(cipher: Arc<TenantCipher>, folder: Option<PathBuf>, limit: u64) -> Self {
        Self {
            cipher,
            folder: folder.unwrap_or_else(std::env::temp_dir),
            used: Arc::default(),
            limit,
        }
    }

    /// A file that is empty yet.
    pub(super) fn file(&self) -> Result<Spill> {
        Ok(Spill {
            file: Arc::new(Mutex::new(tempfile::tempfile_in(&self.folder)?)),
            cipher: Arc::new(self.cipher.content(self.cipher.new_content_key())),
            sizes: Arc::default(),
            used: Arc::clone(&self.used),
            limit: self.limit,
        })
    }

    /// Bytes on disk now.
    pub(super) fn used(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.used)
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
    used: Arc<AtomicU64>,
    limit: u64,
}

impl Drop for Spill {
    fn drop(&mut self) {
        self.used.fetch_sub(total(&self.sizes), Ordering::Relaxed);
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
            used: Arc::clone(&self.used),
            limit: self.limit,
            piece: Vec::with_capacity(PIECE),
        }))
    }
}

/// Collects bytes to pieces and appends them.
struct Writer {
    file: Arc<Mutex<std::fs::File>>,
    cipher: Arc<ContentCipher>,
    sizes: Arc<Mutex<Vec<u32>>>,
    used: Arc<AtomicU64>,
    limit: u64,
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
        if self.used.fetch_add(size, Ordering::Relaxed) + size > self.limit {
            self.used.fetch_sub(size, Ordering::Relaxed);
            return Err(std::io::Error::from(std::io::ErrorKind::QuotaExceeded));
        }
        let mut file = self
            .file
            .lock()
            .unwrap_or_else(|broken| broken.into_inner());
        file.seek(SeekFrom::End(0))?;
        file.write_all(&sealed)?;
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
