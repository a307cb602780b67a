//! Sending one event to one place. What the place says besides its status is not read.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{Method, Request};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::{SigningKey, signature};
use crate::guard::{Destination, Guard};
use crate::{CloudEvent, Failure};

/// Most bytes of an answer's head.
const MAX_HEAD: usize = 16 * 1_024;

/// Sends an event; `timestamp` is the present in seconds since 1970. Any status of 2xx means that
/// it has arrived. A redirect is a failure.
///
/// # Errors
/// [`Failure`] says why it has not arrived, or is not known to have.
pub async fn post<D: serde::Serialize>(
    guard: &Guard,
    to: &Destination,
    keys: &[SigningKey],
    timestamp: i64,
    event: &CloudEvent<D>,
) -> Result<(), Failure> {
    let body = serde_json::to_vec(event).map_err(|_| Failure::Broken)?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(to.path())
        .header(HOST, to.authority())
        .header(CONTENT_TYPE, "application/cloudevents+json")
        .header(USER_AGENT, concat!("cordon/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", event.id())
        .header("webhook-timestamp", timestamp)
        .header(
            "webhook-signature",
            signature(keys, event.id(), timestamp, &body),
        )
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| Failure::Url)?;
    match tokio::time::timeout(guard.total(), exchange(guard, to, request)).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::TimedOut),
    }
}

async fn exchange(
    guard: &Guard,
    to: &Destination,
    request: Request<Full<Bytes>>,
) -> Result<(), Failure> {
    let stream = guard.connect(to).await?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| Failure::Broken)?;
    // The connection ends with this call, or when the time is over: nothing is left behind. What it
    // read before its end is still the answer.
    let mut answer = std::pin::pin!(sender.send_request(request));
    let mut connection = std::pin::pin!(connection);
    let answer = tokio::select! {
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    };
    let status = answer.map_err(|_| Failure::Broken)?.status();
    match status.as_u16() {
        200..=299 => Ok(()),
        code @ 300..=399 => Err(Failure::Redirected(code)),
        code => Err(Failure::Status(code)),
    }
}
