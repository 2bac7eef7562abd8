//! The SMTP sender against a server that speaks from a script.

mod relay;

use std::sync::{Arc, atomic::Ordering};

use schemas::ChannelKind;
use serde_json::json;
use tokio::net::TcpListener;

use self::relay::{HANG_UP, Relay, Script};
use super::*;
use crate::channel::tests::{account, outbound, word};

fn letter(id: u128) -> Outbound {
    let mut letter = outbound(id);
    letter.message.recipient.id = "bob@example.org".into();
    letter
}

async fn send(smtp: &Smtp, id: u128) -> String {
    word(&smtp.send(&[&letter(id)]).await.remove(0))
}

/// What is said of message 1 when it is taken: its id with the token of its conversation.
fn accepted() -> String {
    let message = &letter(1).message;
    let id = schemas::reply_token::message_id(
        message.id,
        message.channel_id,
        message.conversation_id,
        "example.com",
    );
    format!("accepted {id}")
}

#[tokio::test]
async fn a_connection_carries_many_mails() {
    let relay = Relay::start(Script::default()).await;
    let smtp = relay.smtp();
    assert_eq!(send(&smtp, 1).await, accepted());
    for id in 2..=5 {
        assert!(send(&smtp, id).await.starts_with("accepted"));
    }
    assert_eq!(relay.connections.load(Ordering::SeqCst), 1);
    let mails = relay.mails();
    assert_eq!(mails.len(), 5);
    assert!(mails[0].contains("hello"));
}

#[tokio::test]
async fn a_dot_in_the_text_does_not_end_the_mail() {
    let relay = Relay::start(Script::default().together(true)).await;
    let mut dotted = letter(1);
    dotted.message.content.text = "a\n.\nRCPT TO:<eve@example.net>\n..b\n.\n.\nc".into();
    let outcome = relay.smtp().send(&[&dotted]).await.remove(0);
    assert_eq!(word(&outcome), accepted());
    assert_eq!(relay.mails().len(), 1);
    let text = "a\r\n..\r\nRCPT TO:<eve@example.net>\r\n...b\r\n..\r\n..\r\nc\r\n";
    assert!(relay.mails()[0].ends_with(text), "{}", relay.mails()[0]);
}

#[tokio::test]
async fn replies_are_classed_and_the_connection_survives_them() {
    for (command, reply, expected) in [
        ("MAIL", "451 later", "retry smtp-451"),
        ("MAIL", "550 no such sender", "permanent smtp-550"),
        ("RCPT", "450 mailbox busy", "retry smtp-450"),
        ("RCPT", "550 no such user", "permanent smtp-550"),
        ("RCPT", "421 shutting down", "retry smtp-421"),
        ("DATA", "452 no room", "retry smtp-452"),
        ("DATA", "554 no", "permanent smtp-554"),
        ("CONTENT", "451 try again", "retry smtp-451"),
        ("CONTENT", "554 spam", "permanent smtp-554"),
    ] {
        for together in [false, true] {
            let script = Script::with(&[(command, reply)]).together(together);
            let relay = Relay::start(script).await;
            let smtp = relay.smtp();
            assert_eq!(send(&smtp, 1).await, expected, "{command} {reply}");
            assert_eq!(send(&smtp, 1).await, accepted(), "after {command} {reply}");
            let connections = relay.connections.load(Ordering::SeqCst);
            let expected = if reply.starts_with("421") { 2 } else { 1 };
            assert_eq!(connections, expected, "{command} {reply} {together}");
            let sent = if command == "CONTENT" { 2 } else { 1 };
            assert_eq!(relay.mails().len(), sent, "{command} {reply} {together}");
        }
    }
}

#[tokio::test]
async fn a_server_that_takes_commands_together_is_waited_for_less() {
    for (together, expected) in [(false, 3), (true, 1)] {
        let relay = Relay::start(Script::default().together(together)).await;
        let smtp = relay.smtp();
        send(&smtp, 1).await;
        let before = relay.turns.load(Ordering::SeqCst);
        assert!(send(&smtp, 2).await.starts_with("accepted"));
        assert_eq!(relay.turns.load(Ordering::SeqCst) - before, expected);
        assert_eq!(relay.connections.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn content_that_is_asked_for_after_a_refusal_goes_to_nobody() {
    let refused = [
        ("RCPT", "550 5.1.1 no such user"),
        ("DATA", "354 go on nonetheless"),
    ];
    let relay = Relay::start(Script::with(&refused).together(true)).await;
    let smtp = relay.smtp();
    assert_eq!(send(&smtp, 1).await, "permanent smtp-550");
    assert_eq!(send(&smtp, 2).await.split(' ').next(), Some("accepted"));
    assert_eq!(relay.mails().len(), 1);
    assert_eq!(relay.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn where_a_connection_breaks_decides() {
    for (command, expected) in [
        ("GREETING", "retry connection-lost"),
        ("EHLO", "retry connection-lost"),
        ("MAIL", "retry connection-lost"),
        ("RCPT", "retry connection-lost"),
        ("DATA", "retry connection-lost"),
        ("CONTENT", "unknown connection-lost"),
    ] {
        for together in [false, true] {
            let script = Script::with(&[(command, HANG_UP)]).together(together);
            let relay = Relay::start(script).await;
            assert_eq!(send(&relay.smtp(), 1).await, expected, "{command}");
        }
    }
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = Relay {
        port: unused.local_addr().unwrap().port(),
        connections: Arc::default(),
        turns: Arc::default(),
        mails: Arc::default(),
    };
    drop(unused);
    assert_eq!(send(&nobody.smtp(), 1).await, "retry connect");
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced_at_once() {
    let relay = Relay::start(Script::with(&[("MAIL", "250 ok"), ("MAIL", HANG_UP)])).await;
    let smtp = relay.smtp();
    assert!(send(&smtp, 1).await.starts_with("accepted"));
    assert!(send(&smtp, 2).await.starts_with("accepted"));
    assert_eq!(relay.connections.load(Ordering::SeqCst), 2);
    assert_eq!(relay.mails().len(), 2);
}

#[tokio::test]
async fn refused_credentials_are_the_channels_trouble() {
    let relay = Relay::start(Script::with(&[
        ("AUTH", "535 wrong password"),
        ("AUTH", "454 not now"),
    ]))
    .await;
    let login = json!({
        "host": "127.0.0.1", "port": relay.port, "tls": "none", "username": "u", "password": "hunter2"
    });
    let smtp = relay.smtp_with(login);
    let refused = smtp.send(&[&letter(1)]).await.remove(0);
    assert_eq!(word(&refused), "permanent smtp-535");
    assert!(!format!("{refused:?}").contains("hunter2"));
    assert!(matches!(
        refused,
        SendOutcome::Permanent(failure) if failure.scope == crate::channel::Scope::Channel
    ));
    assert_eq!(send(&smtp, 1).await, "retry smtp-454");
    assert!(smtp.test(None).await.ok);
    assert!(relay.mails().is_empty());
}

#[tokio::test]
async fn no_password_in_the_clear_unless_told_so() {
    let credentials = json!({
        "from": "desk@example.com",
        "smtp": {"host": "127.0.0.1", "tls": "none", "username": "u", "password": "p"},
    });
    let config = json!({});
    let account = account(ChannelKind::Email, &config, &credentials);
    let refused = Smtp::new(&account, &Settings::default());
    assert!(matches!(
        refused.err(),
        Some(Misconfigured::Invalid {
            name: "smtp.tls",
            ..
        })
    ));
}

#[tokio::test]
async fn encryption_that_is_asked_for_is_not_given_up() {
    // The server offers no STARTTLS.
    let relay = Relay::start(Script::default()).await;
    let smtp = relay.smtp_with(json!({"host": "127.0.0.1", "port": relay.port, "roots": "webpki"}));
    assert_eq!(send(&smtp, 1).await, "retry tls");
    assert!(relay.mails().is_empty());
}

#[tokio::test]
async fn addresses_outside_ascii_need_the_relays_consent() {
    let relay = Relay::start(Script::with(&[
        ("EHLO", "250 relay"),
        ("EHLO", "250 relay"),
        ("EHLO", "250-relay\r\n250 SMTPUTF8"),
    ]))
    .await;
    let mut letter = letter(1);
    letter.message.recipient.id = "jörg@example.org".into();
    let refused = relay.smtp().send(&[&letter]).await.remove(0);
    assert_eq!(word(&refused), "permanent address");
    let taken = relay.smtp().send(&[&letter]).await.remove(0);
    assert_eq!(word(&taken), accepted());
}

#[tokio::test]
async fn copies_go_to_their_people_and_hold_up_nobody() {
    let relay = Relay::start(Script::with(&[
        ("RCPT", "250 ok"),
        ("RCPT", "550 no such user"),
        ("RCPT", "250 ok"),
    ]))
    .await;
    let mut copied = letter(1);
    let metadata = &mut copied.message.metadata;
    metadata.insert("cc".into(), json!("carl@example.org"));
    metadata.insert("bcc".into(), json!(["dora@example.org"]));
    let outcome = relay.smtp().send(&[&copied]).await.remove(0);
    assert_eq!(word(&outcome), accepted());
    let mail = relay.mails().remove(0);
    assert!(mail.contains("Cc: carl@example.org") && !mail.contains("dora"));
}

#[tokio::test]
async fn a_person_who_is_not_there_is_the_recipients_trouble() {
    let relay = Relay::start(Script::with(&[("RCPT", "550 5.1.1 no such user")])).await;
    let outcome = relay.smtp().send(&[&letter(1)]).await.remove(0);
    assert!(matches!(
        outcome,
        SendOutcome::Permanent(failure) if failure.scope == crate::channel::Scope::Recipient
    ));
}

#[tokio::test]
async fn a_relay_on_a_private_address_is_not_called() {
    let relay = Relay::start(Script::default()).await;
    for host in ["127.0.0.1", "localhost"] {
        let credentials = json!({
            "from": "desk@example.com", "smtp": {"host": host, "port": relay.port, "tls": "none"},
        });
        let config = json!({});
        let account = account(ChannelKind::Email, &config, &credentials);
        let smtp = Smtp::new(&account, &Settings::default()).unwrap();
        assert_eq!(send(&smtp, 1).await, "permanent address");
        assert!(
            smtp.test(None)
                .await
                .detail
                .contains("looking up the relay")
        );
    }
    assert_eq!(relay.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_test_says_at_which_step_it_failed() {
    for (command, reply, step) in [
        ("GREETING", "554 go away", "greeting (EHLO): "),
        ("AUTH", "535 5.7.8 wrong password", "logging in (AUTH): "),
    ] {
        let relay = Relay::start(Script::with(&[(command, reply)])).await;
        let login = json!({
            "host": "127.0.0.1", "port": relay.port, "tls": "none", "username": "u", "password": "hunter2"
        });
        let report = relay.smtp_with(login).test(None).await;
        assert!(
            !report.ok && report.detail.contains(step),
            "{}",
            report.detail
        );
        assert!(!report.detail.contains("hunter2"));
    }
}

#[tokio::test]
async fn files_are_fetched_and_enclosed() {
    let app = axum::Router::new()
        .route("/a.pdf", axum::routing::get(|| async { "%PDF-1.7 file" }))
        .route(
            "/gone",
            axum::routing::get(|| async { axum::http::StatusCode::NOT_FOUND }),
        )
        .route(
            "/busy",
            axum::routing::get(|| async { axum::http::StatusCode::SERVICE_UNAVAILABLE }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let relay = Relay::start(Script::default()).await;
    let with = |path: &str| {
        let mut letter = letter(1);
        letter.message.content.attachments = vec![schemas::Attachment {
            kind: "file".into(),
            name: Some("Übersicht.pdf".into()),
            content_type: Some("application/pdf".into()),
            url: Some(format!("http://127.0.0.1:{port}{path}")),
            ..schemas::Attachment::default()
        }];
        letter
    };
    let smtp = relay.smtp();
    let sent = smtp.send(&[&with("/a.pdf")]).await.remove(0);
    assert_eq!(word(&sent), accepted());
    let mail = relay.mails().remove(0);
    assert!(
        mail.contains("multipart/mixed") && mail.contains("application/pdf"),
        "{mail}"
    );
    assert!(
        mail.contains("attachment;") && mail.contains("filename*0*=utf-8''%C3%9Cbersicht"),
        "{mail}"
    );
    assert_eq!(
        word(&smtp.send(&[&with("/gone")]).await.remove(0)),
        "permanent attachment"
    );
    assert_eq!(
        word(&smtp.send(&[&with("/busy")]).await.remove(0)),
        "retry attachment"
    );
    assert_eq!(relay.mails().len(), 1);
}
