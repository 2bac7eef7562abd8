//! Why a mail was not delivered, and what that means for the next one.
//!
//! The words of the remote server say more than its codes (RFC 3463), for many servers give `5.7.1` or `5.0.0` for
//! everything; so they are asked first, the code after them. A server that takes the recipient and then, having seen the
//! content, says that there is no such user, has filtered the mail: that is no word about the address.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use crate::text::prefix;

const MAX_SAID_BYTES: usize = 4096;

/// What a bounce means for the next mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The address does not exist, or its host takes no mail: no other mail will fare better.
    Hard,
    /// The address may be good; this mail, or whoever sent it, was not wanted.
    Block,
    /// The address may be good, and another try may succeed.
    Soft,
}

impl Class {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Block => "block",
            Self::Soft => "soft",
        }
    }
}

/// A reason in one word, and its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) class: Class,
    pub(super) reason: &'static str,
}

const fn verdict(class: Class, reason: &'static str) -> Verdict {
    Verdict { class, reason }
}

/// What servers say, the more telling first.
const SAYINGS: [(&str, Verdict); 18] = [
    (
        r"dmarc|\bspf\b|dkim[^ ]* (fail|check|sign)|unauthenticated (e-?mail|sender)|sender is unauthenticated|authentication checks? failed",
        verdict(Class::Block, "authentication"),
    ),
    (
        r"reverse dns|\bptr\b|\brdns\b|unverifyable sending|unverifiable sending|mismatches client ip|invalid ip for sending|cannot find your hostname",
        verdict(Class::Block, "reverse-dns"),
    ),
    (
        r"low reputation|poor reputation|bad reputation|tss0[0-9]|unexpected volume|user complaints",
        verdict(Class::Block, "reputation"),
    ),
    (
        r"too many (connections|recipients|messages|concurrent|sessions)|rate limit|frequency limit|at a rate that|throttl|sending too (fast|many)|exceeded the (rate|maximum number of connections)",
        verdict(Class::Soft, "rate"),
    ),
    (r"virus|malware|infected", verdict(Class::Block, "virus")),
    (
        r"\bspam|\bube\b|\buce\b|junk mail|bulk mail|content rejected|content was rejected|looks like spam",
        verdict(Class::Block, "spam"),
    ),
    (
        r"blacklist|black list|block ?list|blocked (for|by|using)|\brbl\b|dnsbl|client host (rejected|blocked)|\(bl\)|open relay|smtp server of your isp|refused to talk to me|banned|your (ip|host|server).{0,40}(reject|block|deni|refus)|server access .{0,60}forbidden|no access from mail server",
        verdict(Class::Block, "blocked"),
    ),
    (
        r"(mail)?box.{0,20}(is )?(full|exceed)|over ?(disk )?quota|quota (exceed|full|reach)|exceed.{0,20}quota|storage (space|limit|quota)|out of storage|mailfolder is full|insufficient storage|not enough (storage|space)|maximum (mailbox|storage)|mailbox size limit",
        verdict(Class::Soft, "mailbox-full"),
    ),
    (
        r"sender address rejected|sender (domain|address).{0,40}(not exist|reject|invalid|resolve)|domain of sender|sender (was|is) (rejected|not allowed)|backscatter",
        verdict(Class::Block, "sender-rejected"),
    ),
    (
        r"(message|mail|size|length|line|headers?).{0,30}(too (big|large|long)|exceeds?|limit exceeded).{0,60}|too (big|large) (for|message)|size limit",
        verdict(Class::Soft, "too-large"),
    ),
    (
        r"account.{0,40}(disabled|inactive|suspended|locked|deactivated|expired)|(user|recipient|mailbox|account)[^.]{0,60}(suspended|inactive|temporar[a-z]* (locked|disabled|unavailable)|is disabled)|mailbox (is )?(disabled|inactive|frozen)|deactivated mailbox",
        verdict(Class::Soft, "suspended"),
    ),
    (
        r"relay(ing)? (access )?(denied|not|prohib)|not configured to relay|no relaying|unable to relay|insecure mail relay|relaying denied|we do not relay",
        verdict(Class::Block, "relaying"),
    ),
    (
        r"after mail from|in reply to mail from|mail from command",
        verdict(Class::Block, "sender-rejected"),
    ),
    (
        r"not our customer|no longer (on server|valid|available|works|with|employed)|has moved|user has moved|address (has )?changed|mailbox has moved",
        verdict(Class::Hard, "moved"),
    ),
    (
        r"does not accept (e-?)?mail|no smtp service|nullmx|null mx|does not receive mail|no mail exchanger|find a mail exchanger|doesn't accept mail|recipient domain.{0,30}not accept",
        verdict(Class::Hard, "no-mail-host"),
    ),
    (
        r"(host|domain)( name)?[^.]{0,30}(not found|unknown|does not exist|doesn't exist|is not reachable|not reachable|invalid)|unknown (host|domain)|unrouteable (mail )?domain|no such (host|domain)|invalid domain|couldn't find any host|bad destination (system|host)|illegal host/?(domain)?|name service error|nxdomain|unrouteable address|dns error",
        verdict(Class::Hard, "unknown-host"),
    ),
    (
        concat!(
            r"(user|recipient|mailbox|address|account|addressee|alias|local.?part|customer|subscriber|person)[^.\n]{0,50}(unknown|not found|does(n't| not) exist|not exist|not known|is invalid|undeliverable|not listed|nonexist|non-exist|not recogni|not valid|no longer)",
            r"|(unknown|no such|invalid|bad|illegal|non-?existent|unrecognized|not a valid|nonexisting|unknown or illegal) (local )?(user|recipient|mailbox|address|account|alias|name|rcpt|person|destination mailbox|virtual)",
            r"|no mailbox (here|by that name)|doesn't have an? .{0,40}account|not our user|couldn't be found|can'?t (find|locate) (the )?(user|recipient|mailbox)|delivery to the following recipients? (has )?failed|mailbox unavailable|recipient (address )?rejected: (undeliver|access)|not a known user|this user doesn|recipnotfound|not listed in|unable to validate recipient|address does not exist|user doesn't exist|no valid recipients?|recipient.{0,20}invalide|rejected recipient",
        ),
        verdict(Class::Hard, "unknown-user"),
    ),
    (
        r"time(d)? ?out|expired|retry time(out)? exceeded|too long in (the )?queue|undeliverable for|cannot deliver.{0,40}(days|hours)|not been delivered (for|after)|could not be delivered for|giv(en|ing) up",
        verdict(Class::Soft, "expired"),
    ),
];

static SAID: LazyLock<RegexSet> = LazyLock::new(|| {
    let patterns = SAYINGS.iter().map(|(pattern, _)| format!("(?is){pattern}"));
    RegexSet::new(patterns).expect("the patterns are constants, and a test compiles them")
});

static STATUS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^0-9.])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:[^0-9.]|\.?$|\.[^0-9])")
        .expect("the pattern is a constant, and a test compiles it")
});

static REPLY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^0-9.:\[-])([245][0-5][0-9])(?:[ -](?:[245]\.[0-9]{1,3}\.[0-9]{1,3}|[^0-9])|[- ]?#|$)")
        .expect("the pattern is a constant, and a test compiles it")
});

/// That the content had been given when the server said no.
static AFTER_CONTENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?is)in reply to (end of )?data|after (end of )?data|smtp command data|our final data",
    )
    .expect("the pattern is a constant, and a test compiles it")
});

/// A status in a field of its own.
pub(super) fn status(value: &str) -> Option<String> {
    let word = value
        .split([' ', '\t', '('])
        .find(|word| !word.is_empty())?;
    let mut parts = word.split('.');
    let class = parts
        .next()
        .filter(|class| matches!(*class, "2" | "4" | "5"))?;
    let rest: Vec<&str> = parts.collect();
    let numbers = rest
        .iter()
        .all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    (rest.len() == 2 && numbers).then(|| format!("{class}.{}", rest.join(".")))
}

/// The first status in words that is precise, else the first.
pub(super) fn status_within(words: &str) -> Option<String> {
    let mut all = STATUS
        .captures_iter(prefix(words, MAX_SAID_BYTES))
        .filter_map(|found| Some(found.get(1)?.as_str().to_owned()))
        .peekable();
    let first = all.peek().cloned();
    all.find(|status| !is_vague(status)).or(first)
}

/// Whether a status says no more than that it failed.
pub(super) fn is_vague(status: &str) -> bool {
    status.ends_with(".0.0")
}

/// The SMTP reply code in words.
pub(super) fn reply(words: &str) -> Option<u16> {
    let found = REPLY.captures(prefix(words, MAX_SAID_BYTES))?;
    found.get(1)?.as_str().parse().ok()
}

/// What the words say, or the codes; `text` is asked when the server's words are none.
pub(super) fn judge(status: Option<&str>, reply: Option<u16>, said: &str, text: &str) -> Verdict {
    let text = prefix(text, MAX_SAID_BYTES);
    let spoken = by_words(said);
    let filtered = AFTER_CONTENT.is_match(said) || AFTER_CONTENT.is_match(text);
    let by_code = status.and_then(by_status);
    let found = match (spoken, by_code) {
        // "User unknown" beside a code that says "something of this mailbox": the code was chosen with care.
        (Some(spoken), Some(code)) if spoken.class == Class::Hard && status == Some("5.2.0") => {
            code
        }
        (Some(spoken), _) => spoken,
        (None, Some(code)) => code,
        (None, None) => by_words(text).unwrap_or_else(|| by_reply(reply, status)),
    };
    if found.class == Class::Hard && filtered {
        return verdict(Class::Block, "filtered");
    }
    // What is tried again is not final, whatever the words.
    if found.class == Class::Hard && status.is_some_and(|status| status.starts_with('4')) {
        return verdict(Class::Soft, found.reason);
    }
    found
}

fn by_words(words: &str) -> Option<Verdict> {
    let found = SAID.matches(prefix(words, MAX_SAID_BYTES)).iter().next()?;
    SAYINGS.get(found).map(|(_, verdict)| verdict.clone())
}

/// RFC 3463, RFC 7372, RFC 7505 and the registry of enhanced status codes.
fn by_status(status: &str) -> Option<Verdict> {
    let permanent = status.starts_with('5');
    let (class, reason) = match status.get(2..)? {
        "1.0" | "1.1" | "1.3" | "1.4" | "1.5" => (Class::Hard, "unknown-user"),
        "1.2" | "4.4" => (Class::Hard, "unknown-host"),
        "1.6" => (Class::Hard, "moved"),
        "1.10" | "7.27" => (Class::Hard, "no-mail-host"),
        "1.7" | "1.8" => (Class::Block, "sender-rejected"),
        "2.0" if permanent => (Class::Block, "filtered"),
        "2.1" | "7.13" => (Class::Soft, "suspended"),
        "2.2" | "3.1" => (Class::Soft, "mailbox-full"),
        "2.3" | "3.4" => (Class::Soft, "too-large"),
        "4.1" | "4.2" | "4.3" | "4.5" | "4.6" => (Class::Soft, "network"),
        "4.7" => (Class::Soft, "expired"),
        "7.20" | "7.21" | "7.22" | "7.23" | "7.24" | "7.26" | "7.30" => {
            (Class::Block, "authentication")
        }
        "7.25" => (Class::Block, "reverse-dns"),
        "7.28" => (Class::Soft, "rate"),
        rest if rest.starts_with("7.5") && rest.len() == 5 => (Class::Block, "blocked"),
        rest if rest.starts_with("7.") => (Class::Block, "policy"),
        rest if rest.starts_with("6.") => (Class::Block, "content"),
        rest if rest.starts_with("3.") => (Class::Soft, "system"),
        _ => return None,
    };
    let class = if permanent || class != Class::Hard {
        class
    } else {
        Class::Soft
    };
    Some(verdict(class, reason))
}

fn by_reply(reply: Option<u16>, status: Option<&str>) -> Verdict {
    match reply {
        Some(552) => verdict(Class::Soft, "mailbox-full"),
        Some(550 | 551 | 553) if status.is_none() => verdict(Class::Block, "rejected"),
        Some(554) => verdict(Class::Block, "rejected"),
        _ => verdict(Class::Soft, "undetermined"),
    }
}
