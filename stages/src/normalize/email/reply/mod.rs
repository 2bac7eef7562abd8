//! What of a mail is its sender's own.
//!
//! A quoted tail is cut at the line that introduces it, a quoted head when the answer stands below it. When own words stand
//! between quotations nothing is cut: the answers would lose their questions. A forwarded mail is what the sender wants to
//! show, and is not cut either. Signatures, what telephones add and disclaimers are cut from the end.
//!
//! Quotations are found by what mail programs put above them, in some thirty languages, by `>`, and by the marks that
//! [`html`](super::super::html) leaves where a page names its quotation itself.
//!
//! Invariant: what is left is never empty where there were words. Deliberately absent: guessing a quotation by comparing
//! it with earlier mails.

mod attribution;
mod footer;
mod label;

use crate::normalize::html::{EARLIER, QUOTATION, SIGNATURE, unmarked};

/// Beginnings of subjects: forwarded.
const FORWARDS: [&str; 16] = [
    "fwd:",
    "fw:",
    "wg:",
    "tr:",
    "rv:",
    "i:",
    "enc:",
    "doorst:",
    "vs:",
    "vb:",
    "pd:",
    "пересл:",
    "ilt:",
    "転送:",
    "转发:",
    "轉寄:",
];
/// Beginnings of subjects: answered.
const REPLIES: [&str; 22] = [
    "re:",
    "aw:",
    "antw:",
    "sv:",
    "ref:",
    "r:",
    "odp:",
    "res:",
    "re[",
    "ynt:",
    "vast:",
    "svar:",
    "回复:",
    "回覆:",
    "答复:",
    "返信:",
    "回复：",
    "答复：",
    "re：",
    "отв:",
    "на:",
    "bls:",
];

/// A line of the text.
struct Line<'a> {
    /// Where it begins in the text.
    begin: usize,
    /// Without marks, trimmed.
    text: String,
    /// As it stands.
    whole: &'a str,
}

impl Line<'_> {
    fn is_quoted(&self) -> bool {
        self.text.starts_with('>')
    }

    fn is_blank(&self) -> bool {
        self.text.is_empty()
    }
}

/// The sender's own part, when it is not all of the text. `text` has `\n` line ends and may hold marks.
pub(super) fn own_text(text: &str, subject: Option<&str>, is_reply: bool) -> Option<String> {
    let subject = subject.unwrap_or_default().trim_start().to_lowercase();
    let begins = |marks: &[&str]| marks.iter().any(|mark| subject.starts_with(mark));
    if begins(&FORWARDS) {
        return None;
    }
    let is_reply = is_reply || begins(&REPLIES);
    let lines = lines(text);
    let own = without_quotation(text, &lines, is_reply);
    let body = own.as_deref().unwrap_or(text);
    let cut = footer::cut(body);
    let kept = match cut.and_then(|end| body.get(..end)) {
        Some(head) if has_words(head) => Some(head.trim_end().to_owned()),
        _ => own,
    }?;
    let kept = unmarked(&kept);
    (kept.trim() != unmarked(text).trim()).then(|| kept.trim().to_owned())
}

/// The lines of a text, each with where it begins.
fn lines(text: &str) -> Vec<Line<'_>> {
    let mut at = 0;
    text.split('\n')
        .map(|whole| {
            let begin = at;
            at += whole.len() + 1;
            Line {
                begin,
                text: plain(whole),
                whole,
            }
        })
        .collect()
}

/// A line as it is compared: without marks and marks of direction, with plain spaces.
fn plain(line: &str) -> String {
    let kept: String = line
        .chars()
        .filter(|c| {
            !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
                && ![QUOTATION, EARLIER, SIGNATURE].contains(c)
        })
        .map(|c| if matches!(c, '\u{a0}' | '\u{202f}' | '\u{3000}') { ' ' } else { c })
        .collect();
    kept.trim().to_owned()
}

fn has_words(text: &str) -> bool {
    lines(text)
        .iter()
        .any(|line| !line.is_blank() && !line.is_quoted())
}

fn without_quotation(text: &str, lines: &[Line<'_>], is_reply: bool) -> Option<String> {
    for at in 0..lines.len() {
        let Some(found) = introduced(lines, at, is_reply) else {
            continue;
        };
        let head = text.get(..found.begin).unwrap_or_default();
        if has_words(head) {
            return Some(head.trim_end().to_owned());
        }
        // Nothing stands above it: perhaps below.
        return below(text, lines, found.quotation);
    }
    if is_reply
        && let Some(begin) = unintroduced(lines)
        && let Some(head) = text.get(..begin)
        && has_words(head)
    {
        return Some(head.trim_end().to_owned());
    }
    let first = lines.iter().position(|line| !line.is_blank())?;
    if is_reply && lines.get(first)?.is_quoted() {
        return below(text, lines, first);
    }
    None
}

/// A quotation with what introduces it.
struct Found {
    /// Where the introduction begins in the text.
    begin: usize,
    /// The line after the introduction.
    quotation: usize,
}

/// What is introduced at this line, when all that follows is a quotation, or nothing stands above it.
fn introduced(lines: &[Line<'_>], at: usize, is_reply: bool) -> Option<Found> {
    let line = lines.get(at)?;
    if line.is_blank() || line.is_quoted() {
        return None;
    }
    let begin = line.begin;
    let text = line.text.as_str();
    if label::is_forward(text) {
        return None;
    }
    let found = |quotation| Some(Found { begin, quotation });
    let divides = is_reply && (line.whole.contains(EARLIER) || label::is_divider(text));
    let ends = if divides || label::is_above(text) {
        return found(lines.len());
    } else if is_reply && label::begins_header(lines.get(at..).unwrap_or_default()) {
        // Outlook draws a line above it.
        let above = at.checked_sub(1).and_then(|above| lines.get(above));
        let drawn = above.filter(|line| {
            line.text.len() > 4 && line.text.chars().all(|c| matches!(c, '_' | '-'))
        });
        return Some(Found {
            begin: drawn.map_or(begin, |line| line.begin),
            quotation: lines.len(),
        });
    } else if line.whole.trim_start().starts_with(QUOTATION) {
        let quoted = lines.iter().skip(at).position(Line::is_quoted);
        quoted.map_or(lines.len(), |ahead| at + ahead)
    } else {
        at + attribution::height(lines, at)?
    };
    let tail = lines.get(ends..).unwrap_or_default();
    let marked = tail.iter().any(Line::is_quoted);
    let above = lines.iter().take(at).any(|line| !line.is_blank());
    let whole = tail_is_quotation(tail) && (marked || is_reply);
    (whole || !above).then_some(Found {
        begin,
        quotation: ends,
    })
}

/// True when what follows is quoted to the end but for a footer, or not marked as quoted at all.
fn tail_is_quotation(tail: &[Line<'_>]) -> bool {
    let first = tail.iter().position(Line::is_quoted);
    let Some(first) = first else { return true };
    let (before, rest) = tail.split_at_checked(first).unwrap_or((tail, &[]));
    if before.iter().any(|line| !line.is_blank()) {
        return false;
    }
    let last = rest.iter().rposition(Line::is_quoted).unwrap_or(0);
    let (quoted, after) = rest.split_at_checked(last + 1).unwrap_or((rest, &[]));
    quoted
        .iter()
        .all(|line| line.is_quoted() || line.is_blank())
        && (after.iter().all(Line::is_blank) || footer::is_footer(after))
}

/// What stands below a quotation that begins the text, when it is one block and all else is the sender's.
fn below(text: &str, lines: &[Line<'_>], at: usize) -> Option<String> {
    let rest = lines.get(at..)?;
    let first = rest.iter().position(|line| !line.is_blank())?;
    let rest = rest.get(first..)?;
    if !rest.first()?.is_quoted() {
        return None;
    }
    let own = rest
        .iter()
        .position(|line| !line.is_quoted() && !line.is_blank())?;
    let own = rest.get(own..)?;
    if own.iter().any(Line::is_quoted) {
        return None;
    }
    text.get(own.first()?.begin..).map(str::to_owned)
}

/// Where a marked quotation begins that runs to the end without an introduction.
fn unintroduced(lines: &[Line<'_>]) -> Option<usize> {
    let mut begin = None;
    for line in lines.iter().rev() {
        if line.is_quoted() {
            begin = Some(line.begin);
        } else if !line.is_blank() {
            break;
        }
    }
    begin
}

#[cfg(test)]
mod tests;
