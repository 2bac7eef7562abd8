//! Where a mailbox is: `credentials.imap`, and the way there.
//!
//! Invariants: the guard's verdict is about the address that is then connected to; a password goes over an encrypted
//! connection only, unless the channel says otherwise.

use std::{io, net::SocketAddr, sync::Arc, sync::OnceLock, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::poll::PollError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);

/// `credentials.imap`.
#[derive(Clone, Deserialize)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    #[serde(default)]
    pub(super) tls: Tls,
    pub(super) username: String,
    #[serde(default)]
    pub(super) password: String,
    #[serde(default = "inbox")]
    pub(super) mailbox: String,
    /// OAuth 2 in place of a password.
    pub(super) oauth: Option<egress::oauth::Grant>,
    /// Which certificate authorities are trusted.
    #[serde(default)]
    pub(super) roots: Roots,
    /// One more authority, as PEM: for a server with a private one.
    pub(super) ca_pem: Option<String>,
}

fn inbox() -> String {
    "INBOX".to_owned()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tls {
    /// In the clear: for a server on the same machine.
    None,
    /// Refused if the server does not offer it.
    Starttls,
    #[default]
    Implicit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Roots {
    /// The system's.
    #[default]
    Native,
    /// Mozilla's, built in: for systems without any.
    Webpki,
}

/// Bytes both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

impl Server {
    /// From a channel's credentials; `plain_login`: the setting `allow_plain_login`.
    pub(super) fn of(credentials: &Value, plain_login: bool) -> Result<Self, PollError> {
        let given = credentials
            .get("imap")
            .cloned()
            .ok_or_else(|| PollError::broken("the credential `imap` is missing"))?;
        let server: Self = serde_json::from_value(given).map_err(|_| {
            PollError::broken(
                "`imap` must have host, port, tls (none, starttls, implicit), username, password, mailbox",
            )
        })?;
        if server.host.is_empty() || server.username.is_empty() {
            return Err(PollError::broken("`imap` needs a host and a username"));
        }
        if server.password.is_empty() && server.oauth.is_none() {
            return Err(PollError::broken("`imap` needs a password or `oauth`"));
        }
        if server.tls == Tls::None && !plain_login {
            return Err(PollError::broken(
                "`imap.tls` `none` would show the password on the way; set `allow_plain_login` to do so",
            ));
        }
        Ok(server)
    }

    /// What tells this mailbox from others, so that a cursor is not taken for another's.
    pub(super) fn account(&self) -> String {
        crate::poll::digest(&format!(
            "{}\n{}\n{}",
            self.host, self.username, self.mailbox
        ))
    }

    /// A socket to the first address that answers.
    pub(super) async fn connect(&self, allow_private: bool) -> Result<TcpStream, PollError> {
        let port = self.port.unwrap_or(match self.tls {
            Tls::None | Tls::Starttls => 143,
            Tls::Implicit => 993,
        });
        let found = timeout(CONNECT_TIMEOUT, lookup_host((self.host.as_str(), port)))
            .await
            .map_err(|_| PollError::transient("the server's name was not resolved in time"))?
            .map_err(|_| PollError::transient("the server's name cannot be resolved"))?;
        let addresses: Vec<SocketAddr> = found
            .filter(|address| allow_private || egress::is_public(address.ip()))
            .collect();
        if addresses.is_empty() {
            return Err(PollError::broken(
                "the server's address is private; the hub may not call it",
            ));
        }
        let mut last = io::Error::from(io::ErrorKind::TimedOut);
        for address in addresses {
            match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(socket)) => {
                    socket.set_nodelay(true).map_err(|error| lost(&error))?;
                    return Ok(socket);
                }
                Ok(Err(error)) => last = error,
                Err(_) => {}
            }
        }
        Err(PollError::transient(format!(
            "the server cannot be reached: {}",
            last.kind()
        )))
    }

    /// The same socket, encrypted.
    pub(super) async fn encrypt(&self, socket: TcpStream) -> Result<Box<dyn Stream>, PollError> {
        let name = ServerName::try_from(self.host.clone())
            .map_err(|_| PollError::broken("`imap.host` is no name of a server"))?;
        let connector = TlsConnector::from(Arc::new(self.tls_config()?));
        let handshake = timeout(HANDSHAKE_TIMEOUT, connector.connect(name, socket));
        let stream = handshake
            .await
            .map_err(|_| PollError::transient("the TLS handshake took too long"))?
            .map_err(|error| match certificate(&error) {
                true => PollError::broken("the server's certificate is not trusted"),
                false => PollError::transient("the TLS handshake failed"),
            })?;
        Ok(Box::new(stream))
    }

    fn tls_config(&self) -> Result<ClientConfig, PollError> {
        let mut roots = match self.roots {
            Roots::Native => native().clone(),
            Roots::Webpki => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
        };
        if let Some(pem) = &self.ca_pem {
            let refused = || PollError::broken("`imap.ca_pem` is not a certificate in PEM");
            let authority =
                CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| refused())?;
            roots.add(authority).map_err(|_| refused())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| PollError::broken("no TLS can be had here"))?
            .with_root_certificates(roots)
            .with_no_client_auth())
    }
}

/// The system's authorities, read once.
pub(in crate::poll) fn native() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    })
}

fn certificate(error: &io::Error) -> bool {
    let inner = error.get_ref();
    matches!(
        inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()),
        Some(rustls::Error::InvalidCertificate(_))
    )
}

/// What a broken connection means.
pub(super) fn lost(error: &io::Error) -> PollError {
    PollError::transient(format!("the connection was lost: {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(imap: Value, plain_login: bool) -> Option<String> {
        match Server::of(&json!({"imap": imap}), plain_login) {
            Ok(_) => None,
            Err(PollError::Broken { reason }) => Some(reason),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_missing_is_said_without_secrets() {
        let whole = json!({"host": "h", "username": "u", "password": "hunter2"});
        assert_eq!(refusal(whole, false), None);
        for (imap, word) in [
            (json!({"host": "h", "password": "hunter2"}), "username"),
            (
                json!({"host": "", "username": "u", "password": "hunter2"}),
                "host",
            ),
            (json!({"host": "h", "username": "u"}), "password"),
            (
                json!({"host": "h", "username": "u", "password": "hunter2", "tls": "some"}),
                "tls",
            ),
            (
                json!({"host": "h", "username": "u", "password": "hunter2", "tls": "none"}),
                "allow_plain_login",
            ),
        ] {
            let reason = refusal(imap, false).unwrap();
            assert!(
                reason.contains(word) && !reason.contains("hunter2"),
                "{reason}"
            );
        }
        let plain = json!({"host": "h", "username": "u", "password": "p", "tls": "none"});
        assert_eq!(refusal(plain, true), None);
    }

    #[tokio::test]
    async fn private_addresses_are_for_those_who_may() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let imap = json!({"host": "localhost", "port": listener.local_addr().unwrap().port(),
            "username": "u", "password": "p"});
        let server = Server::of(&json!({"imap": imap}), false).unwrap();
        let refused = server.connect(false).await;
        assert!(
            matches!(refused, Err(PollError::Broken { .. })),
            "{refused:?}"
        );
        assert!(server.connect(true).await.is_ok());
    }

    #[test]
    fn an_account_is_told_by_what_it_is() {
        let account = |host: &str, password: &str| {
            let imap = json!({"host": host, "username": "u", "password": password});
            Server::of(&json!({"imap": imap}), false).unwrap().account()
        };
        assert_eq!(account("h", "1"), account("h", "2"));
        assert_ne!(account("h", "1"), account("g", "1"));
    }
}
