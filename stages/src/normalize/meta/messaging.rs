//! Messages and events between a person and a page or an Instagram account
//! (<https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events>,
//! <https://developers.facebook.com/documentation/instagram-platform/webhooks/examples>).
//!
//! What our side wrote comes back as an echo. One that carries the hub's mark was sent by the hub and only says that it
//! left; any other was written in the inbox or by another program: an outbound message, marked automatic so that nothing
//! answers it.

use schemas::{Direction, Message, MessageType, Party, PartyType, TrackKind, keys::meta::is_ours};
use serde_json::{Map, Value};

use super::{
    super::{AUTOMATIC, Filled, News, note_command, type_of, unsupported},
    Update, at, attachment, event, field, flag, given, keep, list,
};

/// The inbox of Facebook's own pages, whose users are people.
const INBOX_APP: &str = "263902037430900";

/// Events that are kept as such, by the field that says what happened.
const EVENTS: [&str; 14] = [
    "account_linking",
    "app_roles",
    "game_play",
    "message_context",
    "optin",
    "order",
    "pass_thread_control",
    "payment",
    "policy_enforcement",
    "pre_checkout",
    "request_thread_control",
    "response_feedback",
    "take_thread_control",
    "referral",
];

pub(super) fn fill(message: &mut Message, update: &Update, bytes: &[u8]) -> Filled {
    let item = &update.item;
    let when = at(item, "timestamp").or(update.time);
    if let Some(when) = when {
        message.created_at = when;
    }
    if let Some(news) = receipts(message, item) {
        return Filled::News(news);
    }
    parties(message, update);
    if update.part == "standby" {
        // Another program has the conversation.
        message.metadata.insert("standby".into(), true.into());
    }
    let mut news = Vec::new();
    if let Some(about) = item.get("message").filter(|about| about.is_object()) {
        if flag(about, "is_echo") {
            let mark = field(about, "metadata").unwrap_or_default();
            if let Some(mid) = field(about, "mid").filter(|_| is_ours(&mark)) {
                let sent = News::receipt(TrackKind::Sent, mid, message.created_at);
                return Filled::News(vec![sent]);
            }
        }
        said(message, about, bytes);
    } else if let Some(edit) = item.get("message_edit") {
        message.edited_at = Some(message.created_at);
        message.content.text = field(edit, "text").unwrap_or_default();
        keep(
            &mut message.metadata,
            "edits",
            edit.get("num_edit").cloned(),
        );
    } else if let Some(postback) = item.get("postback") {
        pressed(message, postback);
    } else if let Some(reaction) = item.get("reaction") {
        reacted(message, reaction);
    } else if let Some(name) = EVENTS.into_iter().find(|name| item.get(name).is_some()) {
        event(message, bytes, name);
        let about = item.get(name).cloned();
        if name == "optin" {
            news.extend(about.as_ref().and_then(|about| optin(message, about)));
        }
        keep(&mut message.metadata, name, about);
        message.metadata.remove("raw");
    } else if item.get("policy-enforcement").is_some() {
        event(message, bytes, "policy_enforcement");
    } else {
        unsupported(message, bytes);
    }
    Filled::Message(news)
}

/// Deliveries and readings.
fn receipts(message: &Message, item: &Value) -> Option<Vec<News>> {
    for (name, kind) in [
        ("delivery", TrackKind::Delivered),
        ("read", TrackKind::Read),
    ] {
        let Some(about) = item.get(name) else {
            continue;
        };
        let until = at(about, "watermark");
        let when = until.unwrap_or(message.created_at);
        let ids = list(about, "mids").iter().filter_map(super::word);
        let mut news: Vec<News> = ids
            .chain(field(about, "mid"))
            .map(|id| News::receipt(kind, id, when))
            .collect();
        if news.is_empty() {
            news.push(News::watermark(kind, until?));
        }
        return Some(news);
    }
    None
}

/// Who speaks and who is spoken to.
fn parties(message: &mut Message, update: &Update) {
    let item = &update.item;
    let party = |name: &str| {
        let about = item.get(name).unwrap_or(&Value::Null);
        let mut metadata = Map::new();
        for name in ["username", "user_ref", "self_ig_scoped_id"] {
            keep(&mut metadata, name, about.get(name).cloned());
        }
        Party {
            id: field(about, "id").unwrap_or_default(),
            kind: PartyType::User,
            name: field(about, "name"),
            metadata,
        }
    };
    (message.sender, message.recipient) = (party("sender"), party("recipient"));
    let echo = item.get("message").filter(|about| flag(about, "is_echo"));
    let ours = echo.is_some()
        || (!message.sender.id.is_empty() && Some(&message.sender.id) == update.account.as_ref());
    if ours {
        let app = echo.and_then(|about| field(about, "app_id"));
        let person = app.is_none_or(|app| app == INBOX_APP);
        message.direction = Direction::Outbound;
        message.metadata.insert(AUTOMATIC.into(), "echo".into());
        message.sender.kind = if person {
            PartyType::Agent
        } else {
            PartyType::Bot
        };
        return;
    }
    message.recipient.kind = PartyType::Bot;
    if message.recipient.id.is_empty() {
        message.recipient.id = update.account.clone().unwrap_or_default();
    }
    if message.sender.id.is_empty() {
        message
            .sender
            .id
            .clone_from(&message.platform_conversation_id);
    }
}

fn said(message: &mut Message, about: &Value, bytes: &[u8]) {
    if flag(about, "is_deleted") {
        message.deleted_at = Some(message.created_at);
        return;
    }
    if flag(about, "is_unsupported") {
        unsupported(message, bytes);
        return;
    }
    let metadata = &mut message.metadata;
    keep(metadata, "referral", about.get("referral").cloned());
    keep(metadata, "app_id", field(about, "app_id"));
    if let Some(to) = about.get("reply_to") {
        message.in_reply_to = field(to, "mid");
        keep(metadata, "story", to.get("story").cloned());
    }
    message.content.text = field(about, "text").unwrap_or_default();
    attachment::fill(message, list(about, "attachments"));
    if let Some(reply) = about.get("quick_reply") {
        message.message_type = MessageType::Callback;
        let callback = given([
            ("type", Some("quick_reply".into())),
            ("id", field(reply, "payload").map(Into::into)),
            ("title", Some(message.content.text.clone().into())),
        ]);
        message.metadata.insert("callback".into(), callback.into());
        return;
    }
    let links = |kind: &Value| kind == "fallback" || kind == "template";
    let only_links = message
        .content
        .attachments
        .iter()
        .all(|one| one.metadata.get("type").is_some_and(links));
    match type_of(&message.content.attachments) {
        Some(kind) if message.content.text.is_empty() || !only_links => message.message_type = kind,
        _ => note_command(message),
    }
}

/// A button of a template, of the menu, or one that opens the conversation.
fn pressed(message: &mut Message, postback: &Value) {
    message.message_type = MessageType::Callback;
    message.content.text = field(postback, "title").unwrap_or_default();
    let callback = given([
        ("type", Some("postback".into())),
        ("id", field(postback, "payload").map(Into::into)),
        ("title", field(postback, "title").map(Into::into)),
    ]);
    message.metadata.insert("callback".into(), callback.into());
    keep(
        &mut message.metadata,
        "referral",
        postback.get("referral").cloned(),
    );
}

fn reacted(message: &mut Message, reaction: &Value) {
    message.message_type = MessageType::Reaction;
    message.in_reply_to = field(reaction, "mid");
    let removed = field(reaction, "action").as_deref() == Some("unreact");
    let what = if removed { "removed" } else { "added" };
    message.metadata.insert("reaction".into(), what.into());
    let name = field(reaction, "reaction");
    keep(&mut message.metadata, "reaction_name", name.clone());
    message.content.text = field(reaction, "emoji").or(name).unwrap_or_default();
}

/// Who takes back the consent to recurring messages wants no more of them.
fn optin(message: &Message, about: &Value) -> Option<News> {
    let kind = match &*field(about, "notification_messages_status")? {
        "STOP_NOTIFICATIONS" => TrackKind::Unsubscribed,
        "RESUME_NOTIFICATIONS" => TrackKind::Resubscribed,
        _ => return None,
    };
    let address = News::address(kind, message.sender.id.clone(), message.created_at);
    Some(address.because("notification_messages"))
}
