//! Telegram.

use super::{Ability, Alphabet, Form, Part, Platform, field};
use crate::ChannelKind;

/// As in <https://core.telegram.org/bots/api#authorizing-your-bot>.
const TOKEN: Form = Form::Like(&[
    Part::Of(Alphabet::Digit, 1, 20),
    Part::Is(":"),
    Part::Of(Alphabet::Word, 1, 256),
]);

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Telegram,
    title: "Telegram",
    credentials: &[
        field("bot_token", TOKEN, "The token BotFather gave."),
        field(
            "secret_token",
            Form::Like(&[Part::Of(Alphabet::Word, 1, 256)]),
            "The secret of `setWebhook`; any you like.",
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
            Form::Base,
            "Where the Bot API lies, if not at Telegram.",
        ),
    ],
    ability: Ability {
        verify: "`X-Telegram-Bot-Api-Secret-Token` is the secret of `setWebhook`",
        text: "4096 UTF-16 units, then several messages; formatted as HTML",
        media: "photo, video, animation, audio, voice, document, sticker, location, venue, contact; out by upload, address or handle, pictures and videos as albums of up to 10",
        buttons: "inline keyboard, 64 bytes behind a button; presses are answered",
        receipts: "blocked and unblocked by a person",
        edits: "edits in, deletions in of business accounts",
        templates: "-",
        typing: "yes",
        limits: "30 a second; files of up to 20 MB in",
        test: "`getMe`; sets the webhook, or removes it where updates are fetched",
    },
};
