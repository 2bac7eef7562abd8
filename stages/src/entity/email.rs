//! E-mail addresses: RFC 5321 as people use it.
//!
//! The local part is a dot-atom of ASCII letters, digits and `+-_%&'=~`; the domain has two labels or more, also of other
//! scripts (RFC 5890), and ends in letters. The normal form has the domain in lower case; the local part belongs to its
//! host. Deliberately absent: quoted local parts, address literals (`ann@[192.0.2.1]`), local parts of other scripts.

use super::{
    found::Found,
    scan::{Scan, is_word, seen},
    tld::{self, Trust},
};

pub(super) fn find(scan: &Scan<'_>, found: &mut Found<'_>) {
    if scan.seen & seen::AT == 0 {
        return;
    }
    for (at, _) in scan
        .bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'@')
    {
        let Some((start, end)) = local(scan, at).zip(domain(scan, at + 1)) else {
            continue;
        };
        let (local, domain) = (scan.slice(start, at), scan.slice(at + 1, end));
        found.add(
            "email",
            start,
            end,
            Some(format!("{local}@{}", domain.to_lowercase())),
        );
    }
}

/// Where the part before the `@` begins.
fn local(scan: &Scan<'_>, at: usize) -> Option<usize> {
    let mut start = at;
    while is_local(scan.at(start.wrapping_sub(1))) {
        start -= 1;
    }
    // `mail=ann@example.org`
    if let Some((name, _)) = scan.slice(start, at).split_once('=')
        && name.bytes().all(|byte| byte.is_ascii_alphabetic())
    {
        start += name.len() + 1;
    }
    let opening = scan
        .slice(start, at)
        .find(|c: char| c.is_ascii_alphanumeric() || c == '_')?;
    start += opening;
    let local = scan.slice(start, at);
    let latin = scan
        .before(start)
        .is_some_and(|c| !c.is_ascii() && c.is_alphabetic() && c < '\u{2e80}');
    let broken = local.ends_with('.') || local.contains("..") || local.len() > 64;
    let spoilt = latin || matches!(scan.before(start), Some('@' | '/'));
    (!broken && !spoilt).then_some(start)
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".+-_%&'=~".contains(&byte)
}

/// Where the part behind the `@` ends.
fn domain(scan: &Scan<'_>, start: usize) -> Option<usize> {
    let (mut labels, mut at) = (Vec::<(usize, usize)>::new(), start);
    loop {
        let begin = at;
        while let Some(c) = scan.after(at).filter(|c| c.is_alphanumeric() || *c == '-') {
            at += c.len_utf8();
        }
        let label = scan.slice(begin, at);
        if label.is_empty() || label.starts_with('-') || label.ends_with('-') || label.len() > 63 {
            break;
        }
        labels.push((begin, at));
        if scan.after(at) != Some('.') {
            break;
        }
        at += 1;
    }
    // The next sentence may follow without a blank: `ann@example.org.Thanks`.
    if let [.., (before, middle), (begin, end)] = labels.as_slice()
        && labels.len() > 2
        && tld::trust(&scan.slice(*begin, *end).to_lowercase()) == Trust::Unknown
        && tld::trust(&scan.slice(*before, *middle).to_lowercase()) != Trust::Unknown
    {
        labels.pop();
    }
    let (begin, end) = *labels.last().filter(|_| labels.len() > 1)?;
    // `ann@kiosk.Valid till`: the next sentence, and no domain is left.
    let last = scan.slice(begin, end);
    let sentence = last.starts_with(|c: char| c.is_ascii_uppercase())
        && !scan
            .slice(start, begin)
            .contains(|c: char| c.is_ascii_uppercase())
        && tld::trust(&last.to_lowercase()) == Trust::Unknown;
    if sentence {
        return None;
    }
    let end = begin + top_level(last)?;
    let whole = scan.slice(start, end);
    let behind = scan.after(end);
    let goes_on = behind
        .is_some_and(|c| c == '@' || c == '_' || is_word(c) && (c.is_ascii() || c < '\u{2e80}'));
    // `meet me @5.pm`
    let hour = matches!(scan.slice(begin, end), "am" | "pm")
        && whole.starts_with(|c: char| c.is_ascii_digit());
    (whole.len() <= 253 && !goes_on && !hour).then_some(end)
}

/// How long the last label is: ASCII letters, or a name of another script that exists.
fn top_level(label: &str) -> Option<usize> {
    if label.to_ascii_lowercase().starts_with("xn--") {
        return Some(label.len());
    }
    let ascii = label.bytes().take_while(u8::is_ascii_alphabetic).count();
    match ascii {
        0 => tld::is_international(&label.to_lowercase()).then_some(label.len()),
        2..=24 => Some(ascii),
        _ => None,
    }
}
