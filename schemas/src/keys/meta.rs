//! What WhatsApp, Messenger and Instagram share: webhooks of entries, which are split into [`Part`]s
//! (<https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications>).
//!
//! Invariant: a part is JSON that needs nothing of the body it came in. Deliberately absent: what its item means.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Keys, Malformed, bounded, digest, event};
use crate::MessageId;

/// One update of a body, with what stood around it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Part<'a> {
    /// The entry's id: of the business account, the page or the Instagram account.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub account: Option<&'a RawValue>,
    /// The entry's time.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub time: Option<&'a RawValue>,
    /// The change's field, e.g. `messages`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub field: Option<&'a RawValue>,
    /// WhatsApp: our number, `{"display_phone_number", "phone_number_id"}`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<&'a RawValue>,
    /// WhatsApp: what is said of the person whom the item concerns.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<&'a RawValue>,
    /// WhatsApp: whose history the item belongs to.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<&'a RawValue>,
    /// The list the item stood in: `messages`, `statuses`, `messaging`, `standby` …; `value` for a change as a whole.
    #[serde(borrow)]
    pub part: Cow<'a, str>,
    /// As the platform wrote it.
    #[serde(borrow)]
    pub item: &'a RawValue,
}

impl<'a> Part<'a> {
    /// # Errors
    /// When the bytes are no part.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// A name of something: a text or a number, as the platform happens to write it. Anything else is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name(Option<String>);

impl Name {
    /// What it says, if anything.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|name| !name.is_empty())
    }

    /// The name in a raw value.
    #[must_use]
    pub fn of(raw: Option<&RawValue>) -> Self {
        raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Name, E> {
        Ok(Name(Some(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Name, E> {
        Ok(Name(Some(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Name, E> {
        Ok(Name(Some(number.to_string())))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Name, E> {
        Ok(Name(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Name, E> {
        Ok(Name(None))
    }

    fn visit_unit<E>(self) -> Result<Name, E> {
        Ok(Name(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Name, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Name(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Name, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Name(None))
    }
}

/// The first name there is, fit to be a key.
pub(super) fn first<'a>(names: impl IntoIterator<Item = &'a Name>) -> Option<String> {
    names.into_iter().find_map(|name| bounded(name.get()?))
}

/// An item's own object; every field of `T` must have a default, so that only what is no object is none.
pub(super) fn object<'a, T: Deserialize<'a> + Default>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default()
}

/// A key of something that happens once and has no id of its own: what it says.
pub(super) fn told(what: &str, item: &RawValue) -> String {
    format!("{what}:{}", digest(item.get().as_bytes()))
}

/// Keys of what is not understood, also when it is nested too deep to be looked at.
pub(super) fn other(what: &'static str, bytes: &[u8]) -> Result<Keys, Malformed> {
    match serde_json::from_slice::<&RawValue>(bytes) {
        Ok(raw) if raw.get().starts_with('{') => Ok(Keys {
            platform_id: format!("event:{}", digest(bytes)),
            conversation: event::CONVERSATION.to_owned(),
        }),
        _ => event::keys(what, bytes),
    }
}

/// Conversations about a comment: what it is answered by goes to its author in private.
const COMMENT: &str = "comment:";

/// The comment that a conversation is about, if it is about one.
#[must_use]
pub fn comment(conversation: &str) -> Option<&str> {
    conversation
        .strip_prefix(COMMENT)
        .filter(|id| !id.is_empty())
}

/// How the hub marks what it sends through Messenger, to know the echo of it.
const MARK: &str = "tidings:";

/// The mark of a message of ours.
#[must_use]
pub fn mark(message: MessageId) -> String {
    format!("{MARK}{message}")
}

/// Whether what was echoed was sent by the hub.
#[must_use]
pub fn is_ours(metadata: &str) -> bool {
    metadata
        .strip_prefix(MARK)
        .is_some_and(|id| id.parse::<MessageId>().is_ok())
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow)]
    sender: Option<&'a RawValue>,
    #[serde(borrow)]
    recipient: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    message_edit: Option<&'a RawValue>,
    #[serde(borrow)]
    postback: Option<&'a RawValue>,
    #[serde(borrow)]
    optin: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Whom {
    id: Name,
    user_ref: Name,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Mid<'a> {
    mid: Name,
    #[serde(borrow)]
    is_echo: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Comment {
    id: Name,
    comment_id: Name,
    item: Name,
}

/// Keys of Messenger's and Instagram's events.
///
/// A message, its edit and its deletion are its `mid`; what has no id is what it says. A conversation is the person's
/// scoped id; `comment:<id>` for a comment.
pub(super) fn messaging(what: &'static str, bytes: &[u8]) -> Result<Keys, Malformed> {
    let Ok(part) = Part::parse(bytes) else {
        return other(what, bytes);
    };
    let keys = match &*part.part {
        "messaging" | "standby" => Some(of_event(&part)),
        "value" => of_comment(&part),
        _ => None,
    };
    keys.map_or_else(|| other(what, bytes), Ok)
}

fn of_event(part: &Part<'_>) -> Keys {
    let event: Event<'_> = object(Some(part.item));
    let message: Mid<'_> = object(event.message);
    let edit: Mid<'_> = object(event.message_edit);
    let postback: Mid<'_> = object(event.postback);
    let (sender, recipient): (Whom, Whom) = (object(event.sender), object(event.recipient));
    let account = Name::of(part.account);
    let echo = message.is_echo.is_some_and(|echo| echo.get() == "true")
        || (account.get().is_some() && sender.id == account);
    let person = if echo { &recipient } else { &sender };
    let optin: Whom = object(event.optin);
    Keys {
        platform_id: first([&message.mid, &edit.mid, &postback.mid])
            .unwrap_or_else(|| told("event", part.item)),
        conversation: first([&person.id, &person.user_ref, &optin.user_ref])
            .unwrap_or_else(|| event::CONVERSATION.to_owned()),
    }
}

/// A comment on something of ours, or one that mentions us: Instagram's `comments`, a page's `feed`.
fn of_comment(part: &Part<'_>) -> Option<Keys> {
    let value: Comment = object(Some(part.item));
    let field = Name::of(part.field);
    let id = match (field.get()?, value.item.get()) {
        ("comments" | "live_comments", _) => first([&value.id]),
        ("mentions", _) => first([&value.comment_id]),
        ("feed", Some("comment")) => first([&value.comment_id]),
        _ => None,
    }?;
    Some(Keys {
        conversation: bounded(&format!("{COMMENT}{id}"))?,
        platform_id: match field.get() {
            // A page is also told when a comment is edited or removed: the same comment.
            Some("mentions") => told("mention", part.item),
            _ => bounded(&format!("{COMMENT}{id}"))?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_text_or_a_number() {
        for (json, name) in [
            ("\"a\"", Some("a")),
            ("12", Some("12")),
            ("-3", Some("-3")),
            ("\"\"", None),
            ("1.5", None),
            ("null", None),
            ("true", None),
            ("[1,{\"a\":2}]", None),
            ("{\"a\":[1]}", None),
        ] {
            let read: Name = serde_json::from_str(json).unwrap();
            assert_eq!(read.get(), name, "{json}");
        }
    }

    #[test]
    fn an_event_belongs_to_its_person() {
        let keys = |json: &str| {
            let keys = messaging("a test", json.as_bytes()).unwrap();
            (keys.platform_id, keys.conversation)
        };
        let part = |item: &str| format!(r#"{{"account":"900","part":"messaging","item":{item}}}"#);
        for (item, id, conversation) in [
            (
                r#"{"sender":{"id":"7"},"recipient":{"id":"900"},"message":{"mid":"m_1"}}"#,
                "m_1",
                "7",
            ),
            (
                r#"{"sender":{"id":"900"},"recipient":{"id":"7"},"message":{"mid":"m_2","is_echo":true}}"#,
                "m_2",
                "7",
            ),
            (
                r#"{"sender":{"id":7},"recipient":{"id":900},"message_edit":{"mid":"m_1","text":"x"}}"#,
                "m_1",
                "7",
            ),
            (
                r#"{"sender":{"user_ref":"r"},"recipient":{"id":"900"},"postback":{"mid":"m_3"}}"#,
                "m_3",
                "r",
            ),
        ] {
            assert_eq!(keys(&part(item)), (id.into(), conversation.into()));
        }
        let (id, conversation) = keys(&part(
            r#"{"recipient":{"id":"900"},"optin":{"user_ref":"u"}}"#,
        ));
        assert!(id.starts_with("event:"));
        assert_eq!(conversation, "u");
        assert_eq!(keys("{}").1, event::CONVERSATION);
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        assert_eq!(keys(&deep).1, event::CONVERSATION);
        assert!(messaging("a test", b"[]").is_err());
    }

    #[test]
    fn a_comment_is_answered_in_private() {
        let json =
            br#"{"account":"1","field":"comments","part":"value","item":{"id":"55","text":"nice"}}"#;
        let keys = messaging("a test", json).unwrap();
        assert_eq!(keys.conversation, "comment:55");
        assert_eq!(comment(&keys.conversation), Some("55"));
        assert_eq!(comment("55"), None);
    }
}
