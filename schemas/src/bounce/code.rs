//! Codes: enhanced status codes (RFC 3463, its registry, RFC 7372, RFC 7505) and replies of SMTP (RFC 5321).

use std::sync::LazyLock;

use regex::Regex;

use super::{Class, Verdict, prefix, verdict};

static STATUS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^0-9.])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:[^0-9.]|\.?$|\.[^0-9])")
        .expect("the pattern is a constant, and a test compiles it")
});

static REPLY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[^0-9.:\[-])([245][0-5][0-9])(?:[ -](?:[245]\.[0-9]{1,3}\.[0-9]{1,3}|[^0-9])|[- ]?#|$)")
        .expect("the pattern is a constant, and a test compiles it")
});

/// A status in a field of its own.
#[must_use]
pub fn status(value: &str) -> Option<String> {
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
#[must_use]
pub fn status_within(words: &str) -> Option<String> {
    let mut all = STATUS
        .captures_iter(prefix(words))
        .filter_map(|found| Some(found.get(1)?.as_str().to_owned()))
        .peekable();
    let first = all.peek().cloned();
    all.find(|status| !is_vague(status)).or(first)
}

/// Whether a status says no more than that it failed.
#[must_use]
pub fn is_vague(status: &str) -> bool {
    status.ends_with(".0.0")
}

/// The SMTP reply code in words.
#[must_use]
pub fn reply(words: &str) -> Option<u16> {
    let found = REPLY.captures(prefix(words))?;
    found.get(1)?.as_str().parse().ok()
}

/// What a status says by itself; none when that is nothing in particular.
pub(super) fn meaning(status: &str) -> Option<Verdict> {
    let (class, reason) = match status.get(2..)? {
        "1.0" | "1.1" | "1.3" | "1.4" | "1.5" => (Class::Hard, "unknown-user"),
        // Exchange Online: the domain has no record.
        "1.2" | "4.4" | "4.310" => (Class::Hard, "unknown-host"),
        "1.6" => (Class::Hard, "moved"),
        // Null MX (RFC 7505), and what Exchange Online says of an address that is not in its directory.
        "1.10" | "7.27" => (Class::Hard, "no-mail-host"),
        "1.351" => (Class::Hard, "unknown-user"),
        "1.7" | "1.8" | "1.9" => (Class::Block, "sender-rejected"),
        "2.0" => (Class::Block, "filtered"),
        "2.1" | "7.13" => (Class::Soft, "suspended"),
        "2.2" | "3.1" => (Class::Soft, "mailbox-full"),
        "2.3" | "3.4" => (Class::Soft, "too-large"),
        "4.1" | "4.2" | "4.3" | "4.5" | "4.6" => (Class::Soft, "network"),
        "4.7" => (Class::Soft, "expired"),
        "7.20" | "7.21" | "7.22" | "7.23" | "7.24" | "7.26" | "7.29" | "7.30" | "7.509" => {
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
    Some(verdict(class, reason))
}

/// When nothing but the reply is known.
pub(super) fn of_reply(reply: Option<u16>, status: Option<&str>) -> Verdict {
    match reply {
        Some(552) => verdict(Class::Soft, "mailbox-full"),
        Some(550 | 551 | 553) if status.is_none() => verdict(Class::Block, "rejected"),
        Some(554) => verdict(Class::Block, "rejected"),
        _ => verdict(Class::Soft, "undetermined"),
    }
}
