//! `docs/channels.md` says what the code knows of each platform, and nothing else.
//!
//! `TIDINGS_UPDATE_SNAPSHOTS=1 cargo test -p schemas --test channels` writes it anew.

use std::{fmt::Write as _, path::Path};

use schemas::{
    ChannelKind,
    platform::{self, Ability, COMMON, Field, Form},
};

const HEAD: &str = "\
# Channels

What each kind of channel can do, and what it wants to know. This page is generated from `schemas/src/platform/`, which also
checks channels when they are made.

A channel is made by `POST /api/v1/channels` with its `type`, its `credentials` (kept encrypted, never shown again) and
`config.settings`. What the tables below do not name is refused, and so is what is not what they say; notes of your own go into
`metadata`. Both are checked when they are written: a channel that was made before a check was goes on as it is. Whether a
key is the platform's, only the platform can say: `POST /api/v1/channels/{channel_id}/test` asks it.

Its platform then posts to `/api/v1/webhooks/{channel_id}`; where the platform can be told so,
`POST /api/v1/channels/{channel_id}/test` tells it. Texts are written and cut for each platform as
[formatting](formatting.md) says, and sent as [delivery](delivery.md) says. Platforms can be played by hand:
[sandbox](sandbox.md).

";

#[test]
fn the_page_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/channels.md");
    let page = page();
    if std::env::var_os("TIDINGS_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &page).expect("docs/channels.md can be written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == page,
        "docs/channels.md is not what the code says; if the code is right:\n\
         TIDINGS_UPDATE_SNAPSHOTS=1 cargo test -p schemas --test channels"
    );
}

#[test]
fn no_platform_has_two_fields_of_one_name() {
    for kind in ChannelKind::ALL {
        let platform = platform::of(kind);
        assert_eq!(platform.kind, kind);
        let settings = platform.settings.iter().chain(COMMON);
        for fields in [
            platform.credentials.iter().collect::<Vec<_>>(),
            settings.collect(),
        ] {
            let mut names: Vec<&str> = fields.iter().map(|field| field.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), fields.len(), "{kind}");
        }
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| | ");
    let names = columns(&platform::of(ChannelKind::Telegram).ability).map(|(name, _)| name);
    page.push_str(&names.join(" | "));
    page.push_str(" |\n|");
    page.push_str(&"---|".repeat(names.len() + 1));
    page.push('\n');
    for kind in ChannelKind::ALL {
        let platform = platform::of(kind);
        let cells = columns(&platform.ability).map(|(_, what)| cell(what));
        writeln!(
            page,
            "| [{}](#{kind}) | {} |",
            platform.title,
            cells.join(" | ")
        )
        .expect("writing to a String cannot fail");
    }
    page.push_str("\n## Settings of every channel\n\n");
    table(&mut page, COMMON);
    for kind in ChannelKind::ALL {
        let platform = platform::of(kind);
        // The heading is the kind, so that it can be linked by it.
        write!(page, "\n## {kind}\n\n{}.\n", platform.title)
            .expect("writing to a String cannot fail");
        for (name, fields) in [
            ("Credentials", platform.credentials),
            ("Settings", platform.settings),
        ] {
            if !fields.is_empty() {
                write!(page, "\n{name}:\n\n").expect("writing to a String cannot fail");
                table(&mut page, fields);
            }
        }
        if platform.credentials.is_empty() && platform.settings.is_empty() {
            page.push_str("\nNeeds neither credentials nor settings of its own.\n");
        }
    }
    page
}

fn columns(ability: &Ability) -> [(&'static str, &'static str); 10] {
    [
        ("verify", ability.verify),
        ("text", ability.text),
        ("media", ability.media),
        ("buttons", ability.buttons),
        ("receipts", ability.receipts),
        ("edits", ability.edits),
        ("templates", ability.templates),
        ("typing", ability.typing),
        ("limits", ability.limits),
        ("test", ability.test),
    ]
}

fn table(page: &mut String, fields: &[Field]) {
    page.push_str("| name | what it must be | what it is |\n|---|---|---|\n");
    rows(page, "", fields);
}

/// Parts of an object have rows of their own, below it.
fn rows(page: &mut String, within: &str, fields: &[Field]) {
    for field in fields {
        let name = format!("{within}{}", field.name);
        let alias = field.alias.map(|alias| format!(" or `{alias}`"));
        let needed = if field.required { " (needed)" } else { "" };
        let form = match field.form {
            Form::Fields(_) => "an object of these parts".to_owned(),
            form => form.wanted(),
        };
        writeln!(
            page,
            "| `{name}`{}{needed} | {} | {} |",
            alias.unwrap_or_default(),
            cell(&form),
            cell(field.about)
        )
        .expect("writing to a String cannot fail");
        if let Form::Fields(parts) = field.form {
            rows(page, &format!("{name}."), parts);
        }
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
