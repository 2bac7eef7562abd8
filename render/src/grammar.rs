//! What a template may say, beyond that it compiles.
//!
//! Invariant: a template that passes cannot make text grow without end. A name may be set, but what it holds is
//! counted in values ([`MAX_JOINED`]), in a loop nothing may be joined to be kept, and there is no repetition (`*`).
//! Steps are counted by the engine, output by [`crate::page`].

use std::collections::{BTreeSet, HashMap};

use crate::{
    construct::{Kind, Piece},
    filter::{NAMES, TESTS},
    problem::Flaw,
    token::{Token, What, tokens},
};

/// Longest source of a part, in bytes.
pub(crate) const MAX_SOURCE: usize = 400_000;
/// Values that may be joined into one.
const MAX_JOINED: u32 = 64;
/// Flaws that are said of one part; the others come when these are mended.
pub(crate) const MAX_FLAWS: usize = 20;
const BLOCKS: [&str; 7] = ["if", "elif", "else", "endif", "for", "endfor", "set"];
/// Names before a parenthesis that are no call.
const OPERATORS: [&str; 8] = ["and", "or", "not", "in", "is", "if", "elif", "else"];

/// What a source reads, as far as it may be missing.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// Names that the template itself provides for: asked for with `if` or `is`, or with a `default`.
    pub(crate) optional: BTreeSet<String>,
}

/// Checks every construct of a source; all flaws, in order.
pub(crate) fn check(source: &str, pieces: &[Piece]) -> Result<Reads, Vec<Flaw>> {
    let mut check = Check::default();
    if source.len() > MAX_SOURCE {
        return Err(vec![Flaw::new(
            0,
            format!("This is longer than {MAX_SOURCE} bytes."),
        )]);
    }
    for piece in pieces {
        if matches!(piece.kind, Kind::Expression | Kind::Block) {
            let (start, inside) = piece.inside(source);
            let tokens = tokens(start, inside);
            let checked = if piece.kind == Kind::Block {
                check.block(piece.range.start, &tokens)
            } else {
                check.expression(piece.range.start, &tokens).map(drop)
            };
            check.flaws.extend(checked.err());
            if check.flaws.len() >= MAX_FLAWS {
                break;
            }
        }
    }
    if check.flaws.is_empty() {
        Ok(check.reads)
    } else {
        Err(check.flaws)
    }
}

#[derive(Default)]
struct Check {
    /// How many values a name holds that was set.
    held: HashMap<String, u32>,
    loops: u32,
    reads: Reads,
    flaws: Vec<Flaw>,
}

impl Check {
    fn block(&mut self, at: usize, tokens: &[Token<'_>]) -> Result<(), Flaw> {
        let Some((first, rest)) = tokens.split_first() else {
            return Ok(());
        };
        let name = first.name().unwrap_or_default();
        if !BLOCKS.contains(&name) {
            let hint =
                "A template may use `if`, `elif`, `else`, `endif`, `for`, `endfor` and `set`.";
            return Err(Flaw::new(at, format!("There is no `{name}` here.")).hint(hint));
        }
        match name {
            "for" => {
                self.loops += 1;
                if let Some(token) = rest.iter().find(|token| token.name() == Some("recursive")) {
                    return Err(Flaw::new(token.at, "A loop cannot be recursive."));
                }
                let split = rest.iter().position(|token| token.name() == Some("in"));
                let (names, over) = rest.split_at(split.unwrap_or(rest.len()));
                let held = self.expression(at, over)?;
                for name in names.iter().filter_map(|token| token.name()) {
                    self.held.insert(name.to_owned(), held);
                }
            }
            "endfor" => self.loops = self.loops.saturating_sub(1),
            "set" => self.set(at, rest)?,
            "if" | "elif" => {
                self.expression(at, rest)?;
                self.asked(rest);
            }
            _ => drop(self.expression(at, rest)?),
        }
        Ok(())
    }

    fn set(&mut self, at: usize, tokens: &[Token<'_>]) -> Result<(), Flaw> {
        let Some(equal) = tokens.iter().position(|token| token.is('=')) else {
            return Err(Flaw::new(at, "`set` needs a value.")
                .hint("Write `{% set name = value %}`; there is no `endset`."));
        };
        let (names, value) = tokens.split_at(equal);
        let value = value.get(1..).unwrap_or_default();
        let held = self.expression(at, value)?;
        let grown = value
            .iter()
            .find(|token| ['~', '+', '['].iter().any(|sign| token.is(*sign)));
        if let (Some(token), 1..) = (grown, self.loops) {
            return Err(Flaw::new(token.at, "In a loop, `set` cannot join values.")
                .hint("Write them one after the other instead: `{{ a }}{{ b }}`."));
        }
        for name in names.iter().filter_map(|token| token.name()) {
            self.held.insert(name.to_owned(), held);
        }
        Ok(())
    }

    /// Checks an expression; how many values it may hold.
    fn expression(&mut self, at: usize, tokens: &[Token<'_>]) -> Result<u32, Flaw> {
        let mut held = 0_u32;
        for (index, token) in tokens.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|index| tokens.get(index));
            match token.what {
                What::Sign('*') => {
                    return Err(
                        Flaw::new(token.at, "`*` would repeat text and is not allowed.")
                            .hint("Have the product as an attribute of the contact."),
                    );
                }
                What::Sign('{' | '}') => {
                    return Err(Flaw::new(
                        token.at,
                        "A brace cannot stand inside `{{ }}` or `{% %}`.",
                    )
                    .hint("Is the construct before it closed?"));
                }
                What::Name(name) => {
                    self.name(token.at, name, before, tokens, index)?;
                    held = held.saturating_add(self.held.get(name).copied().unwrap_or(1));
                }
                What::Text | What::Number => held = held.saturating_add(1),
                What::Equal | What::Sign(_) => {}
            }
        }
        if held > MAX_JOINED {
            return Err(Flaw::new(
                at,
                format!("This brings together more than {MAX_JOINED} values."),
            )
            .hint("Write them one after the other instead: `{{ a }}{{ b }}`."));
        }
        Ok(held)
    }

    fn name(
        &mut self,
        at: usize,
        name: &str,
        before: Option<&Token<'_>>,
        tokens: &[Token<'_>],
        index: usize,
    ) -> Result<(), Flaw> {
        if name.starts_with("__") {
            return Err(Flaw::new(
                at,
                "Names that begin with `__` are the hub's own.",
            ));
        }
        let next = tokens.get(index + 1);
        if before.is_some_and(|token| token.is('|')) {
            if NAMES.contains(&name) {
                return Ok(());
            }
            let hint = match name {
                "safe" | "e" | "escape" | "autoescape" => {
                    "Values are escaped by themselves; there is no way around it.".to_owned()
                }
                _ => format!("There are {}.", NAMES.join(", ")),
            };
            return Err(Flaw::new(at, format!("There is no filter `{name}`.")).hint(hint));
        }
        let is_test = before.is_some_and(|token| token.name() == Some("is"))
            || (before.is_some_and(|token| token.name() == Some("not"))
                && index >= 2
                && tokens.get(index - 2).and_then(|token| token.name()) == Some("is"));
        if is_test && name != "not" {
            if TESTS.contains(&name) {
                return Ok(());
            }
            return Err(Flaw::new(at, format!("There is no test `{name}`."))
                .hint(format!("There are {}.", TESTS.join(", "))));
        }
        if next.is_some_and(|token| token.is('(')) && !OPERATORS.contains(&name) {
            return Err(Flaw::new(at, format!("There is no function `{name}`."))
                .hint("Use a filter, e.g. `{{ name | upper }}`."));
        }
        if next.is_some_and(|token| token.is('|'))
            && matches!(
                tokens.get(index + 2).and_then(|token| token.name()),
                Some("default" | "d")
            )
        {
            self.optional(tokens, index);
        }
        Ok(())
    }

    /// Names whose absence a condition allows for.
    fn asked(&mut self, tokens: &[Token<'_>]) {
        for (index, token) in tokens.iter().enumerate() {
            if token.name().is_some() {
                self.optional(tokens, index);
            }
        }
    }

    /// The name that ends at a token, with what it is a part of.
    fn optional(&mut self, tokens: &[Token<'_>], index: usize) {
        let mut parts = Vec::new();
        let mut at = index;
        while let Some(name) = tokens.get(at).and_then(|token| token.name()) {
            parts.push(name);
            if at >= 2 && tokens.get(at - 1).is_some_and(|token| token.is('.')) {
                at -= 2;
            } else {
                break;
            }
        }
        parts.reverse();
        self.reads.optional.insert(parts.join("."));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::construct::cut;

    fn flaw(source: &str) -> Option<String> {
        let pieces = cut(source).unwrap();
        check(source, &pieces)
            .err()
            .map(|flaws| flaws.into_iter().next().unwrap().reason)
    }

    #[test]
    fn what_letters_need() {
        for source in [
            "{{ first_name | default('there') | title }}",
            "{% set full = first ~ ' ' ~ last %}{{ full }}",
            "{% for item in items if item.price > 2 %}{{ loop.index }}{% set x = item.name %}{{ x }}{% endfor %}",
            "{% if a is defined and not (b or c) %}{% elif d is not none %}{% else %}{% endif %}",
            "{{ (a + 2) | round(1) }}{# * #}{{ 'a*b' }}",
        ] {
            assert_eq!(flaw(source), None, "{source}");
        }
    }

    #[test]
    fn what_would_cost_too_much_or_is_not_there() {
        let doubled: String = "{% set a = x ~ x %}".to_owned() + &"{% set a = a ~ a %}".repeat(6);
        for source in [
            doubled.as_str(),
            "{% for i in x %}{% set y = y ~ i %}{% endfor %}",
            "{% set x %}abc{% endset %}",
            "{{ 'x' * 999 }}",
            "{{ range(9) }}",
            "{{ x | safe }}",
            "{{ x | __click }}",
            "{% include 'x' %}",
            "{% autoescape false %}{% endautoescape %}",
            "{% filter upper %}{% endfilter %}",
            "{% for a in b recursive %}{% endfor %}",
            "{{ x is callable }}",
            "{{ {'a': 1} }}",
            "{{ x.upper() }}",
        ] {
            assert!(flaw(source).is_some(), "{source}");
        }
    }

    #[test]
    fn what_may_be_missing() {
        let source = "{{ a | d('x') }}{% if b.c and d is defined %}{% endif %}{{ e }}";
        let reads = check(source, &cut(source).unwrap()).unwrap();
        for name in ["a", "b.c", "d"] {
            assert!(reads.optional.contains(name), "{name}");
        }
        assert!(!reads.optional.contains("e"));
    }
}
