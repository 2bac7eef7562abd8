use schemas::{Attachment, Button, ChannelKind, MailFacts, MessageId};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::channel::{
    files::tests::{Kept, own},
    tests::{account, outbound, word},
};

fn writer(settings: Value) -> Writer {
    writer_of(settings, &Settings::default())
}

fn writer_of(settings: Value, hub: &Settings) -> Writer {
    let credentials = json!({"from": "Desk <desk@example.com>"});
    let config = json!({"settings": settings});
    let account = account(ChannelKind::Email, &config, &credentials);
    Writer::new(&account, hub).unwrap()
}

fn addressed(change: impl FnOnce(&mut Outbound)) -> Outbound {
    let mut outbound = outbound(1);
    outbound.message.recipient.id = "bob@example.org".into();
    change(&mut outbound);
    outbound
}

fn mail(change: impl FnOnce(&mut Outbound)) -> String {
    enclosing(Files::default(), change)
}

fn enclosing(files: Files, change: impl FnOnce(&mut Outbound)) -> String {
    let letter = writer(json!({}))
        .compose(&addressed(change), files)
        .unwrap();
    assert!(letter.content.is_ascii());
    let mail = String::from_utf8(letter.content).unwrap();
    assert!(mail.split("\r\n").all(|line| line.len() <= 998));
    mail
}

/// The header block, unfolded.
fn headers(mail: &str) -> Vec<String> {
    let (head, _) = mail.split_once("\r\n\r\n").unwrap();
    head.replace("\r\n ", " ")
        .split("\r\n")
        .map(str::to_owned)
        .collect()
}

fn refused(change: impl FnOnce(&mut Outbound)) -> String {
    let composed = writer(json!({})).compose(&addressed(change), Files::default());
    composed.err().unwrap().code
}

#[test]
fn a_reply_is_threaded_and_identified() {
    let mail = mail(|outbound| {
        outbound.message.subject = Some("Order".into());
        outbound.message.in_reply_to = Some("p2@example.org".into());
        outbound
            .message
            .metadata
            .insert("references".into(), json!(["<p1@example.org>"]));
    });
    let headers = headers(&mail);
    let (channel, conversation) = (outbound(1).channel, outbound(1).message.conversation_id);
    let token = ReplyToken::new(channel, conversation);
    for expected in [
        "From: Desk <desk@example.com>",
        "To: bob@example.org",
        "Subject: Order",
        &format!("Message-ID: <00000000-0000-0000-0000-000000000001.{token}@example.com>"),
        "In-Reply-To: <p2@example.org>",
        "References: <p1@example.org> <p2@example.org>",
        "Date: Wed, 08 Jan 2025 10:30:00 +0000",
    ] {
        assert!(
            headers.iter().any(|header| header == expected),
            "{expected} is not in {headers:#?}"
        );
    }
    assert!(!headers.iter().any(|header| header.starts_with("List-")
        || header.starts_with("Precedence")
        || header.starts_with("Auto-Submitted")
        || header.starts_with("Reply-To")));
}

#[test]
fn an_answer_comes_back_to_its_conversation() {
    let sent = addressed(|_| {});
    let letter = writer(json!({"plus_address": true}))
        .compose(&sent, Files::default())
        .unwrap();
    let head = headers(&String::from_utf8(letter.content).unwrap());
    let reply_to = head
        .iter()
        .find_map(|header| header.strip_prefix("Reply-To: "))
        .unwrap();
    for answer in [
        format!("To: {reply_to}\r\nMessage-ID: <a@b>\r\n\r\nyes"),
        format!(
            "In-Reply-To: <{}>\r\nMessage-ID: <a@b>\r\n\r\nyes",
            letter.message_id
        ),
    ] {
        let keys = schemas::keys::of(ChannelKind::Email, answer.as_bytes()).unwrap();
        let found = schemas::ConversationId::of(sent.channel, &keys.conversation);
        assert_eq!(found, sent.message.conversation_id, "{answer}");
    }
    let given = addressed(|outbound| {
        let metadata = &mut outbound.message.metadata;
        metadata.insert("reply_to".into(), json!("Sales <sales@example.com>"));
    });
    let letter = writer(json!({"plus_address": true}))
        .compose(&given, Files::default())
        .unwrap();
    let head = headers(&String::from_utf8(letter.content).unwrap());
    assert!(head.contains(&"Reply-To: Sales <sales@example.com>".to_owned()));
}

#[test]
fn a_key_is_no_message_id() {
    let mail = mail(|outbound| outbound.message.in_reply_to = Some("reply:abc".into()));
    assert!(!mail.contains("In-Reply-To") && !mail.contains("reply:abc"));
}

#[test]
fn headers_cannot_be_injected() {
    let mail = mail(|outbound| {
        outbound.message.subject = Some("x\r\nBcc: eve@example.net\r\n\r\nbody".into());
        outbound.message.recipient.name = Some("Bob\r\nBcc: eve@example.net".into());
        outbound.message.in_reply_to = Some("a@b>\r\nBcc: eve@example.net".into());
        let metadata = &mut outbound.message.metadata;
        metadata.insert(
            "references".into(),
            json!(["r@x>\r\nBcc: eve@example.net", "<good@example.org>"]),
        );
        metadata.insert(
            "cc".into(),
            json!(["Carl\r\nBcc: eve@example.net <carl@example.org>"]),
        );
    });
    let headers = headers(&mail);
    assert!(!headers.iter().any(|header| header.starts_with("Bcc")));
    assert!(
        !headers
            .iter()
            .any(|header| header.starts_with("In-Reply-To"))
    );
    assert!(headers.contains(&"References: <good@example.org>".to_owned()));
}

#[test]
fn an_automatic_reply_says_so() {
    let mail = mail(|outbound| outbound.cause = Some(MessageId(Uuid::from_u128(9))));
    assert!(headers(&mail).contains(&"Auto-Submitted: auto-replied".to_owned()));
}

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

#[test]
fn what_is_no_mail_is_refused() {
    assert_eq!(
        refused(|outbound| {
            outbound.message.recipient.id = "bob@example.org>\r\nRCPT TO:<eve@example.net".into();
        }),
        "address"
    );
    assert_eq!(
        refused(|outbound| outbound.message.content.text.clear()),
        "empty"
    );
    assert_eq!(
        refused(|outbound| {
            let metadata = &mut outbound.message.metadata;
            metadata.insert("cc".into(), json!("nobody"));
        }),
        "address"
    );
}

#[test]
fn bounces_come_to_an_address_that_names_the_message() {
    let writer = writer(json!({"return_path": "bounces@example.com"}));
    let outbound = addressed(|_| {});
    let letter = writer.compose(&outbound, Files::default()).unwrap();
    let token = BounceToken::in_addresses(letter.from.as_ref()).unwrap();
    assert_eq!(token.message(outbound.channel), Some(outbound.message.id));
    assert!(token.is_to(outbound.channel, letter.to[0].as_ref()));
    assert!(!token.has_copies());
    let copied = addressed(|outbound| {
        let metadata = &mut outbound.message.metadata;
        metadata.insert("bcc".into(), "eve@example.org".into());
    });
    let letter = writer.compose(&copied, Files::default()).unwrap();
    let token = BounceToken::in_addresses(letter.from.as_ref()).unwrap();
    assert!(token.has_copies());
    let mail = String::from_utf8(letter.content).unwrap();
    assert!(
        mail.contains("From: Desk <desk@example.com>")
            || mail.contains("From: \"Desk\" <desk@example.com>")
    );
    assert!(!mail.contains("bounces"));
}

#[test]
fn postmark_is_told_what_names_the_message() {
    let mut credentials = json!({"from": "Desk <desk@example.com>"});
    let mail = |credentials: &Value| {
        let config = json!({});
        let account = account(ChannelKind::Email, &config, credentials);
        let writer = Writer::new(&account, &Settings::default()).unwrap();
        let outbound = addressed(|_| {});
        let letter = writer.compose(&outbound, Files::default()).unwrap();
        let content = String::from_utf8(letter.content).unwrap();
        (letter.has_token, content, outbound)
    };
    let (has_token, content, _) = mail(&credentials);
    assert!(!has_token && !content.contains("X-PM-"));
    credentials["postmark_secret"] = "0123456789abcdef".into();
    let (has_token, content, outbound) = mail(&credentials);
    assert!(has_token && content.contains("X-PM-KeepID: true\r\n"));
    let line = content
        .lines()
        .find_map(|line| line.strip_prefix("X-PM-Metadata-tidings: "));
    let token = BounceToken::parse(line.unwrap()).unwrap();
    assert_eq!(token.message(outbound.channel), Some(outbound.message.id));
}

#[test]
fn mail_to_many_tells_how_to_unsubscribe() {
    let headers = |metadata: Value| {
        let outbound = addressed(|outbound| {
            let all = metadata.as_object().unwrap().clone();
            outbound.message.metadata.extend(all);
        });
        let letter = writer(json!({}))
            .compose(&outbound, Files::default())
            .unwrap();
        String::from_utf8(letter.content).unwrap()
    };
    let long = format!("https://example.com/u/{}", "x".repeat(300));
    let mail = headers(json!({
        "list_unsubscribe": [long, "mailto:stop@example.com?subject=stop"],
        "list_id": "News <news.example.com>",
        "feedback_id": "spring:42:campaign:example"
    }));
    let unfolded = mail.replace("\r\n ", " ");
    assert!(unfolded.contains(&format!("<{long}>")), "{mail}");
    for expected in [
        "mailto:stop@example.com?subject=stop>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        "List-Id: News <news.example.com>\r\n",
        "Feedback-ID: spring:42:campaign:example\r\n",
    ] {
        assert!(unfolded.contains(expected), "{expected} is not in {mail}");
    }
    let mail = headers(json!({"list_unsubscribe": "mailto:stop@example.com"}));
    assert!(!mail.contains("One-Click"));
    for refused in [
        "https://example.com/\r\nBcc: eve@example.com",
        "http://example.com/",
        "javascript:x",
    ] {
        assert!(!headers(json!({"list_unsubscribe": refused})).contains("List-Unsubscribe"));
    }
}

#[test]
fn a_campaigns_mail_says_who_it_is_from_and_how_to_leave() {
    let of = |facts: MailFacts| addressed(|outbound| outbound.mail = Some(Box::new(facts)));
    let letter = writer(json!({"return_path": "bounces@example.com"}))
        .compose(
            &of(MailFacts {
                sender_name: Some("The Shop\r\nBcc: eve@example.com".into()),
                sender_email: Some("news@b\u{fc}cher.example".into()),
                list_unsubscribe: Some("https://example.com/t/p/abc".into()),
                feedback_id: Some("1:2:campaign:tidings".into()),
            }),
            Files::default(),
        )
        .unwrap();
    assert!(letter.from.to_string().starts_with("bounces+"));
    let mail = String::from_utf8(letter.content).unwrap();
    let headers = headers(&mail);
    let from = headers
        .iter()
        .find(|line| line.starts_with("From: "))
        .unwrap();
    assert!(from.ends_with("<news@xn--bcher-kva.example>"), "{from}");
    assert!(!headers.iter().any(|line| line.starts_with("Bcc")));
    for line in [
        "List-Unsubscribe: <https://example.com/t/p/abc>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "Feedback-ID: 1:2:campaign:tidings",
    ] {
        assert!(
            headers.iter().any(|header| header == line),
            "{line} is not in {mail}"
        );
    }
    // What is not said is the channel's.
    let letter = writer(json!({}))
        .compose(
            &of(MailFacts {
                sender_name: Some("The Shop".into()),
                ..MailFacts::default()
            }),
            Files::default(),
        )
        .unwrap();
    let mail = String::from_utf8(letter.content).unwrap();
    let from = mail
        .lines()
        .find(|line| line.starts_with("From: "))
        .unwrap();
    assert!(
        from.contains("The Shop") && from.ends_with("<desk@example.com>"),
        "{from}"
    );
    assert!(!mail.contains("List-Unsubscribe"));
    let wrong = of(MailFacts {
        sender_email: Some("nobody".into()),
        ..MailFacts::default()
    });
    let refused = writer(json!({})).compose(&wrong, Files::default());
    assert_eq!(refused.err().unwrap().code, "sender");
}

#[test]
fn a_letter_is_signed_as_it_leaves() {
    let credentials = json!({
        "from": "desk@example.com",
        "dkim_selector": "tidings",
        "dkim_private_key": include_str!("dkim/rsa.pem"),
    });
    let config = json!({});
    let account = account(ChannelKind::Email, &config, &credentials);
    let writer = Writer::new(&account, &Settings::default()).unwrap();
    let outbound = addressed(|outbound| {
        outbound.message.subject = Some("\u{e9}".repeat(200));
        outbound
            .message
            .metadata
            .insert("list_unsubscribe".into(), "https://example.com/u/1".into());
    });
    let file = file::File {
        name: "a.bin".into(),
        content_type: "application/octet-stream".into(),
        content_id: None,
        bytes: vec![0xff; 5000].into(),
    };
    let files = Files {
        enclosed: vec![file],
        ..Files::default()
    };
    let letter = writer.compose(&outbound, files).unwrap();
    let signer = writer.signer.as_ref().unwrap();
    super::super::dkim::assert_signed(signer, &letter.content);
    let head = String::from_utf8_lossy(&letter.content).into_owned();
    assert!(head.starts_with("DKIM-Signature: "));
    let unfolded = head.replace("\r\n\t ", "");
    assert!(unfolded.contains("list-unsubscribe:list-unsubscribe-post"));
}
