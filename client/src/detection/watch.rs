//! Following findings as they are made and change.

use std::pin::Pin;
use std::task::{Context, Poll};

use cordon_proto::detection::{WatchFindingsRequest, WatchFindingsResponse};
use futures::{Stream, StreamExt as _};
use tonic::Streaming;

use super::{Finding, Findings};
use crate::client::Client;
use crate::error::Result;
use crate::follow::{Follow, Following};
use crate::token::Freshness;

/// A tenant's findings as they are made and change; from [`Findings::watch`]. Ends only with an
/// error.
#[derive(Debug)]
pub struct FindingWatch(Following<Watched>);

impl FindingWatch {
    pub(super) fn new(findings: Findings, cursor: Option<i64>) -> Self {
        let parent = findings.client.parent();
        let what = parent.map(|parent| Watched { findings, parent });
        Self(Following::new(what, cursor))
    }

    /// Where to resume: all before was handed out. `None` as long as the server has not said
    /// where now is.
    #[must_use]
    pub fn cursor(&self) -> Option<i64> {
        self.0.cursor()
    }
}

impl Stream for FindingWatch {
    type Item = Result<Finding>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

/// Findings that are followed.
struct Watched {
    findings: Findings,
    parent: String,
}

impl Follow for Watched {
    type Chunk = WatchFindingsResponse;
    type Item = Finding;

    fn client(&self) -> &Client {
        &self.findings.client
    }

    async fn open(&self, cursor: Option<i64>) -> Result<Streaming<WatchFindingsResponse>> {
        let rpc = self.findings.rpc();
        let request = WatchFindingsRequest {
            parent: self.parent.clone(),
            cursor,
        };
        self.findings
            .client
            .stream(Freshness::New, request, |request| {
                let mut rpc = rpc.clone();
                async move { rpc.watch_findings(request).await }
            })
            .await
    }

    fn unpack(chunk: WatchFindingsResponse) -> (Vec<Finding>, i64) {
        (chunk.findings, chunk.cursor)
    }

    fn sequence(finding: &Finding) -> i64 {
        finding.sequence
    }
}
