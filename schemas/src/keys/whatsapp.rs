//! Keys of WhatsApp events
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages>).
//!
//! A message is its `wamid`; an edit or a revocation is the message it changes. A conversation is the person's number as
//! WhatsApp writes it (digits without a plus), the business-scoped user id of who hides the number, or a group's id.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Keys, Malformed,
    event::CONVERSATION,
    meta::{self, Name, Part},
};

const WHAT: &str = "a WhatsApp event";

/// The fields that name something, of messages, statuses, preferences and calls.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Item<'a> {
    id: Name,
    from: Name,
    from_user_id: Name,
    to: Name,
    to_user_id: Name,
    group_id: Name,
    recipient_id: Name,
    recipient_user_id: Name,
    wa_id: Name,
    user_id: Name,
    direction: Name,
    #[serde(rename = "type")]
    kind: Name,
    #[serde(borrow)]
    edit: Option<&'a RawValue>,
    #[serde(borrow)]
    revoke: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Original {
    original_message_id: Name,
}

/// What is said of a person.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Contact {
    wa_id: Name,
    user_id: Name,
}

/// The keys of one update.
///
/// # Errors
/// [`Malformed`] when it is no JSON object.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    match Part::parse(bytes) {
        Ok(part) => of(&part).map_or_else(|| meta::other(WHAT, bytes), Ok),
        Err(_) => meta::other(WHAT, bytes),
    }
}

fn of(part: &Part<'_>) -> Option<Keys> {
    let item: Item<'_> = meta::object(Some(part.item));
    let contact: Contact = meta::object(part.contact);
    // A number before a user id, whoever says it.
    let whom = |number: &Name, id: &Name| {
        let names = [number, &contact.wa_id, id, &contact.user_id];
        let known = || names.into_iter().filter_map(Name::get);
        let number = |name: &&str| place(name) == Place::Number;
        address(known().find(number).or_else(|| known().next())?)
    };
    let own = || meta::first([&item.id]).unwrap_or_else(|| meta::told("event", part.item));
    let (platform_id, conversation) = match &*part.part {
        "messages" => {
            let from = || whom(&item.from, &item.from_user_id);
            (
                changed(&item, own),
                meta::first([&item.group_id]).or_else(from),
            )
        }
        "message_echoes" => {
            let to = || whom(&item.to, &item.to_user_id);
            (
                changed(&item, own),
                meta::first([&item.group_id]).or_else(to),
            )
        }
        "history" => {
            let thread = Name::of(part.thread);
            let id = match item.kind.get() {
                // The file comes later, under the same id.
                Some("media_placeholder") => format!("placeholder:{}", own()),
                _ => own(),
            };
            (super::bounded(&id)?, whom(&thread, &item.from_user_id))
        }
        "statuses" => (
            meta::told("status", part.item),
            whom(&item.recipient_id, &item.recipient_user_id),
        ),
        "user_preferences" => (
            meta::told("preference", part.item),
            whom(&item.wa_id, &item.user_id),
        ),
        "calls" => {
            let person = match item.direction.get() {
                Some("BUSINESS_INITIATED") => whom(&item.to, &item.to_user_id),
                _ => whom(&item.from, &item.from_user_id),
            };
            (meta::told("call", part.item), person)
        }
        "groups" => (
            meta::told("group", part.item),
            meta::first([&item.group_id]),
        ),
        _ => return None,
    };
    Some(Keys {
        platform_id,
        conversation: conversation.unwrap_or_else(|| CONVERSATION.to_owned()),
    })
}

/// The message that is changed, or the item's own id.
fn changed(item: &Item<'_>, own: impl Fn() -> String) -> String {
    let original = match item.kind.get() {
        Some("edit") => meta::object::<Original>(item.edit),
        Some("revoke") => meta::object::<Original>(item.revoke),
        _ => Original::default(),
    };
    meta::first([&original.original_message_id]).unwrap_or_else(own)
}

/// An address in the one form the hub keeps: a number is its digits.
#[must_use]
pub fn address(given: &str) -> Option<String> {
    let digits = given.strip_prefix('+').unwrap_or(given);
    if is_number(digits) {
        return super::bounded(digits);
    }
    super::bounded(given)
}

/// Where a message can be addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Number,
    /// A business-scoped user id: `<country>.<letters and digits>`, with `ENT.` between for a parent's.
    User,
    Group,
}

/// What an address is, by its form.
#[must_use]
pub fn place(address: &str) -> Place {
    if is_number(address.strip_prefix('+').unwrap_or(address)) {
        return Place::Number;
    }
    let user = address.split_once('.').is_some_and(|(country, rest)| {
        let id = rest.strip_prefix("ENT.").unwrap_or(rest);
        country.len() == 2
            && country.bytes().all(|byte| byte.is_ascii_uppercase())
            && !id.is_empty()
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    if user { Place::User } else { Place::Group }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_named() {
        for (json, id, conversation) in [
            (
                r#"{"part":"messages","item":{"id":"wamid.1","from":"15550001111","type":"text"}}"#,
                "wamid.1",
                "15550001111",
            ),
            (
                r#"{"part":"messages","item":{"id":"wamid.2","from":"15550001111","group_id":"Y2Fw"}}"#,
                "wamid.2",
                "Y2Fw",
            ),
            (
                r#"{"part":"messages","item":{"id":"wamid.3","from_user_id":"US.1","type":"text"}}"#,
                "wamid.3",
                "US.1",
            ),
            (
                r#"{"part":"messages","contact":{"wa_id":"4917000","user_id":"DE.1"},"item":{"id":"wamid.3","from_user_id":"DE.1"}}"#,
                "wamid.3",
                "4917000",
            ),
            (
                r#"{"part":"messages","item":{"id":"wamid.4","from":"1","type":"edit","edit":{"original_message_id":"wamid.1"}}}"#,
                "wamid.1",
                "1",
            ),
            (
                r#"{"part":"messages","item":{"id":"wamid.5","from":"1","type":"revoke","revoke":{"original_message_id":"wamid.1"}}}"#,
                "wamid.1",
                "1",
            ),
            (
                r#"{"part":"message_echoes","item":{"id":"wamid.6","from":"2","to":"+1","type":"text"}}"#,
                "wamid.6",
                "1",
            ),
            (
                r#"{"part":"history","thread":"1","item":{"id":"wamid.7","from":"2","type":"media_placeholder"}}"#,
                "placeholder:wamid.7",
                "1",
            ),
        ] {
            let keys = keys(json.as_bytes()).unwrap();
            assert_eq!(
                (&*keys.platform_id, &*keys.conversation),
                (id, conversation),
                "{json}"
            );
        }
        let status = keys(
            br#"{"part":"statuses","item":{"id":"wamid.1","status":"read","recipient_id":"1"}}"#,
        )
        .unwrap();
        assert!(status.platform_id.starts_with("status:"));
        assert_eq!(status.conversation, "1");
        assert_eq!(
            keys(br#"{"part":"new","item":1}"#).unwrap().conversation,
            CONVERSATION
        );
        assert!(keys(b"[1]").is_err());
        assert!(keys(b"{").is_err());
    }

    #[test]
    fn an_address_says_what_it_is() {
        for (address, what) in [
            ("15550001111", Place::Number),
            ("+15550001111", Place::Number),
            ("US.13491208655302741918", Place::User),
            ("US.ENT.11815799212886844830", Place::User),
            (
                "Y2FwaV9ncm91cDoxNzA1NTU1MDEzOToxMjAzNjM0MDQ2OTQyMzM4MjAZD",
                Place::Group,
            ),
            ("us.1", Place::Group),
            ("", Place::Group),
        ] {
            assert_eq!(place(address), what, "{address}");
        }
    }
}
