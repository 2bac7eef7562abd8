//! Why the settings are refused, in words for whoever wrote them.
//!
//! Invariant: a value is never repeated; it may be a secret.

use figment::error::Kind;

use super::ENV_PREFIX;

/// Figment's error in our words: what, where, and for an unknown key the nearest known one. Never a value.
pub(super) fn explain(errors: figment::Error) -> anyhow::Error {
    let mut lines = Vec::new();
    for error in errors {
        let place = match error.metadata.as_ref() {
            Some(metadata) if metadata.name.contains(ENV_PREFIX) => "the environment".to_owned(),
            Some(metadata) => match metadata
                .source
                .as_ref()
                .and_then(|source| source.file_path())
            {
                Some(file) => file.display().to_string(),
                None => "the settings".to_owned(),
            },
            None => "the settings".to_owned(),
        };
        let path = error.path.join(".");
        lines.push(match &error.kind {
            Kind::UnknownField(name, known) => {
                let section = path
                    .strip_suffix(name.as_str())
                    .unwrap_or(&path)
                    .trim_end_matches('.');
                let nearest = known
                    .iter()
                    .min_by_key(|key| strsim::damerau_levenshtein(key, name));
                let full = |key: &str| {
                    if section.is_empty() {
                        key.to_owned()
                    } else {
                        format!("{section}.{key}")
                    }
                };
                let hint = nearest
                    .map(|key| format!("; did you mean `{}`?", full(key)))
                    .unwrap_or_default();
                format!("there is no setting `{}` (in {place}){hint}", full(name))
            }
            Kind::MissingField(name) => format!("the setting `{name}` is missing"),
            Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
                format!("the setting `{path}` (in {place}) must be {expected}")
            }
            Kind::UnknownVariant(_, known) => {
                format!(
                    "the setting `{path}` (in {place}) must be one of {}",
                    known.join(", ")
                )
            }
            other => format!("the setting `{path}` (in {place}): {other}"),
        });
    }
    anyhow::anyhow!(lines.join("\n"))
}
