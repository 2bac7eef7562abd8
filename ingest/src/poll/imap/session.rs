//! One IMAP connection, logged in or on its way there (RFC 9051; IDLE is RFC 2177).
//!
//! Invariants: nothing is waited for without end; what came before STARTTLS is not believed after it; [`Session::idle`]
//! may be dropped without losing a part of a response.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::{
    server::{Server, Stream, Tls, lost},
    wire::{self, Assembler, Condition, Response, Status, Token},
    word,
};
use crate::poll::PollError;

/// How long the server may be silent while it owes an answer.
const ANSWER: Duration = Duration::from_secs(60);
const WRITE: Duration = Duration::from_secs(30);
/// Codes of a refused login that may pass (RFC 5530).
const PASSING: [&str; 6] = [
    "UNAVAILABLE",
    "INUSE",
    "LIMIT",
    "SERVERBUG",
    "CONTACTADMIN",
    "OVERQUOTA",
];

pub(super) struct Session<S = Box<dyn Stream>> {
    stream: BufReader<S>,
    assembler: Assembler,
    tags: u32,
    capabilities: Vec<String>,
}

/// What SELECT said of the mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) uid_validity: u32,
    /// Not said by old servers.
    pub(super) uid_next: Option<u32>,
    pub(super) exists: u32,
}

/// Why waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// The server says that something changed.
    Changed,
    /// It was time, or something else happened here.
    Not,
}

impl Session<TcpStream> {
    /// Asks for encryption: the socket, of whose words so far nothing is believed.
    async fn starttls(mut self) -> Result<TcpStream, PollError> {
        self.greeting().await?;
        let done = self.command("STARTTLS", |_| {}).await?;
        if done.status != Status::Ok {
            return Err(PollError::broken("the server offers no STARTTLS"));
        }
        if !self.assembler.is_empty() || !self.stream.buffer().is_empty() {
            return Err(PollError::broken(
                "the server said more than it may before STARTTLS",
            ));
        }
        Ok(self.stream.into_inner())
    }
}

impl Session {
    /// Connects, encrypts as the server's settings say, and logs in. `token`: an access token in place of the password.
    pub(super) async fn open(
        server: &Server,
        token: Option<&str>,
        allow_private: bool,
        max_literal: usize,
    ) -> Result<Self, PollError> {
        let socket = server.connect(allow_private).await?;
        let mut session = match server.tls {
            Tls::None => Self::new(Box::new(socket), max_literal),
            Tls::Implicit => Self::new(server.encrypt(socket).await?, max_literal),
            Tls::Starttls => {
                let socket = Session::new(socket, max_literal).starttls().await?;
                Self::new(server.encrypt(socket).await?, max_literal)
            }
        };
        let trusted = server.tls != Tls::Starttls && session.greeting().await?;
        if !trusted {
            session.login(server, token).await?;
        }
        // It may be another one after the login.
        session.capability().await?;
        Ok(session)
    }
}

impl<S: Stream> Session<S> {
    pub(super) fn new(stream: S, max_literal: usize) -> Self {
        Self {
            stream: BufReader::with_capacity(32 * 1024, stream),
            assembler: Assembler::new(max_literal),
            tags: 0,
            capabilities: Vec::new(),
        }
    }

    /// True when the connection is logged in already.
    async fn greeting(&mut self) -> Result<bool, PollError> {
        match self.answer().await? {
            Response::Said(Condition {
                status: Status::Ok, ..
            }) => Ok(false),
            Response::Said(Condition {
                status: Status::Preauth,
                ..
            }) => Ok(true),
            Response::Said(_) => Err(PollError::transient("the server turns us away for now")),
            _ => Err(PollError::broken("what answers there is no IMAP server")),
        }
    }

    pub(super) fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|name| name == capability)
    }

    async fn capability(&mut self) -> Result<(), PollError> {
        let mut found = Vec::new();
        self.command("CAPABILITY", |tokens| {
            if let Some(names) = wire::capabilities(tokens) {
                found = names;
            }
        })
        .await?;
        self.capabilities = found;
        Ok(())
    }

    async fn login(&mut self, server: &Server, token: Option<&str>) -> Result<(), PollError> {
        self.capability().await?;
        let answer = match token {
            Some(token) if self.can("AUTH=XOAUTH2") => {
                Some(("XOAUTH2", word::xoauth2(&server.username, token)))
            }
            Some(_) => return Err(PollError::broken("the server takes no OAuth 2 (XOAUTH2)")),
            None if self.can("AUTH=PLAIN") => {
                Some(("PLAIN", word::plain(&server.username, &server.password)))
            }
            None => None,
        };
        let done = match answer {
            Some((mechanism, answer)) if self.can("SASL-IR") => {
                self.command(&format!("AUTHENTICATE {mechanism} {answer}"), |_| {})
                    .await?
            }
            Some((mechanism, answer)) => self.authenticate(mechanism, &answer).await?,
            None if self.can("LOGINDISABLED") => {
                return Err(PollError::broken(
                    "the server takes no password without encryption; set `imap.tls`",
                ));
            }
            None => {
                let words = word::quoted(&server.username).zip(word::quoted(&server.password));
                let (user, password) = words.ok_or_else(|| {
                    PollError::broken("the server takes no password with such characters")
                })?;
                self.command(&format!("LOGIN {user} {password}"), |_| {})
                    .await?
            }
        };
        match done.status {
            Status::Ok => Ok(()),
            Status::No if PASSING.contains(&done.code.as_str()) => {
                let code = &done.code;
                Err(PollError::transient(format!(
                    "the server takes no login for now ({code})"
                )))
            }
            _ => Err(PollError::broken("the server refused the login")),
        }
    }

    async fn authenticate(
        &mut self,
        mechanism: &str,
        answer: &str,
    ) -> Result<Condition, PollError> {
        let tag = self
            .write_command(&format!("AUTHENTICATE {mechanism}"))
            .await?;
        let mut said = false;
        loop {
            match self.answer().await? {
                // XOAUTH2 explains a refusal in a second challenge, to be answered with nothing.
                Response::Continue if said => self.write("\r\n").await?,
                Response::Continue => {
                    said = true;
                    self.write(&format!("{answer}\r\n")).await?;
                }
                Response::Tagged(given, condition) if given == tag => return Ok(condition),
                _ => {}
            }
        }
    }

    pub(super) async fn select(&mut self, mailbox: &str) -> Result<Selected, PollError> {
        let name = word::mailbox(mailbox)
            .ok_or_else(|| PollError::broken("`imap.mailbox` is no name of a mailbox"))?;
        let mut selected = Selected::default();
        let tag = self.write_command(&format!("SELECT {name}")).await?;
        let done = loop {
            match self.answer().await? {
                Response::Tagged(given, condition) if given == tag => break condition,
                Response::Data(tokens) => {
                    selected.exists = wire::exists(&tokens).unwrap_or(selected.exists);
                }
                Response::Said(condition) => {
                    let number = condition.argument.parse().ok();
                    match condition.code.as_str() {
                        "UIDVALIDITY" => selected.uid_validity = number.unwrap_or(0),
                        "UIDNEXT" => selected.uid_next = number,
                        _ => {}
                    }
                }
                _ => {}
            }
        };
        match done.status {
            Status::Ok => Ok(selected),
            Status::No if PASSING.contains(&done.code.as_str()) => {
                Err(PollError::transient("the mailbox cannot be opened for now"))
            }
            _ => Err(PollError::broken("there is no such mailbox")),
        }
    }

    /// Runs a command; `each` sees every response with data on the way.
    pub(super) async fn command(
        &mut self,
        command: &str,
        mut each: impl FnMut(&[Token]),
    ) -> Result<Condition, PollError> {
        let tag = self.write_command(command).await?;
        loop {
            match self.answer().await? {
                Response::Tagged(given, condition) if given == tag => return Ok(condition),
                Response::Data(tokens) => each(&tokens),
                // A challenge nobody expects is declined.
                Response::Continue => self.write("\r\n").await?,
                _ => {}
            }
        }
    }

    /// Begins to wait for changes; [`Session::idle`] and then [`Session::end_idle`] follow.
    pub(super) async fn begin_idle(&mut self) -> Result<String, PollError> {
        let tag = self.write_command("IDLE").await?;
        loop {
            match self.answer().await? {
                Response::Continue => return Ok(tag),
                Response::Tagged(given, _) if given == tag => {
                    return Err(PollError::transient("the server does not idle"));
                }
                _ => {}
            }
        }
    }

    /// Waits for a change. Cancel safe.
    pub(super) async fn idle(&mut self) -> Result<(), PollError> {
        loop {
            if let Response::Data(tokens) = self.response(None).await?
                && wire::exists(&tokens).is_some()
            {
                return Ok(());
            }
        }
    }

    pub(super) async fn end_idle(&mut self, tag: &str) -> Result<Woken, PollError> {
        self.write("DONE\r\n").await?;
        let mut woken = Woken::Not;
        loop {
            match self.answer().await? {
                Response::Tagged(given, _) if given == tag => return Ok(woken),
                Response::Data(tokens) if wire::exists(&tokens).is_some() => {
                    woken = Woken::Changed;
                }
                _ => {}
            }
        }
    }

    /// Ends in good order, as far as the server goes along.
    pub(super) async fn logout(mut self) {
        let ended = timeout(Duration::from_secs(2), self.command("LOGOUT", |_| {})).await;
        tracing::trace!(in_time = ended.is_ok(), "logged out");
    }

    async fn write_command(&mut self, command: &str) -> Result<String, PollError> {
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        self.write(&format!("{tag} {command}\r\n")).await?;
        Ok(tag)
    }

    async fn write(&mut self, text: &str) -> Result<(), PollError> {
        let written = async {
            let stream = self.stream.get_mut();
            stream.write_all(text.as_bytes()).await?;
            stream.flush().await
        };
        timeout(WRITE, written)
            .await
            .map_err(|_| PollError::transient("the server does not read"))?
            .map_err(|error| lost(&error))
    }

    /// The next response, which is owed.
    async fn answer(&mut self) -> Result<Response, PollError> {
        self.response(Some(ANSWER)).await
    }

    /// The next response; `patience` is for each portion of it. Cancel safe: what has come of it is kept.
    async fn response(&mut self, patience: Option<Duration>) -> Result<Response, PollError> {
        loop {
            let input = self.stream.fill_buf();
            let input = match patience {
                Some(patience) => timeout(patience, input)
                    .await
                    .map_err(|_| PollError::transient("the server does not answer"))?,
                None => input.await,
            };
            let input = input.map_err(|error| lost(&error))?;
            if input.is_empty() {
                return Err(PollError::transient("the server closed the connection"));
            }
            let (used, pieces) = self
                .assembler
                .feed(input)
                .map_err(|_| PollError::transient("the server answers too much"))?;
            self.stream.consume(used);
            let Some(response) = pieces.and_then(wire::parse) else {
                continue;
            };
            if let Response::Said(Condition {
                status: Status::Bye,
                ..
            }) = response
            {
                return Err(PollError::transient("the server ends the connection"));
            }
            return Ok(response);
        }
    }
}
