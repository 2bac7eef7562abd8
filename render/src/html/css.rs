//! Style sheets, as far as they can be written into elements.
//!
//! Selectors of types, classes, ids and attributes, with descendants and children
//! (<https://www.w3.org/TR/selectors-3/>). What needs more (`:hover`, `a + b`, `@media`) stays in its sheet.

use std::ops::Range;

/// A rule of a sheet.
#[derive(Debug)]
pub(super) struct Rule {
    /// Those that can be looked for.
    pub(super) selectors: Vec<Selector>,
    /// Whether that is all of them.
    pub(super) whole: bool,
    pub(super) declarations: Vec<Declaration>,
    /// In the sheet.
    pub(super) range: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declaration {
    pub(super) property: String,
    pub(super) value: String,
    pub(super) important: bool,
}

/// How many ids, how many classes and attributes, how many types.
pub(super) type Weight = (u32, u32, u32);

/// Parts from the outermost element to the one that is meant.
#[derive(Debug)]
pub(super) struct Selector {
    pub(super) parts: Vec<Part>,
    pub(super) weight: Weight,
}

#[derive(Debug, Default)]
pub(super) struct Part {
    /// Whether its parent must be the part before, not any ancestor.
    pub(super) is_child: bool,
    name: Option<String>,
    id: Option<String>,
    classes: Vec<String>,
    attributes: Vec<(String, Option<String>)>,
}

/// An element as selectors see it.
#[derive(Debug)]
pub(super) struct Element<'a> {
    pub(super) name: &'a str,
    pub(super) id: Option<&'a str>,
    pub(super) classes: Vec<&'a str>,
    /// Names in lower case, and values.
    pub(super) attributes: Vec<(&'a str, &'a str)>,
}

/// Parts of one selector at most; longer ones stay in their sheet.
const MAX_PARTS: usize = 16;

impl Part {
    pub(super) fn fits(&self, element: &Element<'_>) -> bool {
        self.name.as_deref().is_none_or(|name| name == element.name)
            && self.id.as_deref().is_none_or(|id| element.id == Some(id))
            && self
                .classes
                .iter()
                .all(|class| element.classes.contains(&class.as_str()))
            && self.attributes.iter().all(|(name, value)| {
                element.attributes.iter().any(|(has, is)| {
                    has == name && value.as_deref().is_none_or(|value| *is == value)
                })
            })
    }
}

/// The rules of a sheet; at-rules and what cannot be read are left out.
pub(super) fn rules(sheet: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut at = 0;
    while at < sheet.len() {
        let start = at + skipped(sheet.get(at..).unwrap_or_default());
        let rest = sheet.get(start..).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
        let Some(open) = find(rest, &['{', ';']) else {
            break;
        };
        if rest.get(open..).is_some_and(|rest| rest.starts_with(';')) {
            at = start + open + 1;
            continue;
        }
        let Some(length) = block(rest.get(open..).unwrap_or_default()) else {
            break;
        };
        let end = start + open + length;
        at = end;
        if rest.starts_with('@') {
            continue;
        }
        let body = sheet.get(start + open + 1..end - 1).unwrap_or_default();
        if body.contains('{') {
            continue;
        }
        let prelude = without_comments(rest.get(..open).unwrap_or_default());
        let selectors: Vec<_> = split(&prelude, ',').into_iter().map(selector).collect();
        let whole = selectors.iter().all(Option::is_some);
        rules.push(Rule {
            selectors: selectors.into_iter().flatten().collect(),
            whole,
            declarations: declarations(body),
            range: start..end,
        });
    }
    rules
}

fn declarations(body: &str) -> Vec<Declaration> {
    let body = without_comments(body);
    split(&body, ';')
        .into_iter()
        .filter_map(|text| {
            let (property, value) = text.split_once(':')?;
            let (property, value) = (property.trim().to_ascii_lowercase(), value.trim());
            let bare = value
                .rsplit_once('!')
                .filter(|(_, word)| word.trim().eq_ignore_ascii_case("important"))
                .map(|(bare, _)| bare.trim());
            let is_name = !property.is_empty()
                && property
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            let value_text = bare.unwrap_or(value);
            (is_name && !value_text.is_empty()).then(|| Declaration {
                property,
                value: value_text.split_whitespace().collect::<Vec<_>>().join(" "),
                important: bare.is_some(),
            })
        })
        .collect()
}

fn selector(text: &str) -> Option<Selector> {
    let mut selector = Selector {
        parts: Vec::new(),
        weight: (0, 0, 0),
    };
    let mut rest = text.trim();
    let mut is_child = false;
    while !rest.is_empty() {
        let (mut part, after) = part(rest)?;
        part.is_child = std::mem::take(&mut is_child);
        selector.weight.0 += u32::from(part.id.is_some());
        selector.weight.1 += u32::try_from(part.classes.len() + part.attributes.len()).ok()?;
        selector.weight.2 += u32::from(part.name.is_some());
        selector.parts.push(part);
        rest = after.trim_start();
        if let Some(after) = rest.strip_prefix('>') {
            is_child = true;
            rest = after.trim_start();
            if rest.is_empty() {
                return None;
            }
        }
    }
    (!selector.parts.is_empty() && selector.parts.len() <= MAX_PARTS).then_some(selector)
}

/// The first part, and what follows.
fn part(text: &str) -> Option<(Part, &str)> {
    let mut part = Part::default();
    let mut rest = text;
    let mut is_empty = true;
    loop {
        let mut chars = rest.chars();
        match chars.next() {
            Some('*') if is_empty => rest = chars.as_str(),
            Some('.') => {
                let (name, after) = name(chars.as_str())?;
                part.classes.push(name.to_owned());
                rest = after;
            }
            Some('#') => {
                let (name, after) = name(chars.as_str())?;
                part.id = Some(name.to_owned());
                rest = after;
            }
            Some('[') => {
                let (inside, after) = chars.as_str().split_once(']')?;
                let (name, value) = match inside.split_once('=') {
                    Some((name, value)) => (
                        name,
                        Some(value.trim().trim_matches(['"', '\'']).to_owned()),
                    ),
                    None => (inside, None),
                };
                let name = name.trim().to_ascii_lowercase();
                if !name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                {
                    return None;
                }
                part.attributes.push((name, value));
                rest = after;
            }
            Some(c) if is_empty && (c.is_ascii_alphabetic()) => {
                let (name, after) = name(rest)?;
                part.name = Some(name.to_ascii_lowercase());
                rest = after;
            }
            None | Some('>') => break,
            Some(c) if c.is_whitespace() => break,
            Some(_) => return None,
        }
        is_empty = false;
    }
    (!is_empty).then_some((part, rest))
}

fn name(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_')))
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// The length of blanks, comments and the marks of old browsers at the beginning.
fn skipped(text: &str) -> usize {
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start();
        let next = trimmed
            .strip_prefix("<!--")
            .or_else(|| trimmed.strip_prefix("-->"))
            .or_else(|| trimmed.strip_prefix('}'))
            .or_else(|| {
                let (_, after) = trimmed.strip_prefix("/*")?.split_once("*/")?;
                Some(after)
            });
        match next {
            Some(next) => rest = next,
            None => return text.len() - trimmed.len(),
        }
    }
}

fn without_comments(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        whole.push_str(before);
        whole.push(' ');
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    whole.push_str(rest);
    whole
}

/// Characters of CSS that are no part of a text or comment, with how many brackets are open.
fn bare(text: &str) -> impl Iterator<Item = (usize, char, u32)> {
    let mut quote = None;
    let mut depth = 0_u32;
    let mut is_comment = false;
    let mut chars = text.char_indices().peekable();
    std::iter::from_fn(move || {
        loop {
            let (at, c) = chars.next()?;
            if is_comment {
                if c == '*' && chars.next_if(|(_, c)| *c == '/').is_some() {
                    is_comment = false;
                }
                continue;
            }
            match (quote, c) {
                (_, '\\') => drop(chars.next()),
                (Some(open), c) if open == c => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '/') if chars.next_if(|(_, c)| *c == '*').is_some() => is_comment = true,
                (None, '(' | '[') => depth += 1,
                (None, ')' | ']') => depth = depth.saturating_sub(1),
                (None, c) => return Some((at, c, depth)),
            }
        }
    })
}

fn find(text: &str, what: &[char]) -> Option<usize> {
    bare(text).find_map(|(at, c, depth)| (depth == 0 && what.contains(&c)).then_some(at))
}

/// The length of a block from its brace to its other one.
fn block(text: &str) -> Option<usize> {
    let mut open = 0_u32;
    bare(text).find_map(|(at, c, _)| {
        match c {
            '{' => open += 1,
            '}' => open = open.saturating_sub(1),
            _ => return None,
        }
        (open == 0).then_some(at + 1)
    })
}

fn split(text: &str, at: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut from = 0;
    for (index, c, depth) in bare(text) {
        if c == at && depth == 0 {
            parts.push(text.get(from..index).unwrap_or_default());
            from = index + 1;
        }
    }
    parts.push(text.get(from..).unwrap_or_default());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet() {
        let sheet = "/* a{} */ @import 'x;y'; p, .a > B#c[title='x y'] { color : red ; background:url(a;b) !important }\n\
            @media (x) { p { color: blue } } a:hover{color:green} .x::after, .y {x:1} } q{} z{";
        let rules = rules(sheet);
        assert_eq!(rules.len(), 4, "{rules:?}");
        assert_eq!(rules[0].selectors.len(), 2);
        assert_eq!(rules[0].selectors[1].weight, (1, 2, 1));
        assert!(rules[0].selectors[1].parts[1].is_child);
        assert_eq!(
            rules[0].declarations,
            [
                Declaration {
                    property: "color".into(),
                    value: "red".into(),
                    important: false
                },
                Declaration {
                    property: "background".into(),
                    value: "url(a;b)".into(),
                    important: true
                }
            ]
        );
        assert!(!rules[1].whole && rules[1].selectors.is_empty());
        assert!(!rules[2].whole && rules[2].selectors.len() == 1);
    }
}
