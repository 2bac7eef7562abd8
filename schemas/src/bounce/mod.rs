//! Why a mail was not delivered, and what that means for the next one.
//!
//! One judgement for all who hear of it: reports by mail (RFC 3464 and what programs write in its place), replies of a relay
//! in session, and events of providers.
//!
//! The enhanced status code (RFC 3463) is asked first and believed where it is precise: `5.1.1` is about the address, whatever
//! is written beside it, unless the words plainly tell another story (a full mailbox, a block list). Vague codes (`5.0.0`,
//! `5.5.0`, `5.7.1`) are given for everything, and there the provider's own sentences decide, then everybody's.
//!
//! Invariants: pure; nothing here is quadratic in what a stranger writes. Deliberately timid about [`Class::Hard`]: that a
//! user is unknown is taken for true when a code says so, or when it was the recipient's name that was refused ([`Step`]).
//! The same words after the content was given come from a filter that hides behind them. Deliberately absent: counting;
//! how many soft bounces are too many is for whoever sends.

mod code;
mod step;
mod words;

pub use code::{is_vague, reply, status, status_within};
pub use step::Step;

use self::words::{Sure, by_provider, by_words, name_no_user};

/// How much of what was said is looked at.
const MAX_SAID_BYTES: usize = 4096;

/// Words that often stand beside "user unknown" and mean nothing there: the name of a spam filter, the link to a policy.
const BESIDES: [&str; 7] = [
    "authentication",
    "reputation",
    "rate",
    "virus",
    "spam",
    "policy",
    "program",
];

/// What a bounce means for the next mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The address may be good, and another try may succeed.
    Soft,
    /// The address may be good; this mail, or whoever sent it, was not wanted.
    Block,
    /// The address does not exist, or its host takes no mail: no other mail will fare better.
    Hard,
}

impl Class {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Block => "block",
            Self::Soft => "soft",
        }
    }
}

impl Class {
    /// The class that a tracking event's detail begins with.
    #[must_use]
    pub fn of_detail(detail: &str) -> Option<Self> {
        let (name, _) = detail.split_once(':')?;
        [Self::Soft, Self::Block, Self::Hard]
            .into_iter()
            .find(|class| class.name() == name)
    }
}

/// A reason in one word, and its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub class: Class,
    pub reason: &'static str,
}

impl Verdict {
    /// For a tracking event's detail: `hard: 5.1.1 unknown-user`. [`Class::of_detail`] reads it again.
    #[must_use]
    pub fn detail(&self, status: Option<&str>) -> String {
        let (class, reason) = (self.class.name(), self.reason);
        match status {
            Some(status) => format!("{class}: {status} {reason}"),
            None => format!("{class}: {reason}"),
        }
    }

    /// What servers and providers that sort bounces by themselves call them: `X-PowerMTA-BounceCategory`.
    #[must_use]
    pub fn of_category(category: &str) -> Option<Self> {
        Some(match category {
            "bad-mailbox" => verdict(Class::Hard, "unknown-user"),
            "bad-domain" => verdict(Class::Hard, "unknown-host"),
            "inactive-mailbox" => verdict(Class::Soft, "suspended"),
            "quota-issues" => verdict(Class::Soft, "mailbox-full"),
            "message-expired" => verdict(Class::Soft, "expired"),
            "bad-connection" | "no-answer-from-host" | "routing-errors" => {
                verdict(Class::Soft, "network")
            }
            "spam-related" => verdict(Class::Block, "spam"),
            "virus-related" => verdict(Class::Block, "virus"),
            "content-related" => verdict(Class::Block, "content"),
            "policy-related" | "protocol-errors" | "bad-configuration" => {
                verdict(Class::Block, "policy")
            }
            "relaying-issues" => verdict(Class::Block, "relaying"),
            _ => return None,
        })
    }
}

const fn verdict(class: Class, reason: &'static str) -> Verdict {
    Verdict { class, reason }
}

/// What is known of one recipient's bounce.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said<'a> {
    /// The enhanced status code, as `5.1.1`.
    pub status: Option<&'a str>,
    /// The reply code of SMTP.
    pub reply: Option<u16>,
    /// The words of the server that refused.
    pub words: &'a str,
    /// What the report says around them, to people; empty where there is none.
    pub text: &'a str,
    /// What was refused, where that is known otherwise than by the words.
    pub step: Option<Step>,
    /// The address written to: a report on several has a paragraph for each.
    pub recipient: Option<&'a str>,
    /// The server that refused.
    pub host: Option<&'a str>,
    /// How the server that reports would sort it, where it says so.
    pub hint: Option<Verdict>,
    /// A program on the last host said it (`Diagnostic-Code: x-unix`), not a mail server.
    pub is_program: bool,
    /// Nobody tries any more.
    pub is_final: bool,
}

/// What it means.
#[must_use]
pub fn judge(said: &Said<'_>) -> Verdict {
    let words = prefix(said.words);
    let text = prefix(said.text);
    if let Some(inner) = quoted(words) {
        // What the quoted server said, and to the recipient's name.
        let status = status_within(inner);
        return judge(&Said {
            status: status.as_deref(),
            reply: reply(inner),
            words: inner,
            text: "",
            step: Some(Step::Recipient),
            ..*said
        });
    }
    if said.is_program {
        return by_words(words)
            .map(|sure| sure.verdict())
            .filter(|verdict| verdict.class != Class::Hard)
            .unwrap_or(verdict(Class::Soft, "program"));
    }
    if let Some(known) = by_provider(said.host.unwrap_or_default(), words, text) {
        return of_time(known, said);
    }
    let coded = said.status.and_then(code::meaning);
    let spoken = by_words(words);
    let found = match (spoken, coded) {
        (Some(Sure::Yes(spoken)), Some(coded))
            if coded.reason == "unknown-user"
                && BESIDES.contains(&spoken.reason)
                && name_no_user(words) =>
        {
            coded
        }
        (Some(Sure::Yes(spoken)), _) => spoken,
        (Some(Sure::IfRecipient(spoken)), coded) => refused(spoken, coded, said),
        (None, Some(coded)) => coded,
        (None, None) => match by_words(text) {
            Some(Sure::Yes(spoken)) => spoken,
            Some(Sure::IfRecipient(spoken)) => refused(spoken, None, said),
            None => said
                .hint
                .unwrap_or_else(|| code::of_reply(said.reply, said.status)),
        },
    };
    of_time(found, said)
}

/// "User unknown" is believed when a code agrees, when it is the recipient that was refused, or when the words are those
/// of a server that looks into its own list of people.
fn refused(spoken: Verdict, coded: Option<Verdict>, said: &Said<'_>) -> Verdict {
    let is_hard = |known: Option<Verdict>| known.is_some_and(|known| known.class == Class::Hard);
    if is_hard(coded) || is_hard(said.hint) {
        return spoken;
    }
    let step = said
        .step
        .or_else(|| step::find(said.words, said.text, said.recipient));
    if step == Some(Step::Recipient) {
        return spoken;
    }
    match coded {
        Some(coded) if coded.reason != "policy" => coded,
        _ => verdict(Class::Block, "filtered"),
    }
}

/// What is tried again is not final, whatever the words; but who was told for days that there is no such user knows it.
fn of_time(found: Verdict, said: &Said<'_>) -> Verdict {
    let is_passing = match said.status {
        Some(status) if !is_vague(status) || said.reply.is_none() => status.starts_with('4'),
        _ => said.reply.is_some_and(|reply| reply < 500),
    };
    let is_known = said.is_final && words::names_a_list(said.words);
    if found.class == Class::Hard && (!said.is_final || is_passing && !is_known) {
        return verdict(Class::Soft, found.reason);
    }
    found
}

/// What `IronPort` puts between quotation marks, in `5.1.0 - Unknown address error 550-'5.7.1 … Access denied'`.
fn quoted(words: &str) -> Option<&str> {
    let (_, rest) = words.split_once("nknown address error ")?;
    let (code, rest) = rest.split_at_checked(3)?;
    let inner = rest.trim_start_matches(['-', ' ']).strip_prefix('\'')?;
    let inner = inner.rsplit_once('\'').map_or(inner, |(inner, _)| inner);
    (code.bytes().all(|byte| byte.is_ascii_digit()) && !inner.contains("nknown address error "))
        .then_some(inner)
}

/// The beginning, cut between characters.
fn prefix(text: &str) -> &str {
    let end = (0..=MAX_SAID_BYTES.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests;
