//! From a message to the mail that says it (RFC 5322, MIME).
//!
//! Invariants: everything but a local part outside ASCII is encoded to ASCII, in lines that every server takes; no line end
//! of ours or of a correspondent's gets into a header; the `Message-ID` is made of the message and its conversation
//! ([`reply_token`]), so a second try is the same mail, signature and all ([`super::dkim`]). `Bcc` is in the envelope only;
//! with the setting `return_path` so is the address that bounces come to, which names the message ([`BounceToken`]).

use std::time::{Duration, UNIX_EPOCH};

use lettre::{
    Address,
    message::{
        Mailbox, MessageBuilder,
        header::{HeaderName, HeaderValue},
    },
};
use reqwest::Client;
use schemas::{
    Message, Outbound,
    bounce_token::BounceToken,
    reply_token::{self, ReplyToken},
};
use serde_json::Value;

use super::{
    super::{Account, Failure, Misconfigured, SendOutcome, Settings, files},
    address::{self, one_line, shown},
    body::body,
    dkim::Signer,
    file::{Files, Sources},
    many,
};

/// Most ids in `References`.
const MAX_REFERENCES: usize = 20;
const MAX_SUBJECT_CHARS: usize = 500;
/// A mail ready to be sent.
pub(in crate::channel) struct Letter {
    /// Of the envelope: where bounces go.
    pub(in crate::channel) from: Address,
    /// The person written to, then those who get a copy.
    pub(in crate::channel) to: Vec<Address>,
    /// Without the angle brackets.
    pub(in crate::channel) message_id: String,
    /// Whether what comes back may name the message by its id alone: as a token does.
    pub(in crate::channel) has_token: bool,
    pub(in crate::channel) content: Vec<u8>,
}

/// Writes a channel's letters.
pub(in crate::channel) struct Writer {
    from: Mailbox,
    /// Answers go to `local+TOKEN@domain`.
    plus_address: bool,
    /// Bounces go to `local+TOKEN@domain`; to `from` when absent.
    return_path: Option<Address>,
    signer: Option<Signer>,
    /// Mail leaves by Postmark, which tells of it by its metadata.
    is_postmark: bool,
    allow_private: bool,
    client: Client,
    /// The hub's own.
    files: files::Files,
}

impl Writer {
    pub(in crate::channel) fn new(
        account: &Account<'_>,
        settings: &Settings,
    ) -> Result<Self, Misconfigured> {
        let refused = || Misconfigured::Invalid {
            name: "from",
            problem: "must be an address or `Name <address>`",
        };
        let from: Mailbox = account
            .credential_text("from")?
            .parse()
            .map_err(|_| refused())?;
        let email = address::wire(from.email.as_ref()).map_err(|_| refused())?;
        let return_path = account
            .setting_text("return_path")
            .map(address::wire)
            .transpose()
            .map_err(|_| Misconfigured::Invalid {
                name: "return_path",
                problem: "must be an address",
            })?;
        let signer = Signer::of(account, email.domain())?;
        let allow_private = account.allow_private(settings);
        Ok(Self {
            from: Mailbox::new(from.name.as_deref().map(shown), email),
            plus_address: account.setting_flag("plus_address"),
            return_path,
            signer,
            is_postmark: account.credential("postmark_secret").is_some(),
            allow_private,
            files: account.files(settings),
            client: egress::client(allow_private)
                .map_err(|error| Misconfigured::Tls(error.to_string()))?,
        })
    }

    /// Our own address.
    pub(in crate::channel) fn from(&self) -> &Address {
        &self.from.email
    }

    /// Gets the message's files and writes it down.
    ///
    /// # Errors
    /// What is to be answered when it cannot be.
    pub(in crate::channel) async fn write(
        &self,
        outbound: &Outbound,
    ) -> Result<Letter, SendOutcome> {
        let attachments = &outbound.message.content.attachments;
        let files = if attachments.is_empty() {
            Files::default()
        } else {
            let sources = Sources {
                own: &self.files,
                client: &self.client,
                allow_private: self.allow_private,
            };
            sources.get(attachments).await?
        };
        self.compose(outbound, files)
            .map_err(SendOutcome::Permanent)
    }

    fn compose(&self, outbound: &Outbound, files: Files) -> Result<Letter, Failure> {
        let message = &outbound.message;
        let recipient = &message.recipient;
        let to = address::mailbox(recipient.name.as_deref(), &recipient.id)?;
        let cc = address::list(message.metadata.get("cc"))?;
        let bcc = address::list(message.metadata.get("bcc"))?;
        let message_id = reply_token::message_id(
            message.id,
            outbound.channel,
            message.conversation_id,
            self.from.email.domain(),
        );
        let written = u64::try_from(message.created_at.0).unwrap_or(0);
        let mut builder = lettre::Message::builder()
            .from(self.sender(outbound)?)
            .to(to.clone())
            .date(UNIX_EPOCH + Duration::from_micros(written))
            .message_id(Some(format!("<{message_id}>")))
            .subject(subject(message));
        for reply_to in self.reply_to(outbound)? {
            builder = builder.reply_to(reply_to);
        }
        for copy in &cc {
            builder = builder.cc(copy.clone());
        }
        builder = many::headed(threaded(builder, message), outbound);
        if outbound.cause.is_some() {
            // RFC 3834: a machine wrote it, and machines should not answer; Exchange asks for its own header.
            builder = raw(builder, "Auto-Submitted", "auto-replied");
            builder = raw(builder, "X-Auto-Response-Suppress", "All");
        }
        let mut people: Vec<Address> = Vec::new();
        for mailbox in std::iter::once(to).chain(cc).chain(bcc) {
            if !people.contains(&mailbox.email) {
                people.push(mailbox.email);
            }
        }
        let to = people.first().map(ToString::to_string).unwrap_or_default();
        let has_copies = people.len() > 1;
        let token = BounceToken::new(outbound.channel, outbound.message.id, &to, has_copies);
        let path = self.path(&token);
        if self.is_postmark {
            builder = many::of_postmark(builder, &token);
        }
        // The envelope is given with the commands; without it the library would want to make one of its own.
        let envelope = lettre::address::Envelope::new(Some(path.clone()), people.clone())
            .map_err(|error| Failure::message("mail", error.to_string()))?;
        let mail = body(builder.envelope(envelope), message, files)?;
        let content = mail.formatted();
        let content = match &self.signer {
            Some(signer) => signer.sign(&content, written / 1_000_000)?,
            None => content,
        };
        Ok(Letter {
            from: path,
            to: people,
            message_id,
            has_token: self.is_postmark || self.return_path.is_some(),
            content,
        })
    }

    /// Who it is from: a campaign may say so in place of the channel. Bounces come to the channel all the same.
    fn sender(&self, outbound: &Outbound) -> Result<Mailbox, Failure> {
        let Some(facts) = outbound.mail.as_deref() else {
            return Ok(self.from.clone());
        };
        let name = facts.sender_name.as_deref().map(shown);
        let email = match &facts.sender_email {
            Some(email) => address::wire(email)
                .map_err(|_| Failure::message("sender", "the sender is not an address"))?,
            None => self.from.email.clone(),
        };
        let name = name.or_else(|| self.from.name.clone());
        Ok(Mailbox::new(name, email))
    }

    /// The envelope's sender.
    fn path(&self, token: &BounceToken) -> Address {
        let Some(base) = &self.return_path else {
            return self.from.email.clone();
        };
        address::tagged(base, &token.to_string()).unwrap_or_else(|| base.clone())
    }

    fn reply_to(&self, outbound: &Outbound) -> Result<Vec<Mailbox>, Failure> {
        let given = address::list(outbound.message.metadata.get("reply_to"))?;
        if !given.is_empty() || !self.plus_address {
            return Ok(given);
        }
        let token = ReplyToken::new(outbound.channel, outbound.message.conversation_id);
        let tagged = address::tagged(&self.from.email, &token.to_string());
        Ok(tagged
            .map(|address| Mailbox::new(self.from.name.clone(), address))
            .into_iter()
            .collect())
    }
}

fn raw(builder: MessageBuilder, name: &'static str, value: &str) -> MessageBuilder {
    builder.raw_header(HeaderValue::new(
        HeaderName::new_from_ascii_str(name),
        value.to_owned(),
    ))
}

/// `In-Reply-To` and `References` (RFC 5322, 3.6.4).
fn threaded(mut builder: MessageBuilder, message: &Message) -> MessageBuilder {
    let parent = message.in_reply_to.as_deref().and_then(bracketed);
    let mut references: Vec<String> = earlier(message.metadata.get("references"));
    if let Some(parent) = parent {
        references.retain(|id| *id != parent);
        references.push(parent.clone());
        builder = builder.in_reply_to(parent);
    }
    if !references.is_empty() {
        let from = references.len().saturating_sub(MAX_REFERENCES);
        let kept = references.get(from..).unwrap_or_default();
        builder = builder.references(kept.join(" "));
    }
    builder
}

fn subject(message: &Message) -> String {
    match message.subject.as_deref().map(one_line) {
        Some(subject) if !subject.is_empty() => subject.chars().take(MAX_SUBJECT_CHARS).collect(),
        _ if message.in_reply_to.is_some() => "Re:".to_owned(),
        _ => String::new(),
    }
}

/// A message id in angle brackets; `None` when it is none that may stand in a header.
fn bracketed(id: &str) -> Option<String> {
    let bare = id.trim().trim_start_matches('<').trim_end_matches('>');
    let fits = bare.contains('@')
        && bare.len() <= 250
        && bare
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>'));
    fits.then(|| format!("<{bare}>"))
}

/// Ids of the thread so far: a list, or one string with spaces.
fn earlier(references: Option<&Value>) -> Vec<String> {
    match references {
        Some(Value::Array(ids)) => ids
            .iter()
            .filter_map(Value::as_str)
            .filter_map(bracketed)
            .collect(),
        Some(Value::String(ids)) => ids.split_whitespace().filter_map(bracketed).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
