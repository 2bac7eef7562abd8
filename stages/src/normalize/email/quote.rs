//! What of a reply is the sender's own.
//!
//! A quoted tail is cut at the line that introduces it. When own words follow within or after the
//! quotation, nothing is cut: the answer would lose its questions, or itself. A forwarded mail is
//! what the sender wants to show, and is not cut either.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

/// Lines that introduce a quotation: English, German, French, Spanish, Italian, Dutch, Portuguese.
/// They may be folded, so two or three lines are tried together. An attribution names a time or an
/// address, so that "On reflection, he wrote:" passes.
static ATTRIBUTIONS: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new([
        r"(?i)^on\b.*[0-9@].*\bwrote\s?:$",
        r"(?i)^am\b.*[0-9@].*\bschrieb\b.*:$",
        r"(?i)^le\b.*[0-9@].*\ba écrit\s?:$",
        r"(?i)^el\b.*[0-9@].*\bescribió\s?:$",
        r"(?i)^il\b.*[0-9@].*\bha scritto\s?:$",
        r"(?i)^op\b.*[0-9@].*\bschreef\b.*:$",
        r"(?i)^em\b.*[0-9@].*\bescreveu\s?:$",
        r"(?i)^[0-9]{4}-[0-9]{2}-[0-9]{2}\b.*:$",
    ])
    .expect("the patterns are constants, and a test compiles them")
});

/// Lines after which everything is the earlier mail, marked or not.
static DIVIDERS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^-{2,}\s?(original message|ursprüngliche nachricht|originalnachricht|message d['’]origine|message original|mensaje original|messaggio originale)\s?-{2,}$",
    )
    .expect("the pattern is a constant, and a test compiles it")
});

/// The header of an earlier mail as Outlook puts it, in the order From, Sent.
const OUTLOOK: [(&str, &str); 6] = [
    ("From:", "Sent:"),
    ("From:", "Date:"),
    ("Von:", "Gesendet:"),
    ("Von:", "Datum:"),
    ("De\u{a0}:", "Envoyé\u{a0}:"),
    ("De:", "Enviado"),
];

const FORWARDS: [&str; 8] = ["fwd:", "fw:", "wg:", "tr:", "rv:", "i:", "enc:", "doorst:"];
const REPLIES: [&str; 8] = ["re:", "aw:", "antw:", "sv:", "ref:", "r:", "odp:", "res:"];

/// The sender's own part, and whether anything was cut. `text` has `\n` line ends.
pub(super) fn own_text<'a>(
    text: &'a str,
    subject: Option<&str>,
    is_reply: bool,
) -> (&'a str, bool) {
    let subject = subject.unwrap_or_default().trim_start().to_lowercase();
    let begins = |marks: &[&str]| marks.iter().any(|mark| subject.starts_with(mark));
    if begins(&FORWARDS) || !(is_reply || begins(&REPLIES)) {
        return (text, false);
    }
    let lines: Vec<(usize, &str)> = lines(text);
    let cut = (0..lines.len())
        .find_map(|at| introduced(&lines, at))
        .or_else(|| unintroduced(&lines));
    let own = cut.and_then(|end| text.get(..end)).map(str::trim_end);
    match own {
        Some(own) if !own.trim().is_empty() => (own, true),
        _ => (text, false),
    }
}

/// Each line with where it begins.
fn lines(text: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    text.split('\n')
        .map(|line| {
            let begin = at;
            at += line.len() + 1;
            (begin, line.trim())
        })
        .collect()
}

fn quoted(line: &str) -> bool {
    line.starts_with('>')
}

/// Where to cut, when a quotation is introduced at this line and nothing of the sender's follows.
fn introduced(lines: &[(usize, &str)], at: usize) -> Option<usize> {
    let (begin, line) = *lines.get(at)?;
    if line.is_empty() || quoted(line) {
        return None;
    }
    let next = |ahead: usize| lines.get(at + ahead).map_or("", |(_, line)| line);
    if DIVIDERS.is_match(line) {
        return Some(begin);
    }
    let outlook = OUTLOOK
        .iter()
        .any(|(from, sent)| line.starts_with(from) && (1..=3).any(|i| next(i).starts_with(sent)));
    if outlook {
        // Outlook draws a line above it.
        let above = at.checked_sub(1).and_then(|above| lines.get(above));
        let drawn = above.filter(|(_, line)| !line.is_empty() && line.chars().all(|c| c == '_'));
        return Some(drawn.map_or(begin, |(begin, _)| *begin));
    }
    let height = (1..=3).find(|height| {
        let end = next(height - 1);
        if !end.ends_with(':') || quoted(end) {
            return false;
        }
        let joined = (0..*height).map(next).collect::<Vec<_>>().join(" ");
        joined.len() <= 1000 && ATTRIBUTIONS.is_match(&joined)
    })?;
    let tail = lines.get(at + height..).unwrap_or_default();
    tail_is_quotation(tail).then_some(begin)
}

/// True when what follows is quoted to the end, or not marked as quoted at all.
fn tail_is_quotation(tail: &[(usize, &str)]) -> bool {
    let mut rest = tail.iter().skip_while(|(_, line)| !quoted(line)).peekable();
    let marked = rest.peek().is_some();
    let unmarked_before = tail
        .iter()
        .take_while(|(_, line)| !quoted(line))
        .any(|(_, line)| !line.is_empty());
    if !marked {
        return true;
    }
    !unmarked_before && rest.all(|(_, line)| quoted(line) || line.is_empty())
}

/// Where a marked quotation begins that runs to the end without an introduction.
fn unintroduced(lines: &[(usize, &str)]) -> Option<usize> {
    let mut begin = None;
    for (at, line) in lines.iter().rev() {
        if quoted(line) {
            begin = Some(*at);
        } else if !line.is_empty() {
            break;
        }
    }
    begin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str) -> &str {
        own_text(text, Some("Re: order"), true).0
    }

    #[test]
    fn quoted_tails_are_cut() {
        for tail in [
            "On Wed, Jan 8, 2025 at 10:30 AM Ann <ann@example.org> wrote:\n> hello\n>\n> bye",
            "On Wed, Jan 8, 2025 at 10:30 AM Ann Example\n<ann@example.org> wrote:\n\n> hello",
            "Am 08.01.2025 um 10:30 schrieb Ann <ann@example.org>:\n> hallo",
            "Am Mi., 8. Jan. 2025 um 10:30 Uhr schrieb Ann <\nann@example.org>:\n\n> hallo",
            "Le mer. 8 janv. 2025 à 10:30, Ann <ann@example.org> a écrit :\n> bonjour",
            "El mié, 8 ene 2025 a las 10:30, Ann (<ann@example.org>) escribió:\n> hola",
            "-----Original Message-----\nFrom: Ann\nhello",
            "-----Ursprüngliche Nachricht-----\nVon: Ann\nhallo",
            "________________________________\nFrom: Ann <ann@example.org>\nSent: Wednesday\nTo: Bob\n\nhello",
            "Von: Ann <ann@example.org>\nGesendet: Mittwoch\nAn: Bob\n\nhallo",
            "On 8 Jan 2025, at 10:30, Ann <ann@example.org> wrote:\nunmarked, as Apple Mail may leave it",
            "> hello\n> bye",
        ] {
            let text = format!("Yes, please.\n\n{tail}");
            assert_eq!(own(&text), "Yes, please.", "{tail}");
        }
    }

    #[test]
    fn own_words_are_kept() {
        for text in [
            "On 8 Jan 2025 Ann <a@b.c> wrote:\n> one?\nyes\n> two?\nno",
            "On 8 Jan 2025 Ann <a@b.c> wrote:\n> one?\n\nMy answer is below.",
            "On reflection he never wrote:\nnothing at all",
            "> only a quotation",
            "no quotation",
        ] {
            assert_eq!(own(text), text);
        }
        let forward = "See below\n\n-----Original Message-----\nFrom: Ann";
        assert_eq!(
            own_text(forward, Some("Fwd: order"), true),
            (forward, false)
        );
        assert_eq!(own_text(forward, Some("order"), false), (forward, false));
    }
}
