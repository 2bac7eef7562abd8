//! What a cell says: text, number, boolean, list or object, and how such a value is written into a cell so that it is read
//! as itself again.
//!
//! An apostrophe before a text says that it is one: spreadsheets have it so, and put none of it on the screen. It stands
//! before what they would run (`=1+1`), and before a text that would be read as another type (`'12`), or make its column one of
//! text ([`is_code`]).

use std::borrow::Cow;

use serde_json::{Number, Value};

/// How an attribute's cells are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Type {
    /// As it looks: numbers, `true` and `false`, JSON lists and objects; all else is text, dates too.
    #[default]
    Auto,
    Text,
    Number,
    Boolean,
}

/// Why a cell is not of its column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    #[error("not a number")]
    Number,
    #[error(
        "a number of more than 15 digits, whose last would be lost; map the column to attribute:…:text"
    )]
    Digits,
    #[error("neither true nor false")]
    Boolean,
    #[error("a character in it cannot be kept: NUL")]
    Nul,
}

/// Most digits of what is taken for a number by itself; more are lost in one, and are ids anyway.
const MAX_DIGITS: usize = 15;

/// Whether digits are a name rather than a quantity: a number would lose the zero before them (`01234`), the plus (`+4930`), or
/// the last of more than fifteen. A column that has one is text, so that `12345` beside it is the same kind of thing.
#[must_use]
pub fn is_code(cell: &str) -> bool {
    let digits = cell.strip_prefix('+').unwrap_or(cell);
    let is_more = digits.len() < cell.len() || digits.starts_with('0') || digits.len() > MAX_DIGITS;
    digits.len() > 1 && is_more && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The value of a trimmed cell that is not empty.
///
/// # Errors
/// When it is not of its type.
pub fn read(cell: &str, as_type: Type) -> Result<Value, ValueError> {
    match as_type {
        Type::Auto => Ok(match unguarded(cell, true) {
            Some(text) => Value::String(text.to_owned()),
            None => match looks(cell) {
                Some(value) if has_nul(&value) => return Err(ValueError::Nul),
                Some(value) => value,
                None => Value::String(cell.to_owned()),
            },
        }),
        Type::Text => {
            let text = unguarded(cell, true).unwrap_or(cell);
            Ok(Value::String(text.to_owned()))
        }
        Type::Number => match number(cell).ok_or(ValueError::Number)? {
            Value::Number(number) if number.is_f64() && is_long(cell) => Err(ValueError::Digits),
            number => Ok(number),
        },
        Type::Boolean => match cell.to_lowercase().as_str() {
            "true" | "yes" | "y" | "1" | "ja" | "oui" | "sí" | "si" | "wahr" => Ok(true.into()),
            "false" | "no" | "n" | "0" | "nein" | "non" | "falsch" => Ok(false.into()),
            _ => Err(ValueError::Boolean),
        },
    }
}

/// The text of a field's cell.
#[must_use]
pub fn text(cell: &str) -> &str {
    unguarded(cell, false).unwrap_or(cell)
}

/// How a text is written into the cell of a field.
#[must_use]
pub fn guarded(text: &str) -> Cow<'_, str> {
    guard(text, false)
}

/// How an attribute's value is written into a cell.
#[must_use]
pub fn written(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => guard(text, true),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Cow::Owned(value.to_string())
        }
    }
}

fn guard(text: &str, typed: bool) -> Cow<'_, str> {
    match is_special(text, typed) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// The text behind an apostrophe that says that it is one.
fn unguarded(cell: &str, typed: bool) -> Option<&str> {
    cell.strip_prefix('\'')
        .filter(|text| is_special(text, typed))
}

/// Whether a cell means something else than its text: to a spreadsheet, or here.
fn is_special(text: &str, typed: bool) -> bool {
    let bare = text.trim_start_matches('\'');
    let signed = bare.strip_prefix(['+', '-']);
    let is_number = |digits: &str| {
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    bare.starts_with(['=', '@', '\t', '\r', '\n'])
        || signed.is_some_and(|rest| !is_number(rest))
        || (typed && (looks(bare).is_some() || is_code(bare)))
}

/// What a cell is when it is no text.
fn looks(cell: &str) -> Option<Value> {
    match cell.as_bytes().first()? {
        b'0'..=b'9' | b'-' => {
            let digits = cell.strip_prefix('-').unwrap_or(cell);
            let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
            let all =
                |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let plain = all(whole)
                && all(part)
                && (whole.len() == 1 || !whole.starts_with('0'))
                && digits.len() <= MAX_DIGITS;
            plain.then(|| number(cell)).flatten()
        }
        b't' | b'T' if cell.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
        b'f' | b'F' if cell.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
        b'[' | b'{' => serde_json::from_str(cell).ok(),
        _ => None,
    }
}

/// Whether a number has more digits than a double keeps; the zeros at its ends say nothing.
fn is_long(cell: &str) -> bool {
    let digits = cell.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').len() > MAX_DIGITS
}

/// Whether a text in it has NUL, which JSON can spell and Postgres does not keep.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(all) => all.iter().any(has_nul),
        Value::Object(map) => map
            .iter()
            .any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A number, with a comma or a point before its fraction.
fn number(cell: &str) -> Option<Value> {
    if let Ok(whole) = cell.parse::<i64>() {
        return Some(whole.into());
    }
    let fits = cell
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.,eE".contains(&byte));
    let number: f64 = cell.replace(',', ".").parse().ok().filter(|_| fits)?;
    Number::from_f64(number).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_what_they_look_like() {
        for (cell, value) in [
            ("3", json!(3)),
            ("-3.5", json!(-3.5)),
            ("1.50", json!(1.5)),
            ("0", json!(0)),
            ("01234", json!("01234")),
            ("+4930", json!("+4930")),
            ("1234567890123456", json!("1234567890123456")),
            ("1e5", json!("1e5")),
            ("1,5", json!("1,5")),
            ("1.", json!("1.")),
            ("-", json!("-")),
            ("TRUE", json!(true)),
            ("false", json!(false)),
            ("yes", json!("yes")),
            ("2026-01-31", json!("2026-01-31")),
            ("[\"vip\"]", json!(["vip"])),
            ("[vip]", json!("[vip]")),
            ("'12", json!("12")),
            ("'01234", json!("01234")),
            ("'=1+1", json!("=1+1")),
            ("'s-Hertogenbosch", json!("'s-Hertogenbosch")),
        ] {
            assert_eq!(read(cell, Type::Auto), Ok(value), "{cell}");
        }
        assert_eq!(read("1,5", Type::Number), Ok(json!(1.5)));
        assert_eq!(read("+3", Type::Number), Ok(json!(3)));
        assert_eq!(read("inf", Type::Number), Err(ValueError::Number));
        for (cell, number) in [
            ("9007199254740993", Ok(json!(9_007_199_254_740_993_i64))),
            ("12345678901234567890", Err(ValueError::Digits)),
            ("0.1234567890123456", Err(ValueError::Digits)),
            ("1e300", Ok(json!(1e300))),
            ("100000000000000000000", Ok(json!(1e20))),
        ] {
            assert_eq!(read(cell, Type::Number), number, "{cell}");
        }
        for cell in [r#"["a\u0000"]"#, r#"{"a\u0000":1}"#, r#"{"a":["\u0000"]}"#] {
            assert_eq!(read(cell, Type::Auto), Err(ValueError::Nul), "{cell}");
        }
        assert_eq!(read("12", Type::Text), Ok(json!("12")));
        assert_eq!(read("Ja", Type::Boolean), Ok(json!(true)));
        assert_eq!(read("perhaps", Type::Boolean), Err(ValueError::Boolean));
        assert_eq!(text("'-1+2"), "-1+2");
        assert_eq!(text("'12"), "'12");
    }

    #[test]
    fn digits_that_are_a_name_are_no_number() {
        for cell in ["01234", "+4930", "+15", "1234567890123456", "00"] {
            assert!(is_code(cell), "{cell}");
            assert_eq!(read(cell, Type::Auto), Ok(json!(cell)), "{cell}");
            assert_eq!(written(&json!(cell)), format!("'{cell}"));
        }
        for cell in ["0", "12345", "-5", "0.5", "+", "+4 30", "007a", "", "'01"] {
            assert!(!is_code(cell), "{cell}");
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::from),
            (-999_999_999i64..999_999_999).prop_map(Value::from),
            (-100_000i32..100_000).prop_map(|number| json!(f64::from(number) / 8.0)),
            "['=+@0-9.a-z\\[\\]{}-]{0,8}".prop_map(Value::from),
            "[+0]?[0-9]{0,17}".prop_map(Value::from),
            proptest::collection::vec("[a-z]{0,3}", 0..3).prop_map(Value::from),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in values()) {
            let cell = written(&value).into_owned();
            if !cell.is_empty() {
                prop_assert_eq!(read(&cell, Type::Auto), Ok(value));
            }
        }

        #[test]
        fn a_field_is_read_as_it_is_written(field in "['=+@0-9a-z-]{0,8}") {
            let cell = guarded(&field).into_owned();
            prop_assert_eq!(text(&cell), field.as_str());
        }
    }
}
