//! What is sent to many.

use schemas::MailFacts;
use serde_json::{Value, json};

use super::{addressed, headers, writer};
use crate::channel::smtp::file::Files;

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
