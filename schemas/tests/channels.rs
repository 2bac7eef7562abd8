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
`config.settings`. Its platform then posts to `/api/v1/webhooks/{channel_id}`; where the platform can be told so,
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
    page.push_str("| name | form | what it is |\n|---|---|---|\n");
    for field in fields {
        writeln!(
            page,
            "| `{}` | {} | {} |",
            field.name,
            form(field.form),
            cell(field.about)
        )
        .expect("writing to a String cannot fail");
    }
}

fn form(form: Form) -> String {
    match form {
        Form::Text => "text".into(),
        Form::Secret(least) => format!("text of {least} bytes or more"),
        Form::Url => "address".into(),
        Form::Flag => "`true` or `false`".into(),
        Form::Number(least, most) => format!("{least} to {most}"),
        Form::OneOf(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            names.join(", ")
        }
        Form::Texts => "list of texts".into(),
        Form::Object => "object".into(),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
