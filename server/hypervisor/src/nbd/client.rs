//! One connection: requests go out in any number, as long as their replies fit into the memory that
//! is meant for them; one task reads what comes back.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::handshake::shake;
use super::reply::{Asked, Covered, Outcome, Pending};
use super::wire::{CHUNK, CMD_BLOCK_STATUS, CMD_READ, FLAG_DF, SIMPLE_REPLY, request};
use super::{Export, NbdLimits};
use crate::Error;
use crate::disk::{Allocation, Extent};
use crate::error::within;

/// Memory is counted in units of this, in bytes.
const UNIT: u32 = 4_096;
/// How much of the memory a question about allocation takes: as much as its longest answer.
const STATUS_COST: u32 = 1 << 20;
/// How far one question about allocation goes: well within 32 bits, and a multiple of all blocks.
const STATUS_WINDOW: u64 = 1 << 30;
/// Requests that may wait to be written.
const QUEUE: usize = 64;

/// A connection to one export.
#[derive(Debug)]
pub struct NbdClient {
    export: Export,
    limits: NbdLimits,
    shared: Arc<Shared>,
    budget: Arc<Semaphore>,
    requests: mpsc::Sender<Vec<u8>>,
    tasks: [JoinHandle<()>; 2],
}

/// What the two directions share.
#[derive(Debug, Default)]
struct Shared {
    next: AtomicU64,
    pending: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<u64, Pending>,
    /// Why the connection is of no use any more.
    failed: Option<Error>,
}

impl NbdClient {
    /// Connects to a unix socket and agrees with the server on the export of that name.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::NotFound`] for another name, [`Error::Unsupported`] for a
    /// server without structured replies, [`Error::TimedOut`], [`Error::Limit`], [`Error::Protocol`].
    pub async fn connect(socket: &Path, export: &str, limits: NbdLimits) -> Result<Self, Error> {
        let shaken = async {
            let connected = UnixStream::connect(socket).await;
            let mut stream = connected.map_err(|_| Error::Unreachable("the NBD server"))?;
            let export = shake(&mut stream, export, &limits).await?;
            Ok((stream, export))
        };
        let (stream, export) = within(limits.handshake, "the NBD handshake", shaken).await?;
        let (read, write) = stream.into_split();
        let (requests, queue) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared::default());
        let sender = tokio::spawn(send(write, queue, Arc::clone(&shared)));
        let receiver = tokio::spawn(receive(read, Arc::clone(&shared)));
        // The longest answer must fit, or it would wait for ever.
        let units = units(limits.in_flight).max(units(export.max_block).max(units(STATUS_COST)));
        Ok(Self {
            export,
            limits,
            shared,
            budget: Arc::new(Semaphore::new(units as usize)),
            requests,
            tasks: [sender, receiver],
        })
    }

    /// What the server said of the export.
    #[must_use]
    pub const fn export(&self) -> &Export {
        &self.export
    }

    /// Reads a range that is aligned and no longer than one request may be.
    pub(super) async fn read(&self, offset: u64, length: u32) -> Outcome<Bytes> {
        let budget = self.share(length).await?;
        let (done, reply) = oneshot::channel();
        let asked = Asked::Read {
            offset,
            bytes: BytesMut::zeroed(length as usize),
            covered: Covered::default(),
            done,
        };
        self.ask(CMD_READ, offset, length, asked, budget, reply)
            .await
    }

    /// How the bytes from `offset` on are kept, as far as the server told at once.
    ///
    /// # Errors
    /// [`Error::Invalid`] outside of the export; everything else is the end of the connection.
    pub async fn extents(&self, offset: u64, length: u64) -> Result<Vec<Extent>, Error> {
        let end = offset
            .checked_add(length)
            .filter(|end| *end <= self.export.size);
        let end = end
            .filter(|_| length > 0)
            .ok_or(Error::Invalid("the range"))?;
        let all_data = |length| {
            let allocation = Allocation::Data;
            Ok(vec![Extent {
                offset,
                length,
                allocation,
            }])
        };
        let Some(context) = self.export.allocation else {
            return all_data(length);
        };
        let block = u64::from(self.export.min_block);
        let from = offset / block * block;
        let to = end
            .next_multiple_of(block)
            .min(from.saturating_add(STATUS_WINDOW));
        // At most the window, which fits.
        let asked = u32::try_from(to.saturating_sub(from)).map_err(|_| Error::Limit("a window"))?;
        let budget = self.share(STATUS_COST).await?;
        let (done, reply) = oneshot::channel();
        let asking = Asked::Status {
            offset: from,
            length: asked,
            context,
            extents: Vec::new(),
            done,
        };
        let told = self
            .ask(CMD_BLOCK_STATUS, from, asked, asking, budget, reply)
            .await?;
        let Ok(mut extents) = told else {
            // Where even the allocation can't be read, reading says what is the matter.
            return all_data(to.min(end).saturating_sub(offset));
        };
        // What alignment added is cut off again.
        for extent in &mut extents {
            let (start, stop) = (extent.offset.max(offset), extent.end().min(end));
            *extent = Extent {
                offset: start,
                length: stop.saturating_sub(start),
                ..*extent
            };
        }
        extents.retain(|extent| extent.length > 0);
        match extents.is_empty() {
            true => Err(Error::Protocol("a block status that ends too early")),
            false => Ok(extents),
        }
    }

    async fn share(&self, bytes: u32) -> Result<OwnedSemaphorePermit, Error> {
        let budget = Arc::clone(&self.budget).acquire_many_owned(units(bytes));
        budget.await.map_err(|_| Error::Gone("the NBD server"))
    }

    async fn ask<T>(
        &self,
        command: u16,
        offset: u64,
        length: u32,
        asked: Asked,
        budget: OwnedSemaphorePermit,
        reply: oneshot::Receiver<Outcome<T>>,
    ) -> Outcome<T> {
        const GONE: Error = Error::Gone("the NBD server");
        let cookie = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let pending = Pending {
            asked,
            chunks: 0,
            error: None,
            _budget: budget,
        };
        self.shared.wait(cookie, pending)?;
        let whole = command == CMD_READ && self.export.whole_reads;
        let flags = if whole { FLAG_DF } else { 0 };
        let request = request(flags, command, cookie, offset, length);
        let answered = async {
            self.requests.send(request).await.map_err(|_| GONE)?;
            reply.await.map_err(|_| GONE)?
        };
        match tokio::time::timeout(self.limits.request, answered).await {
            Ok(outcome) => outcome,
            Err(_) => {
                // A server that is too slow once is not asked again: its replies would pile up.
                let error = Error::TimedOut("an NBD reply");
                self.shared.fail(&error);
                self.tasks.iter().for_each(JoinHandle::abort);
                Err(error)
            }
        }
    }
}

impl Drop for NbdClient {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

const fn units(bytes: u32) -> u32 {
    let units = bytes.div_ceil(UNIT);
    if units == 0 { 1 } else { units }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, cookie: u64, pending: Pending) -> Result<(), Error> {
        let mut state = self.state();
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        state.waiting.insert(cookie, pending);
        Ok(())
    }

    /// Tells everybody who waits, and everybody who comes later.
    fn fail(&self, error: &Error) {
        let mut state = self.state();
        let error = state.failed.get_or_insert_with(|| error.clone()).clone();
        for (_, pending) in state.waiting.drain() {
            pending.fail(error.clone());
        }
    }

    fn take(&self, cookie: u64) -> Result<Pending, Error> {
        let found = self.state().waiting.remove(&cookie);
        found.ok_or(Error::Protocol("a reply to nothing"))
    }
}

async fn send(mut to: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>, shared: Arc<Shared>) {
    while let Some(request) = queue.recv().await {
        if let Err(error) = to.write_all(&request).await {
            shared.fail(&Error::io("the NBD server")(error));
            return;
        }
    }
}

async fn receive(from: OwnedReadHalf, shared: Arc<Shared>) {
    let mut from = BufReader::with_capacity(64 << 10, from);
    loop {
        if let Err(error) = reply(&mut from, &shared).await {
            return shared.fail(&error);
        }
    }
}

/// Takes one reply, or one chunk of it.
async fn reply(from: &mut BufReader<OwnedReadHalf>, shared: &Shared) -> Result<(), Error> {
    let io = Error::io("the NBD server");
    match from.read_u32().await.map_err(&io)? {
        CHUNK => {
            let flags = from.read_u16().await.map_err(&io)?;
            let kind = from.read_u16().await.map_err(&io)?;
            let cookie = from.read_u64().await.map_err(&io)?;
            let length = from.read_u32().await.map_err(&io)?;
            let mut pending = shared.take(cookie)?;
            match pending.chunk(from, flags, kind, length).await {
                Ok(true) => pending.complete(),
                Ok(false) => shared.wait(cookie, pending)?,
                Err(error) => {
                    pending.fail(error.clone());
                    return Err(error);
                }
            }
        }
        SIMPLE_REPLY => {
            let code = from.read_u32().await.map_err(&io)?;
            let cookie = from.read_u64().await.map_err(&io)?;
            let mut pending = shared.take(cookie)?;
            // Only a refusal may be simple: bytes come in chunks, or their errors would be lost.
            if code == 0 {
                let error = Error::Protocol("a simple reply");
                pending.fail(error.clone());
                return Err(error);
            }
            pending.error = Some(code);
            pending.complete();
        }
        _ => return Err(Error::Protocol("no NBD reply")),
    }
    Ok(())
}
