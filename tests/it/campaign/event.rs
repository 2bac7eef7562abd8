//! What providers tell of a campaign's mails: Amazon SES by SNS, and Postmark.

use std::sync::{Arc, Mutex};

use axum::{Router, extract::RawQuery, routing};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    audience, figures, mailed, newsletter,
    post::{Mail, Post},
    reached, recipients, tell,
};
use crate::rig::Hub;

/// An SNS that has its certificate, and remembers what it was asked to confirm.
async fn sns() -> (String, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&asked);
    let confirm = async move |RawQuery(query): RawQuery| {
        kept.lock().unwrap().extend(query);
    };
    let app = Router::new()
        .route(
            platform::ses::CERTIFICATE_PATH,
            routing::get(async || platform::ses::CERTIFICATE),
        )
        .route("/", routing::get(confirm));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, asked)
}

/// A campaign by that channel to `gone` and `fine`, sent: the campaign and the mail to who is gone.
async fn sent(hub: &Hub, post: &Post, channel: Value) -> (String, String, Mail) {
    let channel = hub.channel("email", channel).await;
    let whom = ["gone", "fine"];
    let (list, _) = audience(hub, whom.len(), |number| {
        mailed(&format!("{}@example.org", whom[number]))
    })
    .await;
    let campaign = newsletter(
        hub,
        &list,
        json!({"channel_ids": [channel], "pace": {"pause_at_failures": 1.0}}),
    )
    .await;
    tell(hub, &campaign, "start").await;
    reached(hub, &campaign, "COMPLETED").await;
    let mut mails = post.mails().into_iter();
    let gone = mails.rfind(|mail| mail.to == "gone@example.org");
    (channel, campaign, gone.unwrap())
}

/// Waits until who is gone bounced and nobody else, and is suppressed.
async fn has_bounced(hub: &Hub, campaign: &str) {
    figures(hub, campaign, |stats| stats["outcomes"]["BOUNCED"] == 1).await;
    let all = recipients(hub, campaign, "").await;
    let gone = all
        .iter()
        .find(|row| row["address"] == "gone@example.org")
        .unwrap();
    assert_eq!(gone["status"], "BOUNCED", "{gone}");
    hub.until("/api/v1/suppressions", |list| {
        let mut rows = list.as_array()?.iter();
        rows.find(|row| row["address"] == "gone@example.org" && row["reason"] == "bounced")
            .map(|_| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn amazon_tells_who_is_gone_after_its_subscription_was_confirmed() {
    let (url, asked) = sns().await;
    let hub = Hub::start_with(&[], &[("TIDINGS__GATEWAY__SNS_URL", &url)]).await;
    let post = Post::start().await;
    let mut channel = post.channel();
    channel["config"] = json!({"settings": {"return_path": "bounces@example.com", "sns_topic_arn": platform::ses::TOPIC}});
    let (channel, campaign, gone) = sent(&hub, &post, channel).await;
    let say = async |kind: &str, body: String| {
        let request = hub.webhook(&channel).header("x-amz-sns-message-type", kind);
        let request = request
            .header("content-type", "text/plain; charset=UTF-8")
            .body(body);
        request.send().await.unwrap().status()
    };
    let question = platform::ses::confirmation("2336412f37");
    assert_eq!(
        say("SubscriptionConfirmation", question.clone()).await,
        StatusCode::OK
    );
    let confirmed = asked.lock().unwrap().clone();
    assert!(
        matches!(&confirmed[..], [one] if one.contains("Token=2336412f37")),
        "{confirmed:?}"
    );
    // One that is not signed confirms nothing.
    let forged = question.replace("2336412f37", "0000000000");
    assert_eq!(
        say("SubscriptionConfirmation", forged).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(asked.lock().unwrap().len(), 1);

    // A classic notification without headers: the return path names the message.
    let event = json!({
        "notificationType": "Bounce",
        "bounce": {"bounceType": "Permanent", "bounceSubType": "General", "timestamp": "2025-01-08T10:30:00.000Z", "feedbackId": "1",
            "bouncedRecipients": [{"emailAddress": "gone@example.org", "action": "failed", "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 user unknown"}]},
        "mail": {"timestamp": "2025-01-08T10:29:58.000Z", "source": gone.from, "messageId": "0102", "destination": ["gone@example.org"]}
    });
    let notice =
        platform::ses::notification("22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", &event.to_string());
    let forged = notice.replace("gone@", "fine@");
    assert_eq!(say("Notification", forged).await, StatusCode::UNAUTHORIZED);
    for _ in 0..2 {
        assert_eq!(say("Notification", notice.clone()).await, StatusCode::OK);
    }
    has_bounced(&hub, &campaign).await;
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postmark_tells_who_is_gone_by_what_the_mail_brought() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    let mut channel = post.channel();
    channel["credentials"]["postmark_secret"] = "0123456789abcdef".into();
    let (channel, campaign, gone) = sent(&hub, &post, channel).await;
    let token = gone.header("X-PM-Metadata-tidings").unwrap();
    let event = json!({
        "RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "TypeCode": 1, "Email": "gone@example.org",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "Details": "smtp;550 5.1.1 user unknown",
        "BouncedAt": "2025-01-08T10:30:00Z", "Metadata": {"tidings": token}
    });
    for (password, status) in [
        ("0123456789abcdeF", StatusCode::UNAUTHORIZED),
        ("0123456789abcdef", StatusCode::OK),
    ] {
        let request = hub.webhook(&channel).json(&event);
        let answer = request
            .basic_auth("tidings", Some(password))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status);
    }
    has_bounced(&hub, &campaign).await;
    hub.done().await;
}
