//! Streams without an end that go on from their last cursor after a lost connection.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use tonic::Streaming;

use crate::client::Client;
use crate::error::{Error, Reason, Result};
use crate::retry::{Backoff, Repeat};

/// What can be followed.
pub(crate) trait Follow: Send + Sync + 'static {
    /// What comes at once.
    type Chunk: Send + 'static;
    /// One of the things in it.
    type Item: Send + 'static;

    fn client(&self) -> &Client;

    /// Opens the stream behind a cursor; `None` is now.
    fn open(
        &self,
        cursor: Option<i64>,
    ) -> impl Future<Output = Result<Streaming<Self::Chunk>>> + Send;

    /// What a chunk holds, and the cursor behind all of it.
    fn unpack(chunk: Self::Chunk) -> (Vec<Self::Item>, i64);

    /// The cursor behind one thing.
    fn sequence(item: &Self::Item) -> i64;
}

/// The things of a chunk, and the cursor behind all of them.
type Unpacked<T> = (Vec<T>, i64);

/// The stream; ends only with an error.
pub(crate) struct Following<F: Follow> {
    chunks: BoxStream<'static, Result<Unpacked<F::Item>>>,
    ready: std::vec::IntoIter<F::Item>,
    /// The cursor behind all of `ready`.
    behind: Option<i64>,
    cursor: Option<i64>,
}

/// Nothing in it depends on where it lies.
impl<F: Follow> Unpin for Following<F> {}

impl<F: Follow> fmt::Debug for Following<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following")
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

impl<F: Follow> Following<F> {
    /// Follows what was found to follow, from a cursor on.
    pub(crate) fn new(what: Result<F>, cursor: Option<i64>) -> Self {
        let chunks = match what {
            Ok(what) => {
                let follower = Follower {
                    backoff: what.client().backoff(),
                    what,
                    cursor,
                    stream: None,
                    done: false,
                };
                stream::unfold(follower, |mut follower| async move {
                    let chunk = follower.next().await?;
                    Some((chunk, follower))
                })
                .boxed()
            }
            Err(error) => stream::once(async { Err(error) }).boxed(),
        };
        Self {
            chunks,
            ready: Vec::new().into_iter(),
            behind: None,
            cursor,
        }
    }

    /// Where to resume: all before was handed out or is not to be. `None` as long as the server
    /// has not said where now is.
    pub(crate) fn cursor(&self) -> Option<i64> {
        self.cursor
    }

    /// The cursor behind the next chunk, whatever is in it: nothing of it is handed out.
    pub(crate) async fn behind(&mut self) -> Result<i64> {
        match self.chunks.next().await {
            Some(chunk) => chunk.map(|(_, cursor)| cursor),
            None => Err(Error::new(Reason::Unavailable, "the stream has ended")),
        }
    }
}

impl<F: Follow> Stream for Following<F> {
    type Item = Result<F::Item>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.ready.next() {
                self.cursor = Some(F::sequence(&item));
                if self.ready.len() == 0 {
                    self.cursor = self.behind.max(self.cursor);
                }
                return Poll::Ready(Some(Ok(item)));
            }
            match ready!(self.chunks.poll_next_unpin(context)) {
                Some(Ok((items, cursor))) => {
                    self.behind = Some(cursor);
                    if items.is_empty() {
                        self.cursor = self.cursor.max(self.behind);
                    }
                    self.ready = items.into_iter();
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// Keeps a stream open.
struct Follower<F: Follow> {
    what: F,
    cursor: Option<i64>,
    stream: Option<Streaming<F::Chunk>>,
    backoff: Backoff,
    done: bool,
}

impl<F: Follow> Follower<F> {
    async fn next(&mut self) -> Option<Result<Unpacked<F::Item>>> {
        while !self.done {
            let stream = match self.stream.take() {
                Some(stream) => Ok(stream),
                None => self.what.open(self.cursor).await,
            };
            let opened = stream.is_ok();
            let failure = match stream {
                Ok(mut stream) => match stream.message().await {
                    Ok(Some(chunk)) => {
                        self.stream = Some(stream);
                        self.backoff.reset();
                        let (items, cursor) = F::unpack(chunk);
                        self.cursor = self.cursor.max(Some(cursor));
                        return Some(Ok((items, cursor)));
                    }
                    Ok(None) => Error::new(Reason::Unavailable, "the server ended the stream"),
                    Err(status) => status.into(),
                },
                Err(error) => error,
            };
            let client = self.what.client();
            if let Err(error) = recover(client, &mut self.backoff, failure, opened).await {
                self.done = true;
                return Some(Err(error));
            }
        }
        None
    }
}

/// Waits until a stream can be resumed, or returns the error when it can't. `opened` says whether
/// the error came from the stream, not from opening it.
pub(crate) async fn recover(
    client: &Client,
    backoff: &mut Backoff,
    error: Error,
    opened: bool,
) -> Result<()> {
    match error.reason() {
        // The token ended, and the stream with it.
        Reason::Unauthenticated if opened => client.renew_token().await,
        Reason::ReaderTooSlow | Reason::DeadlineExceeded if opened => {}
        _ => return backoff.pause(error, Repeat::Safe).await,
    }
    // As after a lost connection, so that a server which always says so is not asked for
    // ever.
    let lost = Error::new(Reason::Unavailable, "the stream was ended");
    if let Some(delay) = backoff.after(&lost, Repeat::Safe) {
        tokio::time::sleep(delay.max(Duration::from_millis(10))).await;
        Ok(())
    } else {
        Err(error)
    }
}
