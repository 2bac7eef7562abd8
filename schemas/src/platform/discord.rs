//! Discord.

use super::{Ability, Alphabet, Form, ID, Part, Platform, field};
use crate::ChannelKind;

/// <https://docs.discord.com/developers/events/gateway#list-of-intents>, those that bring messages.
const INTENT: Form = Form::OneOf(&[
    "guilds",
    "guild_messages",
    "guild_message_reactions",
    "guild_message_polls",
    "direct_messages",
    "direct_message_reactions",
    "direct_message_polls",
    "message_content",
]);

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Discord,
    title: "Discord",
    credentials: &[
        field(
            "public_key",
            Form::Like(&[Part::Of(Alphabet::Hex, 64, 64)]),
            "The application's, in hex; signs interactions.",
        ),
        field("bot_token", Form::Token, "The bot's."),
        field("application_id", ID, "The application's."),
    ],
    settings: &[
        field(
            "api_base",
            Form::Base,
            "Where the API is; `https://discord.com/api/v10` without it.",
        ),
        field(
            "ephemeral",
            Form::Flag,
            "Answers to commands are seen by the person who gave them alone.",
        ),
        field(
            "receive",
            Form::OneOf(&["webhook", "gateway"]),
            "`gateway`: the hub listens to what people write; `webhook` (when absent): interactions alone come.",
        ),
        field(
            "intents",
            Form::List(&INTENT),
            "What the gateway tells; all but the polls when absent.",
        ),
        field(
            "gateway_url",
            Form::Socket,
            "Where the gateway is (`wss://`), if not where Discord's `/gateway/bot` says.",
        ),
    ],
    ability: Ability {
        verify: "Ed25519 over time and body; the gateway by the bot's token",
        text: "2,000 characters a message, split; Discord's Markdown",
        media: "in: all files, stickers, voice; out: the hub's own files by upload, others' images as embeds and files as links",
        buttons: "25 below a message; commands, menus and forms in",
        receipts: "-",
        edits: "in: edits and deletions",
        templates: "-",
        typing: "for 10 s",
        limits: "50 calls a second; 429 says how long",
        test: "`/users/@me` and `/applications/@me`; sets the interactions' address; with `receive` = `gateway` also `/gateway/bot`, and whether content may be read",
    },
};
