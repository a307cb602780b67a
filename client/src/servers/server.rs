//! One server: its connection, how many calls are open there, and how it fares.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{BoxFuture, FutureExt as _, Shared};
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::health::Health;
use super::{Patience, line};
use crate::error::{Error, Reason, Result};
use crate::profile::Address;

/// A connection that is being made, or is there. All calls that need it wait for the same one.
type Dial = Shared<BoxFuture<'static, Result<line::Line>>>;

/// One of the profile's servers.
pub(super) struct Server {
    /// Which of them.
    pub(super) place: usize,
    address: Address,
    authority: Authority,
    tls: TlsConnector,
    patience: Patience,
    state: Mutex<State>,
    open_calls: AtomicUsize,
}

#[derive(Default)]
struct State {
    dial: Option<Dial>,
    /// Whether the dial has not ended yet.
    dialing: bool,
    health: Health,
    /// Why it could not be reached when that was tried last.
    unreachable: Option<Error>,
}

/// How much speaks for calling a server now; the least first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Nothing speaks against it. One that calls wait for already comes after the others, then
    /// counts where fewer calls are open, then whose turn it is.
    Awake {
        dialing: bool,
        open_calls: usize,
        turn: usize,
    },
    /// It failed not long ago.
    Resting { until: Instant },
}

impl Server {
    pub(super) fn new(
        place: usize,
        address: Address,
        tls: TlsConnector,
        patience: Patience,
    ) -> Result<Self> {
        let authority = if address.host.contains(':') {
            format!("[{}]:{}", address.host, address.port)
        } else {
            format!("{}:{}", address.host, address.port)
        };
        Ok(Self {
            place,
            authority: authority
                .parse()
                .map_err(|_| Error::new(Reason::InvalidProfile, "endpoint: not a URL"))?,
            address,
            tls,
            patience,
            state: Mutex::default(),
            open_calls: AtomicUsize::new(0),
        })
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.address.endpoint
    }

    /// Where a request goes that is to reach this server.
    pub(super) fn uri(&self, path: Option<PathAndQuery>) -> Result<Uri> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTPS);
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        Uri::from_parts(parts).map_err(|error| Error::new(Reason::Internal, error.to_string()))
    }

    /// A thread that panicked leaves nothing half done here: each change is one assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn rank(&self, now: Instant, turn: usize) -> Rank {
        let state = self.state();
        match state.health.rests(now) {
            Some(until) => Rank::Resting { until },
            None => Rank::Awake {
                dialing: state.dialing,
                open_calls: self.open_calls.load(Ordering::Relaxed),
                turn,
            },
        }
    }

    pub(super) fn rests(&self, now: Instant) -> bool {
        self.state().health.rests(now).is_some()
    }

    /// Why it can't be reached, as long as it is left out for that.
    pub(super) fn unreachable(&self, now: Instant) -> Option<Error> {
        let state = self.state();
        let unreachable = state.unreachable.as_ref();
        unreachable
            .filter(|_| state.health.rests(now).is_some())
            .cloned()
    }

    pub(super) fn tried(&self, now: Instant) {
        self.state().health.tried(now);
    }

    pub(super) fn answered(&self) {
        self.state().health.answered();
    }

    pub(super) fn failed(&self) {
        self.state().health.failed(Instant::now());
    }

    /// The connection, made if there is none. It is made in a task of its own, so that it gets
    /// done also when the call that began it gets tired of waiting.
    pub(super) fn line(self: &Arc<Self>) -> Dial {
        let mut state = self.state();
        if let Some(dial) = &state.dial {
            let usable = match dial.peek() {
                Some(Ok(line)) => !line.is_closed(),
                Some(Err(_)) => false,
                None => true,
            };
            if usable {
                return dial.clone();
            }
        }
        let server = Arc::clone(self);
        let dialing = tokio::spawn(async move { server.dial().await });
        let dial = async move {
            dialing
                .await
                .unwrap_or_else(|_| Err(Error::new(Reason::Unavailable, "the program is ending")))
        };
        let dial = dial.boxed().shared();
        state.dial = Some(dial.clone());
        state.dialing = true;
        dial
    }

    async fn dial(&self) -> Result<line::Line> {
        let line = line::connect(&self.tls, &self.address, self.patience)
            .await
            .map_err(|error| Error::connect(&self.address.endpoint, error.as_ref()));
        let mut state = self.state();
        state.dialing = false;
        state.unreachable = line.as_ref().err().cloned();
        if line.is_err() {
            // Whoever comes next begins anew.
            state.dial = None;
            state.health.failed(Instant::now());
        }
        line
    }
}

/// A call that is open at a server; closed when it is dropped.
pub(super) struct OpenCall(Arc<Server>);

impl OpenCall {
    pub(super) fn new(server: Arc<Server>) -> Self {
        server.open_calls.fetch_add(1, Ordering::Relaxed);
        Self(server)
    }

    pub(super) fn server(&self) -> &Server {
        &self.0
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.0.open_calls.fetch_sub(1, Ordering::Relaxed);
    }
}
