//! How fast platforms let us send: what their pages say, and what a channel's settings say instead.
//!
//! A limit is a bucket: in any stretch of time `t` no more than `burst + t * per_second` messages leave. Where a page
//! counts messages of a window, the bucket is cut so that no window holds more. What platforms say when we were too fast
//! all the same is the sender's to read (`RetryAfter`).

use std::num::NonZeroU32;

use schemas::{ChannelKind, Outbound};
use serde_json::Value;

use crate::channel::Misconfigured;

/// How fast something may send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    pub per_second: f64,
    pub burst: NonZeroU32,
}

/// The limits of a platform.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Documented {
    /// Of the whole channel.
    overall: Option<Limit>,
    /// Of one chat of two, or of one number we send from ([`ChatLimits::chat`]).
    chat: Option<Limit>,
    /// Of one group, where that differs.
    group: Option<Limit>,
}

const NONE: Documented = Documented {
    overall: None,
    chat: None,
    group: None,
};

const fn limit(per_second: f64, burst: u32) -> Option<Limit> {
    match NonZeroU32::new(burst) {
        Some(burst) => Some(Limit { per_second, burst }),
        None => None,
    }
}

/// The table.
const fn documented(kind: ChannelKind) -> Documented {
    match kind {
        // <https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>: about 30 a second in all,
        // one a second in a chat with short bursts, and 20 a minute in a group.
        ChannelKind::Telegram => Documented {
            overall: limit(30.0, 1),
            chat: limit(1.0, 3),
            group: limit(0.25, 5),
        },
        // <https://developers.facebook.com/docs/whatsapp/cloud-api/overview#throughput>: 80 a second; and to one user one
        // in six seconds, of which 45 may be drawn beforehand.
        ChannelKind::WhatsApp => Documented {
            overall: limit(80.0, 1),
            chat: limit(1.0 / 6.0, 45),
            group: None,
        },
        // <https://docs.slack.dev/apis/web-api/rate-limits>: one a second in a channel, with short bursts.
        ChannelKind::Slack => Documented {
            chat: limit(1.0, 3),
            ..NONE
        },
        // <https://discord.com/developers/docs/topics/rate-limits>: 50 a second; what is let through in one channel, five
        // in five seconds, is what its headers tell.
        ChannelKind::Discord => Documented {
            overall: limit(50.0, 1),
            chat: limit(0.6, 2),
            group: None,
        },
        // <https://developers.google.com/workspace/gmail/api/reference/quota>: 15,000 units a minute, 100 for a message.
        ChannelKind::Gmail => Documented {
            overall: limit(2.5, 1),
            ..NONE
        },
        // <https://help.twilio.com/articles/115002943027>: a long code sends one segment a second. Twilio queues the rest
        // itself, so what has no number of its own yet does not wait here.
        ChannelKind::Twilio => Documented {
            chat: limit(1.0, 10),
            ..NONE
        },
        // <https://api.support.vonage.com/hc/en-us/articles/203993598>: 30 calls a second.
        ChannelKind::Vonage => Documented {
            overall: limit(30.0, 1),
            ..NONE
        },
        // <https://developers.messagebird.com/api/#rate-limiting>: 500 POST a second.
        ChannelKind::MessageBird => Documented {
            overall: limit(500.0, 1),
            ..NONE
        },
        // <https://developers.facebook.com/docs/graph-api/overview/rate-limiting#messenger>: 300 a second with text.
        ChannelKind::Messenger => Documented {
            overall: limit(300.0, 1),
            ..NONE
        },
        // The same page: 100 a second with text.
        ChannelKind::Instagram => Documented {
            overall: limit(100.0, 1),
            ..NONE
        },
        // <https://developers.line.biz/en/reference/messaging-api/#rate-limits>: 2,000 a second.
        ChannelKind::Line => Documented {
            overall: limit(2000.0, 1),
            ..NONE
        },
        // <https://creators.viber.com/docs/bots-api/resources/messaging/broadcast-message>: 500 in ten seconds.
        ChannelKind::Viber => Documented {
            overall: limit(50.0, 1),
            ..NONE
        },
        ChannelKind::Email | ChannelKind::Webchat | ChannelKind::Generic | ChannelKind::Sandbox => {
            NONE
        }
    }
}

impl Limit {
    /// `settings.rateLimit` (or `rate_limit`): messages per second, or `{"per_second", "burst"}`, or
    /// `null` for none. Without the setting, what the platform documents.
    ///
    /// # Errors
    /// When the setting is there and is neither.
    pub fn of(kind: ChannelKind, config: &Value) -> Result<Option<Self>, Misconfigured> {
        match setting(config, "rateLimit", "rate_limit") {
            None => Ok(documented(kind).overall),
            Some(value) => Self::read("rateLimit", value),
        }
    }

    fn read(name: &'static str, value: &Value) -> Result<Option<Self>, Misconfigured> {
        let (per_second, burst) = match value {
            Value::Null => return Ok(None),
            Value::Object(fields) => (
                fields.get("per_second").and_then(Value::as_f64),
                match fields.get("burst") {
                    None => Some(1),
                    Some(burst) => burst.as_u64(),
                },
            ),
            number => (number.as_f64(), Some(1)),
        };
        let burst = burst
            .and_then(|burst| u32::try_from(burst).ok())
            .and_then(NonZeroU32::new);
        match (per_second, burst) {
            (Some(per_second), Some(burst)) if (0.0001..=1_000_000.0).contains(&per_second) => {
                Ok(Some(Self { per_second, burst }))
            }
            _ => Err(Misconfigured::Invalid {
                name,
                problem: "must be messages per second above zero, or {\"per_second\", \"burst\"}",
            }),
        }
    }
}

fn setting<'a>(config: &'a Value, name: &str, other: &str) -> Option<&'a Value> {
    let settings = config.get("settings")?;
    settings.get(name).or_else(|| settings.get(other))
}

/// How fast a channel may send to each of its chats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChatLimits {
    kind: ChannelKind,
    chat: Option<Limit>,
    group: Option<Limit>,
}

impl ChatLimits {
    /// `settings.chatRateLimit` (or `chat_rate_limit`), in the forms of `rateLimit`, for all chats alike. Without the
    /// setting, what the platform documents.
    ///
    /// # Errors
    /// When the setting is there and of no such form.
    pub fn read(kind: ChannelKind, config: &Value) -> Result<Self, Misconfigured> {
        let Documented { chat, group, .. } = documented(kind);
        let (chat, group) = match setting(config, "chatRateLimit", "chat_rate_limit") {
            None => (chat, group),
            Some(value) => (Limit::read("chatRateLimit", value)?, None),
        };
        Ok(Self { kind, chat, group })
    }

    /// No limits.
    #[must_use]
    pub const fn none(kind: ChannelKind) -> Self {
        Self {
            kind,
            chat: None,
            group: None,
        }
    }

    /// What the messages of one limit have in common. Threads of a chat share the chat's; of the kinds with numbers, it
    /// is the number we send from that has one. `None` has no limit, whatever the settings say.
    #[must_use]
    pub fn chat<'a>(&self, outbound: &'a Outbound) -> Option<&'a str> {
        let conversation = outbound.message.platform_conversation_id.as_str();
        match self.kind {
            ChannelKind::Telegram | ChannelKind::Slack | ChannelKind::Discord => Some(
                conversation
                    .split_once(':')
                    .map_or(conversation, |(place, _)| place),
            ),
            // WhatsApp over Twilio has no long codes.
            ChannelKind::Twilio | ChannelKind::Vonage | ChannelKind::MessageBird => outbound
                .from
                .as_deref()
                .filter(|number| !number.starts_with("whatsapp:")),
            _ => Some(conversation),
        }
    }

    /// The limit of a [`Self::chat`].
    #[must_use]
    pub fn of(&self, chat: &str) -> Option<Limit> {
        // Groups have numbers below zero: <https://core.telegram.org/bots/api#chat>.
        let is_group = self.kind == ChannelKind::Telegram && chat.starts_with('-');
        self.group.filter(|_| is_group).or(self.chat)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_read() {
        let of = |kind, settings| Limit::of(kind, &json!({ "settings": settings }));
        assert_eq!(of(ChannelKind::Email, json!({})), Ok(None));
        assert_eq!(of(ChannelKind::Telegram, json!({})), Ok(limit(30.0, 1)));
        assert_eq!(
            of(ChannelKind::Telegram, json!({"rateLimit": null})),
            Ok(None)
        );
        assert_eq!(
            of(ChannelKind::Email, json!({"rateLimit": 2})),
            Ok(limit(2.0, 1))
        );
        assert_eq!(
            of(
                ChannelKind::Email,
                json!({"rate_limit": {"per_second": 0.5, "burst": 3}})
            ),
            Ok(limit(0.5, 3))
        );
        for wrong in [
            json!(0),
            json!(-1),
            json!("5"),
            json!({"burst": 2}),
            json!({"per_second": 1, "burst": 0}),
        ] {
            assert!(
                of(ChannelKind::Email, json!({ "rateLimit": wrong })).is_err(),
                "{wrong}"
            );
            let chats = ChatLimits::read(
                ChannelKind::Email,
                &json!({"settings": {"chatRateLimit": wrong}}),
            );
            assert!(chats.is_err(), "{wrong}");
        }
    }

    #[test]
    fn chats_are_told_apart_as_the_platform_does() {
        let of = |kind, config: Value, conversation: &str, from: Option<&str>| {
            let mut outbound = crate::channel::tests::outbound(1);
            outbound.message.platform_conversation_id = conversation.into();
            outbound.from = from.map(str::to_owned);
            let limits = ChatLimits::read(kind, &json!({ "settings": config })).unwrap();
            let chat = limits.chat(&outbound)?;
            Some((chat.to_owned(), limits.of(chat)?))
        };
        let some = |key: &str, limit: Option<Limit>| Some((key.to_owned(), limit.unwrap()));
        use ChannelKind::{Email, Slack, Telegram, Twilio, WhatsApp};
        assert_eq!(
            of(Telegram, json!({}), "42", None),
            some("42", limit(1.0, 3))
        );
        let group = of(Telegram, json!({}), "-100:7", None);
        assert_eq!(group, some("-100", limit(0.25, 5)));
        let set = json!({"chatRateLimit": 2});
        assert_eq!(of(Telegram, set, "-100", None), some("-100", limit(2.0, 1)));
        assert_eq!(
            of(Telegram, json!({"chatRateLimit": null}), "42", None),
            None
        );
        assert_eq!(
            of(Slack, json!({}), "C1:1.2", None),
            some("C1", limit(1.0, 3))
        );
        let pair = of(WhatsApp, json!({}), "p:w", None);
        assert_eq!(pair, some("p:w", limit(1.0 / 6.0, 45)));
        assert_eq!(of(Twilio, json!({}), "x", None), None);
        assert_eq!(of(Twilio, json!({}), "x", Some("whatsapp:+1")), None);
        assert_eq!(
            of(Twilio, json!({}), "x", Some("+1")),
            some("+1", limit(1.0, 10))
        );
        assert_eq!(of(Email, json!({}), "x", None), None);
        let set = json!({"chat_rate_limit": 1});
        assert_eq!(of(Email, set, "x", None), some("x", limit(1.0, 1)));
    }
}
