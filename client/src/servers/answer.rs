//! Answers, watched for what they tell of the server they come from.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tonic::{Code, Status};

use super::server::OpenCall;

/// The body of an answer. As long as it is there, the call is open at its server.
pub(crate) struct Answer {
    body: Incoming,
    call: OpenCall,
}

impl Answer {
    /// Takes over an answer that has begun.
    pub(super) fn begun(answer: Response<Incoming>, call: OpenCall) -> Response<Self> {
        if is_unavailable(answer.headers()) {
            call.server().failed();
        } else {
            call.server().answered();
        }
        answer.map(|body| Self { body, call })
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let failed = match &frame {
            Some(Ok(frame)) => frame.trailers_ref().is_some_and(is_unavailable),
            Some(Err(_)) => true,
            None => false,
        };
        if failed {
            self.call.server().failed();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether the server says that it can't serve now: then others may.
fn is_unavailable(headers: &HeaderMap) -> bool {
    Status::from_header_map(headers).is_some_and(|status| status.code() == Code::Unavailable)
}
