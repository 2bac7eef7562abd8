//! What one recipient is sent.

use render::{CampaignFacts, Compiled, Links as Places, Recipient, RenderError};
use schemas::{
    ChannelKind, Content, ConversationId, Direction, MailFacts, Message, MessageType, Outbound,
    Party, PartyType, Priority, Routing, Timestamp,
    campaign::Chunk,
    tracking_token::{PURPOSE, Purpose, TrackingToken},
};
use serde_json::Map;
use store::{Keyring, campaign::ledger::Claimed};

use super::{Links, plans::Planned};

/// Addresses of the gateway that name a recipient, signed.
struct Signed<'a> {
    keyring: &'a Keyring,
    links: &'a Links,
    chunk: &'a Chunk,
    claimed: &'a Claimed,
}

impl Signed<'_> {
    fn address(&self, page: &str, purpose: Purpose, url: &str) -> String {
        let token = TrackingToken {
            purpose,
            tenant: self.chunk.tenant,
            campaign: self.chunk.campaign,
            contact: self.claimed.contact,
            url: url.to_owned(),
        };
        let tag = self.keyring.sign(PURPOSE, &token.signed());
        format!("{}/t/{page}/{}", self.links.public_url, token.text(&tag))
    }
}

impl Places for Signed<'_> {
    fn click(&self, url: &str) -> String {
        if url.len() > schemas::tracking_token::MAX_URL {
            return url.to_owned();
        }
        self.address("c", Purpose::Click, url)
    }

    fn pixel(&self) -> String {
        self.address("o", Purpose::Open, "")
    }

    fn preferences(&self) -> String {
        self.address("p", Purpose::Preferences, "")
    }
}

/// Makes the message.
///
/// # Errors
/// When the contact lacks what the template asks for.
pub(super) fn write(
    planned: &Planned,
    compiled: &Compiled,
    chunk: &Chunk,
    claimed: &Claimed,
    links: &Links,
    keyring: &Keyring,
    now: Timestamp,
) -> Result<Outbound, RenderError> {
    let none = Map::new();
    let recipient = Recipient {
        contact: claimed.contact,
        name: claimed.name.as_deref(),
        address: &claimed.address,
        language: claimed.language.as_deref(),
        time_zone: claimed.time_zone.as_deref(),
        attributes: claimed.attributes.as_object().unwrap_or(&none),
        campaign: CampaignFacts {
            id: planned.id,
            name: &planned.name,
        },
    };
    let signed = Signed {
        keyring,
        links,
        chunk,
        claimed,
    };
    let rendered = compiled.render_for(chunk.kind, &recipient, &signed)?;
    let is_mail = chunk.kind.address_kind() == ChannelKind::Email.address_kind();
    let mail = is_mail.then(|| {
        Box::new(MailFacts {
            sender_name: planned.plan.sender_name.clone(),
            sender_email: planned.plan.sender_email.clone(),
            list_unsubscribe: planned
                .plan
                .tracked
                .unsubscribe
                .then(|| signed.preferences()),
            feedback_id: Some(format!(
                "{}:{}:campaign:tidings",
                chunk.campaign.simple(),
                chunk.tenant.simple()
            )),
        })
    });
    let message = Message {
        id: claimed.message,
        // Who answers begins a conversation, and this is its name.
        conversation_id: ConversationId(claimed.message.0),
        channel_id: chunk.channel,
        message_type: MessageType::Text,
        direction: Direction::Outbound,
        content: Content {
            text: rendered.text,
            html: rendered.html.filter(|_| is_mail),
            template: rendered.platform,
            ..Content::default()
        },
        sender: Party {
            id: chunk.channel.to_string(),
            kind: PartyType::System,
            ..Party::default()
        },
        recipient: Party {
            id: claimed.address.clone(),
            kind: PartyType::User,
            name: claimed.name.clone(),
            ..Party::default()
        },
        priority: Priority::Low,
        tags: Vec::new(),
        platform_message_id: None,
        platform_conversation_id: claimed.address.clone(),
        in_reply_to: None,
        subject: rendered.subject,
        language: None,
        sentiment: None,
        intent: None,
        topics: Vec::new(),
        category: None,
        routing: Routing::default(),
        created_at: now,
        edited_at: None,
        deleted_at: None,
        metadata: Map::new(),
    };
    Ok(Outbound {
        tenant: chunk.tenant,
        channel: chunk.channel,
        kind: chunk.kind,
        message: Box::new(message),
        cause: None,
        attempt: claimed.attempt,
        queued_at: now,
        from: None,
        mail,
    })
}
