//! One SMTP connection, and how far a message got on it.
//!
//! Invariant: [`Phase::Content`] begins when the server asked for the content (354), because from
//! then on a lost connection leaves open whether the message was taken.
//!
//! Where the server says that it takes commands together (PIPELINING, RFC 2920), a mail to one person waits for it twice
//! instead of four times: `MAIL`, `RCPT`, `DATA` leave together, then the content.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use lettre::{
    Address,
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters},
        commands::{Data, Ehlo, Mail, Rcpt, Rset},
        extension::{ClientId, Extension, MailParameter},
    },
};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::{encrypted::encrypted, letter::Letter};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// A server may scan the content before it answers (RFC 5321 section 4.5.3.2.6 grants ten minutes).
const CONTENT_TIMEOUT: Duration = Duration::from_secs(120);

/// How far a message, or its connection, got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Connecting,
    /// The relay's address is none that may be called.
    Forbidden,
    Greeting,
    /// The TLS handshake, or a server without STARTTLS.
    Security,
    Login,
    /// `MAIL`, `DATA`: nothing of the content was written.
    Before,
    /// `RCPT` of the person written to.
    Recipient,
    /// The content was asked for.
    Content,
    /// We did not even try.
    Ours,
}

/// What went wrong.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) phase: Phase,
    /// The server's reply code, when it replied.
    pub(super) reply: Option<u16>,
    pub(super) detail: String,
}

impl Trouble {
    fn of(phase: Phase, error: &Error) -> Self {
        let reply = error.status().map(|code| {
            u16::from(code.severity as u8) * 100
                + u16::from(code.category as u8) * 10
                + u16::from(code.detail as u8)
        });
        Self {
            phase,
            reply,
            detail: error.to_string(),
        }
    }

    pub(super) fn io(phase: Phase, error: &io::Error) -> Self {
        Self {
            phase,
            reply: None,
            detail: error.to_string(),
        }
    }
}

/// Waits for a step, bounded.
pub(super) async fn within<T>(
    limit: Duration,
    phase: Phase,
    step: impl Future<Output = Result<T, Error>>,
) -> Result<T, Trouble> {
    match timeout(limit, step).await {
        Ok(done) => done.map_err(|error| Trouble::of(phase, &error)),
        Err(_) => Err(Trouble {
            phase,
            reply: None,
            detail: format!("no answer within {} s", limit.as_secs()),
        }),
    }
}

pub(super) enum Security {
    None,
    Starttls(TlsParameters),
    Implicit(TlsParameters),
}

/// Where and how to connect.
pub(super) struct Server {
    host: String,
    port: u16,
    security: Security,
    login: Option<Credentials>,
    hello: ClientId,
    /// Lets it be on a private or loopback address.
    allow_private: bool,
}

impl Server {
    pub(super) fn new(
        host: String,
        port: u16,
        security: Security,
        login: Option<Credentials>,
        allow_private: bool,
    ) -> Self {
        Self {
            host,
            port,
            security,
            login,
            hello: ClientId::default(),
            allow_private,
        }
    }

    pub(super) async fn open(&self) -> Result<Connection, Trouble> {
        let socket = self.socket().await?;
        let mut smtp = match &self.security {
            Security::Implicit(parameters) => {
                let stream = encrypted(socket, parameters.clone()).await?;
                self.greet(Box::new(stream)).await?
            }
            Security::None | Security::Starttls(_) => self.greet(Box::new(socket)).await?,
        };
        if let Security::Starttls(parameters) = &self.security {
            within(
                COMMAND_TIMEOUT,
                Phase::Security,
                smtp.starttls(parameters.clone(), &self.hello),
            )
            .await?;
        }
        let takes_together = self.takes_together(&mut smtp).await?;
        if let Some(login) = &self.login {
            within(
                COMMAND_TIMEOUT,
                Phase::Login,
                smtp.auth(DEFAULT_MECHANISMS, login),
            )
            .await?;
        }
        Ok(Connection {
            smtp,
            takes_together,
            delivered: 0,
            broken: false,
        })
    }

    /// Whether the server takes commands together. The connection has greeted, but keeps of what the server said then only what
    /// it has use for itself; so it is asked again.
    async fn takes_together(&self, smtp: &mut AsyncSmtpConnection) -> Result<bool, Trouble> {
        let hello = Ehlo::new(self.hello.clone());
        match within(COMMAND_TIMEOUT, Phase::Greeting, smtp.command(hello)).await {
            Ok(answer) => Ok(answer
                .message()
                .any(|line| line.trim().eq_ignore_ascii_case("PIPELINING"))),
            Err(Trouble {
                reply: Some(reply), ..
            }) if reply != 421 => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    /// The verdict is about the addresses that are then connected to, one after the other.
    async fn socket(&self) -> Result<TcpStream, Trouble> {
        let trouble = |error: &io::Error| Trouble::io(Phase::Connecting, error);
        let connect = async {
            let found: Vec<SocketAddr> = lookup_host((self.host.as_str(), self.port))
                .await
                .map_err(|error| trouble(&error))?
                .collect();
            let allowed = found
                .iter()
                .filter(|address| self.allow_private || egress::is_public(address.ip()));
            let mut last = None;
            for address in allowed {
                match TcpStream::connect(address).await {
                    Ok(socket) => return Ok(socket),
                    Err(error) => last = Some(trouble(&error)),
                }
            }
            Err(last.unwrap_or_else(|| Trouble {
                phase: Phase::Forbidden,
                reply: None,
                detail: "the relay has no address but private or local ones".into(),
            }))
        };
        let socket = timeout(CONNECT_TIMEOUT, connect)
            .await
            .map_err(|_| trouble(&io::ErrorKind::TimedOut.into()))??;
        socket.set_nodelay(true).map_err(|error| trouble(&error))?;
        Ok(socket)
    }

    async fn greet(
        &self,
        stream: Box<dyn AsyncTokioStream>,
    ) -> Result<AsyncSmtpConnection, Trouble> {
        within(
            COMMAND_TIMEOUT,
            Phase::Greeting,
            AsyncSmtpConnection::connect_with_transport(stream, &self.hello),
        )
        .await
    }
}

pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    /// Whether the server takes commands before it has answered those before them.
    takes_together: bool,
    delivered: u32,
    broken: bool,
}

impl Connection {
    pub(super) fn is_broken(&self) -> bool {
        self.broken || self.smtp.has_broken()
    }

    /// Messages this connection has carried.
    pub(super) fn delivered(&self) -> u32 {
        self.delivered
    }

    /// One message. After an error reply the connection stays usable, after anything else it does not.
    pub(super) async fn deliver(&mut self, letter: &Letter) -> Result<(), Trouble> {
        self.delivered += 1;
        let done = self.exchange(letter).await;
        if let Err(trouble) = &done {
            let reset = match (trouble.reply, trouble.phase) {
                _ if self.broken => false,
                (Some(421) | None, Phase::Before | Phase::Recipient | Phase::Content) => false,
                (Some(_), Phase::Before | Phase::Recipient) => {
                    within(COMMAND_TIMEOUT, Phase::Before, self.smtp.command(Rset))
                        .await
                        .is_ok()
                }
                _ => true,
            };
            self.broken |= !reset;
        }
        done
    }

    async fn exchange(&mut self, letter: &Letter) -> Result<(), Trouble> {
        let mut parameters = Vec::new();
        let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        if !is_ascii(&letter.from) || !letter.to.iter().all(is_ascii) {
            if !self
                .smtp
                .server_info()
                .supports_feature(Extension::SmtpUtfEight)
            {
                return Err(Trouble {
                    phase: Phase::Ours,
                    reply: None,
                    detail: "the relay takes no addresses outside ASCII (SMTPUTF8)".into(),
                });
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let mail = Mail::new(Some(letter.from.clone()), parameters);
        match letter.to.as_slice() {
            [person] if self.takes_together => self.ask_together(&mail, person).await?,
            people => self.ask(mail, people).await?,
        }
        let content = async {
            match std::str::from_utf8(&letter.content) {
                Ok(content) => self.smtp.command(ended(content)).await,
                Err(_) => self.smtp.message(&letter.content).await,
            }
        };
        within(CONTENT_TIMEOUT, Phase::Content, content).await?;
        Ok(())
    }

    /// Asks for leave to send the content, one command after the other.
    async fn ask(&mut self, mail: Mail, people: &[Address]) -> Result<(), Trouble> {
        within(COMMAND_TIMEOUT, Phase::Before, self.smtp.command(mail)).await?;
        for (place, person) in people.iter().enumerate() {
            let rcpt = Rcpt::new(person.clone(), Vec::new());
            let answer = within(COMMAND_TIMEOUT, Phase::Recipient, self.smtp.command(rcpt)).await;
            match answer {
                // The mail is for the first; one of the others who cannot have a copy holds it up for nobody.
                Err(trouble) if place > 0 && !matches!(trouble.reply, Some(421) | None) => {
                    tracing::debug!(reply = trouble.reply, "a copy was refused");
                }
                answer => {
                    answer?;
                }
            }
        }
        within(COMMAND_TIMEOUT, Phase::Before, self.smtp.command(Data)).await?;
        Ok(())
    }

    /// Asks for leave to send the content to one person, with all commands together. The first refusal counts.
    async fn ask_together(&mut self, mail: &Mail, person: &Address) -> Result<(), Trouble> {
        let rcpt = Rcpt::new(person.clone(), Vec::new());
        let commands = self.smtp.command(format!("{mail}{rcpt}{Data}"));
        let from = within(COMMAND_TIMEOUT, Phase::Before, commands).await;
        if is_lost(&from) {
            return from.map(drop);
        }
        let to = self.smtp.read_response();
        let to = within(COMMAND_TIMEOUT, Phase::Recipient, to).await;
        if is_lost(&to) {
            self.broken = true;
            return from.and(to).map(drop);
        }
        let data = self.smtp.read_response();
        let data = within(COMMAND_TIMEOUT, Phase::Before, data).await;
        let person = from.and(to);
        // Content that is asked for after a refusal is for nobody: the server throws away what never ends.
        self.broken |= is_lost(&data) || person.is_err() && data.is_ok();
        person.and(data).map(drop)
    }
}

/// Whether no more answers come.
fn is_lost<T>(answer: &Result<T, Trouble>) -> bool {
    matches!(
        answer,
        Err(Trouble {
            reply: Some(421) | None,
            ..
        })
    )
}

/// Content as it goes over the line: no line of it is a dot alone but the one that ends it (RFC 5321 section 4.5.2).
fn ended(content: &str) -> String {
    let mut line = String::with_capacity(content.len() + 64);
    if content.starts_with('.') {
        line.push('.');
    }
    let mut rest = content;
    while let Some((before, after)) = rest.split_once("\r\n.") {
        line.push_str(before);
        line.push_str("\r\n..");
        rest = after;
    }
    line.push_str(rest);
    if !content.ends_with("\r\n") {
        line.push_str("\r\n");
    }
    line.push_str(".\r\n");
    line
}
