//! TLS from the first byte on, on a socket we opened.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

#[expect(
    deprecated,
    reason = "the only way to do implicit TLS on a socket we opened"
)]
use lettre::transport::smtp::client::AsyncNetworkStream;
use lettre::transport::smtp::client::{AsyncTokioStream, TlsParameters};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};

use super::connection::{COMMAND_TIMEOUT, Phase, Trouble, within};

/// A TLS stream on our own socket.
#[derive(Debug)]
#[expect(deprecated, reason = "see the import")]
pub(super) struct Encrypted {
    stream: Compat<AsyncNetworkStream>,
    peer: SocketAddr,
}

#[expect(deprecated, reason = "see the import")]
pub(super) async fn encrypted(
    socket: TcpStream,
    parameters: TlsParameters,
) -> Result<Encrypted, Trouble> {
    let peer = socket
        .peer_addr()
        .map_err(|error| Trouble::io(Phase::Connecting, &error))?;
    let mut stream = AsyncNetworkStream::use_existing_tokio1(Box::new(socket));
    within(
        COMMAND_TIMEOUT,
        Phase::Security,
        stream.upgrade_tls(parameters),
    )
    .await?;
    Ok(Encrypted {
        stream: stream.compat(),
        peer,
    })
}

impl AsyncTokioStream for Encrypted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
