//! Forms that a tenant described itself.
//!
//! Invariants: every pattern is bounded in length, in what it compiles to and in how often it is used on a text; time is
//! linear in the text (RE2 syntax, no look-around, no back references). A pattern that does not compile takes no part.

use regex::{Regex, RegexBuilder};
use schemas::EntityPattern;

use super::{found::Found, scan::Scan};

/// How many patterns a tenant can have.
pub const MAX_PATTERNS: usize = 32;
/// How long one may be.
pub const MAX_REGEX_BYTES: usize = 512;
/// How much one may compile to.
const MAX_COMPILED_BYTES: usize = 256 * 1024;
/// How many of its matches in a text are looked at.
const MAX_MATCHES: usize = 32;

/// A tenant's patterns, compiled.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Vec<(String, Regex)>);

/// What is wrong with a pattern.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PatternError {
    #[error("`{0}` is no kind: a letter, then letters, digits and `_`, all small, at most 32")]
    Kind(String),
    #[error("`card` cannot be a tenant's pattern: a card's number is never kept")]
    Card,
    #[error("longer than {MAX_REGEX_BYTES} bytes")]
    Long,
    #[error("a tenant has at most {MAX_PATTERNS} patterns")]
    Many,
    #[error("the pattern is not understood, or compiles to too much")]
    Regex(#[source] Box<regex::Error>),
    #[error("the pattern matches where there is nothing, as `a*` does; `a+` does not")]
    Empty,
}

impl Patterns {
    /// Those that compile, and what is wrong with the others, by their place.
    #[must_use]
    pub fn compile(patterns: &[EntityPattern]) -> (Self, Vec<(usize, PatternError)>) {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for (place, pattern) in patterns.iter().enumerate() {
            match compile(pattern) {
                _ if place >= MAX_PATTERNS => bad.push((place, PatternError::Many)),
                Ok(regex) => good.push((pattern.kind.clone(), regex)),
                Err(error) => bad.push((place, error)),
            }
        }
        (Self(good), bad)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One pattern; the check for whoever takes it in.
///
/// # Errors
/// What is wrong with it.
pub fn compile(pattern: &EntityPattern) -> Result<Regex, PatternError> {
    let kind = &pattern.kind;
    let named = kind.len() <= 32
        && kind.starts_with(|c: char| c.is_ascii_lowercase())
        && kind
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !named {
        return Err(PatternError::Kind(kind.chars().take(64).collect()));
    }
    if kind == "card" {
        return Err(PatternError::Card);
    }
    if pattern.regex.len() > MAX_REGEX_BYTES {
        return Err(PatternError::Long);
    }
    let regex = RegexBuilder::new(&pattern.regex)
        .size_limit(MAX_COMPILED_BYTES)
        .dfa_size_limit(4 * MAX_COMPILED_BYTES)
        .nest_limit(32)
        .build()
        .map_err(|error| PatternError::Regex(Box::new(error)))?;
    // Its matches of nothing would use up those that are looked at.
    if regex.is_match("") {
        return Err(PatternError::Empty);
    }
    Ok(regex)
}

pub(super) fn find(scan: &Scan<'_>, patterns: &Patterns, found: &mut Found<'_>) {
    for (kind, regex) in &patterns.0 {
        let grouped = regex.captures_len() > 1;
        for whole in regex.find_iter(scan.text).take(MAX_MATCHES) {
            let value = if grouped {
                regex
                    .captures_at(scan.text, whole.start())
                    .and_then(|groups| groups.get(1))
            } else {
                Some(whole)
            };
            if let Some(value) = value {
                found.add(kind, value.start(), value.end(), None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(kind: &str, regex: &str) -> EntityPattern {
        EntityPattern {
            kind: kind.into(),
            regex: regex.into(),
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let long = "a".repeat(MAX_REGEX_BYTES + 1);
        for (kind, regex, said) in [
            ("", "a", "is no kind"),
            ("Order", "a", "is no kind"),
            ("9", "a", "is no kind"),
            ("card", "a", "never kept"),
            ("order", &*long, "longer"),
            ("order", "(", "not understood"),
            ("order", r"(a)\1", "not understood"),
            ("order", "(?=a)", "not understood"),
            ("order", r"\w{1000}{1000}", "too much"),
            ("order", r"(\pL{500}){5}", "too much"),
            ("order", "", "where there is nothing"),
            ("order", "[0-9]*", "where there is nothing"),
        ] {
            let error = compile(&pattern(kind, regex)).unwrap_err().to_string();
            assert!(error.contains(said), "{regex}: {error}");
        }
    }

    #[test]
    fn bad_ones_take_no_part() {
        let mut patterns = vec![pattern("order", "("), pattern("order", "A[0-9]+")];
        let (good, bad) = Patterns::compile(&patterns);
        assert_eq!((good.0.len(), bad.len(), bad[0].0), (1, 1, 0));
        patterns.resize(MAX_PATTERNS + 3, pattern("x", "x"));
        let (good, bad) = Patterns::compile(&patterns);
        assert_eq!((good.0.len(), bad.len()), (MAX_PATTERNS - 1, 4));
    }
}
