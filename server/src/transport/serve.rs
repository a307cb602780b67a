//! Listening and serving: every wait on a stranger has a limit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use cordon_kernel::facade::Kernel;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;

use super::shares::Shares;
use super::{AuthLayer, Conn, TlsReload};

/// How much the server gives to its callers.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at one time; more wait in the kernel's backlog.
    pub connections: usize,
    /// Connections at one time from one address; more are closed.
    pub connections_per_address: usize,
    /// Calls at one time on one connection.
    pub streams_per_connection: u32,
    /// Calls at one time, open answers included, of one tenant, one source, or the provider's
    /// staff, over all connections.
    pub calls_per_caller: usize,
    /// Time for the TLS handshake.
    pub handshake: Duration,
    /// Time for a call to begin to answer, whatever deadline it brings.
    pub call: Duration,
    /// Age after which a connection is asked to leave, so that load and certificates move on.
    pub connection_age: Duration,
    /// Time for open calls when the server stops, and for a connection that was asked to leave.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            connections_per_address: 256,
            streams_per_connection: 128,
            calls_per_caller: 256,
            handshake: Duration::from_secs(10),
            call: Duration::from_secs(60),
            connection_age: Duration::from_secs(3_600),
            grace: Duration::from_secs(10),
        }
    }
}

/// A socket that listens and is not served yet.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// Where it listens; the port is a real one even if 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Listens on `listen`, `ADDRESS:PORT`.
///
/// # Errors
/// When the address can't be had.
pub async fn bind(listen: &str) -> anyhow::Result<Bound> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("can't listen on {listen}: choose another address (`listen`)"))?;
    let address = listener.local_addr()?;
    Ok(Bound { listener, address })
}

/// Serves `routes` until `stop` is cancelled, then lets open calls end for at most
/// [`Limits::grace`].
///
/// # Errors
/// When serving fails as a whole; a single connection's failure is only logged.
pub async fn serve(
    bound: Bound,
    tls: TlsReload,
    limits: Limits,
    kernel: Arc<Kernel>,
    routes: Routes,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let (sender, incoming) = mpsc::channel(64);
    let acceptor = tokio::spawn(accept(
        bound.listener,
        tls,
        limits.clone(),
        sender,
        stop.clone(),
    ));
    let grace = limits.grace;
    let server = Server::builder()
        .timeout(limits.call)
        .max_concurrent_streams(limits.streams_per_connection)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .http2_max_pending_accept_reset_streams(Some(64))
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .max_connection_age(limits.connection_age)
        .max_connection_age_grace(grace)
        .layer(AuthLayer::new(kernel, limits.calls_per_caller))
        .add_routes(routes)
        .serve_with_incoming_shutdown(
            ReceiverStream::new(incoming),
            stop.clone().cancelled_owned(),
        );
    // A drain waits for ever on a peer that never reads: it gets the grace and no more.
    let drained = tokio::select! {
        served = server => served.context("serving failed"),
        () = async { stop.cancelled().await; tokio::time::sleep(grace).await } => Ok(()),
    };
    acceptor.abort();
    drained
}

async fn accept(
    listener: TcpListener,
    tls: TlsReload,
    limits: Limits,
    sender: mpsc::Sender<std::io::Result<Conn>>,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let addresses = Shares::new(limits.connections_per_address);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            place = Arc::clone(&places).acquire_owned() => {
                let Ok(place) = place else { return };
                tokio::select! {
                    () = stop.cancelled() => return,
                    accepted = listener.accept() => accepted.map(|(tcp, peer)| (tcp, peer, place)),
                }
            }
        };
        match accepted {
            Ok((tcp, peer, place)) => {
                let Some(share) = addresses.take(&peer.ip().to_canonical()) else {
                    tracing::debug!(%peer, "too many connections from one address");
                    continue;
                };
                let place = (place, share);
                let (sender, config, patience) = (sender.clone(), tls.current(), limits.handshake);
                tokio::spawn(async move {
                    let shake = handshake(tcp, config);
                    match tokio::time::timeout(patience, shake).await {
                        Ok(Ok(stream)) => {
                            let _ = sender.send(Ok(Conn::new(stream, peer, place))).await;
                        }
                        Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
                        Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: the next attempt would fail at once too.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn handshake(
    tcp: TcpStream,
    config: Arc<rustls::ServerConfig>,
) -> std::io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
    tcp.set_nodelay(true)?;
    TlsAcceptor::from(config).accept(tcp).await
}
