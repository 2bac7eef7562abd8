//! How a conversation stands when something is sent there: which of our addresses it goes on with, and whether the
//! platform still takes what is not a template.
//!
//! Invariant: this only spares a send that would fail. The database being away, slow or behind decides nothing: then the
//! platform has the last word, and its refusal is in the ledger.

use std::time::Duration;

use schemas::{ChannelKind, ConversationId, Message, Timestamp};
use serde_json::Value;
use store::conversation::Standing;
use tokio::time::{sleep, timeout};

use crate::{auth::Caller, directory::Lookup, hub::Hub, problem::ApiError};

/// How long the database is asked.
const ASK: Duration = Duration::from_millis(250);
/// What was just received may not be projected yet.
const AGAIN_AFTER: Duration = Duration::from_millis(300);
const DAY: Duration = Duration::from_secs(24 * 3600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
/// What a message's tag is called in its metadata, and a channel's in its settings.
const TAG: &str = "message_tag";
/// Says that a person answers: <https://developers.facebook.com/docs/messenger-platform/send-messages/message-tags>.
const HUMAN_AGENT: &str = "HUMAN_AGENT";

/// The address to go on with.
///
/// # Errors
/// 409 `window-closed` when the platform would not take the message any more.
pub(super) async fn own_address(
    hub: &Hub,
    caller: &Caller,
    kind: ChannelKind,
    message: &Message,
) -> Result<Option<String>, ApiError> {
    if !has_addresses(kind) {
        return Ok(None);
    }
    let id = message.conversation_id;
    let Some(mut standing) = look(hub, caller, id).await else {
        return Ok(None);
    };
    if let Some(window) = window(kind, message, tag(hub, kind, message).await.as_deref())
        && !window.is_open(&standing, Timestamp::now())
    {
        sleep(AGAIN_AFTER).await;
        let Some(now) = look(hub, caller, id).await else {
            return Ok(standing.own_address);
        };
        if !window.is_open(&now, Timestamp::now()) {
            return Err(window.closed());
        }
        standing = now;
    }
    Ok(standing.own_address)
}

/// Kinds whose channels have several addresses of ours, or a window; the others are spared the question.
const fn has_addresses(kind: ChannelKind) -> bool {
    matches!(
        kind,
        ChannelKind::WhatsApp
            | ChannelKind::Messenger
            | ChannelKind::Instagram
            | ChannelKind::Twilio
            | ChannelKind::Vonage
            | ChannelKind::MessageBird
            | ChannelKind::Email
            | ChannelKind::Gmail
    )
}

/// The tag a message is sent with.
async fn tag(hub: &Hub, kind: ChannelKind, message: &Message) -> Option<String> {
    if !matches!(kind, ChannelKind::Messenger | ChannelKind::Instagram) {
        return None;
    }
    if let Some(tag) = message.metadata.get(TAG).and_then(Value::as_str) {
        return Some(tag.to_owned());
    }
    match hub.directory.find(&hub.store, message.channel_id).await {
        Lookup::Found(entry) => Some(entry.settings.get(TAG)?.as_str()?.to_owned()),
        Lookup::Unknown | Lookup::Unavailable => None,
    }
}

async fn look(hub: &Hub, caller: &Caller, id: ConversationId) -> Option<Standing> {
    let asked = store::conversation::standing(&hub.store, caller.tenant, id);
    timeout(ASK, asked).await.ok()?.ok()
}

/// How long after somebody's message they may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    length: Duration,
    /// What may be sent all the same.
    way_out: &'static str,
}

/// The window a message falls under. None: it may be sent at any time.
fn window(kind: ChannelKind, message: &Message, tag: Option<&str>) -> Option<Window> {
    if message.content.template.is_some() {
        return None;
    }
    match kind {
        // <https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-messages#customer-service-windows>
        ChannelKind::WhatsApp => Some(TEMPLATE),
        // The same, by <https://www.twilio.com/docs/whatsapp/key-concepts#the-24-hour-window>.
        ChannelKind::Twilio if is_whatsapp(message) => Some(TEMPLATE),
        // <https://developers.facebook.com/docs/messenger-platform/policy/policy-overview#standard-messaging>
        ChannelKind::Messenger | ChannelKind::Instagram => match tag {
            None => Some(Window {
                length: DAY,
                way_out: "Within seven days a person may answer: set metadata.message_tag to HUMAN_AGENT.",
            }),
            Some(HUMAN_AGENT) => Some(Window {
                length: WEEK,
                way_out: "Wait until they write again.",
            }),
            // Other tags have rules that only the platform can check.
            Some(_) => None,
        },
        _ => None,
    }
}

const TEMPLATE: Window = Window {
    length: DAY,
    way_out: "Send an approved template (`template`), or wait until they write again.",
};

fn is_whatsapp(message: &Message) -> bool {
    let is = |address: &str| address.starts_with("whatsapp:");
    is(&message.recipient.id) || is(&message.platform_conversation_id)
}

impl Window {
    fn is_open(self, standing: &Standing, now: Timestamp) -> bool {
        standing
            .last_inbound_at
            .is_some_and(|heard| now.since(heard) < self.length)
    }

    fn closed(self) -> ApiError {
        let span = if self.length == DAY {
            "24 hours"
        } else {
            "7 days"
        };
        ApiError::window_closed(format!(
            "Nobody has written in this conversation for {span}, so the platform takes no free message. {}",
            self.way_out
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(change: impl FnOnce(&mut Message)) -> Message {
        let mut message: Message = serde_json::from_value(json!({
            "id": "018f3c1e-0000-7000-8000-000000000001", "conversation_id": "018f3c1e-0000-7000-8000-000000000002",
            "channel_id": "018f3c1e-0000-7000-8000-000000000003", "type": "text", "direction": "outbound",
            "content": {"text": "hello"}, "sender": {"id": "a"}, "recipient": {"id": "b"},
            "platform_conversation_id": "b", "created_at": "2026-01-01T00:00:00Z",
        }))
        .unwrap();
        change(&mut message);
        message
    }

    #[test]
    fn the_window_is_as_long_as_the_platform_says() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let heard = |ago: u64| Standing {
            own_address: None,
            last_inbound_at: Some(Timestamp::from_seconds(
                1_800_000_000 - i64::try_from(ago).unwrap(),
            )),
        };
        let plain = message(|_| {});
        let open = window(ChannelKind::WhatsApp, &plain, None).unwrap();
        assert!(open.is_open(&heard(24 * 3600 - 1), now));
        assert!(!open.is_open(&heard(24 * 3600), now));
        assert!(
            !open.is_open(&Standing::default(), now),
            "nobody ever wrote"
        );
        // A platform's clock ahead of ours.
        let ahead = Standing {
            own_address: None,
            last_inbound_at: Some(now.plus(DAY)),
        };
        assert!(open.is_open(&ahead, now));

        for kind in [ChannelKind::Messenger, ChannelKind::Instagram] {
            let untagged = window(kind, &plain, None).unwrap();
            assert!(!untagged.is_open(&heard(2 * 24 * 3600), now));
            let agent = window(kind, &plain, Some(HUMAN_AGENT)).unwrap();
            assert!(agent.is_open(&heard(7 * 24 * 3600 - 1), now));
            assert!(!agent.is_open(&heard(7 * 24 * 3600), now));
        }
    }

    #[test]
    fn templates_other_tags_and_other_kinds_have_no_window() {
        let template = message(|m| m.content.template = Some(Default::default()));
        assert_eq!(window(ChannelKind::WhatsApp, &template, None), None);
        let plain = message(|_| {});
        let tagged = window(ChannelKind::Messenger, &plain, Some("ACCOUNT_UPDATE"));
        assert_eq!(tagged, None);
        for kind in [
            ChannelKind::Telegram,
            ChannelKind::Twilio,
            ChannelKind::Email,
        ] {
            assert_eq!(window(kind, &plain, None), None, "{kind}");
        }
        let whatsapp = message(|m| m.recipient.id = "whatsapp:+15550100".into());
        assert_eq!(window(ChannelKind::Twilio, &whatsapp, None), Some(TEMPLATE));
    }

    #[test]
    fn a_closed_window_says_what_to_do() {
        let error = TEMPLATE.closed();
        assert_eq!(error.status(), 409);
    }
}
