//! "On Monday Ann wrote:", as mail programs say it.
//!
//! An attribution ends in a colon and names a time or an address. It is known by its verb; or, where the verb is not, by
//! having both a time and an address. It may be folded over up to four lines.

use std::sync::LazyLock;

use regex::Regex;

use super::Line;

const MAX_LINES: usize = 4;
const MAX_BYTES: usize = 1000;

/// What people do in attributions: Western, Nordic, Slavic and Baltic languages, Turkish, Hungarian, Romanian, Greek,
/// Hebrew, Arabic, Persian, Hindi, Bengali, Thai, Vietnamese, Indonesian, Chinese, Japanese, Korean.
static VERB: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)\b(wrote|writes|schrieb|schreibt|geschrieben|écrit|escribió|escribio|escriure|escrit|escribiu|escreveu|",
        r"scritto|scrive|schreef|geschreven|skrev|skriver|skrifaði|kirjoitti|kirjutas|napisała?|pisze|napsala?|napísala?|",
        r"napisao|napisali|написала?|писала?|пишет|пише|написав|написа|напиша|yazdı|yazmış|írta|scris|έγραψε|rašė|parašė|",
        r"rakstīja|shkroi|menulis|viết|sinulat|aliandika)\b",
        r"|napisał\(a\)|napsal\(a\)|написал\(а\)|כתב|كتب|نوشت|लिखा|লিখেছেন|เขียน|写道|寫道|写信|書きました|のメール|작성|쓴 글|보낸 메일",
    ))
    .expect("the pattern is a constant, and a test compiles it")
});

/// A time of day or a year.
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\p{Nd}{1,2}\s?[:.h时時시点點]\s?\p{Nd}{2}|\b(19|20)[0-9]{2}\b|\p{Nd}{4}")
        .expect("the pattern is a constant, and a test compiles it")
});

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[<(\[][^<>()\[\]\s]+@[^<>()\[\]\s]+[>)\]]")
        .expect("the pattern is a constant, and a test compiles it")
});

/// How the first line of a folded attribution begins: a preposition or an article before a date, a weekday or a number, a
/// name before an address.
static OPENER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)^(on|at|am|le|el|em|il|op|den|dne|dňa|dnia|w dniu|pe|la|în|vào|pada|dana|στις|στο|a|dia|il giorno|",
        r"vom|von|tarihinde|בתאריך|ב|في|ใน|w)\b.*([\p{Nd}@]|\b\p{Lu}\p{L}*$)",
        r"|^\p{Nd}|^\p{L}{2,12}[.,]* ?\p{Nd}|\b(19|20)[0-9]{2}\b|<[^>]*@|<$",
    ))
    .expect("the pattern is a constant, and a test compiles it")
});

/// `2025-01-08 10:30 GMT+01:00 Ann:`, as some telephones write.
static ISO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\b.*[:：]$")
        .expect("the pattern is a constant, and a test compiles it")
});

/// How many lines the attribution has that begins at this line.
pub(super) fn height(lines: &[Line<'_>], at: usize) -> Option<usize> {
    (1..=MAX_LINES).find(|height| {
        let Some(joined) = joined(lines, at, *height) else {
            return false;
        };
        if !is_attribution(&joined) {
            return false;
        }
        if *height == 1 {
            return true;
        }
        // A line of the sender's own above it is no part of it.
        let opens = lines
            .get(at)
            .is_some_and(|line| OPENER.is_match(&line.text));
        let later = (1..*height).any(|skip| {
            lines
                .get(at + skip)
                .is_some_and(|line| OPENER.is_match(&line.text) && !line.text.starts_with('<'))
                && self::joined(lines, at + skip, height - skip)
                    .is_some_and(|joined| is_attribution(&joined) && TIME.is_match(&joined))
        });
        opens && !later
    })
}

/// Lines as one; `None` when they do not end as an attribution does.
fn joined(lines: &[Line<'_>], at: usize, height: usize) -> Option<String> {
    let lines = lines.get(at..at + height)?;
    let end = lines.last()?;
    let fits = (end.text.ends_with(':') || end.text.ends_with('：'))
        && lines
            .iter()
            .all(|line| !line.is_quoted() && !line.is_blank())
        && lines.iter().map(|line| line.text.len()).sum::<usize>() <= MAX_BYTES;
    fits.then(|| {
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        texts.join(" ")
    })
}

fn is_attribution(line: &str) -> bool {
    let names = line.contains('@') || line.chars().any(char::is_numeric);
    (names && VERB.is_match(line))
        || (ADDRESS.is_match(line) && TIME.is_match(line))
        || ISO.is_match(line)
}
