//! An item on its way from its source into the store: read, hashed, packed and put down side by side.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cordon_evidence::content::Content;
use cordon_evidence::geometry::{BlockSize, Geometry};
use cordon_evidence::hasher::{Block, Hasher, Run};
use cordon_kernel::Env;
use cordon_kernel::keys::ContentCipher;
use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinError;

use crate::error::VaultError;
use crate::known::Known;
use crate::pack::{Cut, Made, Packer};
use crate::ports::{Ledger, Noted, PackRow, Store};

/// How much may wait between two steps: blocks, or what was made of some.
const WAITING: usize = 4;

/// What comes of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fed {
    /// Bytes that were read.
    Data(Bytes),
    /// So many zeros that were not.
    Hole(u64),
    /// So many bytes that could not be.
    Unreadable(u64),
}

impl Fed {
    fn run(&self) -> Run<'_> {
        match self {
            Self::Data(bytes) => Run::Data(bytes),
            Self::Hole(length) => Run::Hole(*length),
            Self::Unreadable(length) => Run::Unreadable(*length),
        }
    }
}

/// How far it is.
#[derive(Debug, Default)]
pub struct Progress {
    taken: AtomicU64,
    stored: AtomicU64,
}

impl Progress {
    /// How many bytes were taken from the source, holes and all.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// How many bytes were put into the store for them.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }
}

/// Where an item goes.
pub struct Target<'a> {
    /// Clock and randomness.
    pub env: &'a Env,
    /// The tenant's objects.
    pub store: &'a dyn Store,
    /// Notes what is durable.
    pub ledger: &'a dyn Ledger,
    /// Under the snapshot's key.
    pub cipher: Arc<ContentCipher>,
    /// What the snapshot and the item are called: what pieces are bound to.
    pub item: String,
    /// What need not be stored again.
    pub known: Arc<Mutex<Known>>,
    /// How far it is.
    pub progress: Arc<Progress>,
}

/// Keeps an item; `size` is none where nobody knows it before the end. What it was.
///
/// # Errors
/// The source's, the store's or the ledger's. What was noted until then stays.
pub async fn keep(
    target: &Target<'_>,
    block_size: BlockSize,
    size: Option<u64>,
    source: impl Stream<Item = Result<Fed, cordon_hypervisor::Error>> + Send,
) -> Result<Content, VaultError> {
    let hasher = match size {
        Some(size) => Hasher::new(Geometry::new(size, block_size)?),
        None => Hasher::unbounded(block_size),
    };
    let packer = Packer::new(
        target.env.clone(),
        Arc::clone(&target.cipher),
        target.item.clone(),
        Arc::clone(&target.known),
    )?;
    let (read, to_hash) = mpsc::channel(WAITING);
    let (hashed, to_pack) = mpsc::channel(WAITING);
    // Some packs and a piece at most.
    let (packed, to_put) = mpsc::channel(1);
    let bounded = size.is_some();
    let hashing = tokio::task::spawn_blocking(move || hash(hasher, bounded, to_hash, &hashed));
    let packing = tokio::task::spawn_blocking(move || pack(packer, to_pack, &packed));
    // Whoever fails leaves its neighbours without one, so that they end, and says why.
    let (fed, put) = tokio::join!(feed(target, source, read), put(target, to_put));
    let (hashing, packing) = (hashing.await, packing.await);
    put?;
    packing.map_err(joined)??;
    let content = hashing.map_err(joined)?;
    fed?;
    content?.ok_or_else(|| VaultError::internal("an item that nobody finished"))
}

fn joined(error: JoinError) -> VaultError {
    VaultError::Kernel(cordon_kernel::Error::internal(error))
}

/// Takes what the source gives. That it has come to its end is said, or what was taken until it broke
/// off could pass for the whole.
async fn feed(
    target: &Target<'_>,
    source: impl Stream<Item = Result<Fed, cordon_hypervisor::Error>> + Send,
    to: mpsc::Sender<Option<Fed>>,
) -> Result<(), VaultError> {
    let mut source = std::pin::pin!(source);
    while let Some(fed) = source.next().await {
        let fed = fed?;
        let length = fed.run().length();
        if to.send(Some(fed)).await.is_err() {
            // The reason is further on.
            return Ok(());
        }
        target.progress.taken.fetch_add(length, Ordering::Relaxed);
    }
    let _ended = to.send(None).await;
    Ok(())
}

/// Cuts and hashes; what the item was, if its source came to its end.
fn hash(
    mut hasher: Hasher,
    bounded: bool,
    mut from: mpsc::Receiver<Option<Fed>>,
    to: &mpsc::Sender<Cut>,
) -> Result<Option<Content>, VaultError> {
    while let Some(fed) = from.blocking_recv() {
        let Some(fed) = fed else {
            if !bounded
                && let Some(last) = hasher.end()
                && to.blocking_send(cut(&last, None)).is_err()
            {
                return Ok(None);
            }
            return Ok(Some(hasher.finish()?));
        };
        let mut run = fed.run();
        while let Some(block) = hasher.take(&mut run)? {
            if to.blocking_send(cut(&block, Some(&fed))).is_err() {
                return Ok(None);
            }
        }
    }
    Ok(None)
}

/// A block to be packed, without copying what came as one.
fn cut(block: &Block<'_>, fed: Option<&Fed>) -> Cut {
    let bytes = block.bytes.map(|bytes| match fed {
        Some(Fed::Data(whole)) if whole.as_ptr_range().contains(&bytes.as_ptr()) => {
            whole.slice_ref(bytes)
        }
        _ => Bytes::copy_from_slice(bytes),
    });
    Cut {
        record: block.record,
        bytes,
    }
}

/// Compresses, seals and packs.
fn pack(
    mut packer: Packer,
    mut from: mpsc::Receiver<Cut>,
    to: &mpsc::Sender<Vec<Made>>,
) -> Result<(), VaultError> {
    let mut made = Vec::new();
    while let Some(cut) = from.blocking_recv() {
        packer.take(cut, &mut made)?;
        if !made.is_empty() && to.blocking_send(std::mem::take(&mut made)).is_err() {
            return Ok(());
        }
    }
    packer.finish(&mut made)?;
    let _sent = to.blocking_send(made);
    Ok(())
}

/// Puts down what was made, and notes it.
async fn put(target: &Target<'_>, mut from: mpsc::Receiver<Vec<Made>>) -> Result<(), VaultError> {
    let mut packs = Vec::new();
    while let Some(made) = from.recv().await {
        for one in made {
            let bytes = match one {
                Made::Pack(id, bytes) => {
                    let length = bytes.len() as u64;
                    target.store.put(id, bytes).await?;
                    packs.push(PackRow { id, bytes: length });
                    length
                }
                Made::Piece(piece, bytes, reused) => {
                    target.store.put(piece.id, bytes).await?;
                    let noted = Noted {
                        packs: std::mem::take(&mut packs),
                        reused,
                        piece,
                    };
                    target.ledger.note(noted).await?;
                    piece.bytes
                }
            };
            target.progress.stored.fetch_add(bytes, Ordering::Relaxed);
        }
    }
    Ok(())
}
