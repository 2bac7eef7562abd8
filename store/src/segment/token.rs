//! Expressions cut into tokens.

use std::fmt;

use super::{MAX_CHARS, SegmentError, Source};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A keyword or a name, as written.
    Word(String),
    Text(String),
    /// Digits, perhaps a sign before and a fraction behind.
    Number(String),
    Symbol(&'static str),
    End,
}

/// A token, and where it begins, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: usize,
}

/// The longest of those that begin alike come first.
const SYMBOLS: [&str; 10] = ["!=", "<=", ">=", "=", "<", ">", "(", ")", ",", "."];
/// What other languages write.
const FOREIGN: [(&str, &str); 6] = [
    ("==", "write `=`"),
    ("<>", "write `!=`"),
    ("&&", "write `and`"),
    ("||", "write `or`"),
    ("!", "write `not`"),
    (
        "%",
        "`contains`, `starts with` and `ends with` take no wildcards",
    ),
];
/// Digits of a number, all told: what a JSON number keeps exactly.
const MAX_DIGITS: usize = 15;

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(text) | Self::Number(text) => write!(f, "`{}`", shortened(text)),
            Self::Text(text) => write!(f, "the text \"{}\"", shortened(text)),
            Self::Symbol(symbol) => write!(f, "`{symbol}`"),
            Self::End => f.write_str("the end"),
        }
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// All tokens, the last of which is [`Token::End`].
pub(super) fn tokens(source: &str) -> Result<Vec<Placed>, SegmentError> {
    let error = |at, found: String, expected: &str, hint: Option<&str>| {
        Source(source).error(at, found, expected, hint.map(str::to_owned))
    };
    if source.chars().nth(MAX_CHARS).is_some() {
        let found = format!("more than {MAX_CHARS} characters");
        return Err(error(0, found, "a shorter expression", None));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some((_, rest)) = source.split_at_checked(at) {
        let Some(first) = rest.chars().next() else {
            break;
        };
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) = if first == '"' || first == '\'' {
            let (text, length) = quoted(rest, first).ok_or_else(|| {
                let hint = "\\ stands before a quote, before itself, and before nothing else";
                error(
                    at,
                    "a text without an end".into(),
                    "a closing quote",
                    Some(hint),
                )
            })?;
            (Token::Text(text), length)
        } else if is_number(rest) {
            let length = number(rest);
            let text = rest.get(..length).unwrap_or_default();
            if text.bytes().filter(u8::is_ascii_digit).count() > MAX_DIGITS {
                let found = format!("`{}`", shortened(text));
                return Err(error(at, found, "a number of up to 15 digits", None));
            }
            (Token::Number(text.to_owned()), length)
        } else if first.is_alphabetic() || first == '_' {
            let length = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            (
                Token::Word(rest.get(..length).unwrap_or_default().to_owned()),
                length,
            )
        } else if let Some((foreign, hint)) = FOREIGN
            .iter()
            .find(|(foreign, _)| rest.starts_with(foreign) && !rest.starts_with("!="))
        {
            return Err(error(
                at,
                format!("`{foreign}`"),
                "an expression",
                Some(hint),
            ));
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            (Token::Symbol(symbol), symbol.len())
        } else {
            let found = format!("`{}`", first.escape_debug());
            let hint = "names with other characters than letters, digits and _ stand in quotes";
            return Err(error(at, found, "an expression", Some(hint)));
        };
        tokens.push(Placed { token, at });
        at += length;
    }
    tokens.push(Placed {
        token: Token::End,
        at: source.len(),
    });
    Ok(tokens)
}

/// The text within quotes, and the bytes it takes with them; none where it has no end, or an escape of nothing.
fn quoted(rest: &str, quote: char) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => match chars.next()?.1 {
                escaped @ ('"' | '\'' | '\\') => text.push(escaped),
                _ => return None,
            },
            '\0' => return None,
            char if char == quote => return Some((text, at + 1)),
            char => text.push(char),
        }
    }
    None
}

fn is_number(rest: &str) -> bool {
    let digits = rest.strip_prefix('-').unwrap_or(rest);
    digits.starts_with(|c: char| c.is_ascii_digit())
}

fn number(rest: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let sign = usize::from(rest.starts_with('-'));
    let whole = sign + digits(rest.get(sign..).unwrap_or_default());
    let fraction = rest
        .get(whole..)
        .and_then(|rest| rest.strip_prefix('.'))
        .map_or(0, digits);
    if fraction > 0 {
        whole + 1 + fraction
    } else {
        whole
    }
}
