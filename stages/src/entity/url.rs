//! Addresses of the web: with a scheme, with `www.`, or a bare domain of a well-known top-level domain.
//!
//! RFC 3986, as people write it: letters of other scripts may stand in a path (RFC 3987), punctuation at the end
//! belongs to the sentence, a closing bracket belongs to the address if it opened in it. The normal form has the scheme
//! and the host in lower case, and `https` where no scheme was written.
//!
//! Deliberately absent: schemes other than `http` and `https`, hosts without a full stop but `localhost`, IPv6 hosts.

use super::{
    found::Found,
    scan::{Scan, is_word, seen},
    tld::{self, Trust},
};

pub(super) fn find(scan: &Scan<'_>, found: &mut Found<'_>) {
    if scan.seen & seen::COLON != 0 {
        with_scheme(scan, found);
    }
    if scan.seen & seen::DOT != 0 {
        bare(scan, found);
    }
}

fn with_scheme(scan: &Scan<'_>, found: &mut Found<'_>) {
    for (colon, rest) in scan.text.match_indices("://") {
        let begin = scan.letters_back(colon);
        let letters = scan.slice(begin, colon);
        // A word of a script without blanks may stand directly before.
        let Some(scheme) = ["https", "http"]
            .into_iter()
            .find(|scheme| ends_with(letters, scheme))
        else {
            continue;
        };
        let start = colon - scheme.len();
        if scan
            .before(start)
            .is_some_and(|c| is_word(c) && !is_wide(c))
            || !found.is_free(start, colon)
        {
            continue;
        }
        let authority = colon + rest.len();
        let host_end = authority_end(scan, authority);
        let end = trim(scan, authority, tail_end(scan, host_end));
        let host = scan.slice(authority, host_end.min(end));
        if is_host(host) {
            let (host, tail) = (host.to_lowercase(), scan.slice(host_end.min(end), end));
            found.add("url", start, end, Some(format!("{scheme}://{host}{tail}")));
        }
    }
}

/// `www.example.org`, `example.org/path`.
fn bare(scan: &Scan<'_>, found: &mut Found<'_>) {
    let mut behind = 0;
    for (dot, _) in scan
        .bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'.')
    {
        if dot < behind
            || !scan.at(dot + 1).is_ascii_alphanumeric()
            || !is_name(scan.at(dot.wrapping_sub(1)))
        {
            continue;
        }
        let mut start = dot;
        while is_name(scan.at(start.wrapping_sub(1))) {
            start -= 1;
        }
        let mut host_end = dot;
        while scan.at(host_end) == b'.' && is_name(scan.at(host_end + 1)) {
            host_end += 1;
            while is_name(scan.at(host_end)) {
                host_end += 1;
            }
        }
        behind = host_end;
        if scan
            .before(start)
            .is_some_and(|c| (is_word(c) && !is_wide(c)) || "@./\\-:=&#%+".contains(c))
        {
            continue;
        }
        let mut path = host_end;
        if let Some(port) = port_end(scan, host_end) {
            path = port;
        }
        let end = trim(scan, start, tail_end(scan, path));
        let has_path = end > path && scan.at(path) == b'/';
        if scan
            .after(host_end)
            .is_some_and(|c| c == '@' || (is_word(c) && !is_wide(c)))
        {
            continue;
        }
        let host = scan.slice(start, host_end);
        if believed(host, has_path) {
            let (host, tail) = (
                host.to_ascii_lowercase(),
                scan.slice(host_end, end.max(host_end)),
            );
            found.add(
                "url",
                start,
                end.max(host_end),
                Some(format!("https://{host}{tail}")),
            );
        }
    }
}

/// Whether a domain without a scheme is one, and not two sentences without a blank, a file or an abbreviation.
fn believed(host: &str, has_path: bool) -> bool {
    if !is_host(host) {
        return false;
    }
    let Some((rest, name)) = host.rsplit_once('.') else {
        return false;
    };
    let shouted = !host.bytes().any(|byte| byte.is_ascii_lowercase());
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) && !shouted {
        return false;
    }
    let labels = rest.split('.').count() + 1;
    let www = labels > 2
        && host
            .get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case("www."));
    let second = rest.rsplit('.').next().unwrap_or_default();
    let named = second.len() >= 2 && rest.bytes().any(|byte| byte.is_ascii_alphabetic());
    match tld::trust(&name.to_ascii_lowercase()) {
        Trust::Plain => named && (www || has_path || rest.split('.').all(|label| label.len() > 1)),
        Trust::Word => named && (www || has_path || labels > 2),
        Trust::Unknown => {
            www && name.bytes().all(|byte| byte.is_ascii_alphabetic()) && name.len() > 1
        }
    }
}

/// A name or an IPv4 address, with a port or a user before it or without.
fn is_host(authority: &str) -> bool {
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((host, port))
            if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            host
        }
        Some(_) => return false,
        None => host,
    };
    let labels = host.split('.').all(|label| {
        (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    });
    host.len() <= 253 && labels && (host.contains('.') || host.eq_ignore_ascii_case("localhost"))
}

/// Behind the last character that may stand in `user@host:port`.
fn authority_end(scan: &Scan<'_>, start: usize) -> usize {
    let rest = scan.text.get(start..).unwrap_or_default();
    let ascii = rest.chars().next().is_some_and(|c| c.is_ascii());
    let stop = |c: char| !(c.is_alphanumeric() && !(ascii && is_wide(c)) || "-._~:@%".contains(c));
    let end = rest.find(stop).unwrap_or(rest.len());
    let end = rest
        .get(..end)
        .unwrap_or_default()
        .trim_end_matches(['.', ':', '-', '_', '~', '%', '@'])
        .len();
    start + end
}

fn port_end(scan: &Scan<'_>, start: usize) -> Option<usize> {
    let digits = scan
        .bytes
        .get(start + 1..)?
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    (scan.at(start) == b':' && (2..=5).contains(&digits)).then_some(start + 1 + digits)
}

/// Behind the path, the query and the fragment that begin at a position; the position if none do.
fn tail_end(scan: &Scan<'_>, start: usize) -> usize {
    if !matches!(scan.at(start), b'/' | b'?' | b'#') {
        return start;
    }
    let (mut end, mut previous) = (start, ' ');
    for c in scan.text.get(start..).unwrap_or_default().chars() {
        let stop = match c {
            c if c.is_ascii() => {
                c.is_ascii_whitespace() || c.is_ascii_control() || "<>\"`{}|\\^".contains(c)
            }
            // A script without blanks goes on with the sentence, unless it began right after a separator.
            c if is_wide(c) => !(is_wide(previous) || matches!(previous, '/' | '=' | '-' | '_')),
            c => !c.is_alphanumeric(),
        };
        if stop {
            break;
        }
        (end, previous) = (end + c.len_utf8(), c);
    }
    end
}

/// Leaves to the sentence what belongs to it at the end.
fn trim(scan: &Scan<'_>, start: usize, end: usize) -> usize {
    let mut end = end;
    while let Some(c) = scan.before(end).filter(|_| end > start) {
        let open = match c {
            ')' => '(',
            ']' => '[',
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' => {
                end -= 1;
                continue;
            }
            _ => break,
        };
        let written = scan.slice(start, end);
        if written.matches(c).count() <= written.matches(open).count() {
            break;
        }
        end -= 1;
    }
    end
}

/// Scripts that put no blanks between words.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0e7f}' | '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}')
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

fn ends_with(text: &str, ending: &str) -> bool {
    let start = text.len().checked_sub(ending.len());
    start
        .and_then(|start| text.get(start..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(ending))
}
