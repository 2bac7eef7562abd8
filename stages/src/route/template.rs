//! Templates of answers: what a tenant may write, and what writing it may cost.
//!
//! Invariants: a template cannot take more than a few megabytes or a fraction of a second, whatever
//! it says. So there are no variables of its own (`set`, `with`, `macro`), from which text could be
//! doubled again and again, no repetition (`*`), no functions and only filters that do not grow
//! text; what loops there are run on fuel, and the output has an end.

use std::io;

use minijinja::{Environment, UndefinedBehavior, Value, filters};

/// Instructions a template may run: enough for any letter, not for a loop over millions.
const FUEL: u64 = 20_000;
/// Longest answer, in bytes.
const MAX_REPLY_BYTES: usize = 16 * 1024;
/// Longest template source.
const MAX_SOURCE_BYTES: usize = 16 * 1024;
const BLOCKS: [&str; 6] = ["if", "elif", "else", "endif", "for", "endfor"];

/// A tenant's templates, compiled.
pub(super) struct Templates(Environment<'static>);

impl Default for Templates {
    fn default() -> Self {
        let mut templates = Environment::empty();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_fuel(Some(FUEL));
        templates.set_recursion_limit(32);
        templates.add_filter("default", filters::default);
        templates.add_filter("upper", filters::upper);
        templates.add_filter("lower", filters::lower);
        templates.add_filter("title", filters::title);
        templates.add_filter("capitalize", filters::capitalize);
        templates.add_filter("trim", filters::trim);
        templates.add_filter("length", filters::length);
        Self(templates)
    }
}

impl Templates {
    /// Compiles a template under a name; the error says why not.
    pub(super) fn add(&mut self, name: String, source: &str) -> Result<String, String> {
        if source.len() > MAX_SOURCE_BYTES {
            return Err(format!(
                "its template is longer than {MAX_SOURCE_BYTES} bytes"
            ));
        }
        allowed(source)?;
        self.0
            .add_template_owned(name.clone(), source.to_owned())
            .map_err(|error| format!("its template does not compile: {}", error.kind()))?;
        Ok(name)
    }

    /// The text of a template; the error says why there is none, without quoting anything.
    pub(super) fn render(&self, name: &str, words: &Value) -> Result<String, String> {
        let mut page = Page::default();
        let rendered = self
            .0
            .get_template(name)
            .and_then(|template| template.render_captured_to(words, &mut page).map(drop));
        if page.full {
            return Err(format!("its answer is longer than {MAX_REPLY_BYTES} bytes"));
        }
        rendered.map_err(|error| format!("its template failed: {}", error.kind()))?;
        let text = String::from_utf8_lossy(&page.text).into_owned();
        let (text, _) = crate::text::clean(text, MAX_REPLY_BYTES);
        let text = text.trim();
        if text.is_empty() {
            return Err("its answer is empty".into());
        }
        Ok(text.to_owned())
    }
}

/// Output with an end.
#[derive(Default)]
struct Page {
    text: Vec<u8>,
    full: bool,
}

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > MAX_REPLY_BYTES {
            self.full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a template keeps to what is allowed. Looks at every `{{` and `{%`, also at those the
/// language itself would take for text, so it may refuse too much but never too little.
fn allowed(source: &str) -> Result<(), String> {
    for (at, _) in source.match_indices("{%") {
        let inside = source.get(at + 2..).unwrap_or_default();
        let name = inside
            .trim_start_matches(['-', '+'])
            .trim_start()
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()
            .unwrap_or_default();
        if !BLOCKS.contains(&name) {
            return Err("its template has a block that is not allowed".into());
        }
        no_repetition(inside)?;
    }
    for (at, _) in source.match_indices("{{") {
        no_repetition(source.get(at + 2..).unwrap_or_default())?;
    }
    Ok(())
}

/// Looks for `*` up to the end of an expression, but for those in quotes.
fn no_repetition(inside: &str) -> Result<(), String> {
    let mut quote = None;
    let mut bytes = inside.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(_), b'\\') => {
                bytes.next();
            }
            (Some(open), byte) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'}' | b'%') if bytes.peek() == Some(&b'}') => return Ok(()),
            (None, b'*') => return Err("its template repeats text, which is not allowed".into()),
            (None, _) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(source: &str) -> Result<String, String> {
        let mut templates = Templates::default();
        let name = templates.add("t".into(), source)?;
        let words = minijinja::context! { text => "ab", name => "" };
        templates.render(&name, &words)
    }

    #[test]
    fn what_letters_need() {
        for (source, text) in [
            (
                "*Hi* {{ name or 'there' }}, {{ text|upper }}!",
                "*Hi* there, AB!",
            ),
            (
                "{% if text == 'a*b' %}1{% elif name %}2{% else -%} 3 {%- endif %}",
                "3",
            ),
            ("{% for c in text %}{{ c }}.{% endfor %}", "a.b."),
            ("{{ '}}*' }}{{ name|default('x', true) }}", "}}*x"),
        ] {
            assert_eq!(answer(source).as_deref(), Ok(text), "{source}");
        }
    }

    #[test]
    fn what_would_cost_too_much() {
        for source in [
            "{% set x = text ~ text %}{{ x }}",
            "{%- macro m() %}{% endmacro %}",
            "{% with x = text %}{{ x }}{% endwith %}",
            "{% include 't' %}",
            "{{ 'x' * 99999999 }}",
            "{{ '}}' * 99999999 }}",
            "{{ \"\\\"}}\" ** 9 }}",
            "{% if 'x' * 99999999 %}{% endif %}",
            "{{ range(9) }}",
            "{{ text|replace('a', 'aa') }}",
            "{% for a in text recursive %}{{ loop(text) }}{% endfor %}",
            "{{ no_such_word }}",
        ] {
            assert!(answer(source).is_err(), "{source}");
        }
        let long = "{{ text }}".repeat(1500) + &"x".repeat(1000);
        assert!(answer(&long).is_ok());
        let nested = "{% for a in text %}".repeat(14) + "{{ name }}" + &"{% endfor %}".repeat(14);
        assert_eq!(
            answer(&nested).unwrap_err(),
            "its template failed: engine ran out of fuel"
        );
        let wide = format!("{{% for a in text %}}{}{{% endfor %}}", "0".repeat(9000));
        assert_eq!(
            answer(&wide).unwrap_err(),
            "its answer is longer than 16384 bytes"
        );
    }
}
