//! What a channel's configuration and credentials may be. A refusal names the place, never a value.

use std::collections::HashSet;

use schemas::{
    ChannelKind,
    platform::{self, Form},
    rule::Rule,
};
use serde_json::{Map, Value};

use crate::problem::ApiError;

/// Longest regular expression of a rule, in bytes.
const MAX_REGEX: usize = 512;
/// Compiled size a regular expression may have.
const MAX_REGEX_SIZE: usize = 1 << 20;

type Fields = Map<String, Value>;

/// Checks `config`: `settings` an object, `routing.rules` rules with different names.
pub(crate) fn config(config: &Fields) -> Result<(), ApiError> {
    if config
        .get("settings")
        .is_some_and(|value| !value.is_object())
    {
        return Err(ApiError::invalid(
            "/config/settings",
            "This must be an object.",
        ));
    }
    if config.contains_key("credentials") {
        return Err(ApiError::invalid(
            "/config/credentials",
            "Credentials go into `credentials`, where they are encrypted.",
        ));
    }
    let routing = match config.get("routing") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(routing)) => routing,
        Some(_) => {
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
    for (index, rule) in rules.iter().enumerate() {
        let pointer = format!("/config/routing/rules/{index}");
        let rule: Rule = serde_json::from_value(rule.clone())
            .map_err(|error| ApiError::invalid(pointer.clone(), format!("Not a rule: {error}.")))?;
        if rule.name.is_empty() || rule.name.len() > 255 {
            let pointer = format!("{pointer}/name");
            return Err(ApiError::invalid(pointer, "This must have 1 to 255 bytes."));
        }
        if !names.insert(rule.name.clone()) {
            let pointer = format!("{pointer}/name");
            return Err(ApiError::invalid(pointer, "Another rule has this name."));
        }
        if let Some(pattern) = &rule.when.regex {
            regex(format!("{pointer}/when/regex"), pattern)?;
        }
    }
    Ok(())
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

/// Checks the names and types of credentials for a kind of channel.
pub(crate) fn credentials(kind: ChannelKind, given: &Fields) -> Result<(), ApiError> {
    let known = platform::of(kind).credentials;
    for (name, value) in given {
        let pointer = format!("/credentials/{}", escaped(name));
        match known.iter().find(|field| field.name == name) {
            Some(field) => form(pointer, field.form, value)?,
            None => {
                let names: Vec<&str> = known.iter().map(|field| field.name).collect();
                let known = match names.as_slice() {
                    [] => "it takes none".to_owned(),
                    names => format!("it takes {}", names.join(", ")),
                };
                return Err(ApiError::invalid(
                    pointer,
                    format!("A {kind} channel has no such credential; {known}."),
                ));
            }
        }
    }
    if let Some(Value::Object(smtp)) = given.get("smtp") {
        check_smtp(smtp)?;
    }
    let text = |name: &str| given.get(name).and_then(Value::as_str);
    if let Some(token) = text("secret_token") {
        // https://core.telegram.org/bots/api#setwebhook
        let fits = token.len() <= 256
            && token
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if !fits {
            return Err(ApiError::invalid(
                "/credentials/secret_token",
                "Telegram takes 1 to 256 characters of A-Z, a-z, 0-9, _ and -.",
            ));
        }
    }
    Ok(())
}

/// Checks the settings a kind knows; others are the tenant's own notes.
pub(crate) fn settings(kind: ChannelKind, config: &Fields) -> Result<(), ApiError> {
    let Some(Value::Object(given)) = config.get("settings") else {
        return Ok(());
    };
    // Rates have forms of their own (a number, an object, `null`), which the sender checks.
    let common = platform::COMMON
        .iter()
        .filter(|field| !matches!(field.form, Form::Object));
    for field in platform::of(kind).settings.iter().chain(common) {
        if let Some(value) = given.get(field.name) {
            form(
                format!("/config/settings/{}", field.name),
                field.form,
                value,
            )?;
        }
    }
    Ok(())
}

fn form(pointer: String, form: Form, value: &Value) -> Result<(), ApiError> {
    let text = |least: usize| {
        value
            .as_str()
            .is_some_and(|text| (least.max(1)..=4096).contains(&text.len()))
    };
    let (fits, wanted) = match form {
        Form::Text => (text(1), "a text of 1 to 4096 bytes".to_owned()),
        Form::Secret(least) => (text(least), format!("a text of {least} to 4096 bytes")),
        Form::Url => (
            text(1)
                && value
                    .as_str()
                    .is_some_and(|url| url.starts_with("https://") || url.starts_with("http://")),
            "an https:// or http:// address".to_owned(),
        ),
        Form::Flag => (value.is_boolean(), "true or false".to_owned()),
        Form::Number(least, most) => (
            value
                .as_u64()
                .is_some_and(|number| (least..=most).contains(&number)),
            format!("a whole number from {least} to {most}"),
        ),
        Form::OneOf(words) => (
            value.as_str().is_some_and(|word| words.contains(&word)),
            format!("one of {}", words.join(", ")),
        ),
        Form::Texts => (
            value.as_array().is_some_and(|list| {
                list.len() <= 1000
                    && list.iter().all(|one| {
                        one.as_str()
                            .is_some_and(|text| (1..=4096).contains(&text.len()))
                    })
            }),
            "a list of texts".to_owned(),
        ),
        Form::Object => (value.is_object(), "an object".to_owned()),
    };
    if fits {
        Ok(())
    } else {
        Err(ApiError::invalid(
            pointer,
            format!("This must be {wanted}."),
        ))
    }
}

fn check_smtp(smtp: &Fields) -> Result<(), ApiError> {
    for (name, value) in smtp {
        let fits = match name.as_str() {
            "host" | "username" | "password" => value
                .as_str()
                .is_some_and(|text| !text.is_empty() && text.len() <= 4096),
            "port" => value
                .as_u64()
                .is_some_and(|port| (1..=65_535).contains(&port)),
            "tls" => matches!(value.as_str(), Some("none" | "starttls" | "implicit")),
            _ => false,
        };
        if !fits {
            return Err(ApiError::invalid(
                format!("/credentials/smtp/{}", escaped(name)),
                "SMTP takes host, port (1 to 65535), tls (none, starttls, implicit), username and password.",
            ));
        }
    }
    if smtp.contains_key("host") {
        Ok(())
    } else {
        Err(ApiError::invalid(
            "/credentials/smtp/host",
            "This is missing.",
        ))
    }
}

/// A name as a part of a JSON Pointer (RFC 6901), cut short.
fn escaped(name: &str) -> String {
    let name: String = name.chars().take(64).collect();
    name.replace('~', "~0").replace('/', "~1")
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
        assert!(config(&fields(good)).is_ok());
        for bad in [
            json!({"routing": {"rules": [{"name": "a", "then": [{"fly": 1}]}]}}),
            json!({"routing": {"rules": [{"name": "a", "then": []}, {"name": "a", "then": []}]}}),
            json!({"routing": {"rules": [{"name": "a", "when": {"regex": "("}, "then": []}]}}),
            json!({"routing": {"rules": [{"name": "a", "when": {"regex": "x".repeat(600)}, "then": []}]}}),
            json!({"routing": {"rules": {}}}),
            json!({"routing": 1}),
            json!({"settings": 1}),
            json!({"credentials": {"bot_token": "x"}}),
        ] {
            let error = config(&fields(bad.clone())).unwrap_err();
            assert_eq!(error.status(), 422, "{bad}");
        }
    }

    #[test]
    fn credentials_are_those_of_the_kind() {
        let ok = |kind, value| credentials(kind, &fields(value)).is_ok();
        assert!(ok(
            ChannelKind::Telegram,
            json!({"bot_token": "1:a", "secret_token": "s_-9"})
        ));
        assert!(!ok(
            ChannelKind::Telegram,
            json!({"secret_token": "with space"})
        ));
        assert!(!ok(ChannelKind::Telegram, json!({"bot_token": 7})));
        assert!(!ok(ChannelKind::Telegram, json!({"botToken": "1:a"})));
        assert!(ok(
            ChannelKind::Generic,
            json!({"signing_secret": "0123456789abcdef", "url": "https://x"})
        ));
        assert!(!ok(
            ChannelKind::Generic,
            json!({"signing_secret": "short"})
        ));
        assert!(!ok(
            ChannelKind::Generic,
            json!({"url": "file:///etc/passwd"})
        ));
        assert!(ok(
            ChannelKind::Email,
            json!({"smtp": {"host": "h", "port": 25, "tls": "none"}})
        ));
        assert!(!ok(ChannelKind::Email, json!({"smtp": {"port": 25}})));
        assert!(!ok(
            ChannelKind::Email,
            json!({"smtp": {"host": "h", "tls": "maybe"}})
        ));
        assert!(ok(ChannelKind::Sandbox, json!({})));
        assert!(!ok(ChannelKind::Sandbox, json!({"x": "y"})));
    }
}
