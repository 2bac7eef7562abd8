//! What is known of each platform before anything is sent there: its credentials, its settings, and what it can do.
//!
//! One file per kind. The gateway checks channels by it, and `docs/channels.md` is generated from it.

mod discord;
mod email;
mod generic;
mod gmail;
mod instagram;
mod line;
mod messagebird;
mod messenger;
mod sandbox;
mod slack;
mod telegram;
mod twilio;
mod viber;
mod vonage;
mod webchat;
mod whatsapp;

use crate::ChannelKind;

/// A platform as the hub speaks it.
#[derive(Clone, Copy, Debug)]
pub struct Platform {
    pub kind: ChannelKind,
    /// As it writes its name.
    pub title: &'static str,
    /// Secrets; kept encrypted.
    pub credentials: &'static [Field],
    /// What `config.settings` may hold besides what all channels have ([`COMMON`]).
    pub settings: &'static [Field],
    pub ability: Ability,
}

/// One credential or setting.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub form: Form,
    /// What it is, and where one finds it. One sentence.
    pub about: &'static str,
}

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// 1 to 4096 bytes.
    Text,
    /// As [`Form::Text`], of at least so many bytes.
    Secret(usize),
    /// An `http` or `https` address.
    Url,
    Flag,
    /// Whole, between the two.
    Number(u64, u64),
    OneOf(&'static [&'static str]),
    /// A list of texts.
    Texts,
    Object,
}

/// What can be done on a platform through the hub, in the words of the table in `docs/channels.md`; `-` where nothing can.
#[derive(Clone, Copy, Debug)]
pub struct Ability {
    /// How its requests are told from forged ones.
    pub verify: &'static str,
    /// Longest text of one message, and how it is split or formatted.
    pub text: &'static str,
    pub media: &'static str,
    pub buttons: &'static str,
    pub receipts: &'static str,
    /// Edits and deletions.
    pub edits: &'static str,
    pub templates: &'static str,
    pub typing: &'static str,
    /// Rates kept without a setting, and other limits.
    pub limits: &'static str,
    /// What a channel test asks the platform.
    pub test: &'static str,
}

/// Settings that every channel has.
pub const COMMON: &[Field] = &[
    field(
        "rateLimit",
        Form::Object,
        "Messages per second, or `{\"per_second\", \"burst\"}`; `null` for none.",
    ),
    field(
        "chatRateLimit",
        Form::Object,
        "The same for each chat, or for each number that is sent from.",
    ),
    field("concurrency", Form::Number(1, 64), "Calls side by side."),
    field(
        "on_unknown",
        Form::OneOf(&["hold", "resend"]),
        "What happens to a message that may have left.",
    ),
    field(
        "allow_private",
        Form::Flag,
        "Lets this channel call private and loopback addresses.",
    ),
];

/// A field.
#[must_use]
pub const fn field(name: &'static str, form: Form, about: &'static str) -> Field {
    Field { name, form, about }
}

/// What is known of a kind.
#[must_use]
pub const fn of(kind: ChannelKind) -> &'static Platform {
    match kind {
        ChannelKind::Telegram => &telegram::PLATFORM,
        ChannelKind::WhatsApp => &whatsapp::PLATFORM,
        ChannelKind::Slack => &slack::PLATFORM,
        ChannelKind::Discord => &discord::PLATFORM,
        ChannelKind::Email => &email::PLATFORM,
        ChannelKind::Gmail => &gmail::PLATFORM,
        ChannelKind::Twilio => &twilio::PLATFORM,
        ChannelKind::Vonage => &vonage::PLATFORM,
        ChannelKind::MessageBird => &messagebird::PLATFORM,
        ChannelKind::Messenger => &messenger::PLATFORM,
        ChannelKind::Instagram => &instagram::PLATFORM,
        ChannelKind::Line => &line::PLATFORM,
        ChannelKind::Viber => &viber::PLATFORM,
        ChannelKind::Webchat => &webchat::PLATFORM,
        ChannelKind::Generic => &generic::PLATFORM,
        ChannelKind::Sandbox => &sandbox::PLATFORM,
    }
}
