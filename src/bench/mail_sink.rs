//! An SMTP server that takes everything and remembers what: which message ids, how often, and when the last one came; of
//! replies beside a campaign, when each of them came.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use schemas::Timestamp;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::reply;

/// Longest line that is read as one.
const MAX_LINE: usize = 64 * 1024;

/// The server; it ends with the process.
#[derive(Clone)]
pub(crate) struct MailSink {
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    /// How often each message id came, by its hash.
    ids: HashMap<u64, u32>,
    mails: u64,
    last: Option<Instant>,
    /// Round, number and time of replies, which count for nothing else.
    replies: Vec<(u32, u64, Timestamp)>,
    /// One whole mail, to be looked at.
    sample: String,
}

/// What came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    /// Mails, doubles among them.
    pub(crate) mails: u64,
    /// Mails beyond the first of their message id.
    pub(crate) duplicates: u64,
    pub(crate) last: Option<Instant>,
    pub(crate) sample: String,
}

impl MailSink {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let sink = Self {
            address: listener.local_addr()?,
            taken: Arc::default(),
        };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sink = serving.clone();
                tokio::spawn(async move {
                    // A client that goes away in the middle has its reasons.
                    drop(sink.serve(stream).await);
                });
            }
        });
        Ok(sink)
    }

    pub(crate) fn count(&self) -> Count {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        Count {
            mails: taken.mails,
            duplicates: taken.mails.saturating_sub(taken.ids.len() as u64),
            last: taken.last,
            sample: taken.sample.clone(),
        }
    }

    /// Number and time of the replies of a round.
    pub(crate) fn replies(&self, round: u32) -> Vec<(u64, Timestamp)> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let replies = taken.replies.iter();
        replies
            .filter(|(of, ..)| *of == round)
            .map(|(_, number, at)| (*number, *at))
            .collect()
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = BufReader::with_capacity(64 * 1024, stream);
        stream.write_all(b"220 sink ESMTP\r\n").await?;
        let mut line = Vec::with_capacity(1024);
        // What commands that came together are answered is said together (RFC 2920).
        let mut answers = Vec::with_capacity(256);
        loop {
            if stream.buffer().is_empty() && !answers.is_empty() {
                stream.write_all(&answers).await?;
                answers.clear();
            }
            line.clear();
            if stream.read_until(b'\n', &mut line).await? == 0 || line.len() > MAX_LINE {
                return Ok(());
            }
            let verb = line.get(..4).unwrap_or(&line).to_ascii_uppercase();
            let answer: &[u8] = match verb.as_slice() {
                b"EHLO" => b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n250 SIZE 10485760\r\n",
                b"DATA" => {
                    answers.extend_from_slice(b"354 go on\r\n");
                    stream.write_all(&answers).await?;
                    answers.clear();
                    if !self.take(&mut stream, &mut line).await? {
                        return Ok(());
                    }
                    b"250 taken\r\n"
                }
                b"QUIT" => {
                    answers.extend_from_slice(b"221 bye\r\n");
                    return stream.write_all(&answers).await;
                }
                _ => b"250 ok\r\n",
            };
            answers.extend_from_slice(answer);
        }
    }

    /// Reads a mail up to its dot; false when the client went away first.
    async fn take(
        &self,
        stream: &mut BufReader<TcpStream>,
        line: &mut Vec<u8>,
    ) -> std::io::Result<bool> {
        let mut id = None;
        let mut reply = None;
        let mut in_headers = true;
        let wants_sample = {
            let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            taken.sample.is_empty()
        };
        let mut sample = Vec::new();
        loop {
            line.clear();
            if stream.read_until(b'\n', line).await? == 0 {
                return Ok(false);
            }
            if line.as_slice() == b".\r\n" {
                break;
            }
            if wants_sample {
                sample.extend_from_slice(line);
            }
            in_headers &= line.as_slice() != b"\r\n";
            let is_id = line
                .get(..11)
                .is_some_and(|name| name.eq_ignore_ascii_case(b"message-id:"));
            if in_headers && is_id {
                let mut hasher = DefaultHasher::new();
                line.hash(&mut hasher);
                id = Some(hasher.finish());
            }
            if in_headers && let Some(subject) = line.strip_prefix(b"Subject: ") {
                reply = reply.or_else(|| reply_of(subject));
            }
        }
        let now = Instant::now();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((round, number)) = reply {
            taken.replies.push((round, number, Timestamp::now()));
            return Ok(true);
        }
        taken.mails += 1;
        // A mail without an id counts as a double of the others without one.
        *taken.ids.entry(id.unwrap_or_default()).or_default() += 1;
        taken.last = Some(now);
        if wants_sample {
            taken.sample = String::from_utf8_lossy(&sample).into_owned();
        }
        Ok(true)
    }
}

/// Round and number of a reply, by its subject.
fn reply_of(subject: &[u8]) -> Option<(u32, u64)> {
    let subject = std::str::from_utf8(subject).ok()?.trim_end();
    let (round, number) = subject.strip_prefix(reply::SUBJECT)?.split_once(' ')?;
    Some((round.parse().ok()?, number.parse().ok()?))
}
