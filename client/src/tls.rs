//! The connection: TLS 1.3 with the profile's key, and HTTP/2 over it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::AsyncBufReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use crate::error::{Error, Reason, Result};
use crate::profile::Profile;

/// How long reaching the server and agreeing on keys may take, each.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server's first words are waited for.
const GREETING_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a silent connection is asked whether it is still there.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// How long it may take to say so.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(15);
/// How much of one stream, and of all, may be under way towards the reader.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// Connects, so that an unreachable or untrusted server is noticed here and not in a call.
pub(crate) async fn connect(profile: &Profile) -> Result<Channel> {
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

    let connector = service_fn(move |_: Uri| {
        let (tls, name, host) = (tls.clone(), name.clone(), host.clone());
        async move {
            let stream = dial(&tls, name, &host, port).await?;
            Ok::<_, io::Error>(TokioIo::new(stream))
        }
    });
    endpoint
        .connect_with_connector(connector)
        .await
        .map_err(|error| Error::connect(&profile.endpoint, &error))
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
    let mut stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.connect(name, stream))
        .await
        .map_err(late)??;
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the server does not speak HTTP/2",
        ));
    }
    // In TLS 1.3 the client is through with its part when the server judges its certificate, and
    // a server of HTTP/2 speaks first. So its first words, or why there are none, are waited for:
    // later on, a refusal would look like a connection that was lost.
    match tokio::time::timeout(GREETING_TIMEOUT, stream.fill_buf()).await {
        Ok(Err(error)) => Err(error),
        Ok(Ok([])) => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server hung up after the handshake; it may not accept the profile's certificate",
        )),
        // Something between may hold the words back until the client has spoken.
        Ok(Ok(_)) | Err(_) => Ok(stream),
    }
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
