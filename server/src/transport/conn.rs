//! A connection whose TLS handshake is done.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::shares::Share;

/// A TLS connection. It holds its place among the connections that the server allows.
pub struct Conn {
    stream: TlsStream<TcpStream>,
    peer: Peer,
    _place: Place,
}

/// A place among all connections, and among those from one address.
pub(super) type Place = (OwnedSemaphorePermit, Share<IpAddr>);

/// Who is at the other end, as far as TLS knows.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The client's certificate in DER, verified against the authority; `None` without one.
    pub certificate: Option<Arc<[u8]>>,
    /// Where it connects from.
    pub address: SocketAddr,
}

impl Conn {
    pub(super) fn new(stream: TlsStream<TcpStream>, address: SocketAddr, place: Place) -> Self {
        let certificate = stream
            .get_ref()
            .1
            .peer_certificates()
            .and_then(<[_]>::first)
            .map(|certificate| Arc::from(certificate.as_ref()));
        Self {
            stream,
            peer: Peer {
                certificate,
                address,
            },
            _place: place,
        }
    }
}

impl Connected for Conn {
    type ConnectInfo = Peer;
    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Conn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
