//! What goes over the connection (<https://docs.discord.com/developers/events/gateway-events#payload-structure>).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{json, value::RawValue};

/// Operations (<https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-opcodes>).
pub(super) mod op {
    pub(in crate::poll::discord) const DISPATCH: u8 = 0;
    pub(in crate::poll::discord) const HEARTBEAT: u8 = 1;
    pub(in crate::poll::discord) const IDENTIFY: u8 = 2;
    pub(in crate::poll::discord) const RESUME: u8 = 6;
    pub(in crate::poll::discord) const RECONNECT: u8 = 7;
    pub(in crate::poll::discord) const INVALID_SESSION: u8 = 9;
    pub(in crate::poll::discord) const HELLO: u8 = 10;
    pub(in crate::poll::discord) const ACK: u8 = 11;
}

/// What Discord says. `d` is read when it is known what it is.
#[derive(Deserialize)]
pub(super) struct Payload<'a> {
    pub(super) op: u8,
    /// The number of a dispatch in its session, from one on.
    #[serde(default)]
    pub(super) s: Option<u64>,
    /// The name of a dispatch.
    #[serde(borrow, default)]
    pub(super) t: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    d: Option<&'a RawValue>,
}

impl<'a> Payload<'a> {
    /// None when it is not of the protocol.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The data, as what it should be.
    pub(super) fn data<T: Deserialize<'a>>(&self) -> Option<T> {
        serde_json::from_str(self.d?.get()).ok()
    }
}

/// <https://docs.discord.com/developers/events/gateway-events#hello>
#[derive(Deserialize)]
pub(super) struct Hello {
    /// Milliseconds.
    pub(super) heartbeat_interval: u64,
}

/// <https://docs.discord.com/developers/events/gateway-events#ready>
#[derive(Deserialize)]
pub(super) struct Ready {
    pub(super) session_id: String,
    #[serde(default)]
    pub(super) resume_gateway_url: Option<String>,
    /// The bot.
    pub(super) user: Named,
    #[serde(default)]
    pub(super) application: Option<Named>,
}

/// What has an id.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) id: String,
}

/// What a message or a reaction says of who made it, and where.
#[derive(Deserialize)]
pub(super) struct Authored<'a> {
    #[serde(default)]
    author: Option<Named>,
    #[serde(default)]
    user_id: Option<String>,
    /// The webhook that posted; for answers to interactions the application.
    #[serde(default)]
    webhook_id: Option<String>,
    #[serde(borrow, default)]
    content: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) guild_id: Option<String>,
    #[serde(default)]
    pub(super) channel_id: Option<String>,
}

impl Authored<'_> {
    /// Whether the bot made it: what it sends is known already.
    pub(super) fn is_by(&self, user: &str, application: &str) -> bool {
        let author = self.author.as_ref().map(|author| author.id.as_str());
        let is = |id: Option<&str>, ours: &str| !ours.is_empty() && id == Some(ours);
        is(author.or(self.user_id.as_deref()), user) || is(self.webhook_id.as_deref(), application)
    }

    /// Whether it is a message with all its parts, as [`schemas::keys::discord::is_whole`] has it.
    pub(super) fn is_whole(&self) -> bool {
        self.author.is_some() && self.content.is_some()
    }
}

/// The first word of a connection. Holds the token.
pub(super) fn identify(token: &str, intents: u32) -> String {
    let ours = env!("CARGO_PKG_NAME");
    json!({"op": op::IDENTIFY, "d": {
        "token": token, "intents": intents,
        "properties": {"os": std::env::consts::OS, "browser": ours, "device": ours},
    }})
    .to_string()
}

/// The first word of a connection that goes on after `seq`. Holds the token.
pub(super) fn resume(token: &str, session: &str, seq: u64) -> String {
    json!({"op": op::RESUME, "d": {"token": token, "session_id": session, "seq": seq}}).to_string()
}

/// `seq`: up to which we have everything; none at the beginning.
pub(super) fn heartbeat(seq: Option<u64>) -> String {
    json!({"op": op::HEARTBEAT, "d": seq}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_read_and_others_are_none() {
        let hello = Payload::of(r#"{"op":10,"s":null,"t":null,"d":{"heartbeat_interval":41250}}"#);
        let hello = hello.unwrap();
        assert_eq!((hello.op, hello.s), (op::HELLO, None));
        assert_eq!(hello.data::<Hello>().unwrap().heartbeat_interval, 41_250);
        assert!(hello.data::<Ready>().is_none());
        let over = Payload::of(r#"{"op":9,"d":false}"#).unwrap();
        assert_eq!(over.data::<bool>(), Some(false));
        assert!(
            Payload::of(r#"{"op":11}"#)
                .unwrap()
                .data::<bool>()
                .is_none()
        );
        for odd in ["", "null", "7", "{}", r#"{"op":-1}"#, r#"{"op":300}"#, "[["] {
            assert!(Payload::of(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn what_the_bot_made_is_told_from_what_people_did() {
        let by = |json: &str| {
            let authored: Authored<'_> = serde_json::from_str(json).unwrap();
            authored.is_by("5", "6")
        };
        assert!(by(r#"{"author":{"id":"5"},"content":"x"}"#));
        assert!(by(r#"{"user_id":"5","emoji":{"name":"x"}}"#));
        assert!(by(r#"{"author":{"id":"9"},"webhook_id":"6"}"#));
        assert!(!by(r#"{"author":{"id":"9"},"webhook_id":"8"}"#));
        assert!(!by(r#"{"id":"5","channel_id":"6"}"#));
        let nobody: Authored<'_> = serde_json::from_str("{}").unwrap();
        assert!(!nobody.is_by("", "") && !nobody.is_whole());
    }

    #[test]
    fn what_we_say_is_what_discord_documents() {
        assert_eq!(heartbeat(None), r#"{"d":null,"op":1}"#);
        assert_eq!(heartbeat(Some(251)), r#"{"d":251,"op":1}"#);
        assert_eq!(
            resume("t", "s", 1337),
            r#"{"d":{"seq":1337,"session_id":"s","token":"t"},"op":6}"#
        );
        let identify: serde_json::Value = serde_json::from_str(&identify("t", 513)).unwrap();
        assert_eq!(identify["op"], 2);
        assert_eq!(identify["d"]["intents"], 513);
        assert!(identify["d"]["properties"]["os"].is_string());
    }
}
