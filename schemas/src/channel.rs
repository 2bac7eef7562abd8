//! Channels: accounts on platforms.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The platform a channel speaks.
///
/// A new platform is one variant here, after which the compiler names the lines left to write:
/// `ingest/src/channel/`, `stages/src/normalize/`, `sinks/src/channel/`.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// Telegram Bot API.
    Telegram,
    /// WhatsApp Business Platform, Cloud API.
    WhatsApp,
    /// Slack apps: Events API and Web API.
    Slack,
    /// Discord: interactions, gateway events and the REST API.
    Discord,
    /// E-mail: raw RFC 5322 or IMAP in, SMTP out.
    Email,
    /// Gmail API: history after a push in, `messages.send` out.
    Gmail,
    /// Twilio: SMS, WhatsApp and voice.
    Twilio,
    /// Vonage Messages API.
    Vonage,
    /// MessageBird (Bird) SMS.
    MessageBird,
    /// Facebook Messenger.
    Messenger,
    /// Instagram Messaging.
    Instagram,
    /// LINE Messaging API.
    Line,
    /// Viber bots.
    Viber,
    /// The hub's own chat for web pages.
    Webchat,
    /// The documented JSON, signed both ways.
    Generic,
    /// No platform at all: what is sent is kept and can be read through the API.
    Sandbox,
}

impl ChannelKind {
    pub const ALL: [Self; 16] = [
        Self::Telegram,
        Self::WhatsApp,
        Self::Slack,
        Self::Discord,
        Self::Email,
        Self::Gmail,
        Self::Twilio,
        Self::Vonage,
        Self::MessageBird,
        Self::Messenger,
        Self::Instagram,
        Self::Line,
        Self::Viber,
        Self::Webchat,
        Self::Generic,
        Self::Sandbox,
    ];

    /// The name used in subjects, the API and the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Telegram => "telegram",
            Self::WhatsApp => "whatsapp",
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Email => "email",
            Self::Gmail => "gmail",
            Self::Twilio => "twilio",
            Self::Vonage => "vonage",
            Self::MessageBird => "messagebird",
            Self::Messenger => "messenger",
            Self::Instagram => "instagram",
            Self::Line => "line",
            Self::Viber => "viber",
            Self::Webchat => "webchat",
            Self::Generic => "generic",
            Self::Sandbox => "sandbox",
        }
    }

    /// What an address on this platform is called in `contact_addresses`: the same for all who deliver to the same
    /// addresses.
    #[must_use]
    pub const fn address_kind(self) -> &'static str {
        match self {
            Self::Gmail => Self::Email.name(),
            Self::Twilio | Self::Vonage | Self::MessageBird => "phone",
            _ => self.name(),
        }
    }
}

impl fmt::Display for ChannelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no [`ChannelKind`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown channel type; known are telegram, whatsapp, slack, discord, email, gmail, twilio, vonage, messagebird, messenger, instagram, line, viber, webchat, generic, sandbox"
)]
pub struct UnknownKind;

impl FromStr for ChannelKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or(UnknownKind)
    }
}

/// Whether a channel takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelStatus {
    Active,
    /// Switched off by a person: webhooks are refused, sends are held.
    Inactive,
    /// Its credentials were refused by the platform.
    Error,
}

impl ChannelStatus {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Error => "error",
        }
    }
}

impl FromStr for ChannelStatus {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        [Self::Active, Self::Inactive, Self::Error]
            .into_iter()
            .find(|status| status.name() == name)
            .ok_or(())
    }
}
