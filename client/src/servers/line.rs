//! One connection: TLS 1.3 with the profile's key, and HTTP/2 over it.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncBufReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::body::Body;

use super::Patience;
use crate::error::{Error, Reason, Result};
use crate::profile::{Address, Profile};

/// How much of one stream, and of all, may be under way towards the reader.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// A connection, to send requests on. Cheap to clone; closed when the server ends it, and when it
/// has been silent for too long while calls were open.
pub(super) type Line = SendRequest<Body>;

/// Connects.
pub(super) async fn connect(
    tls: &TlsConnector,
    address: &Address,
    patience: Patience,
) -> Result<Line, Box<dyn StdError + Send + Sync>> {
    let stream = tokio::time::timeout(patience.dial, dial(tls, address))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))??;
    let stream = greeted(stream, patience).await?;
    let (line, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(patience.ask)
        .keep_alive_timeout(patience.reply)
        .handshake(TokioIo::new(stream))
        .await?;
    // How it ends is told to the calls that are open on it.
    tokio::spawn(connection);
    Ok(line)
}

async fn dial(tls: &TlsConnector, address: &Address) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    stream.set_nodelay(true)?;
    let stream = tls.connect(address.name.clone(), stream).await?;
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the server does not speak HTTP/2",
        ));
    }
    Ok(stream)
}

/// In TLS 1.3 the client is through with its part when the server judges its certificate, and a
/// server of HTTP/2 speaks first. So its first words, or why there are none, are waited for:
/// later on, a refusal would look like a connection that was lost.
async fn greeted(
    mut stream: TlsStream<TcpStream>,
    patience: Patience,
) -> io::Result<TlsStream<TcpStream>> {
    match tokio::time::timeout(patience.greeting, stream.fill_buf()).await {
        Ok(Err(error)) => Err(error),
        Ok(Ok([])) => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server hung up after the handshake; it may not accept the profile's certificate",
        )),
        // Something between may hold the words back until the client has spoken.
        Ok(Ok(_)) | Err(_) => Ok(stream),
    }
}

pub(super) fn client_config(profile: &Profile) -> Result<ClientConfig> {
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
}
