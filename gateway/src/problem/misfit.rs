//! What a value must be, in the words of JSON: serde tells it in those of Rust.
//!
//! Invariant: nothing of the value is repeated, for it may be a secret in the wrong place; names of fields are. Deliberately
//! absent: what is no JSON at all, which has nothing of Rust about it.

use std::borrow::Cow;

/// What is said where nothing better is known.
pub(crate) const FORM: &str = "This is not of the documented form.";

/// What serde says of a value that does not fit, as a sentence for people.
pub(crate) fn sentence(said: &str) -> String {
    let said = said.split(" at line ").next().unwrap_or(said);
    let expected = |start: &str| {
        let rest = said.strip_prefix(start)?;
        rest.rsplit_once(", expected ")
            .map(|(given, expected)| (given, self::expected(expected)))
    };
    if let Some((given, expected)) = expected("invalid type: ") {
        return match kind(given) {
            Some(kind) => format!("This must be {expected}, not {kind}."),
            None => format!("This must be {expected}."),
        };
    }
    for start in ["invalid value: ", "invalid length ", "unknown variant `"] {
        if let Some((_, expected)) = expected(start) {
            return format!("This must be {expected}.");
        }
    }
    if let Some(name) = said.strip_prefix("duplicate field `") {
        return format!("`{name} stands here twice.");
    }
    // What reads a part of a path or a query fails in its own words.
    for (part, wanted) in [
        ("UUID parsing failed", UUID),
        ("float", "a number"),
        ("invalid digit", "a whole number"),
        ("number too", "a whole number that is not so far from zero"),
        ("parse integer", "a whole number"),
        ("not `true` or `false`", "`true` or `false`"),
    ] {
        if said.contains(part) {
            return format!("This must be {wanted}.");
        }
    }
    if is_of_rust(said) {
        return FORM.to_owned();
    }
    let mut letters = said.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let whole: String = first.into_iter().chain(letters).collect();
    format!("{}.", whole.trim_end_matches('.'))
}

const UUID: &str = "a UUID such as 018f3c1e-0000-7000-8000-000000000001";

/// What was given, by its kind.
fn kind(given: &str) -> Option<&'static str> {
    Some(match given.split([' ', '`']).next()? {
        "string" | "character" => "a string",
        "integer" => "a whole number",
        "floating" => "a fraction",
        "boolean" => "a boolean",
        "null" | "unit" | "Option" => "null",
        "sequence" => "a list",
        "map" => "an object",
        _ => return None,
    })
}

/// What is wanted.
fn expected(said: &str) -> Cow<'_, str> {
    Cow::Borrowed(match said {
        "a map" => "an object",
        "a sequence" => "a list",
        "a boolean" => "`true` or `false`",
        "a string" | "a borrowed string" | "str" | "a character" => "a string",
        "unit" => "null",
        "f32" | "f64" => "a number",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "u128" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "a formatted UUID string" => UUID,
        "string or map" => "one of the documented names, or an object of one of them",
        _ if said.starts_with("a nonzero ") => "a whole number from 1 on",
        _ if said.starts_with("struct ") => "an object",
        _ if said.starts_with("tuple struct ") => "a list",
        _ if said.starts_with("enum ") || said.starts_with("variant ") => {
            "one of the documented names"
        }
        _ => {
            for array in ["an array of length ", "a tuple of size "] {
                if let Some(length) = said.strip_prefix(array) {
                    return Cow::Owned(format!("a list of {length}"));
                }
            }
            if is_of_rust(said) {
                "of the documented form"
            } else {
                said
            }
        }
    })
}

/// Whether a text speaks of types that nobody outside has.
fn is_of_rust(said: &str) -> bool {
    ["struct ", "enum ", "variant", "tuple", "newtype", "::"]
        .into_iter()
        .any(|word| said.contains(word))
}

/// What is wrong with a query string, of what reading it said.
pub(crate) fn query(said: &str) -> String {
    let said = said
        .strip_prefix("Failed to deserialize query string: ")
        .unwrap_or(said);
    let named = said.split_once(": ").filter(|(name, _)| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        !name.is_empty() && name.bytes().all(plain)
    });
    let (place, said) = match named {
        Some((name, rest)) => (format!("`{name}` in the query"), rest),
        None => ("The query".to_owned(), said),
    };
    match said.strip_prefix("missing field `") {
        Some(name) => format!("The query lacks `{name}."),
        None => format!("{place} cannot be read. {}", sentence(said)),
    }
}

/// What is wrong with a part of a path.
pub(crate) fn path(said: &str) -> String {
    let wanted = if said.contains("UUID") {
        format!("An id is {UUID}.")
    } else {
        "Look at /docs for what stands there.".to_owned()
    };
    format!("A part of the path cannot be read. {wanted}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_rust_are_said_in_the_words_of_json() {
        for (said, sentence) in [
            (
                "invalid type: string \"hunter2\", expected f64 at line 1 column 9",
                "This must be a number, not a string.",
            ),
            (
                "invalid type: string \"a, expected b\", expected struct CampaignIn",
                "This must be an object, not a string.",
            ),
            (
                "invalid type: map, expected u32",
                "This must be a whole number from 0 to 4294967295, not an object.",
            ),
            (
                "invalid type: floating point `1.5`, expected u64",
                "This must be a whole number from 0 on, not a fraction.",
            ),
            (
                "invalid value: integer `-1`, expected u8",
                "This must be a whole number from 0 to 255.",
            ),
            (
                "invalid type: null, expected a sequence",
                "This must be a list, not null.",
            ),
            (
                "invalid type: integer `5`, expected a boolean",
                "This must be `true` or `false`, not a whole number.",
            ),
            (
                "invalid length 3, expected a tuple of size 2",
                "This must be a list of 2.",
            ),
            (
                "invalid value: string \"hunter2\", expected a date and time such as 2026-01-31T09:00:00Z",
                "This must be a date and time such as 2026-01-31T09:00:00Z.",
            ),
            (
                "unknown variant `hunter2`, expected one of `A`, `B`",
                "This must be one of `A`, `B`.",
            ),
            (
                "unknown field `m`, expected `n`",
                "Unknown field `m`, expected `n`.",
            ),
            ("duplicate field `n`", "`n` stands here twice."),
            (
                "data did not match any variant of untagged enum Choice",
                FORM,
            ),
            (
                "UUID parsing failed: invalid character: found `z` at 1",
                "This must be a UUID such as 018f3c1e-0000-7000-8000-000000000001.",
            ),
            (
                "there is no segment of that name",
                "There is no segment of that name.",
            ),
        ] {
            assert_eq!(super::sentence(said), sentence, "{said}");
        }
    }

    #[test]
    fn queries_and_paths_have_no_types_either() {
        for (said, told) in [
            (
                "Failed to deserialize query string: limit: invalid digit found in string",
                "`limit` in the query cannot be read. This must be a whole number.",
            ),
            (
                "Failed to deserialize query string: missing field `q`",
                "The query lacks `q`.",
            ),
            (
                "Failed to deserialize query string: status: unknown variant `x`, expected `A` or `B`",
                "`status` in the query cannot be read. This must be `A` or `B`.",
            ),
        ] {
            assert_eq!(query(said), told);
        }
        assert_eq!(
            path(
                "Invalid URL: Cannot parse `id` with value `x`: UUID parsing failed: invalid length: found 1"
            ),
            "A part of the path cannot be read. An id is a UUID such as 018f3c1e-0000-7000-8000-000000000001."
        );
        assert_eq!(
            path("Invalid URL: Cannot parse `x` to a `u32`"),
            "A part of the path cannot be read. Look at /docs for what stands there."
        );
    }
}
