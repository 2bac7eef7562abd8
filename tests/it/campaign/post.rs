//! A mail server that keeps what it is given, and refuses whom it is told to.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf},
};

/// What signs the mails that come in by its channel.
pub(super) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A mail and the address it was given for.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) text: String,
}

impl Mail {
    /// A header, its continuation lines put together.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let head = self.text.split("\n\n").next().unwrap();
        let unfolded = head.replace("\n\t", " ").replace("\n ", " ");
        let start = format!("{}:", name.to_lowercase());
        let line = unfolded
            .lines()
            .find(|line| line.to_lowercase().starts_with(&start))?;
        Some(line.split_at(start.len()).1.trim().to_owned())
    }
}

#[derive(Default)]
struct Inner {
    mails: Vec<Mail>,
    /// Beginnings of addresses, and what is said to them.
    refused: Vec<(&'static str, &'static str)>,
    /// Beginnings of addresses whose mails are taken without a word.
    silent: Vec<&'static str>,
    /// The same, and the connection stays open.
    held: Vec<&'static str>,
}

/// The server.
pub(super) struct Post {
    pub(super) port: u16,
    state: Arc<Mutex<Inner>>,
}

impl Post {
    pub(super) async fn start() -> Self {
        let state: Arc<Mutex<Inner>> = Arc::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(converse(client, Arc::clone(&kept)));
            }
        });
        Self { port, state }
    }

    /// Answers whoever's address begins so with that, from now on.
    pub(super) fn refuse(&self, beginning: &'static str, answer: &'static str) {
        self.state.lock().unwrap().refused.push((beginning, answer));
    }

    /// Keeps the mails of whoever's address begins so, and hangs up without saying so.
    pub(super) fn be_silent(&self, beginning: &'static str) {
        self.state.lock().unwrap().silent.push(beginning);
    }

    /// Keeps the mails of whoever's address begins so, and lets the sender wait for an answer until it relents.
    pub(super) fn hold(&self, beginning: &'static str) {
        self.state.lock().unwrap().held.push(beginning);
    }

    /// Answers those whose mails are kept for this beginning.
    pub(super) fn answer(&self, beginning: &str) {
        let held = &mut self.state.lock().unwrap().held;
        held.retain(|held| *held != beginning);
    }

    /// Refuses nobody any more, and answers everybody.
    pub(super) fn relent(&self) {
        let mut state = self.state.lock().unwrap();
        state.refused.clear();
        state.silent.clear();
        state.held.clear();
    }

    pub(super) fn mails(&self) -> Vec<Mail> {
        self.state.lock().unwrap().mails.clone()
    }

    pub(super) fn count(&self) -> usize {
        self.state.lock().unwrap().mails.len()
    }

    /// To whom mails were given, sorted.
    pub(super) fn recipients(&self) -> Vec<String> {
        let mut all: Vec<String> = self.mails().into_iter().map(|mail| mail.to).collect();
        all.sort();
        all
    }

    /// The channel that sends by it.
    pub(super) fn channel(&self) -> serde_json::Value {
        serde_json::json!({"credentials": {
            "signing_secret": SECRET, "from": "support@example.com",
            "smtp": {"host": "127.0.0.1", "port": self.port, "tls": "none"}
        }})
    }
}

/// What is between the angle brackets of a command.
fn address(line: &str) -> String {
    let inner = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inner
        .map(|(address, _)| address.to_owned())
        .unwrap_or_default()
}

async fn converse(client: TcpStream, state: Arc<Mutex<Inner>>) -> std::io::Result<()> {
    // Answers to commands that came together are not held back until the first is acknowledged.
    client.set_nodelay(true)?;
    let (read, mut write) = client.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 post\r\n").await?;
    let (mut from, mut to, mut mail) = (String::new(), String::new(), None::<String>);
    while let Some(line) = lines.next_line().await? {
        let verb = line.to_ascii_uppercase();
        let answer = match &mut mail {
            Some(text) if line == "." => {
                let text = std::mem::take(text);
                let (from, to) = (from.clone(), to.clone());
                let (is_silent, held) = {
                    let mut state = state.lock().unwrap();
                    let among = |all: &[&'static str]| {
                        let mut all = all.iter();
                        all.find(|start| to.starts_with(**start)).copied()
                    };
                    let how = (among(&state.silent).is_some(), among(&state.held));
                    state.mails.push(Mail { from, to, text });
                    how
                };
                if let Some(held) = held
                    && !is_answered(&mut lines, &state, held).await?
                {
                    return Ok(());
                }
                if is_silent {
                    return Ok(());
                }
                mail = None;
                "250 kept"
            }
            Some(text) => {
                text.push_str(line.strip_prefix('.').unwrap_or(&line));
                text.push('\n');
                continue;
            }
            None if verb.starts_with("EHLO") => "250-post\r\n250 PIPELINING",
            None if verb == "DATA" && to.is_empty() => "503 to whom?",
            None if verb == "DATA" => {
                mail = Some(String::new());
                "354 go on"
            }
            None if verb == "QUIT" => "221 bye",
            None if verb.starts_with("MAIL FROM") => {
                from = address(&line);
                to.clear();
                "250 ok"
            }
            None if verb.starts_with("RCPT TO") => {
                to = address(&line);
                let state = state.lock().unwrap();
                let refused = state
                    .refused
                    .iter()
                    .find(|(start, _)| to.starts_with(start));
                let answer = refused.map_or("250 ok", |(_, answer)| answer);
                if refused.is_some() {
                    to.clear();
                }
                answer
            }
            None => "250 ok",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

/// Waits until whose address begins so is not held any more; false when the other side goes before.
async fn is_answered(
    lines: &mut Lines<BufReader<OwnedReadHalf>>,
    state: &Mutex<Inner>,
    beginning: &str,
) -> std::io::Result<bool> {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    loop {
        tokio::select! {
            line = lines.next_line() => if line?.is_none() { return Ok(false) },
            _ = ticks.tick() => if !state.lock().unwrap().held.contains(&beginning) { return Ok(true) },
        }
    }
}
