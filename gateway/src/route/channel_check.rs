//! What a channel's configuration and credentials may be. A refusal names every wrong place, never a value.

use std::collections::HashSet;

use schemas::{
    ChannelKind,
    platform::check::{self, Wrong},
    rule::Rule,
};
use serde_json::{Map, Value};

use crate::{extract::part, problem::ApiError};

/// Longest regular expression of a rule, in bytes.
const MAX_REGEX: usize = 512;
/// Compiled size a regular expression may have.
const MAX_REGEX_SIZE: usize = 1 << 20;

type Fields = Map<String, Value>;

/// Checks `config`: `settings` those of the kind, `routing.rules` rules with different names, and nothing else.
pub(crate) fn config(kind: ChannelKind, config: &Fields) -> Result<(), ApiError> {
    let parts = config.iter().map(|(name, value)| match name.as_str() {
        "settings" => settings(kind, value),
        "routing" => routing(value),
        "credentials" => Err(ApiError::invalid(
            "/config/credentials",
            "Credentials go into `credentials`, where they are encrypted.",
        )),
        name => Err(ApiError::invalid(
            format!("/config/{}", check::escaped(name)),
            "A configuration has `settings` and `routing`; notes go into `metadata`.",
        )),
    });
    ApiError::all(parts.take(check::MAX_WRONGS))
}

/// Checks that settings are what the kind's fields mean.
fn settings(kind: ChannelKind, given: &Value) -> Result<(), ApiError> {
    match given {
        Value::Object(given) => wrong("/config/settings", check::settings(kind, given)),
        _ => Err(ApiError::invalid(
            "/config/settings",
            "This must be an object.",
        )),
    }
}

/// Checks that credentials are what the kind's fields mean.
pub(crate) fn credentials(kind: ChannelKind, given: &Fields) -> Result<(), ApiError> {
    wrong("/credentials", check::credentials(kind, given))
}

fn wrong(within: &str, wrongs: Vec<Wrong>) -> Result<(), ApiError> {
    ApiError::all(wrongs.into_iter().map(|wrong| {
        Err(ApiError::invalid(
            format!("{within}{}", wrong.pointer),
            wrong.detail,
        ))
    }))
}

fn routing(given: &Value) -> Result<(), ApiError> {
    let routing = match given {
        Value::Null => return Ok(()),
        Value::Object(routing) => routing,
        _ => {
            return Err(ApiError::invalid(
                "/config/routing",
                "This must be an object.",
            ));
        }
    };
    let rules = match routing.get("rules") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(rules)) => rules,
        Some(_) => {
            return Err(ApiError::invalid(
                "/config/routing/rules",
                "This must be a list of rules.",
            ));
        }
    };
    let mut names = HashSet::new();
    let checked = rules
        .iter()
        .enumerate()
        .map(|(place, given)| rule(&format!("/config/routing/rules/{place}"), given, &mut names));
    ApiError::all(checked)
}

fn rule(pointer: &str, given: &Value, names: &mut HashSet<String>) -> Result<(), ApiError> {
    let rule: Rule = part(pointer, given.clone())?;
    let name = if rule.name.is_empty() || rule.name.len() > 255 {
        Err("This must have 1 to 255 bytes.")
    } else if names.insert(rule.name.clone()) {
        Ok(())
    } else {
        Err("Another rule has this name.")
    };
    let name = name.map_err(|detail| ApiError::invalid(format!("{pointer}/name"), detail));
    let regex = rule.when.regex.as_ref().map_or(Ok(()), |pattern| {
        regex(format!("{pointer}/when/regex"), pattern)
    });
    ApiError::all([name, regex])
}

/// Checks that a regular expression compiles, within the bounds the stages keep.
pub(crate) fn regex(pointer: impl Into<String>, pattern: &str) -> Result<(), ApiError> {
    if pattern.len() > MAX_REGEX {
        return Err(ApiError::invalid(
            pointer,
            format!("A regular expression may have {MAX_REGEX} bytes."),
        ));
    }
    let compiled = regex::RegexBuilder::new(pattern)
        .size_limit(MAX_REGEX_SIZE)
        .build();
    compiled.map(drop).map_err(|_| {
        ApiError::invalid(
            pointer,
            "Not a regular expression (RE2 syntax), or too big a one.",
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Fields {
        match value {
            Value::Object(map) => map,
            _ => Fields::new(),
        }
    }

    #[test]
    fn rules_are_checked_where_they_are_written() {
        let good = json!({"routing": {"rules": [
            {"name": "a", "when": {"keywords": ["hi"]}, "then": [{"reply": "Hello"}]},
            {"name": "b", "when": {"regex": "^x+$"}, "then": ["drop"]}
        ]}});
        assert!(config(ChannelKind::Sandbox, &fields(good)).is_ok());
        for bad in [
            json!({"routing": {"rules": [{"name": "a", "then": [{"fly": 1}]}]}}),
            json!({"routing": {"rules": [{"name": "a", "then": []}, {"name": "a", "then": []}]}}),
            json!({"routing": {"rules": [{"name": "a", "when": {"regex": "("}, "then": []}]}}),
            json!({"routing": {"rules": [{"name": "a", "when": {"regex": "x".repeat(600)}, "then": []}]}}),
            json!({"routing": {"rules": {}}}),
            json!({"routing": 1}),
            json!({"settings": 1}),
            json!({"settings": null}),
            json!({"setings": {}}),
            json!({"credentials": {"bot_token": "x"}}),
        ] {
            let error = config(ChannelKind::Sandbox, &fields(bad.clone())).unwrap_err();
            assert_eq!(error.status(), 422, "{bad}");
        }
    }
}
