//! Secrets in settings: from files, in URLs, and as the environment spells them.

use std::path::Path;

use anyhow::{Context, Result, bail};
use schemas::Secret;
use serde::Deserialize;

/// `scheme://user:password@place` as user, password and `scheme://place`, so that the URL may be printed.
pub(crate) fn without_credentials(url: &str) -> (Option<String>, Option<Secret>, String) {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (credentials, place) = rest.rsplit_once('@')?;
        let (user, password) = credentials.split_once(':')?;
        Some((
            Some(user.to_owned()),
            Some(Secret::new(password)),
            format!("{scheme}://{place}"),
        ))
    });
    parts.unwrap_or_else(|| (None, None, url.to_owned()))
}

pub(super) fn read_secret(setting: &str, file: &Path) -> Result<Secret> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {} ({setting})", file.display()))?;
    let text = text.trim();
    if text.is_empty() {
        bail!("{} is empty ({setting})", file.display());
    }
    Ok(Secret::new(text))
}

pub(super) fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A secret from the environment may look like a number or a truth value, and is text all the same.
pub(super) fn secret<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Secret>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Looks {
        Text(String),
        Truth(bool),
        Whole(u64),
    }
    Ok(
        Option::<Looks>::deserialize(deserializer)?.map(|value| match value {
            Looks::Text(text) => Secret::new(text),
            Looks::Truth(truth) => Secret::new(truth.to_string()),
            Looks::Whole(number) => Secret::new(number.to_string()),
        }),
    )
}
