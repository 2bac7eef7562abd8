//! A server that speaks from a script.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use schemas::ChannelKind;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use crate::channel::{Settings, smtp::Smtp, tests::account};

/// Closes the connection instead of a reply.
pub(super) const HANG_UP: &str = "hang up";

/// What the server says out of the ordinary: replies to a command, in turn; then the usual ones.
#[derive(Clone, Default)]
pub(super) struct Script {
    replies: Arc<Mutex<HashMap<&'static str, VecDeque<&'static str>>>>,
    takes_together: bool,
}

/// How far a mail got, by what was said to its commands.
#[derive(Default)]
struct Asked {
    has_sender: bool,
    people: usize,
}

impl Asked {
    fn note(&mut self, command: &str, reply: &str) {
        let is_taken = reply.starts_with('2');
        match command {
            "MAIL" => self.has_sender = is_taken,
            "RCPT" if is_taken => self.people += 1,
            "RSET" | "CONTENT" => *self = Self::default(),
            _ => {}
        }
    }
}

impl Script {
    pub(super) fn with(steps: &[(&'static str, &'static str)]) -> Self {
        let script = Self::default();
        for (command, reply) in steps {
            let mut map = script.replies.lock().unwrap();
            map.entry(command).or_default().push_back(reply);
        }
        script
    }

    /// The server takes commands together, or does not say so.
    pub(super) fn together(mut self, takes_together: bool) -> Self {
        self.takes_together = takes_together;
        self
    }

    fn reply(&self, command: &str, asked: &Asked) -> String {
        let scripted = self
            .replies
            .lock()
            .unwrap()
            .get_mut(command)
            .and_then(VecDeque::pop_front);
        let reply = scripted.unwrap_or(match command {
            "GREETING" => "220 relay ready",
            "EHLO" if self.takes_together => "250-relay\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN",
            "EHLO" => "250-relay\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
            "AUTH" => "235 welcome",
            "RCPT" if !asked.has_sender => "503 5.5.1 who writes?",
            "DATA" if asked.people == 0 => "503 5.5.1 to whom?",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 ok",
        });
        reply.to_owned()
    }
}

#[derive(Clone)]
pub(super) struct Relay {
    pub(super) port: u16,
    pub(super) connections: Arc<AtomicUsize>,
    /// How often it waited for a command.
    pub(super) turns: Arc<AtomicUsize>,
    pub(super) mails: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Self {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            turns: Arc::default(),
            mails: Arc::default(),
        };
        let started = relay.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                relay.connections.fetch_add(1, Ordering::SeqCst);
                let (script, relay) = (script.clone(), relay.clone());
                tokio::spawn(async move { relay.converse(socket, &script).await });
            }
        });
        started
    }

    async fn converse(&self, socket: impl AsyncRead + AsyncWrite + Unpin, script: &Script) {
        let mut socket = BufReader::new(socket);
        let mut command = "GREETING".to_owned();
        let mut asked = Asked::default();
        loop {
            let reply = script.reply(&command, &asked);
            asked.note(&command, &reply);
            if reply == HANG_UP {
                return;
            }
            let line = format!("{reply}\r\n");
            if socket.write_all(line.as_bytes()).await.is_err() || reply.starts_with("421") {
                return;
            }
            command = if reply.starts_with("354") {
                let Some(mail) = content(&mut socket).await else {
                    return;
                };
                self.mails.lock().unwrap().push(mail);
                "CONTENT".into()
            } else {
                if socket.buffer().is_empty() {
                    self.turns.fetch_add(1, Ordering::SeqCst);
                }
                let mut line = String::new();
                if socket.read_line(&mut line).await.unwrap_or(0) == 0 {
                    return;
                }
                line.split([' ', '\r']).next().unwrap().to_owned()
            };
        }
    }

    pub(super) fn smtp(&self) -> Smtp {
        self.smtp_with(json!({"host": "127.0.0.1", "port": self.port, "tls": "none"}))
    }

    pub(super) fn smtp_with(&self, relay: Value) -> Smtp {
        let credentials = json!({"from": "Desk <desk@example.com>", "smtp": relay});
        let config = json!({"settings": {"allow_plain_login": true, "allow_private": true}});
        let account = account(ChannelKind::Email, &config, &credentials);
        Smtp::new(&account, &Settings::default()).unwrap()
    }

    pub(super) fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

async fn content(socket: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut mail = String::new();
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == ".\r\n" {
            return Some(mail);
        }
        mail.push_str(&line);
    }
}
