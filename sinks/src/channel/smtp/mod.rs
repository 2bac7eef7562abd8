//! E-mail by SMTP (RFC 5321), one relay per channel.
//!
//! Connections are kept here, each on a socket with `TCP_NODELAY`: the body and the final dot are two
//! writes, and Nagle's algorithm against a delayed ACK costs 40 ms a message.
//!
//! A connection lost before the server asked for the content is tried again, one lost after it is `Unknown`, for SMTP has
//! no idempotency key; what replies mean is told in [`class`].
//!
//! Mail is signed here where the channel has a key ([`dkim`]), else the relay may sign.
//!
//! Deliberately absent: direct delivery to MX hosts, `8BITMIME` (letters are ASCII).

mod address;
mod body;
mod class;
mod connection;
mod dkim;
mod encrypted;
mod file;
pub(super) mod letter;
mod many;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use lettre::transport::smtp::authentication::Credentials;
use schemas::Outbound;
use serde::Deserialize;
use tokio::time::Instant;

use self::{
    class::classed,
    connection::{Connection, Phase, Trouble},
    letter::{Letter, Writer},
};
use super::{Account, Failure, Misconfigured, SendOutcome, Sender, Settings, TestReport};

/// Connections kept for the next message.
const MAX_IDLE: usize = 16;
/// Servers close idle connections; one that waited this long is not trusted.
const MAX_IDLE_TIME: Duration = Duration::from_secs(20);
/// Many servers limit the messages of one connection.
const MAX_MESSAGES: u32 = 100;

/// `credentials.smtp`.
#[derive(Deserialize)]
struct Relay {
    host: String,
    port: Option<u16>,
    #[serde(default)]
    tls: Tls,
    username: Option<String>,
    password: Option<String>,
    /// Which certificate authorities are trusted.
    #[serde(default)]
    roots: Roots,
    /// One more authority, as PEM: for a relay with a private one.
    ca_pem: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tls {
    /// In the clear: for a relay on the same machine.
    None,
    /// Refused if the server does not offer it.
    #[default]
    Starttls,
    Implicit,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Roots {
    /// The system's.
    #[default]
    Native,
    /// Mozilla's, built in: for systems without any.
    Webpki,
}

pub(super) struct Smtp {
    writer: Writer,
    server: connection::Server,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Smtp {
    pub(super) fn new(account: &Account<'_>, settings: &Settings) -> Result<Self, Misconfigured> {
        let relay: Relay = account
            .credential("smtp")
            .cloned()
            .ok_or(Misconfigured::Missing("smtp"))
            .and_then(|relay| {
                serde_json::from_value(relay).map_err(|_| Misconfigured::Invalid {
                    name: "smtp",
                    problem: "must have host, port, tls (none, starttls, implicit), username, password",
                })
            })?;
        Ok(Self {
            writer: Writer::new(account, settings)?,
            server: server(relay, account, settings)?,
            idle: Mutex::new(Vec::new()),
        })
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|kept| kept.since.elapsed() < MAX_IDLE_TIME);
        idle.pop().map(|kept| kept.connection)
    }

    fn keep(&self, connection: Connection) {
        if connection.is_broken() || connection.delivered() >= MAX_MESSAGES {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(Idle {
                connection,
                since: Instant::now(),
            });
        }
    }

    async fn deliver(&self, letter: &Letter) -> Result<(), Trouble> {
        if let Some(mut kept) = self.take_idle() {
            match kept.deliver(letter).await {
                // The server closed it while it waited: nothing left, so once more on a new one.
                Err(trouble) if trouble.phase == Phase::Before && trouble.reply.is_none() => {}
                done => {
                    self.keep(kept);
                    return done;
                }
            }
        }
        let mut fresh = self.server.open().await?;
        let done = fresh.deliver(letter).await;
        self.keep(fresh);
        done
    }
}

fn server(
    relay: Relay,
    account: &Account<'_>,
    settings: &Settings,
) -> Result<connection::Server, Misconfigured> {
    if relay.host.is_empty() {
        return Err(Misconfigured::Missing("smtp.host"));
    }
    let port = relay.port.unwrap_or(match relay.tls {
        Tls::None => 25,
        Tls::Starttls => 587,
        Tls::Implicit => 465,
    });
    let login = match (&relay.username, &relay.password) {
        (Some(user), Some(password)) if !user.is_empty() => {
            Some(Credentials::new(user.clone(), password.clone()))
        }
        (Some(user), None) if !user.is_empty() => {
            return Err(Misconfigured::Missing("smtp.password"));
        }
        _ => None,
    };
    if login.is_some() && relay.tls == Tls::None && !account.setting_flag("allow_plain_login") {
        return Err(Misconfigured::Invalid {
            name: "smtp.tls",
            problem: "`none` would show the password on the way; set `allow_plain_login` to do so",
        });
    }
    let tls = match relay.tls {
        Tls::None => connection::Security::None,
        Tls::Starttls => connection::Security::Starttls(tls_parameters(&relay)?),
        Tls::Implicit => connection::Security::Implicit(tls_parameters(&relay)?),
    };
    let allow_private = account.allow_private(settings);
    Ok(connection::Server::new(
        relay.host,
        port,
        tls,
        login,
        allow_private,
    ))
}

fn tls_parameters(
    relay: &Relay,
) -> Result<lettre::transport::smtp::client::TlsParameters, Misconfigured> {
    use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
    let mut builder = TlsParameters::builder(relay.host.clone());
    if relay.roots == Roots::Webpki {
        builder = builder.certificate_store(CertificateStore::WebpkiRoots);
    }
    if let Some(pem) = &relay.ca_pem {
        let authority =
            Certificate::from_pem(pem.as_bytes()).map_err(|_| Misconfigured::Invalid {
                name: "smtp.ca_pem",
                problem: "is not a certificate in PEM",
            })?;
        builder = builder.add_root_certificate(authority);
    }
    builder
        .build_rustls()
        .map_err(|error| Misconfigured::Tls(error.to_string()))
}

/// What the mail is known by: its `Message-ID`, and where it has a token, the message's id, which that names.
fn names(letter: Letter, outbound: &Outbound) -> Vec<String> {
    let by_token = letter.has_token.then(|| outbound.message.id.to_string());
    std::iter::once(letter.message_id).chain(by_token).collect()
}

#[async_trait]
impl Sender for Smtp {
    async fn send(&self, batch: &[&Outbound]) -> Vec<SendOutcome> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for outbound in batch {
            outcomes.push(match self.writer.write(outbound).await {
                Err(outcome) => outcome,
                Ok(letter) => match self.deliver(&letter).await {
                    Ok(()) => SendOutcome::Accepted {
                        provider_ids: names(letter, outbound),
                    },
                    Err(trouble) => classed(&trouble),
                },
            });
        }
        outcomes
    }

    fn is_idempotent(&self) -> bool {
        false
    }

    /// Connects, encrypts and logs in; no mail is sent.
    async fn test(&self, _webhook_url: Option<&str>) -> TestReport {
        match self.server.open().await {
            Ok(connection) => {
                self.keep(connection);
                TestReport::passed(
                    Some(self.writer.from().to_string()),
                    "the relay answers and takes the login",
                )
            }
            Err(trouble) => {
                let code = trouble
                    .reply
                    .map_or_else(|| "relay".to_owned(), |reply| format!("smtp-{reply}"));
                let detail = format!("{}: {}", class::step(trouble.phase), trouble.detail);
                TestReport::failed(&Failure::channel(code, detail))
            }
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
