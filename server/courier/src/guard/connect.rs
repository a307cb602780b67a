//! Connecting to an address that the guard has looked at.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Destination, Guard};
use crate::Failure;

/// A connection, in TLS unless the place is a plain one.
#[derive(Debug)]
pub enum Stream {
    /// `https`.
    Tls(Box<TlsStream<TcpStream>>),
    /// `http`, within the provider's own network.
    Plain(TcpStream),
}

impl Guard {
    /// Connects to the place, by the one look at its name.
    ///
    /// # Errors
    /// [`Failure`] says why not.
    pub async fn connect(&self, to: &Destination) -> Result<Stream, Failure> {
        let mut failed = Failure::Unreachable;
        for at in self.addresses(to).await? {
            let connecting = TcpStream::connect(at);
            match tokio::time::timeout(self.config.connect, connecting).await {
                Ok(Ok(stream)) => return self.secure(to, stream).await,
                Ok(Err(_)) => failed = Failure::Unreachable,
                Err(_) => failed = Failure::TimedOut,
            }
        }
        Err(failed)
    }

    async fn secure(&self, to: &Destination, stream: TcpStream) -> Result<Stream, Failure> {
        if !to.is_https() {
            return Ok(Stream::Plain(stream));
        }
        let name = ServerName::try_from(to.host()).map_err(|_| Failure::Url)?;
        let connector = TlsConnector::from(self.tls.clone());
        let stream = connector.connect(name, stream).await;
        Ok(Stream::Tls(Box::new(stream.map_err(|_| Failure::Tls)?)))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
