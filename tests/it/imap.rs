//! Mail fetched from a real IMAP server: at once, each one once, whatever dies meanwhile.

use std::{collections::BTreeMap, time::Instant};

use serde_json::{Value, json};

use crate::{
    dovecot::{Dovecot, PASSWORD},
    rig::Hub,
};

fn mail(number: usize) -> String {
    format!(
        "From: Ada Lovelace <ada@example.org>\r\nTo: support@example.com\r\nSubject: Number {number}\r\n\
         Message-ID: <mail-{number}@example.org>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n\r\nThis is mail {number}.\r\n"
    )
}

async fn channel(hub: &Hub, imap: Value, settings: Value) -> String {
    hub.channel(
        "email",
        json!({"credentials": {"imap": imap}, "config": {"settings": settings}}),
    )
    .await
}

fn plainly() -> Value {
    json!({"allow_plain_login": true})
}

/// How often each subject is among a channel's messages, once there are at least so many.
async fn subjects(hub: &Hub, channel: &str, least: usize) -> BTreeMap<String, usize> {
    let path = format!("/api/v1/messages?channel_id={channel}&limit=100");
    hub.until(&path, |page| {
        let rows = rows(page)?;
        let mut counts = BTreeMap::new();
        for row in rows {
            *counts
                .entry(row["subject"].as_str()?.to_owned())
                .or_default() += 1;
        }
        (rows.len() >= least).then_some(counts)
    })
    .await
}

fn rows(page: &Value) -> Option<&Vec<Value>> {
    page.as_array().or_else(|| page["data"].as_array())
}

async fn health(hub: &Hub, channel: &str, wanted: &str) -> Value {
    let path = format!("/api/v1/channels/{channel}");
    hub.until(&path, |row| (row["health"] == wanted).then(|| row.clone()))
        .await
}

/// So that the next mail is one that IDLE has to tell of.
async fn idling(hub: &Hub, channel: &str) {
    health(hub, channel, "healthy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_comes_at_once_by_every_way_in() {
    let server = Dovecot::start().await;
    let hub = Hub::start().await;
    let mut channels = Vec::new();
    for tls in ["none", "starttls", "implicit"] {
        let imap = server.imap(tls, PASSWORD);
        let settings = if tls == "none" { plainly() } else { json!({}) };
        channels.push(channel(&hub, imap, settings).await);
    }
    for channel in &channels {
        idling(&hub, channel).await;
    }
    let delivered = Instant::now();
    server.deliver(&mail(1));
    for channel in &channels {
        let found = subjects(&hub, channel, 1).await;
        assert_eq!(found.get("Number 1"), Some(&1), "{found:?}");
    }
    let took = delivered.elapsed();
    assert!(took.as_secs() < 10, "a mail took {took:?} to all channels");
    // The mail is as it was.
    let left = server.mails();
    assert!(left.len() == 1 && !left[0].contains('S'), "{left:?}");
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_hub_loses_and_doubles_nothing() {
    let server = Dovecot::start().await;
    let mut hub = Hub::start().await;
    let channel = channel(&hub, server.imap("none", PASSWORD), plainly()).await;
    idling(&hub, &channel).await;
    for round in 0..3 {
        for number in 0..25 {
            server.deliver(&mail(round * 25 + number));
        }
        // In the middle of it: some are stored, and the cursor may be behind.
        subjects(&hub, &channel, round * 25 + 1).await;
        let folder = hub.kill().await;
        server.deliver(&mail(100 + round));
        hub = Hub::start_in(folder, &[], &[]).await;
    }
    let found = subjects(&hub, &channel, 78).await;
    assert_eq!(found.len(), 78, "{found:?}");
    assert!(found.values().all(|count| *count == 1), "{found:?}");
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_fetched_is_marked_or_deleted_and_a_new_mailbox_is_read_again() {
    let mut server = Dovecot::start().await;
    let hub = Hub::start().await;
    let imap = server.imap("none", PASSWORD);
    let mut settings = plainly();
    settings["after_fetch"] = json!("seen");
    let first = channel(&hub, imap.clone(), settings).await;
    server.deliver(&mail(1));
    server.deliver("this has no header\r\n");
    server.deliver(&mail(2));
    assert_eq!(subjects(&hub, &first, 2).await.len(), 2);
    crate::rig::until_some(|| async {
        let seen = server
            .mails()
            .iter()
            .filter(|name| name.ends_with('S'))
            .count();
        (seen >= 2).then_some(())
    })
    .await
    .expect("both are seen");

    // Every number is given anew; ids absorb what is read again.
    server.renumber().await;
    server.deliver(&mail(3));
    let found = subjects(&hub, &first, 3).await;
    assert!(
        found.len() == 3 && found.values().all(|count| *count == 1),
        "{found:?}"
    );

    let mut settings = plainly();
    settings["after_fetch"] = json!("delete");
    settings["backlog"] = json!(2);
    let second = channel(&hub, imap, settings).await;
    // The newest comes last.
    let found = crate::rig::until_some(|| async {
        let found = subjects(&hub, &second, 1).await;
        found.contains_key("Number 3").then_some(found)
    })
    .await
    .expect("the newest is read");
    assert!(!found.contains_key("Number 1"), "{found:?}");
    crate::rig::until_some(|| async { (server.mails().len() <= 2).then_some(()) })
        .await
        .expect("what the second channel read is deleted");
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_makes_the_channel_unhealthy_and_says_so() {
    let server = Dovecot::start().await;
    let hub = Hub::start().await;
    let wrong = channel(&hub, server.imap("implicit", "guess"), json!({})).await;
    let row = health(&hub, &wrong, "unhealthy").await;
    assert_eq!(row["health_reason"], "the server refused the login");
    let told = hub
        .post(&format!("/api/v1/channels/{wrong}/test"), &json!({}))
        .await;
    assert_eq!(told["success"], false, "{told}");
    assert!(told.to_string().contains("refused the login"), "{told}");

    // A right one makes it well at once, without the long rest.
    server.deliver(&mail(1));
    let answer = hub
        .request(reqwest::Method::PATCH, &format!("/api/v1/channels/{wrong}"))
        .json(&json!({"credentials": {"imap": server.imap("implicit", PASSWORD)}}))
        .send()
        .await
        .unwrap();
    assert!(
        answer.status().is_success(),
        "{}",
        answer.text().await.unwrap()
    );
    let row = health(&hub, &wrong, "healthy").await;
    assert_eq!(row["health_reason"], Value::Null);
    assert_eq!(subjects(&hub, &wrong, 1).await.len(), 1);
    let told = hub
        .post(&format!("/api/v1/channels/{wrong}/test"), &json!({}))
        .await;
    assert_eq!(told["success"], true, "{told}");

    // Another authority than the one that signed is not trusted.
    let mut imap = server.imap("starttls", PASSWORD);
    imap.as_object_mut().unwrap().remove("ca_pem");
    let distrusted = channel(&hub, imap, json!({})).await;
    let row = health(&hub, &distrusted, "unhealthy").await;
    assert_eq!(
        row["health_reason"],
        "the server's certificate is not trusted"
    );
    hub.done().await;
}
