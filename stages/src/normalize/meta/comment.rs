//! Comments on what we published, and other changes of a page or an Instagram account
//! (<https://developers.facebook.com/docs/graph-api/webhooks/reference/instagram>,
//! <https://developers.facebook.com/docs/graph-api/webhooks/reference/page>).
//!
//! A comment is a message in a conversation of its own; what answers it goes to its author in private.

use schemas::{Attachment, Direction, Message, MessageType, Party, PartyType};
use serde_json::Value;

use super::{
    super::{AUTOMATIC, unsupported},
    Update, at, event, field, given, keep,
};

/// Changes that are understood to be events.
const EVENTS: [&str; 24] = [
    "business_integrity",
    "comments",
    "conversations",
    "creator_marketplace_invited_creator_onboarding",
    "delta",
    "feed",
    "follow",
    "group_feed",
    "leadgen",
    "live_comments",
    "live_videos",
    "mention",
    "mentions",
    "message_template_status_update",
    "messaging_handover",
    "messaging_handovers",
    "messaging_policy_enforcement",
    "name",
    "page_about_story",
    "ratings",
    "standby",
    "story_insights",
    "story_reactions",
    "videos",
];

pub(super) fn fill(message: &mut Message, update: &Update, bytes: &[u8]) {
    let (value, name) = (&update.item, update.field.as_deref().unwrap_or_default());
    if let Some(when) = at(value, "created_time").or(update.time) {
        message.created_at = when;
    }
    let comment = match name {
        "comments" | "live_comments" => field(value, "id"),
        "feed" if field(value, "item").as_deref() == Some("comment") => field(value, "comment_id"),
        _ => None,
    };
    if let Some(id) = comment {
        said(message, update, id);
        return;
    }
    if EVENTS.contains(&name) {
        event(message, bytes, name);
    } else {
        unsupported(message, bytes);
    }
    message.sender = Party {
        id: update.account.clone().unwrap_or_else(|| "meta".to_owned()),
        kind: PartyType::System,
        ..Party::default()
    };
}

fn said(message: &mut Message, update: &Update, id: String) {
    let value = &update.item;
    let from = value.get("from").unwrap_or(&Value::Null);
    let username = field(from, "username");
    message.sender = Party {
        id: field(from, "id").unwrap_or_else(|| message.platform_conversation_id.clone()),
        kind: PartyType::User,
        name: field(from, "name").or_else(|| username.clone()),
        metadata: given([("username", username.map(Into::into))]),
    };
    message.recipient = Party {
        id: update.account.clone().unwrap_or_default(),
        kind: PartyType::Bot,
        ..Party::default()
    };
    if update.account.as_ref() == Some(&message.sender.id)
        || field(from, "self_ig_scoped_id").is_some()
    {
        message.direction = Direction::Outbound;
        message.sender.kind = PartyType::Agent;
        message.metadata.insert(AUTOMATIC.into(), "echo".into());
    }
    let post = field(value, "post_id");
    let parent = field(value, "parent_id").filter(|parent| post.as_ref() != Some(parent));
    message.in_reply_to = parent.as_ref().map(|parent| format!("comment:{parent}"));
    let media = value.get("media").unwrap_or(&Value::Null);
    let comment = given([
        ("id", Some(id.into())),
        ("parent_id", parent.map(Into::into)),
        ("post_id", post.map(Into::into)),
        ("media_id", field(media, "id").map(Into::into)),
        (
            "media_product_type",
            media.get("media_product_type").cloned(),
        ),
        ("ad_id", media.get("ad_id").cloned()),
    ]);
    message.metadata.insert("comment".into(), comment.into());
    keep(
        &mut message.metadata,
        "permalink",
        value.pointer("/post/permalink_url").cloned(),
    );
    match field(value, "verb").as_deref() {
        Some("remove" | "hide") => {
            message.deleted_at = Some(update.time.unwrap_or(message.created_at));
            return;
        }
        Some("edit" | "edited") => {
            message.edited_at = Some(update.time.unwrap_or(message.created_at));
        }
        _ => {}
    }
    message.content.text = field(value, "text")
        .or_else(|| field(value, "message"))
        .unwrap_or_default();
    for (name, kind) in [("photo", "image"), ("video", "video")] {
        if let Some(url) = field(value, name) {
            message.content.attachments.push(Attachment {
                kind: kind.to_owned(),
                url: Some(url),
                ..Attachment::default()
            });
        }
    }
    if message.content.text.is_empty() {
        let kind = super::super::type_of(&message.content.attachments);
        message.message_type = kind.unwrap_or(MessageType::Text);
    }
}
