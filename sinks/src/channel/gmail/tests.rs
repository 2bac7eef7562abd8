//! What answers mean, who is in `Bcc`, and the fake of Gmail.

use platform::gmail::Gmail as Fake;
use schemas::ChannelKind;

use super::*;
use crate::channel::{
    files::tests::{Kept, own},
    played::Played,
    tests::{outbound, word},
};

#[tokio::test]
async fn an_answer_lands_in_its_thread_however_large_it_is() {
    let mailbox = Fake::default();
    mailbox.receive("Message-ID: <p1@example.org>\r\n\r\nhello", 1);
    let played = Played::of(&mailbox).await;
    let kept = Kept::default().with(1, "application/pdf", vec![1; 4 * 1024 * 1024]);
    let gmail = Gmail::new(&played.account(), &kept.settings()).unwrap();
    let mut answer = outbound(1);
    answer.kind = ChannelKind::Gmail;
    answer.message.recipient.id = "bob@example.org".into();
    for files in 0..2 {
        answer.message.content.attachments = vec![own("file", None, "/", 1); files];
        for (parent, thread) in [
            (Some("p1@example.org"), Some("18c00000000003e9")),
            (Some("none@example.org"), None),
            (Some("no id"), None),
            (None, None),
        ] {
            answer.message.in_reply_to = parent.map(str::to_owned);
            let sent = gmail.send(&[&answer]).await.remove(0);
            assert!(word(&sent).starts_with("accepted"), "{sent:?}");
            assert_eq!(
                mailbox.last_thread(),
                thread.map(str::to_owned),
                "{parent:?}"
            );
        }
    }
    played.calls();
}

fn class(status: u16, reason: &str, message: &str) -> String {
    let body = json!({"error": {"code": status, "message": message,
        "errors": [{"domain": "global", "reason": reason, "message": message}]}});
    match refused(status, None, body.to_string().as_bytes()) {
        SendOutcome::RetryAfter { after, failure } => {
            format!("retry {after:?} {:?}", failure.scope)
        }
        SendOutcome::Permanent(failure) => format!("permanent {:?}", failure.scope),
        SendOutcome::Unknown(_) => "unknown".into(),
        SendOutcome::Accepted { .. } => "accepted".into(),
    }
}

#[test]
fn answers_are_classed() {
    for (status, reason, message, expected) in [
        (401, "authError", "Invalid Credentials", "permanent Channel"),
        (
            403,
            "rateLimitExceeded",
            "Rate Limit Exceeded",
            "retry Some(60s) Channel",
        ),
        (
            403,
            "userRateLimitExceeded",
            "User Rate Limit Exceeded",
            "retry Some(60s) Channel",
        ),
        (
            403,
            "dailyLimitExceeded",
            "Daily Limit Exceeded",
            "retry Some(60s) Channel",
        ),
        (
            403,
            "insufficientPermissions",
            "Insufficient Permission",
            "permanent Channel",
        ),
        (
            429,
            "rateLimitExceeded",
            "Too many concurrent requests for user",
            "retry Some(60s) Channel",
        ),
        (
            400,
            "failedPrecondition",
            "Mail service not enabled",
            "permanent Channel",
        ),
        (
            400,
            "invalidArgument",
            "Invalid To header",
            "permanent Recipient",
        ),
        (
            400,
            "invalidArgument",
            "Recipient address required",
            "permanent Recipient",
        ),
        (400, "badRequest", "Bad Request", "permanent Message"),
        (413, "uploadTooLarge", "Too large", "permanent Message"),
        (500, "backendError", "Backend Error", "unknown"),
        (
            503,
            "backendError",
            "Service unavailable",
            "retry None Message",
        ),
    ] {
        assert_eq!(
            class(status, reason, message),
            expected,
            "{status} {reason}"
        );
    }
}

#[test]
fn only_those_whom_nobody_sees_are_in_bcc() {
    let letter = Letter {
        has_token: false,
        from: "us@example.com".parse().unwrap(),
        to: vec![
            "Ada@example.org".parse().unwrap(),
            "hidden@example.org".parse().unwrap(),
            "second@example.org".parse().unwrap(),
        ],
        message_id: "1@example.com".into(),
        content: b"To: Ada <ada@example.org>\r\nSubject: x\r\n\r\nsecond@example.org".to_vec(),
    };
    let mail = String::from_utf8(with_bcc(&letter)).unwrap();
    assert_eq!(
        mail,
        "Bcc: hidden@example.org,\r\n second@example.org\r\nTo: Ada <ada@example.org>\r\nSubject: x\r\n\r\nsecond@example.org"
    );
}
