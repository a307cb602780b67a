//! The servers of a profile, as one service that calls are made over.
//!
//! Each server has one HTTP/2 connection, made when a call first needs it. A call goes to the
//! server with the fewest open calls, in turns where they are equal. A server that can't be
//! reached, loses its connection or answers `UNAVAILABLE` is left out for a while ([`health`]);
//! when all are, the one whose time ends first is called none the less.
//!
//! Two layers share the work of going on elsewhere:
//!
//! - *Here* a call that was not sent yet goes to the next server, whatever the call is. One that
//!   takes long to connect is waited for while the next is tried already.
//! - *Above*, in [`retry`](crate::retry), a call that was sent is made again, at another server
//!   and without a pause, if its kind allows that. What can be repeated is known there, and from
//!   where a stream has to resume.
//!
//! Why this is no balanced `Channel` of tonic: docs/adr/0009-client-failover.md.

mod answer;
mod health;
mod line;
mod server;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{FuturesUnordered, StreamExt as _};
use http::header::USER_AGENT;
use http::{HeaderValue, Request, Response};
use rustls::client::Resumption;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tonic::body::Body;

use self::answer::Answer;
use self::line::Line;
use self::server::{OpenCall, Server};
use crate::error::{Error, Reason, Result};
use crate::profile::Profile;
use crate::retry::random;

/// What the servers are told of who calls.
const AGENT: &str = concat!("cordon-client/", env!("CARGO_PKG_VERSION"));
/// How long a server may be silent before it is taken to be gone, unless the builder says
/// otherwise.
pub(crate) const SILENCE: Duration = Duration::from_secs(15);

/// How long is waited for what, as shares of the silence that a server may keep.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// Reaching the server and agreeing on keys.
    dial: Duration,
    /// Its first words after that.
    greeting: Duration,
    /// Before the next server is tried as well.
    next: Duration,
    /// Nothing came on a connection on which calls are open: it is asked whether it is there.
    ask: Duration,
    /// And has so long to say so.
    reply: Duration,
}

impl Patience {
    fn within(silence: Duration) -> Self {
        Self {
            dial: silence / 3,
            greeting: silence * 2 / 15,
            next: silence / 30,
            ask: silence / 3,
            reply: silence * 2 / 3,
        }
    }
}

/// The servers of a profile. Cheap to clone: clones share connections.
#[derive(Clone)]
pub(crate) struct Servers(Arc<Shared>);

struct Shared {
    servers: Vec<Arc<Server>>,
    turn: AtomicUsize,
    /// The place of the one that answered last.
    answered: AtomicUsize,
    patience: Patience,
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints = self.0.servers.iter().map(|server| server.endpoint());
        f.debug_list().entries(endpoints).finish()
    }
}

impl Servers {
    /// The servers of a profile; nothing is connected yet.
    pub(crate) fn new(profile: &Profile, silence: Duration) -> Result<Self> {
        let patience = Patience::within(silence);
        let config = line::client_config(profile)?;
        let servers: Vec<_> = profile
            .addresses()?
            .into_iter()
            .enumerate()
            .map(|(place, address)| {
                // Servers may prove the same name: none is offered another one's sessions.
                let mut config = config.clone();
                config.resumption = Resumption::default();
                let tls = TlsConnector::from(Arc::new(config));
                Server::new(place, address, tls, patience).map(Arc::new)
            })
            .collect::<Result<_>>()?;
        // Many clients of one profile do not all begin with its first server.
        let turn = usize::try_from(random() % servers.len().max(1) as u64).unwrap_or_default();
        Ok(Self(Arc::new(Shared {
            servers,
            turn: AtomicUsize::new(turn),
            answered: AtomicUsize::new(usize::MAX),
            patience,
        })))
    }

    /// Whether there is more than one.
    pub(crate) fn are_several(&self) -> bool {
        self.0.servers.len() > 1
    }

    /// Whether a call that failed `failures` times in a row may expect more of a server that it
    /// has not met yet.
    pub(crate) fn has_another(&self, failures: usize) -> bool {
        let now = Instant::now();
        failures < self.0.servers.len() && self.0.servers.iter().any(|server| !server.rests(now))
    }

    /// The endpoint of the one that answered last.
    pub(crate) fn answered_last(&self) -> Option<&str> {
        let place = self.0.answered.load(Ordering::Relaxed);
        self.0.servers.get(place).map(|server| server.endpoint())
    }

    /// Why servers can't be reached that are left out for that now.
    pub(crate) fn unreachable(&self) -> Vec<Error> {
        let now = Instant::now();
        let servers = self.0.servers.iter();
        servers
            .filter_map(|server| server.unreachable(now))
            .collect()
    }

    /// All servers, the one to call first in front.
    fn order(&self, now: Instant) -> Vec<Arc<Server>> {
        let count = self.0.servers.len();
        let begin = self.0.turn.fetch_add(1, Ordering::Relaxed);
        let servers = self.0.servers.iter();
        let mut ranked: Vec<_> = servers
            .map(|server| {
                let turn = (server.place + count - begin % count) % count;
                (server.rank(now, turn), server)
            })
            .collect();
        ranked.sort_by(|(one, _), (other, _)| one.cmp(other));
        let servers = ranked.into_iter().map(|(_, server)| Arc::clone(server));
        servers.collect()
    }

    /// A connection to the first server that can be reached. One that lets wait is not given up
    /// when the next is tried: whichever is there first is taken.
    async fn reach(&self) -> Result<(OpenCall, Line)> {
        let now = Instant::now();
        let mut untried = self.order(now).into_iter();
        let mut dials = FuturesUnordered::new();
        let mut failures = Vec::new();
        loop {
            if let Some(server) = untried.next() {
                server.tried(now);
                dials.push(server.line().map(|line| (server, line)));
            } else if dials.is_empty() {
                return Err(none_reached(failures));
            }
            let waited = if untried.len() > 0 {
                tokio::time::timeout(self.0.patience.next, dials.next()).await
            } else {
                Ok(dials.next().await)
            };
            match waited {
                Ok(Some((server, Ok(line)))) => return Ok((OpenCall::new(server), line)),
                Ok(Some((_, Err(error)))) => failures.push(error),
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// Sends a request to one server. When its connection ended before the request was sent, the
    /// next one gets it.
    async fn send(&self, mut request: Request<Body>) -> Result<Response<Answer>, BoxError> {
        let agent = HeaderValue::from_static(AGENT);
        request.headers_mut().insert(USER_AGENT, agent);
        let path = request.uri().path_and_query().cloned();
        for round in 0..=self.0.servers.len() {
            let (call, mut line) = self.reach().await.map_err(Unsent)?;
            *request.uri_mut() = call.server().uri(path.clone()).map_err(Unsent)?;
            match line.try_send_request(request).await {
                Ok(answer) => {
                    self.0
                        .answered
                        .store(call.server().place, Ordering::Relaxed);
                    return Ok(Answer::begun(answer, call));
                }
                Err(mut failure) => {
                    let unsent = failure.take_message();
                    // Ending a connection that nobody used is no fault, once.
                    if unsent.is_none() || round > 0 {
                        call.server().failed();
                    }
                    match unsent {
                        Some(unsent) => request = unsent,
                        None => return Err(failure.into_error().into()),
                    }
                }
            }
        }
        let error = "connections end before anything is sent";
        Err(Unsent(Error::new(Reason::Unavailable, error)).into())
    }
}

/// Why none of the servers can be reached. What one that is trusted says of the caller counts
/// most; that servers can't be trusted counts when it is all that there is to say.
fn none_reached(mut failures: Vec<Error>) -> Error {
    if failures.len() == 1
        && let Some(only) = failures.pop()
    {
        return only;
    }
    let reasons = [
        Reason::Unauthenticated,
        Reason::Unavailable,
        Reason::UntrustedServer,
    ];
    let reason = reasons
        .into_iter()
        .find(|reason| failures.iter().any(|failure| failure.reason() == reason))
        .unwrap_or(Reason::Unavailable);
    let said: Vec<_> = failures.iter().map(Error::message).collect();
    Error::new(
        reason,
        format!(
            "none of the {} servers can be called: {}",
            failures.len(),
            said.join("; ")
        ),
    )
}

type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a request was not sent, so that nothing of it was done.
#[derive(Debug)]
pub(crate) struct Unsent(pub(crate) Error);

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.message())
    }
}

impl StdError for Unsent {}

impl tower::Service<Request<Body>> for Servers {
    type Response = Response<Answer>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Answer>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let servers = self.clone();
        async move { servers.send(request).await }.boxed()
    }
}

#[cfg(test)]
mod tests;
