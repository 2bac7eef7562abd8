//! What a platform has no form for, said in words: places, contacts, and files where only text can go.

use schemas::Attachment;
use serde_json::Value;

use super::Failure;

fn text<'a>(attachment: &'a Attachment, name: &str) -> Option<&'a str> {
    attachment
        .metadata
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// Latitude and longitude of a place, in degrees.
pub(super) fn coordinates(place: &Attachment) -> Result<(f64, f64), Failure> {
    let number = |name: &str| place.metadata.get(name).and_then(Value::as_f64);
    number("latitude").zip(number("longitude")).ok_or_else(|| {
        Failure::message(
            "attachment",
            "a location without `latitude` and `longitude`",
        )
    })
}

/// Name and address of a place; empty when it has neither.
pub(super) fn label(place: &Attachment) -> String {
    let words: Vec<&str> = [
        text(place, "name").or(place.name.as_deref()),
        text(place, "address"),
    ]
    .into_iter()
    .flatten()
    .collect();
    words.join(", ")
}

/// A place as its label and a `geo:` address (RFC 5870).
pub(super) fn place(place: &Attachment) -> Result<String, Failure> {
    let (latitude, longitude) = coordinates(place)?;
    let label = label(place);
    let at = format!("geo:{latitude},{longitude}");
    Ok(if label.is_empty() {
        at
    } else {
        format!("{label}\n{at}")
    })
}

/// A contact as name and number.
pub(super) fn contact(contact: &Attachment) -> Result<String, Failure> {
    let phone = text(contact, "phone_number")
        .ok_or_else(|| Failure::message("attachment", "a contact without `phone_number`"))?;
    let name: Vec<&str> = [
        text(contact, "first_name").or(contact.name.as_deref()),
        text(contact, "last_name"),
    ]
    .into_iter()
    .flatten()
    .collect();
    Ok(if name.is_empty() {
        phone.to_owned()
    } else {
        format!("{}: {phone}", name.join(" "))
    })
}

/// Where a file lies.
pub(super) fn url(file: &Attachment) -> Result<&str, Failure> {
    file.url
        .as_deref()
        .ok_or_else(|| Failure::message("attachment", "this platform takes files by `url` alone"))
}

/// Any attachment as text.
pub(super) fn any(attachment: &Attachment) -> Result<String, Failure> {
    match attachment.kind.as_str() {
        "location" => place(attachment),
        "contact" if attachment.url.is_none() => contact(attachment),
        _ => url(attachment).map(str::to_owned),
    }
}

/// A text and what follows it, a paragraph each.
pub(super) fn join(text: &str, more: impl IntoIterator<Item = String>) -> String {
    let text = Some(text.to_owned()).filter(|text| !text.is_empty());
    text.into_iter()
        .chain(more)
        .collect::<Vec<_>>()
        .join("\n\n")
}
