//! Words, pages and files.

use schemas::{Attachment, Button, ButtonType, Format};
use serde_json::json;

use super::{addressed, enclosing, mail, writer_of};
use crate::channel::{
    files::tests::{Kept, own},
    smtp::file::{self, Files},
    tests::word,
};

#[test]
fn html_comes_with_text() {
    let given = mail(|outbound| outbound.message.content.html = Some("<p>hello</p>".into()));
    assert!(given.contains("multipart/alternative"));
    assert!(given.contains("text/plain") && given.contains("text/html"));
    let made = mail(|outbound| {
        outbound.message.content.format = Format::Markdown;
        outbound.message.content.text = "**very** good".into();
        outbound.message.content.buttons = vec![Button {
            kind: ButtonType::Url,
            title: "More".into(),
            url: Some("https://example.org/more".into()),
            ..Button::default()
        }];
    });
    assert!(made.contains("multipart/alternative"));
    assert!(
        made.contains("very good") && made.contains(">very<"),
        "{made}"
    );
    assert!(made.contains("https://example.org/more"));
    let plain = mail(|_| {});
    assert!(!plain.contains("multipart") && plain.contains("hello"));
}

#[test]
fn files_stand_beside_the_words_or_within_the_page() {
    let file = |name: &str, id: Option<&str>| file::File {
        name: name.into(),
        content_type: "image/png".into(),
        content_id: id.map(str::to_owned),
        bytes: vec![0x89, b'P', 0, 0xff].into(),
    };
    let files = Files {
        enclosed: vec![
            file("logo.png", Some("logo@desk")),
            file("a\r\nb.png", None),
        ],
        linked: vec![("film.mp4".into(), "https://example.org/film.mp4".into())],
    };
    let mail = enclosing(files, |outbound| {
        outbound.message.content.html = Some("<img src=\"cid:logo@desk\">".into());
        outbound.message.content.attachments = vec![Attachment::default()];
    });
    for expected in [
        "multipart/mixed",
        "multipart/related",
        "multipart/alternative",
        "Content-ID: <logo@desk>",
        "Content-Disposition: inline",
        "Content-Disposition: attachment",
        "https://example.org/film.mp4",
        "iVAA/w==",
    ] {
        assert!(mail.contains(expected), "{expected} is not in {mail}");
    }
    // Without a page there is nothing to stand within.
    let files = Files {
        enclosed: vec![file("logo.png", Some("logo@desk"))],
        linked: Vec::new(),
    };
    let mail = enclosing(files, |outbound| outbound.message.content.text.clear());
    assert!(mail.contains("multipart/mixed") && !mail.contains("multipart/related"));
}

#[tokio::test]
async fn files_of_the_hub_are_read_and_need_no_address() {
    let kept = Kept::default()
        .with(1, "image/png", vec![0x89, b'P', 0, 0xff])
        .with(2, "application/zip", vec![1; 18 * 1024 * 1024 - 3]);
    let writer = writer_of(json!({}), &kept.settings());
    let mut logo = own("image", Some("logo.png"), "/", 1);
    let inline = json!({"inline": true, "content_id": "<logo@desk>"});
    logo.metadata = inline.as_object().unwrap().clone();
    let mut outbound = addressed(|outbound| {
        outbound.message.content.html = Some("<img src=\"cid:logo@desk\">".into());
        outbound.message.content.attachments = vec![logo, own("file", None, "/", 1)];
    });
    let mail = writer.write(&outbound).await.unwrap().content;
    let mail = String::from_utf8(mail).unwrap();
    for expected in [
        "Content-ID: <logo@desk>",
        "Content-Disposition: attachment; filename=\"file.png\"",
        "iVAA/w==",
    ] {
        assert!(mail.contains(expected), "{expected} is not in {mail}");
    }
    // What there is no room for is linked to, if the address leads anywhere.
    let files = &mut outbound.message.content.attachments;
    files.push(own("file", Some("a.zip"), "https://hub.example/", 2));
    let mail = writer.write(&outbound).await.unwrap().content;
    assert!(mail.len() < 4000);
    assert!(
        String::from_utf8(mail)
            .unwrap()
            .contains("hub.example/media")
    );
    let files = &mut outbound.message.content.attachments;
    files.push(own("file", None, "/", 2));
    let refused = writer.write(&outbound).await.err().unwrap();
    assert_eq!(word(&refused), "permanent file-not-taken");
}

#[test]
fn long_lines_and_all_characters_are_encoded() {
    let mail = mail(|outbound| {
        outbound.message.content.text = "ä€😀".repeat(600);
        outbound.message.content.html = Some("x".repeat(5000));
        outbound.message.subject = Some("Größe 😀 ".repeat(40));
        outbound.message.recipient.name = Some("Jörg \"J\" Müller, Ltd.".into());
    });
    assert!(mail.contains("=?utf-8?"));
}
