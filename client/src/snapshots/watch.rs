//! Following one snapshot until it has ended.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use cordon_proto::evidence::{WatchSnapshotRequest, WatchSnapshotResponse};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use tonic::Streaming;

use super::{Snapshot, Snapshots, has_ended};
use crate::error::{Error, Reason, Result};
use crate::follow::recover;
use crate::retry::Backoff;
use crate::token::Freshness;

/// A snapshot as it is now, and again whenever it has changed; from [`Snapshots::watch`]. Ends
/// behind the change with which it has ended.
pub struct SnapshotWatch(BoxStream<'static, Result<Snapshot>>);

impl fmt::Debug for SnapshotWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SnapshotWatch")
    }
}

impl SnapshotWatch {
    pub(super) fn new(snapshots: Snapshots, name: &str) -> Self {
        let changes = match snapshots.name(name) {
            Ok(name) => {
                let watcher = Watcher {
                    backoff: snapshots.client.backoff(),
                    snapshots,
                    name,
                    stream: None,
                    last: None,
                    done: false,
                };
                stream::unfold(watcher, |mut watcher| async move {
                    let change = watcher.next().await?;
                    Some((change, watcher))
                })
                // Whoever asks once more hears again that it has ended.
                .fuse()
                .boxed()
            }
            Err(error) => stream::once(async { Err(error) }).fuse().boxed(),
        };
        Self(changes)
    }
}

impl Stream for SnapshotWatch {
    type Item = Result<Snapshot>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

/// Keeps a stream open.
struct Watcher {
    snapshots: Snapshots,
    name: String,
    stream: Option<Streaming<WatchSnapshotResponse>>,
    /// What was handed out last: a stream that is taken up again begins with what there is.
    last: Option<Snapshot>,
    backoff: Backoff,
    done: bool,
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<Snapshot>> {
        while !self.done {
            let stream = match self.stream.take() {
                Some(stream) => Ok(stream),
                None => self.snapshots.open_watch(&self.name).await,
            };
            let opened = stream.is_ok();
            let failure = match stream {
                Ok(mut stream) => match stream.message().await {
                    Ok(Some(answer)) => {
                        self.stream = Some(stream);
                        if let Some(snapshot) = self.take(answer) {
                            return Some(Ok(snapshot));
                        }
                        continue;
                    }
                    Ok(None) => Error::new(Reason::Unavailable, "the server ended the stream"),
                    Err(status) => status.into(),
                },
                Err(error) => error,
            };
            let client = &self.snapshots.client;
            if let Err(error) = recover(client, &mut self.backoff, failure, opened).await {
                self.done = true;
                return Some(Err(error));
            }
        }
        None
    }

    /// What is to be handed out of an answer.
    fn take(&mut self, answer: WatchSnapshotResponse) -> Option<Snapshot> {
        let Some(snapshot) = answer.snapshot else {
            // The stream is alive.
            self.backoff.reset();
            return None;
        };
        // What is known already is no progress: a server that ends its streams behind it, as one
        // with states that this version does not know, is not asked for ever.
        if self.last.as_ref() == Some(&snapshot) {
            return None;
        }
        self.backoff.reset();
        self.last = Some(snapshot.clone());
        self.done = has_ended(&snapshot);
        Some(snapshot)
    }
}

impl Snapshots {
    async fn open_watch(&self, name: &str) -> Result<Streaming<WatchSnapshotResponse>> {
        let rpc = self.rpc();
        let request = WatchSnapshotRequest {
            name: name.to_owned(),
        };
        self.client
            .stream(Freshness::New, request, |request| {
                let mut rpc = rpc.clone();
                async move { rpc.watch_snapshot(request).await }
            })
            .await
    }
}
