//! The connection: TLS 1.3 with the profile's key, and HTTP/2 over it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use crate::error::{Error, Reason, Result};
use crate::profile::Profile;

/// How long reaching the server and agreeing on keys may take, each.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a silent connection is asked whether it is still there.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// How long it may take to say so.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(15);
/// How much of one stream, and of all, may be under way towards the reader.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// A channel, and why the server turned it away if it did.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) channel: Channel,
    pub(crate) refusal: Refusal,
}

/// Why the server turned the last connection away.
///
/// In TLS 1.3 the client is through with its part when the server judges its certificate. What
/// the server says then arrives on the connection and not in a call, which only learns that the
/// connection is gone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusal(Arc<Mutex<Option<Error>>>);

impl Refusal {
    fn note(&self, error: &io::Error) {
        if let Some(refusal) = Error::refused_by_tls(error) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
        }
    }

    /// The error of a call, or why its connection was turned away.
    pub(crate) fn explain(&self, error: Error) -> Error {
        if *error.reason() != Reason::Unavailable {
            return error;
        }
        let refusal = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        refusal.unwrap_or(error)
    }
}

/// Connects, so that an unreachable or untrusted server is noticed here and not in a call.
pub(crate) async fn connect(profile: &Profile) -> Result<Connection> {
    let (host, port) = profile.address()?;
    let name = profile.expected_name()?;
    let tls = TlsConnector::from(Arc::new(client_config(profile)?));
    let authority = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };

    // TLS is done by the connector below, so that it is TLS 1.3 and nothing else; the gRPC
    // library must not add its own, and is told the real scheme by `origin`.
    let uri = |scheme: &str| {
        format!("{scheme}://{authority}")
            .parse::<Uri>()
            .map_err(|_| Error::new(Reason::InvalidProfile, "endpoint: not a URL"))
    };
    let endpoint = Endpoint::from(uri("http")?)
        .origin(uri("https")?)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .user_agent(concat!("cordon-client/", env!("CARGO_PKG_VERSION")))
        .map_err(|error| Error::new(Reason::InvalidProfile, error.to_string()))?;

    let refusal = Refusal::default();
    let noted = refusal.clone();
    let connector = service_fn(move |_: Uri| {
        let (tls, name, host) = (tls.clone(), name.clone(), host.clone());
        let refusal = noted.clone();
        async move {
            let inner = dial(&tls, name, &host, port).await?;
            Ok::<_, io::Error>(TokioIo::new(Listening { inner, refusal }))
        }
    });
    let channel = endpoint
        .connect_with_connector(connector)
        .await
        .map_err(|error| refusal.explain(Error::connect(&profile.endpoint, &error)))?;
    Ok(Connection { channel, refusal })
}

/// A connection that notes why the server ended it.
#[derive(Debug)]
struct Listening {
    inner: TlsStream<TcpStream>,
    refusal: Refusal,
}

impl AsyncRead for Listening {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if let Poll::Ready(Err(error)) = &read {
            self.refusal.note(error);
        }
        read
    }
}

impl AsyncWrite for Listening {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

async fn dial(
    tls: &TlsConnector,
    name: ServerName<'static>,
    host: &str,
    port: u16,
) -> io::Result<TlsStream<TcpStream>> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, TcpStream::connect((host, port)))
        .await
        .map_err(late)??;
    stream.set_nodelay(true)?;
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.connect(name, stream))
        .await
        .map_err(late)??;
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the server does not speak HTTP/2",
        ));
    }
    Ok(stream)
}

fn client_config(profile: &Profile) -> Result<ClientConfig> {
    let invalid = |error: rustls::Error| Error::new(Reason::InvalidProfile, error.to_string());
    let mut roots = RootCertStore::empty();
    for authority in profile.authorities()? {
        roots.add(authority).map_err(invalid)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(invalid)?
        .with_root_certificates(roots)
        .with_client_auth_cert(profile.chain()?, profile.private_key()?)
        .map_err(|error| {
            Error::new(
                Reason::InvalidProfile,
                format!("certificate and key do not fit: {error}"),
            )
        })?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::tests::sample;

    #[test]
    fn a_profile_makes_a_configuration_of_tls_13_and_http2() {
        let config = client_config(&sample()).unwrap();
        assert_eq!(config.alpn_protocols, [b"h2".to_vec()]);
        assert!(config.client_auth_cert_resolver.has_certs());
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let mut profile = sample();
        profile.key = sample().key;
        let error = client_config(&profile).unwrap_err();
        assert_eq!(*error.reason(), Reason::InvalidProfile);
    }

    #[tokio::test]
    async fn nobody_at_home_is_unavailable() {
        // A port that was free a moment ago.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut profile = sample();
        profile.endpoint = format!("https://127.0.0.1:{port}");
        let error = connect(&profile).await.unwrap_err();
        assert_eq!(*error.reason(), Reason::Unavailable);
        assert!(error.message().contains("refused"), "{error}");
    }
}
