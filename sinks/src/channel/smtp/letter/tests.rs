mod body;
mod many;

use schemas::{ChannelKind, MessageId};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::channel::{
    smtp::file,
    tests::{account, outbound},
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
fn a_letter_is_signed_as_it_leaves() {
    let credentials = json!({
        "from": "desk@example.com",
        "dkim_selector": "tidings",
        "dkim_private_key": include_str!("../dkim/rsa.pem"),
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
