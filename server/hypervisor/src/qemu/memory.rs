//! Memory: QEMU writes it into a pipe while the guest stands still, and we read.
//!
//! Nothing of it is put down anywhere on the way: memory holds keys. The price is that the guest waits
//! for whoever takes the stream, so that there is a limit to it.

use std::os::fd::AsFd as _;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::names;
use crate::hypervisor::MemorySource;
use crate::qmp::{Event, Qmp};
use crate::{AcquisitionId, Error};

/// How much the pipe holds, and so the most that one step gives.
const PIPE: usize = 1 << 20;
/// How many steps wait for whoever takes them.
const AHEAD: usize = 4;
/// How long a dump may take to notice that nobody reads it any more.
pub(crate) const ABORT: Duration = Duration::from_secs(10);

const ENDED: Error = Error::Gone("the memory dump");

/// A dump that has begun, on the side of whoever holds the monitor.
#[derive(Debug)]
pub(crate) struct Dump {
    pump: JoinHandle<()>,
    verdict: oneshot::Sender<Result<(), Error>>,
}

/// The stream, on the side of whoever takes it.
#[derive(Debug)]
pub(crate) struct MemoryStream {
    expected: u64,
    chunks: mpsc::Receiver<Result<Bytes, Error>>,
    /// What QEMU said in the end; the end of the pipe alone says nothing.
    verdict: Option<oneshot::Receiver<Result<(), Error>>>,
}

impl Dump {
    /// Has QEMU begin. If the guest runs, it stands still until the dump is over.
    pub(crate) async fn begin(
        qmp: &mut Qmp,
        id: &AcquisitionId,
        expected: u64,
    ) -> Result<(Self, MemoryStream), Error> {
        let io = |error: rustix::io::Errno| Error::io("a pipe")(error.into());
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).map_err(io)?;
        // Where a larger one is not to be had, this one does.
        let _ = fcntl_setpipe_size(&read, PIPE);
        let pipe = Receiver::from_owned_fd(read).map_err(Error::io("a pipe"))?;
        let name = names::note(id);
        let named = json!({ "fdname": &name });
        qmp.execute_with("getfd", named.clone(), write.as_fd())
            .await?;
        // Ours has to go, or the pipe would never end.
        drop(write);
        let dump = json!({ "paging": false, "protocol": format!("fd:{name}"), "detach": true });
        if let Err(error) = qmp.execute("dump-guest-memory", dump).await {
            let _ = qmp.execute("closefd", named).await;
            return Err(error);
        }
        let (sender, chunks) = mpsc::channel(AHEAD);
        let (verdict, said) = oneshot::channel();
        let pump = tokio::spawn(pump(pipe, sender));
        let stream = MemoryStream {
            expected,
            chunks,
            verdict: Some(said),
        };
        Ok((Self { pump, verdict }, stream))
    }

    /// Closes the pipe, so that the dump fails.
    pub(crate) fn abort(&self) {
        self.pump.abort();
    }

    /// Tells whoever takes the stream how it ended.
    pub(crate) fn end(self, result: Result<(), Error>) {
        if result.is_err() {
            self.pump.abort();
        }
        let _ = self.verdict.send(result);
    }
}

/// What an event says about the dump, if it is about the dump.
pub(crate) fn result(event: &Event) -> Option<Result<(), Error>> {
    if event.name != "DUMP_COMPLETED" {
        return None;
    }
    // The event comes in either case; only its result says whether there is a dump.
    let status = event.data.pointer("/result/status").and_then(Value::as_str);
    Some(match (status, event.data.get("error")) {
        (Some("completed"), None) => Ok(()),
        (_, error) => {
            let text = error.and_then(Value::as_str).unwrap_or("the dump failed");
            Err(Error::refused("dump-guest-memory", text))
        }
    })
}

async fn pump(mut pipe: Receiver, to: mpsc::Sender<Result<Bytes, Error>>) {
    loop {
        let mut bytes = BytesMut::with_capacity(PIPE);
        let chunk = match pipe.read_buf(&mut bytes).await {
            Ok(0) => return,
            Ok(_) => Ok(bytes.freeze()),
            Err(error) => Err(Error::io("the memory dump")(error)),
        };
        let last = chunk.is_err();
        // Who does not want it any more closes the pipe, and the guest goes on.
        if to.send(chunk).await.is_err() || last {
            return;
        }
    }
}

#[async_trait]
impl MemorySource for MemoryStream {
    fn expected(&self) -> u64 {
        self.expected
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some(chunk) = self.chunks.recv().await {
            return chunk.map(Some);
        }
        match self.verdict.as_mut() {
            Some(verdict) => {
                let verdict = verdict.await.unwrap_or(Err(ENDED));
                self.verdict = None;
                verdict.map(|()| None)
            }
            None => Err(ENDED),
        }
    }
}
