//! What somebody wrote: SMS, MMS, WhatsApp, RCS, Messenger.

use schemas::{Attachment, Message, MessageType, PartyType, keys::twilio::text};
use serde_json::{Map, Value, json};

use super::{
    super::{
        MAX_ATTACHMENTS, News,
        keyword::{self, Keyword},
        note_command, phone, type_of,
    },
    Fields,
};

pub(super) fn fill(message: &mut Message, fields: &Fields) -> Vec<News> {
    let find = |name: &str| text(fields, name);
    parties(message, fields);
    message.content.text = find("Body").unwrap_or_default().to_owned();
    message.in_reply_to = find("OriginalRepliedMessageSid").map(str::to_owned);
    message.content.attachments = files(fields);
    message.content.attachments.extend(location(fields));
    message.message_type = type_of(&message.content.attachments).unwrap_or(MessageType::Text);
    metadata(message, fields);
    if !pressed(message, fields) && message.content.attachments.is_empty() {
        note_command(message);
    }
    let told = match find("OptOutType").map(str::to_ascii_uppercase).as_deref() {
        Some("STOP") => Some(Keyword::Stop),
        Some("START") => Some(Keyword::Start),
        Some("HELP") => Some(Keyword::Help),
        _ => None,
    };
    let sms = !message.sender.id.contains(':') || message.sender.id.starts_with("rcs:");
    keyword::note(message, told, sms)
}

/// Who speaks, and which of our numbers is spoken to.
pub(super) fn parties(message: &mut Message, fields: &Fields) {
    let find = |name: &str| text(fields, name);
    message.sender.id = phone::canonical(find("From").unwrap_or_default());
    if message.sender.id.is_empty() {
        message.sender.id = message.platform_conversation_id.clone();
    }
    message.sender.name = find("ProfileName")
        .or_else(|| find("CallerName"))
        .map(str::to_owned);
    for (name, key) in [
        ("FromCity", "city"),
        ("FromState", "state"),
        ("FromZip", "zip"),
        ("FromCountry", "country"),
        ("WaId", "wa_id"),
        ("ExternalUserId", "external_user_id"),
    ] {
        if let Some(value) = find(name) {
            message.sender.metadata.insert(key.into(), value.into());
        }
    }
    if let Some(to) = find("To") {
        message.recipient.id = phone::canonical(to);
        message.recipient.kind = PartyType::Bot;
    }
}

fn metadata(message: &mut Message, fields: &Fields) {
    let find = |name: &str| text(fields, name);
    let metadata = &mut message.metadata;
    if let Some((channel, _)) = find("From").and_then(|from| from.split_once(':')) {
        metadata.insert("platform".into(), channel.to_ascii_lowercase().into());
    }
    for (name, key) in [
        ("MessagingServiceSid", "messaging_service"),
        ("NumSegments", "segments"),
        ("OriginalRepliedMessageSender", "replied_to"),
        ("OptOutType", "opt_out"),
    ] {
        if let Some(value) = find(name) {
            metadata.insert(key.into(), value.into());
        }
    }
    let yes = |name: &str| find(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if yes("Forwarded") || yes("FrequentlyForwarded") {
        metadata.insert("forwarded".into(), true.into());
    }
    if yes("FrequentlyForwarded") {
        metadata.insert("frequently_forwarded".into(), true.into());
    }
    for (name, key) in [("ChannelMetadata", "channel"), ("AddOns", "add_ons")] {
        let json = find(name).and_then(|json| serde_json::from_str::<Value>(json).ok());
        if let Some(json) = json {
            metadata.insert(key.into(), json);
        }
    }
    let referral: Map<String, Value> = [
        ("ReferralBody", "body"),
        ("ReferralHeadline", "headline"),
        ("ReferralSourceId", "source_id"),
        ("ReferralSourceType", "source_type"),
        ("ReferralSourceUrl", "source_url"),
        ("ReferralMediaId", "media_id"),
        ("ReferralMediaUrl", "media_url"),
        ("ReferralMediaContentType", "media_content_type"),
        ("ReferralCtwaClid", "ctwa_clid"),
    ]
    .into_iter()
    .filter_map(|(name, key)| Some((key.to_owned(), find(name)?.into())))
    .collect();
    if !referral.is_empty() {
        metadata.insert("referral".into(), referral.into());
    }
}

/// A button, or a row of a list, that was pressed.
fn pressed(message: &mut Message, fields: &Fields) -> bool {
    let find = |name: &str| text(fields, name);
    let (id, title) = if find("ListId").is_some() || find("ListTitle").is_some() {
        (find("ListId"), find("ListTitle"))
    } else if find("ButtonPayload").is_some() || find("ButtonText").is_some() {
        (find("ButtonPayload"), find("ButtonText"))
    } else if find("InteractiveData").is_some() || find("FlowData").is_some() {
        (None, None)
    } else {
        return false;
    };
    let mut callback = Map::new();
    let mut keep = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            callback.insert(key.into(), value);
        }
    };
    keep("id", id.map(Into::into));
    keep("value", id.map(Into::into));
    keep("title", title.map(Into::into));
    keep("description", find("ListDescription").map(Into::into));
    keep("kind", find("ButtonType").map(Into::into));
    let data = find("InteractiveData").or_else(|| find("FlowData"));
    keep(
        "data",
        data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into())),
    );
    if let Some(title) = title
        .or(id)
        .filter(|_| find("ListId").is_some() || message.content.text.is_empty())
    {
        message.content.text = title.to_owned();
    }
    message.message_type = MessageType::Callback;
    message.metadata.insert("callback".into(), callback.into());
    true
}

fn files(fields: &Fields) -> Vec<Attachment> {
    let count = text(fields, "NumMedia").and_then(|count| count.parse::<usize>().ok());
    let count = count.unwrap_or(MAX_ATTACHMENTS).min(MAX_ATTACHMENTS + 1);
    let whatsapp = text(fields, "From").is_some_and(|from| from.starts_with("whatsapp:"));
    let said = text(fields, "MessageType").unwrap_or_default();
    (0..count)
        .map_while(|index| {
            let url = text(fields, &format!("MediaUrl{index}"))?;
            let content_type = text(fields, &format!("MediaContentType{index}"));
            let bare = content_type.unwrap_or_default().split(';').next();
            let bare = bare.unwrap_or_default().trim().to_ascii_lowercase();
            let kind = match bare.as_str() {
                // Pictures are JPEG and PNG there, recordings the only Ogg.
                "image/webp" if whatsapp => "sticker",
                "audio/ogg" if whatsapp => "voice",
                _ if said == "sticker" => "sticker",
                "text/vcard" | "text/x-vcard" | "text/directory" | "application/vcard" => "contact",
                kind => match kind.split_once('/').map(|(main, _)| main) {
                    Some("image") => "image",
                    Some("audio") => "audio",
                    Some("video") => "video",
                    _ => "file",
                },
            };
            Some(Attachment {
                kind: kind.into(),
                name: text(fields, &format!("MediaFilename{index}")).map(str::to_owned),
                content_type: content_type.map(str::to_owned),
                url: Some(url.to_owned()),
                platform_id: url
                    .rsplit_once('/')
                    .map(|(_, id)| id.to_owned())
                    .filter(|id| id.starts_with("ME")),
                ..Attachment::default()
            })
        })
        .collect()
}

fn location(fields: &Fields) -> Option<Attachment> {
    let number = |name: &str| -> Option<f64> {
        let number: f64 = text(fields, name)?.trim().parse().ok()?;
        number.is_finite().then_some(number)
    };
    let (latitude, longitude) = (number("Latitude")?, number("Longitude")?);
    let place = json!({
        "latitude": latitude,
        "longitude": longitude,
        "name": text(fields, "Label"),
        "address": text(fields, "Address"),
    });
    let metadata = match place {
        Value::Object(place) => place
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect(),
        _ => Map::new(),
    };
    Some(Attachment {
        kind: "location".into(),
        name: text(fields, "Label").map(str::to_owned),
        metadata,
        ..Attachment::default()
    })
}
