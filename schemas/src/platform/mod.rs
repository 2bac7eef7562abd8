//! What is known of each platform before anything is sent there: its credentials, its settings, and what it can do.
//!
//! One file per kind. [`check`] tells what is wrong with what somebody gives a channel, by what its fields mean ([`Form`]), and
//! `docs/channels.md` is generated from them. Channels are checked when they are written; one that was made before a check
//! was goes on as it is.

pub mod check;
mod discord;
mod email;
mod form;
mod generic;
mod gmail;
mod instagram;
mod line;
mod messagebird;
mod messenger;
mod pem;
mod sandbox;
mod shape;
mod slack;
mod telegram;
mod twilio;
mod viber;
mod vonage;
mod webchat;
mod whatsapp;

pub use self::{
    form::Form,
    pem::Pem,
    shape::{Alphabet, Part},
};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    /// Another name it goes by.
    pub alias: Option<&'static str>,
    pub form: Form,
    /// What it is, and where one finds it. One sentence.
    pub about: &'static str,
    /// Whether what it is a part of is nothing without it.
    pub required: bool,
}

impl Field {
    /// The same by another name too.
    #[must_use]
    pub const fn or(self, alias: &'static str) -> Self {
        Self {
            alias: Some(alias),
            ..self
        }
    }

    /// The same, which must be given.
    #[must_use]
    pub const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    /// Whether it goes by this name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name == name || self.alias == Some(name)
    }
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
        Form::Rate,
        "How fast the channel may send; as the platform publishes it without the setting.",
    )
    .or("rate_limit"),
    field(
        "chatRateLimit",
        Form::Rate,
        "How fast it may send to each chat, or from each number.",
    )
    .or("chat_rate_limit"),
    field(
        "concurrency",
        Form::Number(1, 256),
        "Calls side by side; 16 when absent.",
    ),
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
    Field {
        name,
        alias: None,
        form,
        about,
        required: false,
    }
}

/// What an id of an account, application or number is at platforms that count.
const ID: Form = Form::Like(&[Part::Of(Alphabet::Digit, 1, 32)]);
/// `v24.0`.
const GRAPH_VERSION: Form = Form::Like(&[
    Part::Is("v"),
    Part::Of(Alphabet::Digit, 1, 3),
    Part::Is("."),
    Part::Of(Alphabet::Digit, 1, 2),
]);
/// `HUMAN_AGENT`.
const MESSAGE_TAG: Form = Form::Like(&[Part::Of(Alphabet::Capital, 1, 64)]);

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
