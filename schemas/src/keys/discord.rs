//! Keys of what Discord sends: interactions (<https://docs.discord.com/developers/interactions/receiving-and-responding>),
//! webhook events (<https://docs.discord.com/developers/events/webhook-events>), and dispatches of the gateway as it writes
//! them, `{"op":0,"t":…,"s":…,"d":{…}}` (<https://docs.discord.com/developers/events/gateway-events>).
//!
//! A message is its id, which Discord gives once over all channels; edits and deletions name it, and an interaction is its
//! own id, of the same kind. A conversation is the channel, which a thread has one of its own; without one it is
//! `user:<id>`, with whom a direct message can be opened. A reaction is `reaction:` with what was put where by whom, and the
//! gateway's number: Discord gives it no id.

use serde_json::Value;

use super::{Keys, Malformed, bounded, digest, event};

const WHAT: &str = "a Discord event";

/// # Errors
/// [`Malformed`] when it is no JSON object.
pub fn keys(bytes: &[u8]) -> Result<Keys, Malformed> {
    let body: Value =
        serde_json::from_slice(bytes).map_err(|error| event::malformed(WHAT, &error))?;
    let fallback = event::keys(WHAT, bytes)?;
    let (platform_id, conversation) = match Shape::of(&body) {
        Shape::Interaction(interaction) => of_interaction(interaction),
        Shape::Dispatch(kind, data) => of_dispatch(&body, kind, data),
        Shape::Event(event) => (None, whose(event.get("data").unwrap_or(&Value::Null))),
        Shape::Other => (None, None),
    };
    let or = |key: Option<String>, other| key.and_then(|key| bounded(&key)).unwrap_or(other);
    Ok(Keys {
        platform_id: or(platform_id, fallback.platform_id),
        conversation: or(conversation, fallback.conversation),
    })
}

/// What a body is.
pub enum Shape<'v> {
    /// What somebody pressed, chose, filled in or commanded; a `PING` too.
    Interaction(&'v Value),
    /// The name and the data of a gateway's event.
    Dispatch(&'v str, &'v Value),
    /// The `event` of a webhook event.
    Event(&'v Value),
    Other,
}

impl<'v> Shape<'v> {
    #[must_use]
    pub fn of(body: &'v Value) -> Self {
        if let (Some(kind), Some(data)) = (text(body, "/t"), body.get("d")) {
            return match kind {
                "INTERACTION_CREATE" => Self::Interaction(data),
                _ => Self::Dispatch(kind, data),
            };
        }
        if let Some(event) = body.get("event").filter(|event| event.is_object()) {
            return Self::Event(event);
        }
        let numbered = body.get("type").is_some_and(Value::is_u64);
        if numbered && text(body, "/token").is_some() && text(body, "/id").is_some() {
            return Self::Interaction(body);
        }
        Self::Other
    }
}

/// Whether an update tells of a whole message: Discord may send parts alone when it has looked at a link.
#[must_use]
pub fn is_whole(message: &Value) -> bool {
    message.get("author").is_some_and(Value::is_object)
        && message.get("content").is_some_and(Value::is_string)
}

fn of_interaction(interaction: &Value) -> (Option<String>, Option<String>) {
    (owned(text(interaction, "/id")), place(interaction))
}

fn of_dispatch(body: &Value, kind: &str, data: &Value) -> (Option<String>, Option<String>) {
    let id = || owned(text(data, "/id"));
    let number = body.get("s").and_then(Value::as_u64);
    let platform_id = match kind {
        "MESSAGE_CREATE" | "MESSAGE_DELETE" => id(),
        "MESSAGE_UPDATE" if is_whole(data) => id(),
        "MESSAGE_REACTION_ADD"
        | "MESSAGE_REACTION_REMOVE"
        | "MESSAGE_REACTION_REMOVE_ALL"
        | "MESSAGE_REACTION_REMOVE_EMOJI" => text(data, "/message_id").map(|message| {
            let emoji = data.get("emoji").unwrap_or(&Value::Null);
            let sign = text(emoji, "/id").or(text(emoji, "/name")).unwrap_or("all");
            let user = text(data, "/user_id").unwrap_or("all");
            let number = number.map(|number| number.to_string()).unwrap_or_default();
            let what = kind.trim_start_matches("MESSAGE_REACTION_").to_lowercase();
            format!("reaction:{message}:{user}:{sign}:{what}:{number}")
        }),
        "THREAD_CREATE" | "CHANNEL_CREATE" => id().map(|id| format!("channel:{id}")),
        _ => None,
    };
    // The gateway's number changes with the connection; what happened does not.
    let platform_id = platform_id.or_else(|| {
        let said = format!("{kind}\n{data}\n{}", number.unwrap_or_default());
        Some(format!("event:{}", digest(said.as_bytes())))
    });
    let conversation = match kind {
        "THREAD_CREATE" | "THREAD_UPDATE" | "THREAD_DELETE" | "CHANNEL_CREATE"
        | "CHANNEL_UPDATE" | "CHANNEL_DELETE" => id(),
        _ => place(data),
    };
    (platform_id, conversation)
}

/// The channel, else the person.
fn place(data: &Value) -> Option<String> {
    let channel = text(data, "/channel_id").or(text(data, "/channel/id"));
    owned(channel).or_else(|| whose(data))
}

fn whose(data: &Value) -> Option<String> {
    [
        "/member/user/id",
        "/user/id",
        "/author/id",
        "/user_id",
        "/lobby_message/channel_id",
    ]
    .into_iter()
    .find_map(|path| text(data, path))
    .map(|id| format!("user:{id}"))
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_update_is_named() {
        for (json, id, conversation) in [
            (
                r#"{"op":0,"t":"MESSAGE_CREATE","s":1,"d":{"id":"11","channel_id":"7","author":{"id":"5"}}}"#,
                "11",
                "7",
            ),
            (
                r#"{"op":0,"t":"MESSAGE_UPDATE","s":2,"d":{"id":"11","channel_id":"7","author":{"id":"5"},"content":"x"}}"#,
                "11",
                "7",
            ),
            (
                r#"{"op":0,"t":"MESSAGE_DELETE","s":3,"d":{"id":"11","channel_id":"7"}}"#,
                "11",
                "7",
            ),
            (
                r#"{"op":0,"t":"MESSAGE_REACTION_ADD","s":4,"d":{"user_id":"5","message_id":"11","channel_id":"7","emoji":{"id":null,"name":"x"}}}"#,
                "reaction:11:5:x:add:4",
                "7",
            ),
            (
                r#"{"id":"12","type":2,"token":"t","application_id":"1","channel_id":"7"}"#,
                "12",
                "7",
            ),
            (
                r#"{"op":0,"t":"INTERACTION_CREATE","s":5,"d":{"id":"12","type":3,"token":"t","user":{"id":"5"}}}"#,
                "12",
                "user:5",
            ),
        ] {
            let keys = keys(json.as_bytes()).unwrap();
            assert_eq!(
                (&*keys.platform_id, &*keys.conversation),
                (id, conversation)
            );
        }
    }

    #[test]
    fn what_has_no_id_is_what_it_says() {
        let join = |number: u64, user: &str| {
            keys(format!(r#"{{"op":0,"t":"GUILD_MEMBER_ADD","s":{number},"d":{{"user":{{"id":"{user}"}}}}}}"#).as_bytes()).unwrap()
        };
        assert_eq!(join(1, "5"), join(1, "5"));
        assert_ne!(join(1, "5"), join(2, "5"));
        assert_eq!(join(1, "5").conversation, "user:5");
        let part = keys(
            br#"{"op":0,"t":"MESSAGE_UPDATE","s":2,"d":{"id":"11","channel_id":"7","embeds":[]}}"#,
        )
        .unwrap();
        assert!(part.platform_id.starts_with("event:"));
        assert_eq!(part.conversation, "7");
        let odd = keys(b"{\"hello\":1}").unwrap();
        assert_eq!(odd.conversation, event::CONVERSATION);
        assert!(keys(b"7").is_err());
    }
}
