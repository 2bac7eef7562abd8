//! E-mail.

use super::{Ability, Alphabet, Field, Form, Part, Pem, Platform, field};
use crate::ChannelKind;

const HOST: Field = field("host", Form::Host, "The server.").required();
const PORT: Form = Form::Number(1, 65_535);
const TLS: Form = Form::OneOf(&["none", "starttls", "implicit"]);
const ROOTS: Field = field(
    "roots",
    Form::OneOf(&["native", "webpki"]),
    "Which authorities are trusted: the system's (`native`, by default) or Mozilla's.",
);
const CA_PEM: Field = field(
    "ca_pem",
    Form::Pem(Pem::Certificate),
    "One more authority, for a server with a private one.",
);

/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html>; a topic in order (`.fifo`) cannot
/// call a webhook.
const TOPIC_ARN: Form = Form::Like(&[
    Part::Is("arn:aws"),
    Part::Of(Alphabet::Word, 0, 16),
    Part::Is(":sns:"),
    Part::Of(Alphabet::Word, 1, 32),
    Part::Is(":"),
    Part::Of(Alphabet::Digit, 12, 12),
    Part::Is(":"),
    Part::Of(Alphabet::Word, 1, 256),
]);

const SMTP: &[Field] = &[
    HOST,
    field(
        "port",
        PORT,
        "587 by default; 465 with `implicit`, 25 with `none`.",
    ),
    field(
        "tls",
        TLS,
        "How the way there is kept private; `starttls` by default.",
    ),
    field("username", Form::Password, "Without it nobody logs in."),
    field("password", Form::Password, "The password."),
    ROOTS,
    CA_PEM,
];

const IMAP: &[Field] = &[
    HOST,
    field(
        "port",
        PORT,
        "993 by default; 143 unless `tls` is `implicit`.",
    ),
    field(
        "tls",
        TLS,
        "How the way there is kept private; `implicit` by default.",
    ),
    field("username", Form::Password, "Whose mailbox it is.").required(),
    field(
        "password",
        Form::Password,
        "The password, unless there is `oauth`.",
    ),
    field("mailbox", Form::Line(255), "`INBOX` by default."),
    field(
        "oauth",
        Form::Fields(OAUTH),
        "OAuth 2 in place of a password.",
    ),
    ROOTS,
    CA_PEM,
];

const OAUTH: &[Field] = &[
    field(
        "token_url",
        Form::Base,
        "Where access tokens are had; Google's by default.",
    ),
    field("client_id", Form::Token, "Of the OAuth 2 client.").required(),
    field(
        "client_secret",
        Form::Token,
        "Of the OAuth 2 client, where it has one.",
    ),
    field("refresh_token", Form::Token, "Of a consent to read mail.").required(),
];

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Email,
    title: "E-mail",
    credentials: &[
        field(
            "signing_secret",
            Form::Secret(16),
            "Signs raw mails handed in by webhook.",
        ),
        field(
            "sendgrid_public_key",
            Form::P256Key,
            "SendGrid's verification key of its signed event webhook, where mail leaves by SendGrid.",
        ),
        field(
            "mailgun_signing_key",
            Form::Token,
            "Mailgun's HTTP webhook signing key, where mail leaves by Mailgun.",
        ),
        field(
            "postmark_secret",
            Form::Secret(16),
            "The password in the webhook's address at Postmark (`https://tidings:PASSWORD@…`), where mail leaves by Postmark; mails then bring what names them.",
        ),
        field("smtp", Form::Fields(SMTP), "Where mail leaves."),
        field("from", Form::Mailbox, "The address mail is from."),
        field("imap", Form::Fields(IMAP), "Where mail is fetched."),
        field(
            "dkim_private_key",
            Form::Pem(Pem::MailKey),
            "Signs mail (DKIM): a private key, RSA of at least 2048 bits or Ed25519; `tidings dkim` makes one.",
        ),
        field(
            "dkim_selector",
            Form::Host,
            "The name under which its public half is in the DNS.",
        ),
        field(
            "dkim_domain",
            Form::Host,
            "Who signs; the domain of `from` by default.",
        ),
    ],
    settings: &[
        field(
            "poll_interval_s",
            Form::Number(5, 1500),
            "How often the mailbox is looked at; 60 where the server does not tell of new mail by itself (IDLE).",
        ),
        field(
            "idle",
            Form::Flag,
            "Whether the server is waited for (IDLE) where it offers that; `true` by default.",
        ),
        field(
            "after_fetch",
            Form::OneOf(&["keep", "seen", "delete"]),
            "What becomes of a mail in the mailbox once it is stored; `keep` by default.",
        ),
        field(
            "backlog",
            Form::Number(0, 1000),
            "So many of the youngest mails are read at the start; by default those of the hour before the channel was made.",
        ),
        field(
            "plus_address",
            Form::Flag,
            "Lets answers come to `local+token@domain`, where the mail server takes such addresses: they then find their conversation whatever a mail program forgets.",
        ),
        field(
            "return_path",
            Form::Email,
            "Where mail comes back to, as `local+token@domain`: each token names its message, so that a bounce finds it whatever it says. Its mailbox must be one that this channel reads.",
        ),
        field(
            "sns_topic_arn",
            TOPIC_ARN,
            "The topic of Amazon SNS that SES tells of mail by, where mail leaves by SES. Its subscription to the webhook is confirmed, and no other; raw delivery must be off.",
        ),
        field(
            "concurrency_per_domain",
            Form::Number(1, 256),
            "The most of a campaign's calls side by side that one domain has: a slow one leaves the rest to the others; three quarters when absent.",
        ),
        field(
            "allow_plain_login",
            Form::Flag,
            "Lets passwords travel unencrypted (`tls`: `none`).",
        ),
    ],
    ability: Ability {
        verify: "signature of the raw mail, or the mailbox's login; events of SendGrid (ECDSA), Mailgun (HMAC), Amazon SES (RSA, by SNS) and Postmark (password)",
        text: "text and HTML; Markdown is made into both",
        media: "both ways; out 18 MiB a mail, linked beyond; within the page by `content_id`",
        buttons: "listed below the text",
        receipts: "bounced (by kind) and delivered (DSN), read (MDN), complained (ARF); those, opened and clicked from SendGrid, Mailgun, Amazon SES and Postmark",
        edits: "-",
        templates: "-",
        typing: "-",
        limits: "those of the relay",
        test: "connects, EHLO, TLS, AUTH",
    },
};
