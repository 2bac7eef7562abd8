//! WhatsApp events
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages>).
//!
//! A person is the number WhatsApp gives (digits without a plus), or the business-scoped user id of one who hides it. What the
//! business's own app sent (`smb_message_echoes`) is an outbound message by an agent; it and a synchronized history are
//! marked automatic, so that nothing answers them. A message of a type not known is `unsupported` and keeps its raw form.
//!
//! Deliberately absent: conversations and prices of statuses, which say what a message costs and not what became of it.

mod content;
mod status;

use schemas::{
    Direction, Message, MessageType, Party, PartyType,
    keys::whatsapp::{Place, address, place},
};
use serde_json::{Map, Value};

use self::content::Content;
use super::{
    AUTOMATIC, Filled,
    meta::{Update, at, event, field, flag, keep},
    note_command, unsupported,
};

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Filled {
    let Some(update) = Update::parse(bytes) else {
        unsupported(message, bytes);
        return Filled::MESSAGE;
    };
    match &*update.part {
        "messages" | "history" => said(message, &update, bytes),
        "message_echoes" => echoed(message, &update, bytes),
        "statuses" => return status::receipt(message, &update, bytes),
        "user_preferences" => return status::preference(message, &update, bytes),
        "calls" => return status::call(message, &update, bytes),
        _ => account(message, &update, bytes),
    }
    Filled::MESSAGE
}

/// A message of a person, or of a history, where some are our own.
fn said(message: &mut Message, update: &Update, bytes: &[u8]) {
    let item = &update.item;
    let history = update.part == "history" || update.field.as_deref() == Some("history");
    let ours = own_number(update);
    let own = history
        && (item
            .pointer("/history_context/from_me")
            .and_then(Value::as_bool)
            == Some(true)
            || (ours.is_some() && field(item, "from").and_then(|from| address(&from)) == ours));
    if own {
        from_us(message, update);
    } else {
        message.sender = person(update, &["from", "from_user_id"]);
        message.recipient = match field(item, "group_id") {
            Some(group) => Party {
                id: group,
                kind: PartyType::Group,
                ..Party::default()
            },
            None => us(update, PartyType::Bot),
        };
    }
    if history {
        message.metadata.insert(AUTOMATIC.into(), "history".into());
        let status = item.pointer("/history_context/status").cloned();
        keep(&mut message.metadata, "history_status", status);
    }
    if update.field.as_deref() == Some("standby") {
        // Another program has the conversation.
        message.metadata.insert("standby".into(), true.into());
    }
    if message.sender.id.is_empty() {
        message
            .sender
            .id
            .clone_from(&message.platform_conversation_id);
    }
    fill_content(message, item, bytes);
}

/// What was sent from the business's app.
fn echoed(message: &mut Message, update: &Update, bytes: &[u8]) {
    from_us(message, update);
    message.metadata.insert(AUTOMATIC.into(), "echo".into());
    fill_content(message, &update.item, bytes);
}

fn from_us(message: &mut Message, update: &Update) {
    message.direction = Direction::Outbound;
    message.sender = us(update, PartyType::Agent);
    message.recipient = person(update, &["to", "to_user_id"]);
    if message.recipient.id.is_empty() {
        message
            .recipient
            .id
            .clone_from(&message.platform_conversation_id);
    }
}

fn fill_content(message: &mut Message, item: &Value, bytes: &[u8]) {
    let time = at(item, "timestamp");
    if let Some(time) = time {
        message.created_at = time;
    }
    let given = match &*field(item, "type").unwrap_or_default() {
        "revoke" => {
            message.deleted_at = Some(message.created_at);
            return;
        }
        "edit" => {
            message.edited_at = Some(message.created_at);
            item.pointer("/edit/message").unwrap_or(item)
        }
        _ => item,
    };
    context(message, given);
    let kind = field(given, "type").unwrap_or_default();
    match content::of(&kind, given) {
        Some(Content {
            message_type,
            text,
            attachments,
            metadata,
            in_reply_to,
        }) => {
            message.message_type = message_type;
            message.content.text = text;
            message.content.attachments = attachments;
            message.metadata.extend(metadata);
            if in_reply_to.is_some() {
                message.in_reply_to = in_reply_to;
            }
            if message_type == MessageType::Text && message.edited_at.is_none() {
                note_command(message);
            }
        }
        None => match &*kind {
            "system" => system(message, given, bytes),
            "request_welcome" => event(message, bytes, "request_welcome"),
            "media_placeholder" => event(message, bytes, "media_placeholder"),
            _ => unsupported(message, bytes),
        },
    }
    keep(
        &mut message.metadata,
        "errors",
        given.get("errors").cloned(),
    );
}

/// What a message of any type may carry beside its content.
fn context(message: &mut Message, item: &Value) {
    let metadata = &mut message.metadata;
    if let Some(context) = item.get("context") {
        message.in_reply_to = field(context, "id");
        for name in ["forwarded", "frequently_forwarded"] {
            if flag(context, name) {
                metadata.insert("forwarded".into(), true.into());
                metadata.insert(name.into(), true.into());
            }
        }
        keep(
            metadata,
            "referred_product",
            context.get("referred_product").cloned(),
        );
    }
    for name in ["referral", "identity", "origin"] {
        keep(metadata, name, item.get(name).cloned());
    }
}

/// A change of a person's number or user id.
fn system(message: &mut Message, item: &Value, bytes: &[u8]) {
    let about = item.get("system").cloned().unwrap_or_default();
    let name = field(&about, "type").unwrap_or_else(|| "system".to_owned());
    event(message, bytes, &name);
    message.content.text = field(&about, "body").unwrap_or_default();
    keep(&mut message.metadata, "system", Some(about));
}

/// What concerns the account, its templates or a group, and not one message.
fn account(message: &mut Message, update: &Update, bytes: &[u8]) {
    const FIELDS: [&str; 36] = [
        "account_alerts",
        "account_offboarded",
        "account_reconnected",
        "account_review_update",
        "account_settings_update",
        "account_update",
        "automatic_events",
        "business_capability_update",
        "business_status_update",
        "business_username_update",
        "calls",
        "flows",
        "group_lifecycle_update",
        "group_participants_update",
        "group_settings_update",
        "group_status_update",
        "history",
        "message_template_components_update",
        "message_template_quality_update",
        "message_template_status_update",
        "messages",
        "messaging_handovers",
        "partner_solutions",
        "payment_configuration_update",
        "phone_number_name_update",
        "phone_number_quality_update",
        "security",
        "smb_app_state_sync",
        "smb_message_echoes",
        "standby",
        "template_category_update",
        "template_correct_category_detection",
        "tracking_events",
        "user_id_update",
        "user_preferences",
        "contacts",
    ];
    const LISTS: [&str; 6] = [
        "value",
        "errors",
        "groups",
        "history_state",
        "state_sync",
        "user_id_update",
    ];
    let known = |field: &&str| FIELDS.contains(field) && LISTS.contains(&&*update.part);
    match update.field.as_deref().filter(known) {
        Some("messages") if update.part == "errors" => event(message, bytes, "errors"),
        Some("messages") => unsupported(message, bytes),
        Some(field) => event(message, bytes, field),
        None => unsupported(message, bytes),
    }
    message.sender = Party {
        id: update
            .account
            .clone()
            .unwrap_or_else(|| "whatsapp".to_owned()),
        kind: PartyType::System,
        ..Party::default()
    };
    if let Some(time) = at(&update.item, "timestamp").or(update.time) {
        message.created_at = time;
    }
}

/// The person an item names under the first of these names that is there; else the one whose contact stood beside it.
fn person(update: &Update, names: &[&str]) -> Party {
    let (item, contact) = (&update.item, &update.contact);
    let given = names.iter().filter_map(|name| field(item, name));
    let known = ["wa_id", "user_id"]
        .into_iter()
        .filter_map(|name| field(contact, name));
    let ids: Vec<String> = given.chain(known).filter_map(|id| address(&id)).collect();
    let number = ids.iter().find(|id| place(id) == Place::Number);
    let mut metadata = Map::new();
    let profile = contact.get("profile").unwrap_or(&Value::Null);
    let username = field(profile, "username").or_else(|| field(contact, "username"));
    keep(&mut metadata, "username", username);
    let user = names.last().and_then(|name| field(item, name));
    keep(
        &mut metadata,
        "user_id",
        user.or_else(|| field(contact, "user_id")),
    );
    keep(
        &mut metadata,
        "parent_user_id",
        field(contact, "parent_user_id"),
    );
    keep(
        &mut metadata,
        "identity_key_hash",
        field(contact, "identity_key_hash"),
    );
    Party {
        id: number.or(ids.first()).cloned().unwrap_or_default(),
        kind: PartyType::User,
        name: field(profile, "name"),
        metadata,
    }
}

/// Our number.
fn us(update: &Update, kind: PartyType) -> Party {
    let id = field(&update.metadata, "phone_number_id");
    let mut metadata = Map::new();
    keep(&mut metadata, "phone_number_id", id.clone());
    Party {
        id: own_number(update).or(id).unwrap_or_default(),
        kind,
        name: None,
        metadata,
    }
}

/// The digits of our number; it is sometimes shown with spaces and marks.
fn own_number(update: &Update) -> Option<String> {
    let shown = field(&update.metadata, "display_phone_number")?;
    let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}
