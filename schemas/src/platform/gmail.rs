//! Gmail.

use super::{Ability, Alphabet, Form, Part, Platform, field};
use crate::ChannelKind;

/// `projects/PROJECT/topics/TOPIC` (<https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names>).
const TOPIC: Form = Form::Like(&[
    Part::Is("projects/"),
    Part::Of(Alphabet::Name, 6, 100),
    Part::Is("/topics/"),
    Part::Of(Alphabet::Name, 3, 255),
]);

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Gmail,
    title: "Gmail",
    credentials: &[
        field("client_id", Form::Token, "Of the OAuth 2 client."),
        field("client_secret", Form::Token, "Of the OAuth 2 client."),
        field(
            "refresh_token",
            Form::Token,
            "Of a consent to `gmail.readonly` and `gmail.send`, or to `gmail.modify`.",
        ),
        field(
            "from",
            Form::Mailbox,
            "The address mail is from: the account's, or one it may send as.",
        ),
    ],
    settings: &[
        field("api_base", Form::Base, "The API; Google's by default."),
        field(
            "token_url",
            Form::Base,
            "Where access tokens are had; Google's by default.",
        ),
        field(
            "label",
            Form::Line(225),
            "Mails with this label are read; `INBOX` by default.",
        ),
        field(
            "poll_interval_s",
            Form::Number(5, 3600),
            "How often the account is asked for new mail; 60 by default.",
        ),
        field(
            "topic",
            TOPIC,
            "The Pub/Sub topic that Gmail shall push to: `projects/PROJECT/topics/TOPIC`.",
        ),
        field(
            "push_service_account",
            Form::Email,
            "The service account that the subscription pushes as; without it no push is taken.",
        ),
        field(
            "push_audience",
            Form::Text,
            "The audience of the push tokens; the webhook's address by default.",
        ),
        field(
            "plus_address",
            Form::Flag,
            "Answers go to an address that names the conversation (`local+TOKEN@domain`).",
        ),
    ],
    ability: Ability {
        verify: "OpenID Connect token of Pub/Sub (RS256, Google's keys)",
        text: "4 MiB; text and HTML",
        media: "in: all parts of a mail; out: files, 18 MiB in all, links beyond",
        buttons: "as lines of text",
        receipts: "bounces, as mails",
        edits: "-",
        templates: "-",
        typing: "-",
        limits: "Gmail's own (429, 403 `rateLimitExceeded`) are waited for",
        test: "`users.getProfile`, twice: of sending and of reading",
    },
};
