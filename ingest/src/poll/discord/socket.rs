//! The way to the gateway: a WebSocket (RFC 6455) over TLS.
//!
//! Invariants: the guard's verdict is about the address that is then connected to, whoever named the host; the token goes over an
//! encrypted connection only, except where private addresses are allowed; what comes is bounded before it is read.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use egress::guard;
use reqwest::Url;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Error, protocol::WebSocketConfig},
};

use crate::poll::{PollError, imap};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest that is taken: a guild with all its channels and emojis has some hundred kilobytes.
const MAX_BYTES: usize = 16 << 20;
const BUFFER_BYTES: usize = 16 << 10;

/// Bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

pub(super) type Socket = WebSocketStream<Box<dyn Stream>>;

/// A gateway's address: `wss`, or `ws` where private addresses are allowed, with what we want to speak there.
pub(super) fn address(text: &str, allow_private: bool) -> Result<Url, PollError> {
    let no = |what| PollError::broken(format!("the gateway's address {what}"));
    let mut url = Url::parse(text).map_err(|_| no("is none"))?;
    let seen = match url.scheme() {
        "wss" => text.replacen("wss", "https", 1),
        "ws" if allow_private => text.replacen("ws", "http", 1),
        "ws" => return Err(no("is not encrypted; it must begin with wss://")),
        _ => return Err(no("must begin with wss://")),
    };
    let seen = Url::parse(&seen).map_err(|_| no("is none"))?;
    guard::check(&seen, allow_private).map_err(|_| no("may not be called"))?;
    url.set_query(Some("v=10&encoding=json"));
    url.set_fragment(None);
    Ok(url)
}

/// Connects to an address of [`address`].
pub(super) async fn connect(url: &Url, allow_private: bool) -> Result<Socket, PollError> {
    let roots = match imap::native_roots() {
        none if none.is_empty() => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
        native => native.clone(),
    };
    connect_to(url, allow_private, roots).await
}

async fn connect_to(
    url: &Url,
    allow_private: bool,
    roots: RootCertStore,
) -> Result<Socket, PollError> {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or(443);
    let socket = reach(bare, port, allow_private).await?;
    let stream: Box<dyn Stream> = match url.scheme() {
        "ws" => Box::new(socket),
        _ => encrypt(bare, socket, roots).await?,
    };
    let bounds = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_BYTES))
        .max_frame_size(Some(MAX_BYTES));
    let upgraded = client_async_with_config(url.as_str(), stream, Some(bounds));
    match timeout(HANDSHAKE_TIMEOUT, upgraded).await {
        Err(_) => Err(PollError::transient(
            "Discord's gateway did not answer in time",
        )),
        Ok(Err(error)) => Err(lost(&error)),
        Ok(Ok((socket, _))) => Ok(socket),
    }
}

/// What a broken connection means; says nothing of what was in it.
pub(super) fn lost(error: &Error) -> PollError {
    PollError::transient(match error {
        Error::Io(error) => format!("the connection to Discord was lost: {}", error.kind()),
        Error::Http(response) => format!(
            "Discord's gateway answered HTTP {}",
            response.status().as_u16()
        ),
        Error::Capacity(_) => "Discord sent more at once than is taken".to_owned(),
        _ => "the connection to Discord was lost".to_owned(),
    })
}

/// A socket to the first address that answers.
async fn reach(host: &str, port: u16, allow_private: bool) -> Result<TcpStream, PollError> {
    let found = timeout(CONNECT_TIMEOUT, lookup_host((host, port))).await;
    let found = found
        .map_err(|_| PollError::transient("the gateway's name was not resolved in time"))?
        .map_err(|_| PollError::transient("the gateway's name cannot be resolved"))?;
    let addresses: Vec<SocketAddr> = found
        .filter(|address| allow_private || egress::is_public(address.ip()))
        .collect();
    if addresses.is_empty() {
        return Err(PollError::broken(
            "the gateway's address is private; the hub may not call it",
        ));
    }
    for address in addresses {
        if let Ok(Ok(socket)) = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await
            && socket.set_nodelay(true).is_ok()
        {
            return Ok(socket);
        }
    }
    Err(PollError::transient("Discord's gateway cannot be reached"))
}

async fn encrypt(
    host: &str,
    socket: TcpStream,
    roots: RootCertStore,
) -> Result<Box<dyn Stream>, PollError> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| PollError::broken("the gateway's address has no name of a server"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| PollError::broken("no TLS can be had here"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let handshake = timeout(HANDSHAKE_TIMEOUT, connector.connect(name, socket)).await;
    let stream = handshake
        .map_err(|_| PollError::transient("the TLS handshake took too long"))?
        .map_err(|_| PollError::transient("the TLS handshake with Discord failed"))?;
    Ok(Box::new(stream))
}

#[cfg(test)]
mod tests {
    use futures::{SinkExt, StreamExt};
    use rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    };
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_tungstenite::{accept_async, tungstenite::Message};

    use super::*;

    /// Of `localhost`, and trusted by nobody else.
    const CERTIFICATE: &[u8] = include_bytes!("socket/cert.pem");
    const KEY: &[u8] = include_bytes!("socket/key.pem");

    /// Says hello over TLS to whoever comes; the port.
    async fn server() -> u16 {
        let config =
            ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(
                    vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()],
                    PrivateKeyDer::from_pem_slice(KEY).unwrap(),
                )
                .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // Who does not trust the certificate goes.
                if let Ok(stream) = acceptor.accept(socket).await {
                    let mut socket = accept_async(stream).await.unwrap();
                    socket.send(Message::text("hello")).await.unwrap();
                }
            }
        });
        port
    }

    #[tokio::test]
    async fn a_trusted_gateway_is_spoken_to_over_tls_and_no_other() {
        let port = server().await;
        let url = address(&format!("wss://localhost:{port}"), true).unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(CERTIFICATE).unwrap())
            .unwrap();
        let mut socket = connect_to(&url, true, roots.clone()).await.unwrap();
        let said = socket.next().await.unwrap().unwrap();
        assert_eq!(said, Message::text("hello"));

        let stranger = connect(&url, true).await.err();
        assert!(matches!(stranger, Some(PollError::Transient { reason, .. })
            if reason.contains("TLS handshake")));
        let other = address(&format!("wss://127.0.0.1:{port}"), true).unwrap();
        assert!(connect_to(&other, true, roots).await.is_err());
    }

    #[test]
    fn only_what_may_be_called_is_an_address() {
        let told = |text: &str, private: bool| address(text, private).map(|url| url.to_string());
        let usual = told("wss://gateway.discord.gg/?x=1", false).unwrap();
        assert_eq!(usual, "wss://gateway.discord.gg/?v=10&encoding=json");
        assert!(told("ws://127.0.0.1:9/gateway", true).is_ok());
        for (text, private) in [
            ("ws://gateway.discord.gg", false),
            ("wss://127.0.0.1", false),
            ("wss://[::1]", false),
            ("wss://169.254.169.254/x", false),
            ("wss://user:pw@gateway.discord.gg", true),
            ("https://gateway.discord.gg", true),
            ("gateway.discord.gg", true),
            ("", true),
        ] {
            let refused = told(text, private);
            assert!(
                matches!(refused, Err(PollError::Broken { .. })),
                "{text}: {refused:?}"
            );
        }
    }

    #[tokio::test]
    async fn names_of_private_addresses_are_not_called() {
        let url = address("wss://localhost:1", false).unwrap();
        let refused = connect(&url, false).await.err();
        assert!(matches!(refused, Some(PollError::Broken { .. })));
    }
}
