//! The words of one construct.

/// A word of an expression, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) at: usize,
    pub(crate) what: What<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What<'a> {
    Name(&'a str),
    Text,
    Number,
    /// `==`, the one of two characters that must not be taken for `=`.
    Equal,
    Sign(char),
}

impl<'a> Token<'a> {
    pub(crate) const fn name(self) -> Option<&'a str> {
        match self.what {
            What::Name(name) => Some(name),
            _ => None,
        }
    }

    pub(crate) fn is(self, sign: char) -> bool {
        self.what == What::Sign(sign)
    }
}

/// The words of what is inside a construct that begins at `start`.
pub(crate) fn tokens(start: usize, inside: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut chars = inside.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let what = match c {
            c if c.is_whitespace() => continue,
            '"' | '\'' => {
                while let Some((_, next)) = chars.next() {
                    match next {
                        '\\' => drop(chars.next()),
                        next if next == c => break,
                        _ => {}
                    }
                }
                What::Text
            }
            c if c.is_alphabetic() || c == '_' => {
                let mut end = at + c.len_utf8();
                while let Some((next, c)) = chars.next_if(|(_, c)| c.is_alphanumeric() || *c == '_')
                {
                    end = next + c.len_utf8();
                }
                What::Name(inside.get(at..end).unwrap_or_default())
            }
            c if c.is_ascii_digit() => {
                while chars
                    .next_if(|(_, c)| c.is_ascii_alphanumeric() || *c == '_')
                    .is_some()
                {}
                What::Number
            }
            '=' if chars.next_if(|(_, c)| *c == '=').is_some() => What::Equal,
            c @ ('!' | '<' | '>') => {
                chars.next_if(|(_, c)| *c == '=');
                What::Sign(c)
            }
            c => What::Sign(c),
        };
        tokens.push(Token {
            at: start + at,
            what,
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let found: Vec<_> = tokens(3, "set x = 'a\\'b' ~ y_2|d(1.5) == 2")
            .into_iter()
            .map(|token| token.what)
            .collect();
        use What::{Equal, Name, Number, Sign, Text};
        assert_eq!(
            found,
            [
                Name("set"),
                Name("x"),
                Sign('='),
                Text,
                Sign('~'),
                Name("y_2"),
                Sign('|'),
                Name("d"),
                Sign('('),
                Number,
                Sign('.'),
                Number,
                Sign(')'),
                Equal,
                Number
            ]
        );
    }
}
