//! What templates may do with a value. What could grow text asks first how long the result will be.

use std::fmt::Write as _;

use chrono::{
    DateTime, NaiveDate, NaiveDateTime,
    format::{Item, StrftimeItems},
};
use minijinja::{
    Environment, Error, ErrorKind, Value, filters, tests,
    value::{Rest, StringInput, ValueKind},
};

use crate::page::{self, MAX_TEXT};

/// Filters a template may name.
pub(crate) const NAMES: [&str; 21] = [
    "abs",
    "capitalize",
    "count",
    "d",
    "date",
    "default",
    "first",
    "float",
    "int",
    "join",
    "last",
    "length",
    "lower",
    "replace",
    "round",
    "title",
    "tracked",
    "trim",
    "truncate",
    "upper",
    "urlencode",
];
/// Tests a template may name after `is`.
pub(crate) const TESTS: [&str; 10] = [
    "defined",
    "divisibleby",
    "endingwith",
    "even",
    "in",
    "none",
    "number",
    "odd",
    "startingwith",
    "undefined",
];
/// What the compiler wraps addresses in; no template can name them.
pub(crate) const CLICK: &str = "__click";
pub(crate) const ADDRESS: &str = "__address";

pub(crate) fn add(engine: &mut Environment<'static>) {
    engine.add_filter("abs", filters::abs);
    engine.add_filter("capitalize", filters::capitalize);
    engine.add_filter("count", filters::length);
    engine.add_filter("d", default);
    engine.add_filter("date", date);
    engine.add_filter("default", default);
    engine.add_filter("first", filters::first);
    engine.add_filter("float", filters::float);
    engine.add_filter("int", filters::int);
    engine.add_filter("join", join);
    engine.add_filter("last", filters::last);
    engine.add_filter("length", filters::length);
    engine.add_filter("lower", filters::lower);
    engine.add_filter("replace", replace);
    engine.add_filter("round", filters::round);
    engine.add_filter("title", filters::title);
    engine.add_filter("tracked", tracked);
    engine.add_filter("trim", filters::trim);
    engine.add_filter("truncate", truncate);
    engine.add_filter("upper", filters::upper);
    engine.add_filter("urlencode", urlencode);
    engine.add_filter(CLICK, |url: &str| {
        Value::from_safe_string(page::quoted(page::click(url)))
    });
    engine.add_filter(ADDRESS, |url: &str| {
        Value::from_safe_string(page::quoted(page::address(url)))
    });
    engine.add_test("defined", tests::is_defined);
    engine.add_test("divisibleby", tests::is_divisibleby);
    engine.add_test("endingwith", tests::is_endingwith);
    engine.add_test("even", tests::is_even);
    engine.add_test("in", tests::is_in);
    engine.add_test("none", tests::is_none);
    engine.add_test("number", tests::is_number);
    engine.add_test("odd", tests::is_odd);
    engine.add_test("startingwith", tests::is_startingwith);
    engine.add_test("undefined", tests::is_undefined);
}

fn cannot(reason: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason)
}

/// The value, or another one where there is none or an empty text.
fn default(value: &Value, other: Rest<Value>) -> Value {
    if value.is_undefined() || value.is_none() || value.as_str() == Some("") {
        other.first().cloned().unwrap_or_else(|| Value::from(""))
    } else {
        value.clone()
    }
}

/// A link of a text that is to be counted.
fn tracked(url: StringInput<'_>) -> Value {
    let url = page::click(url.as_str());
    if page::is_mark(&url) {
        // The caller's address will be escaped when it takes the place of the mark.
        Value::from_safe_string(url)
    } else {
        Value::from(url)
    }
}

/// A date or a time of ISO 8601 in another form, as `strftime` writes it; "2 January 2026" by itself.
fn date(value: StringInput<'_>, form: Option<StringInput<'_>>) -> Result<String, Error> {
    let text = value.as_str().trim();
    let time = DateTime::parse_from_rfc3339(text)
        .map(|time| time.naive_local())
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f"))
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
        .or_else(|_| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .map(|date| date.and_time(chrono::NaiveTime::MIN))
        })
        .map_err(|_| cannot("`date` needs a date such as 2026-01-31 or 2026-01-31T12:00:00Z"))?;
    let form = form.as_ref().map_or("%-d %B %Y", |form| form.as_str());
    if form.len() > 100 {
        return Err(cannot("the format of `date` is longer than 100 bytes"));
    }
    let items: Vec<Item<'_>> = StrftimeItems::new(form).collect();
    if items.contains(&Item::Error) {
        return Err(cannot(
            "the format of `date` has a field that does not exist",
        ));
    }
    let mut text = String::new();
    write!(text, "{}", time.format_with_items(items.iter()))
        .map_err(|_| cannot("the format of `date` asks for what the date does not have"))?;
    Ok(text)
}

fn join(values: &Value, between: Option<StringInput<'_>>) -> Result<String, Error> {
    let between = between.as_ref().map_or("", |between| between.as_str());
    let mut text = String::new();
    for (at, item) in values.try_iter()?.enumerate() {
        if at > 0 {
            text.push_str(between);
        }
        match item.as_str() {
            Some(item) => text.push_str(item),
            None if matches!(item.kind(), ValueKind::Number | ValueKind::Bool) => {
                write!(text, "{item}").map_err(|_| cannot("`join` cannot write this"))?;
            }
            None => return Err(cannot("`join` joins texts and numbers")),
        }
        bounded(text.len())?;
    }
    Ok(text)
}

fn replace(
    value: StringInput<'_>,
    from: StringInput<'_>,
    to: StringInput<'_>,
) -> Result<String, Error> {
    let (value, from, to) = (value.as_str(), from.as_str(), to.as_str());
    if from.is_empty() {
        return Err(cannot("`replace` cannot look for nothing"));
    }
    let times = value.matches(from).count();
    bounded(value.len().saturating_add(times.saturating_mul(to.len())))?;
    Ok(value.replace(from, to))
}

/// At most so many characters, the last of them an ellipsis where something is cut off.
fn truncate(value: StringInput<'_>, length: Option<usize>) -> String {
    let length = length.unwrap_or(255);
    let text = value.as_str();
    if text.chars().nth(length).is_none() {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(length.saturating_sub(1)).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// For a part of an address: all but letters, digits and `-._~` as `%XX` (RFC 3986, 2.3).
fn urlencode(value: &Value) -> Result<String, Error> {
    let text = match (value.as_str(), value.kind()) {
        (Some(text), _) => text.to_owned(),
        (None, ValueKind::Number | ValueKind::Bool) => value.to_string(),
        _ => return Err(cannot("`urlencode` needs a text or a number")),
    };
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            page::percent(&mut encoded, byte);
        }
    }
    bounded(encoded.len())?;
    Ok(encoded)
}

fn bounded(length: usize) -> Result<(), Error> {
    if length > MAX_TEXT {
        return Err(cannot("a text becomes too long"));
    }
    Ok(())
}

/// Whether a sentence about a failure is one of this file's, which quote no value.
pub(crate) fn is_ours(detail: &str) -> bool {
    [
        "`date` ",
        "the format of `date`",
        "`join` ",
        "`replace` ",
        "`urlencode` ",
        "a text becomes too long",
    ]
    .iter()
    .any(|start| detail.starts_with(start))
}
