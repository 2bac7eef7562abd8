//! Values in expressions, as their fields are stored.

use schemas::{Consent, Timestamp, address, language_tag};
use serde_json::Value;
use sqlx::types::chrono::{DateTime, NaiveDate, NaiveTime};

use super::syntax::{Column, Deed, Field, Since};

/// A text in the form its field has, or what the field may be.
pub(super) fn text(field: &Field, text: &str) -> Result<Value, &'static str> {
    let form = match field {
        Field::Consent(_) => {
            let known = text.parse::<Consent>();
            known.map_err(|()| "unknown, pending, given or withdrawn")?;
            text.to_owned()
        }
        Field::Address(Some(kind)) => {
            address::canonical(kind, text).unwrap_or_else(|_| text.to_owned())
        }
        Field::Column(Column::Language) => {
            language_tag::canonical(text).ok_or("a language tag such as \"de\" or \"de-AT\"")?
        }
        Field::Column(Column::TimeZone) if schemas::Zone::named(text).is_none() => {
            return Err("a zone of the IANA database such as \"Europe/Vienna\"");
        }
        Field::Column(Column::PreferredChannel) => address::kind(text)
            .ok_or("a kind of address such as \"email\"")?
            .to_owned(),
        _ => text.to_owned(),
    };
    Ok(Value::String(form))
}

/// `2026-01-31` (the beginning of the day, UTC), or a moment of RFC 3339; years 1000 to 2999, as the attributes' moments.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    let is_year =
        |year: &str| matches!(year.as_bytes(), [b'1' | b'2', rest @ ..] if rest.len() == 3);
    if !text.get(..4).is_some_and(is_year) {
        return None;
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d");
    if let (Ok(date), 10) = (date, text.len()) {
        return Some(date.and_time(NaiveTime::MIN).and_utc().into());
    }
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Some(at.to_utc().into())
}

/// What a word that is no field may have meant.
pub(super) fn nearest(word: &str) -> String {
    let columns = Column::ALL.into_iter().map(Column::name);
    let since = Since::ALL.into_iter().map(Since::name);
    let deeds = Deed::ALL.into_iter().map(Deed::name);
    let others = [
        "email",
        "phone",
        "whatsapp",
        "telegram",
        "address",
        "consent",
        "attributes",
    ];
    columns
        .chain(since)
        .chain(deeds)
        .chain(others)
        .map(|known| (strsim::damerau_levenshtein(word, known), known))
        .min()
        .filter(|(distance, _)| *distance <= 2)
        .map_or_else(
            || "attributes are written `attributes.name`".to_owned(),
            |(_, known)| format!("did you mean `{known}`?"),
        )
}
