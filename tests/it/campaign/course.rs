//! A campaign's course: it starts by itself, pauses, goes on, stops, and pauses itself.

use std::time::{Duration, Instant};

use reqwest::Method;
use schemas::Timestamp;
use serde_json::{Value, json};

use super::{
    audience, done, draft, figures, mailed, newsletter, outbox, post::Post, reached, recipients,
    sandboxed, tell, without_sandbox,
};
use crate::rig::{Hub, until_some};

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_one_starts_by_itself_and_can_be_taken_back() {
    let hub = Hub::start().await;
    let channel = hub.channel("sandbox", json!({})).await;
    let (list, _) = audience(&hub, 3, sandboxed).await;
    let campaign = draft(
        &hub,
        json!({"contact_list_ids": [list], "channel_ids": [channel]}),
    )
    .await;
    let path = format!("/campaigns/{campaign}/schedule");
    let later = json!({"scheduled_at": "2035-01-01T00:00:00Z"});
    let scheduled = done(&hub, Method::POST, &path, &later).await;
    assert_eq!(scheduled["status"], "SCHEDULED");
    let back = done(&hub, Method::DELETE, &path, &json!({})).await;
    assert_eq!(back["status"], "DRAFT");
    let soon = Timestamp::now().plus(Duration::from_secs(1));
    done(&hub, Method::POST, &path, &json!({"scheduled_at": soon})).await;
    let over = reached(&hub, &campaign, "COMPLETED").await;
    let started: Timestamp = serde_json::from_value(over["started_at"].clone()).unwrap();
    assert!(started >= soon, "{started} is before {soon}");
    assert_eq!(outbox(&hub, &channel).await.len(), 3);
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_not_ready_when_it_is_time_is_a_draft_again() {
    let hub = Hub::start().await;
    let (list, _) = audience(&hub, 1, sandboxed).await;
    let campaign = draft(&hub, json!({"contact_list_ids": [list]})).await;
    let soon = Timestamp::now().plus(Duration::from_secs(3));
    let path = format!("/campaigns/{campaign}/schedule");
    done(&hub, Method::POST, &path, &json!({"scheduled_at": soon})).await;
    without_sandbox(&hub).await;
    assert!(
        Timestamp::now() < soon,
        "the machine is too slow for this test"
    );
    let back = reached(&hub, &campaign, "DRAFT").await;
    let why = back["status_reason"].as_str().unwrap();
    assert!(
        why.contains("could not start") && why.contains("no active channel"),
        "{why}"
    );
    hub.done().await;
}

/// Whom the ledger has as sent to.
fn sent(stats: &Value) -> u64 {
    stats["outcomes"]["SENT"].as_u64().unwrap()
}

/// Watches that nothing leaves between a second and two from now, and gives how many mails there are.
async fn silent(post: &Post) -> usize {
    let mut ticks = tokio::time::interval(Duration::from_millis(25));
    let paused = Instant::now();
    let (mut count, mut is_late) = (post.count(), false);
    while paused.elapsed() < Duration::from_secs(2) {
        ticks.tick().await;
        let now_late = paused.elapsed() >= Duration::from_secs(1);
        let now = post.count();
        assert!(
            now == count || !is_late,
            "mails leave a second after the pause"
        );
        (count, is_late) = (now, now_late);
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_at_once_and_resuming_sends_exactly_the_rest() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    hub.channel("email", post.channel()).await;
    let (list, contacts) = audience(&hub, 150, |number| {
        mailed(&format!("p{number}@example.org"))
    })
    .await;
    let campaign = newsletter(&hub, &list, json!({"pace": {"per_second": 40.0}})).await;
    tell(&hub, &campaign, "start").await;
    let mut seen = 0;
    for _ in 0..3 {
        until_some(|| async { (post.count() >= seen + 10).then_some(()) })
            .await
            .expect("mails leave");
        tell(&hub, &campaign, "pause").await;
        seen = silent(&post).await;
        let stats = figures(&hub, &campaign, |stats| {
            stats["outcomes"]["SENDING"] == 0 && stats["status"] == "PAUSED"
        })
        .await;
        assert_eq!(sent(&stats), seen as u64, "{stats}");
        tell(&hub, &campaign, "resume").await;
    }
    // Whoever is deleted meanwhile is not written to, nor who withdraws, whose address is another, or who leaves the list.
    tell(&hub, &campaign, "pause").await;
    let stats = figures(&hub, &campaign, |stats| stats["outcomes"]["SENDING"] == 0).await;
    let left = 150 - sent(&stats);
    assert!(left >= 4, "nearly all are sent already");
    let waiting = recipients(&hub, &campaign, "&status=PENDING").await;
    assert_eq!(waiting.len() as u64, left);
    let id = |at: usize| waiting[at]["contact_id"].as_str().unwrap().to_owned();
    assert!(contacts.contains(&id(0)));
    let email = |address: &Value, consent: &str| json!({"addresses": [{"kind": "email", "address": address, "consent": consent}]});
    let withdrawn = email(&waiting[1]["address"], "withdrawn");
    let moved = email(&json!("moved@example.org"), "given");
    for (method, path, body) in [
        (Method::DELETE, format!("/contacts/{}", id(0)), json!({})),
        (Method::PATCH, format!("/contacts/{}", id(1)), withdrawn),
        (Method::PATCH, format!("/contacts/{}", id(2)), moved),
        (
            Method::POST,
            format!("/lists/{list}/members/{}/unsubscribe", id(3)),
            json!({}),
        ),
    ] {
        done(&hub, method, &path, &body).await;
    }
    tell(&hub, &campaign, "resume").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let stats = figures(&hub, &campaign, |_| true).await;
    assert_eq!(
        (sent(&stats), &stats["outcomes"]["SKIPPED"]),
        (146, &json!(4))
    );
    let mut skipped: Vec<(String, Value)> = recipients(&hub, &campaign, "&status=SKIPPED")
        .await
        .into_iter()
        .map(|mut row| {
            let contact = row["contact_id"].as_str().unwrap().to_owned();
            (contact, row["failure_class"].take())
        })
        .collect();
    skipped.sort_by_key(|(_, class)| class.to_string());
    let expected = [
        (id(0), json!("contact-gone")),
        (id(2), json!("no-address")),
        (id(1), json!("no-consent")),
        (id(3), json!("unsubscribed")),
    ];
    assert_eq!(skipped, expected);
    let mut reached = post.recipients();
    reached.dedup();
    assert_eq!((reached.len(), post.mails().len()), (146, 146), "each once");
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_ends_whoever_was_not_sent_to() {
    let hub = Hub::start().await;
    let channel = hub.channel("sandbox", json!({})).await;
    let (list, _) = audience(&hub, 150, sandboxed).await;
    let campaign = draft(
        &hub,
        json!({"contact_list_ids": [list], "channel_ids": [channel], "pace": {"per_second": 20.0}}),
    )
    .await;
    tell(&hub, &campaign, "start").await;
    figures(&hub, &campaign, |stats| sent(stats) >= 3).await;
    let stopped = tell(&hub, &campaign, "stop").await;
    assert_eq!(stopped["status"], "CANCELLED");
    let stats = figures(&hub, &campaign, |stats| {
        stats["remaining"] == 0 && stats["status"] == "CANCELLED"
    })
    .await;
    let cancelled = stats["outcomes"]["CANCELLED"].as_u64().unwrap();
    assert_eq!(sent(&stats) + cancelled, 150, "{stats}");
    assert!(cancelled > 0);
    assert_eq!(outbox(&hub, &channel).await.len() as u64, sent(&stats));
    let last = recipients(&hub, &campaign, "&status=CANCELLED").await;
    assert!(last.iter().all(|one| one["failure_class"] == "stopped"));
    // The broker keeps nothing of it: there is nothing to be taken out any more.
    let (login, address) = hub.nats_url.rsplit_once('@').unwrap();
    let (user, password) = login.trim_start_matches("nats://").split_once(':').unwrap();
    let bus = nats::Bus::connect(&nats::ConnectSettings {
        url: format!("nats://{address}"),
        user: Some(user.into()),
        password: Some(schemas::Secret::new(password)),
        ..nats::ConnectSettings::default()
    })
    .await
    .unwrap();
    let chunks = schemas::subject::bulk_of(campaign.parse().unwrap());
    assert_eq!(bus.purge("BULK", &chunks).await.unwrap(), 0);
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_failures_pause_it_and_only_those_are_tried_again() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    hub.channel("email", post.channel()).await;
    let (list, _) = audience(&hub, 300, |number| {
        let kind = if number % 2 == 0 { "blocked" } else { "fine" };
        mailed(&format!("{kind}{number}@example.org"))
    })
    .await;
    post.refuse("blocked", "554 5.7.1 we do not want this");
    let campaign = newsletter(&hub, &list, json!({"pace": {"per_second": 40.0}})).await;
    tell(&hub, &campaign, "start").await;
    let paused = reached(&hub, &campaign, "PAUSED").await;
    let why = paused["status_reason"].as_str().unwrap();
    assert!(why.contains("failed, more than the 20 %"), "{why}");
    let before = figures(&hub, &campaign, |stats| stats["outcomes"]["SENDING"] == 0).await;
    assert!(
        before["outcomes"]["FAILED"].as_u64().unwrap() >= 30,
        "{before}"
    );
    assert!(
        before["remaining"].as_u64().unwrap() > 0,
        "it was paused too late: {before}"
    );

    post.relent();
    let retried = tell(&hub, &campaign, "retry-failed").await;
    assert_eq!(retried["retried"], before["outcomes"]["FAILED"]);
    tell(&hub, &campaign, "resume").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let after = figures(&hub, &campaign, |_| true).await;
    assert_eq!(sent(&after), 300, "{after}");
    // Over, and still it can be said how fast it was.
    let timing = &after["timing"];
    let average = timing["average_per_second"].as_f64().unwrap();
    assert!(average > 0.0 && average <= 300.0, "{timing}");
    assert_eq!(
        (&timing["waits_until"], &timing["estimated_end_at"]),
        (&Value::Null, &Value::Null)
    );
    let mut reached = post.recipients();
    reached.dedup();
    assert_eq!((reached.len(), post.mails().len()), (300, 300), "each once");
    hub.done().await;
}

/// A time of day, so many minutes from now, in UTC.
fn of_day(minutes: i64) -> String {
    let now = Timestamp::now().0 / 60_000_000;
    let minute = (now + minutes).rem_euclid(24 * 60);
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_written_to_in_the_window_of_their_own_time() {
    let hub = Hub::start().await;
    let channel = hub.channel("sandbox", json!({})).await;
    let (list, contacts) = audience(&hub, 3, |number| {
        let mut contact = sandboxed(number);
        contact["time_zone"] = [
            json!(null),
            json!("Asia/Kolkata"),
            json!("Atlantic/Reykjavik"),
        ][number]
            .clone();
        contact
    })
    .await;
    let campaign = draft(
        &hub,
        json!({
            "contact_list_ids": [list], "channel_ids": [channel],
            "pace": {"window_from": of_day(-60), "window_to": of_day(60), "window_zone": "contact"}
        }),
    )
    .await;
    tell(&hub, &campaign, "start").await;
    // Reykjavik has the time of UTC, which holds for who has none; in Kolkata it is five and a half hours later.
    let stats = figures(&hub, &campaign, |stats| sent(stats) == 2).await;
    assert_eq!(stats["outcomes"]["PENDING"], 1);
    let waiting = recipients(&hub, &campaign, "&status=PENDING").await;
    assert_eq!(waiting[0]["contact_id"], contacts[1]);
    let row = reached(&hub, &campaign, "RUNNING").await;
    assert_eq!(row["is_expanded"], true);
    // It is told when it goes on, and about when it ends: two were sent, so there is a speed.
    let stats = figures(&hub, &campaign, |stats| {
        stats["timing"]["waits_until"].is_string()
    })
    .await;
    let at = |value: &Value| -> Timestamp { serde_json::from_value(value.clone()).unwrap() };
    let (row, timing) = (reached(&hub, &campaign, "RUNNING").await, &stats["timing"]);
    let opens = at(&row["waits_until"]);
    assert!(opens > Timestamp::now(), "{row}");
    assert_eq!(
        (at(&timing["waits_until"]), at(&waiting[0]["next_try_at"])),
        (opens, opens)
    );
    assert!(at(&timing["estimated_end_at"]) >= opens, "{timing}");
    tell(&hub, &campaign, "stop").await;
    figures(&hub, &campaign, |stats| stats["outcomes"]["CANCELLED"] == 1).await;
    assert_eq!(outbox(&hub, &channel).await.len(), 2);
    hub.done().await;
}
