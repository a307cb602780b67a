//! Lines of JSON over a unix socket, and file descriptors beside them.

use std::io::{ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::path::Path;

use bytes::BytesMut;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::UnixStream;

use crate::Error;

/// A socket that is read line by line.
#[derive(Debug)]
pub(crate) struct Lines {
    stream: UnixStream,
    inbox: BytesMut,
    /// How much of the inbox is known to have no end of line.
    searched: usize,
    /// Longest line.
    max: usize,
    what: &'static str,
}

impl Lines {
    /// Connects; `what` is said in errors.
    pub(crate) async fn connect(
        socket: &Path,
        max: usize,
        what: &'static str,
    ) -> Result<Self, Error> {
        let stream = UnixStream::connect(socket).await;
        let stream = stream.map_err(|error| match error.kind() {
            // Others wait in line already.
            ErrorKind::WouldBlock => Error::Busy("others wait for it"),
            _ => Error::Unreachable(what),
        })?;
        Ok(Self {
            stream,
            inbox: BytesMut::new(),
            searched: 0,
            max,
            what,
        })
    }

    /// The next line without its end. Nothing is lost when this is given up halfway.
    pub(crate) async fn next(&mut self) -> Result<BytesMut, Error> {
        loop {
            let unseen = self.inbox.get(self.searched..).unwrap_or_default();
            if let Some(at) = unseen.iter().position(|byte| *byte == b'\n') {
                let end = self.searched.saturating_add(at);
                let line = self.inbox.split_to(end);
                let _end = self.inbox.split_to(1);
                self.searched = 0;
                return Ok(line);
            }
            self.searched = self.inbox.len();
            if self.searched > self.max {
                return Err(Error::Limit("a line"));
            }
            self.inbox.reserve(8 << 10);
            let read = self.stream.read_buf(&mut self.inbox).await;
            if read.map_err(Error::io(self.what))? == 0 {
                return Err(Error::Gone(self.what));
            }
        }
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let sent = self.stream.write_all(bytes).await;
        sent.map_err(Error::io(self.what))
    }

    /// Sends bytes, and with the first of them a file descriptor.
    pub(crate) async fn send_with(
        &mut self,
        bytes: &[u8],
        fd: BorrowedFd<'_>,
    ) -> Result<(), Error> {
        let sent = self.stream.async_io(Interest::WRITABLE, || {
            let fds = [fd];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut beside = SendAncillaryBuffer::new(&mut space);
            beside.push(SendAncillaryMessage::ScmRights(&fds));
            let line = [IoSlice::new(bytes)];
            Ok(sendmsg(
                &self.stream,
                &line,
                &mut beside,
                SendFlags::NOSIGNAL,
            )?)
        });
        let sent = sent.await.map_err(Error::io(self.what))?;
        let rest = bytes.get(sent..).unwrap_or_default();
        self.stream
            .write_all(rest)
            .await
            .map_err(Error::io(self.what))
    }
}
