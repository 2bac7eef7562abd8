//! Telegram.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Telegram,
    title: "Telegram",
    credentials: &[
        field("bot_token", Form::Text, "The token BotFather gave."),
        field(
            "secret_token",
            Form::Text,
            "The secret of `setWebhook`; 1 to 256 of A-Z, a-z, 0-9, _ and -.",
        ),
    ],
    settings: &[
        field(
            "receive",
            Form::OneOf(&["webhook", "poll"]),
            "Whether Telegram delivers updates or the hub fetches them; `webhook` when absent.",
        ),
        field(
            "max_connections",
            Form::Number(1, 100),
            "Webhooks Telegram may deliver at a time; 40 when absent.",
        ),
        field(
            "api_base",
            Form::Url,
            "Where the Bot API lies, if not at Telegram.",
        ),
    ],
    ability: Ability {
        verify: "`X-Telegram-Bot-Api-Secret-Token` is the secret of `setWebhook`",
        text: "4096 UTF-16 units, then several messages; formatted as HTML",
        media: "photo, video, animation, audio, voice, document, sticker, location, venue, contact; out by address or handle, pictures and videos as albums of up to 10",
        buttons: "inline keyboard, 64 bytes behind a button; presses are answered",
        receipts: "blocked and unblocked by a person",
        edits: "edits in, deletions in of business accounts",
        templates: "-",
        typing: "yes",
        limits: "30 a second; files of up to 20 MB in",
        test: "`getMe`; sets the webhook, or removes it where updates are fetched",
    },
};
