//! Discord.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Discord,
    title: "Discord",
    credentials: &[
        field(
            "public_key",
            Form::Text,
            "The application's, in hex; signs interactions.",
        ),
        field("bot_token", Form::Text, "The bot's."),
        field("application_id", Form::Text, "The application's."),
    ],
    settings: &[
        field(
            "api_base",
            Form::Url,
            "Where the API is; `https://discord.com/api/v10` without it.",
        ),
        field(
            "ephemeral",
            Form::Flag,
            "Answers to commands are seen by the person who gave them alone.",
        ),
    ],
    ability: Ability {
        verify: "Ed25519 over time and body",
        text: "2,000 characters a message, split; Discord's Markdown",
        media: "in: all files, stickers, voice; out: images as embeds, other files as links",
        buttons: "25 below a message; commands, menus and forms in",
        receipts: "-",
        edits: "in: edits and deletions",
        templates: "-",
        typing: "for 10 s",
        limits: "50 calls a second; 429 says how long",
        test: "`/users/@me` and `/applications/@me`; sets the interactions' address",
    },
};
