//! The template engine and what a template may cost it.

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, Template, UndefinedBehavior, Value,
    escape_formatter,
};

use crate::{
    filter,
    page::{self, MAX_HTML, MAX_TEXT, Page},
    problem::{Part, RenderError},
};

/// Instructions a part may run: enough for a newsletter of hundreds of articles, not for a loop over millions.
const FUEL: u64 = 50_000;
/// Longest subject, in bytes: a line of RFC 5322.
const MAX_SUBJECT: usize = 998;
/// Longest text of an approved message's variable, in bytes: more than any platform takes.
const MAX_VARIABLE: usize = 4096;

/// An engine without templates. Names that end in `.html` are escaped.
pub(crate) fn engine() -> Environment<'static> {
    let mut engine = Environment::empty();
    // What is undefined may be asked for (`if`), but not written.
    engine.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    engine.set_fuel(Some(FUEL));
    engine.set_recursion_limit(64);
    engine.set_auto_escape_callback(|name| {
        if name.ends_with(".html") {
            AutoEscape::Html
        } else {
            AutoEscape::None
        }
    });
    engine.set_formatter(write);
    filter::add(&mut engine);
    engine
}

/// Writes a value; in HTML, so that it is the same text between tags and between quotes.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if *state.auto_escape() != AutoEscape::Html || value.is_safe() {
        return escape_formatter(out, state, value);
    }
    let mut escaped = String::new();
    match value.as_str() {
        Some(text) if !text.contains(page::SPECIAL) => {
            return out.write_str(text).map_err(Error::from);
        }
        Some(text) => page::escape(&mut escaped, text),
        None => page::escape(&mut escaped, &value.to_string()),
    }
    out.write_str(&escaped).map_err(Error::from)
}

pub(crate) const fn longest(part: Part) -> usize {
    match part {
        Part::Subject => MAX_SUBJECT,
        Part::Text => MAX_TEXT,
        Part::Html => MAX_HTML,
        Part::Platform => MAX_VARIABLE,
    }
}

/// What a template says with these words. [`RenderError::Missing`] names nothing yet.
pub(crate) fn say(
    template: &Template<'_, '_>,
    part: Part,
    words: Value,
) -> Result<String, RenderError> {
    let max_bytes = longest(part);
    let mut page = Page::new(template.source().len() * 3 / 2, max_bytes);
    let rendered = template.render_captured_to(words, &mut page).map(drop);
    if page.full {
        return Err(RenderError::TooLong { part, max_bytes });
    }
    rendered.map_err(|error| why(&error, part))?;
    String::from_utf8(page.text).map_err(|_| RenderError::Failed {
        part,
        line: 1,
        reason: "not a text".into(),
    })
}

fn why(error: &Error, part: Part) -> RenderError {
    match error.kind() {
        ErrorKind::UndefinedError => RenderError::Missing(Vec::new()),
        ErrorKind::OutOfFuel => RenderError::TooMuch(part),
        kind => RenderError::Failed {
            part,
            line: error
                .line()
                .and_then(|line| line.try_into().ok())
                .unwrap_or(1),
            // The details of the engine's own errors may quote values; ours are fixed sentences.
            reason: match error.detail().filter(|detail| filter::is_ours(detail)) {
                Some(detail) => detail.to_owned(),
                None => kind.to_string(),
            },
        },
    }
}
