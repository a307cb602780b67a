//! Following one analysis until it has ended.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use cordon_proto::analysis::{WatchAnalysisRequest, WatchAnalysisResponse};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use tonic::Streaming;

use super::{Analyses, Analysis, has_ended};
use crate::error::{Error, Reason, Result};
use crate::follow::recover;
use crate::retry::Backoff;
use crate::token::Freshness;

/// An analysis as it is now, and again whenever it has changed; from [`Analyses::watch`]. Ends
/// behind the change with which it has ended.
pub struct AnalysisWatch(BoxStream<'static, Result<Analysis>>);

impl fmt::Debug for AnalysisWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnalysisWatch")
    }
}

impl AnalysisWatch {
    pub(super) fn new(analyses: Analyses, name: &str) -> Self {
        let changes = match analyses.name(name) {
            Ok(name) => {
                let watcher = Watcher {
                    backoff: analyses.client.backoff(),
                    analyses,
                    name,
                    stream: None,
                    etag: None,
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

impl Stream for AnalysisWatch {
    type Item = Result<Analysis>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

/// Keeps a stream open.
struct Watcher {
    analyses: Analyses,
    name: String,
    stream: Option<Streaming<WatchAnalysisResponse>>,
    /// Of what was handed out last: a stream that is taken up again begins with what there is.
    etag: Option<String>,
    backoff: Backoff,
    done: bool,
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<Analysis>> {
        while !self.done {
            let stream = match self.stream.take() {
                Some(stream) => Ok(stream),
                None => self.analyses.open_watch(&self.name).await,
            };
            let opened = stream.is_ok();
            let failure = match stream {
                Ok(mut stream) => match stream.message().await {
                    Ok(Some(answer)) => {
                        self.stream = Some(stream);
                        if let Some(analysis) = self.take(answer) {
                            return Some(Ok(analysis));
                        }
                        continue;
                    }
                    Ok(None) => Error::new(Reason::Unavailable, "the server ended the stream"),
                    Err(status) => status.into(),
                },
                Err(error) => error,
            };
            let client = &self.analyses.client;
            if let Err(error) = recover(client, &mut self.backoff, failure, opened).await {
                self.done = true;
                return Some(Err(error));
            }
        }
        None
    }

    /// What is to be handed out of an answer.
    fn take(&mut self, answer: WatchAnalysisResponse) -> Option<Analysis> {
        let Some(analysis) = answer.analysis else {
            // The stream is alive.
            self.backoff.reset();
            return None;
        };
        // What is known already is no progress: a server that ends its streams behind it, as one
        // with states that this version does not know, is not asked for ever.
        if self.etag.as_ref() == Some(&analysis.etag) {
            return None;
        }
        self.backoff.reset();
        self.etag = Some(analysis.etag.clone());
        self.done = has_ended(&analysis);
        Some(analysis)
    }
}

impl Analyses {
    async fn open_watch(&self, name: &str) -> Result<Streaming<WatchAnalysisResponse>> {
        let rpc = self.rpc();
        let request = WatchAnalysisRequest {
            name: name.to_owned(),
        };
        self.client
            .stream(Freshness::New, request, |request| {
                let mut rpc = rpc.clone();
                async move { rpc.watch_analysis(request).await }
            })
            .await
    }
}
