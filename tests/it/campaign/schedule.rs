//! When a campaign starts by itself: then, and no other time; also when nobody was there at that time.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use schemas::Timestamp;
use serde_json::{Value, json};

use super::{audience, call, done, draft, figures, outbox, reached, sandboxed, tell};
use crate::rig::{Hub, until_some};

/// Schedules a campaign, so long from now.
async fn schedule(hub: &Hub, campaign: &str, after: Duration) -> Timestamp {
    let at = Timestamp::now().plus(after);
    let path = format!("/campaigns/{campaign}/schedule");
    let body = json!({"scheduled_at": at});
    let scheduled = done(hub, Method::POST, &path, &body).await;
    assert_eq!(scheduled["status"], "SCHEDULED");
    assert_eq!(scheduled["scheduled_at"], json!(at));
    at
}

async fn passed(at: Timestamp) {
    let passed = until_some(|| async move { (Timestamp::now() > at).then_some(()) });
    passed.await.expect("time passes");
}

fn started(campaign: &Value) -> Timestamp {
    serde_json::from_value(campaign["started_at"].clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_may_be_put_off_put_forward_and_called_off() {
    let hub = Hub::start().await;
    let channel = hub.channel("sandbox", json!({})).await;
    let (list, _) = audience(&hub, 2, sandboxed).await;
    let news = || json!({"contact_list_ids": [list], "channel_ids": [channel]});
    let (moved, dropped, stopped) = (
        draft(&hub, news()).await,
        draft(&hub, news()).await,
        draft(&hub, news()).await,
    );
    let first = schedule(&hub, &moved, Duration::from_secs(2)).await;
    schedule(&hub, &dropped, Duration::from_secs(2)).await;
    schedule(&hub, &stopped, Duration::from_secs(2)).await;
    // One is put off, one taken back, one ended for good.
    let second = schedule(&hub, &moved, Duration::from_secs(4)).await;
    // What it says may be changed until then, and leaves it its time.
    let mut other =
        json!({"name": "Other news", "type": "SMS", "content": "Good morning {{ name }}"});
    let fields = other.as_object_mut().unwrap();
    fields.extend(news().as_object().unwrap().clone());
    let path = format!("/campaigns/{moved}");
    let changed = done(&hub, Method::PUT, &path, &other).await;
    assert_eq!(
        (&changed["status"], &changed["scheduled_at"]),
        (&json!("SCHEDULED"), &json!(second))
    );
    let path = format!("/campaigns/{dropped}/schedule");
    let back = done(&hub, Method::DELETE, &path, &json!({})).await;
    assert_eq!(back["status"], "DRAFT");
    let (again, _) = call(&hub, Method::DELETE, &path, &json!({})).await;
    assert_eq!(again, StatusCode::CONFLICT);
    assert_eq!(tell(&hub, &stopped, "stop").await["status"], "CANCELLED");

    passed(first.plus(Duration::from_millis(500))).await;
    let row = done(
        &hub,
        Method::GET,
        &format!("/campaigns/{moved}"),
        &json!({}),
    )
    .await;
    assert_eq!(
        row["status"], "SCHEDULED",
        "the time it had first is its time no more"
    );
    let over = reached(&hub, &moved, "COMPLETED").await;
    assert!(started(&over) >= second, "{over}");
    for (campaign, status) in [(&dropped, "DRAFT"), (&stopped, "CANCELLED")] {
        let path = format!("/campaigns/{campaign}");
        let row = done(&hub, Method::GET, &path, &json!({})).await;
        assert_eq!(
            (&row["status"], &row["started_at"]),
            (&json!(status), &Value::Null)
        );
    }
    let sent = outbox(&hub, &channel).await;
    assert!(
        sent.len() == 2
            && sent
                .iter()
                .all(|(_, text)| text.starts_with("Good morning")),
        "{sent:?}"
    );
    // Put forward: to a time that is over it cannot be, to now it can.
    let late = schedule(&hub, &dropped, Duration::from_secs(3600)).await;
    let body = json!({"scheduled_at": "2020-01-01T00:00:00Z"});
    let (status, refusal) = call(&hub, Method::POST, &path, &body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refusal["errors"][0]["pointer"], "/scheduled_at");
    let now = Timestamp::now();
    done(&hub, Method::POST, &path, &json!({"scheduled_at": now})).await;
    let over = reached(&hub, &dropped, "COMPLETED").await;
    assert!(started(&over) < late);
    assert_eq!(outbox(&hub, &channel).await.len(), 4);
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_due_while_nobody_was_there_starts_when_somebody_is() {
    let hub = Hub::start().await;
    let channel = hub.channel("sandbox", json!({})).await;
    let (list, _) = audience(&hub, 3, sandboxed).await;
    let news = json!({"contact_list_ids": [list], "channel_ids": [channel]});
    let (due, later) = (draft(&hub, news.clone()).await, draft(&hub, news).await);
    schedule(&hub, &later, Duration::from_secs(3600)).await;
    let at = schedule(&hub, &due, Duration::from_secs(3)).await;
    let folder = hub.kill().await;
    assert!(
        Timestamp::now() < at,
        "the machine is too slow for this test"
    );
    passed(at).await;
    let up = Timestamp::now();
    let hub = Hub::start_in(folder, &[], &[]).await;
    let over = reached(&hub, &due, "COMPLETED").await;
    assert!(started(&over) >= up, "{over}");
    let stats = figures(&hub, &due, |_| true).await;
    assert_eq!(
        (&stats["sent"], &stats["audience"]),
        (&json!(3), &json!(3)),
        "{stats}"
    );
    reached(&hub, &later, "SCHEDULED").await;
    assert_eq!(outbox(&hub, &channel).await.len(), 3, "each once");
    hub.done().await;
}
