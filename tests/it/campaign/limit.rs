//! What a tenant's campaigns send together, and that limits change while they do.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{audience, call, done, mailed, newsletter, post::Post, reached, tell};
use crate::rig::{Hub, until_some};

#[tokio::test(flavor = "multi_thread")]
async fn two_campaigns_keep_their_tenants_rate_together() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    hub.channel("email", post.channel()).await;
    let limits = json!({"per_second": 20, "domains": {"SLOW.example.org": 1}});
    let held = done(&hub, Method::PUT, "/settings/limits", &limits).await;
    assert_eq!(held["domains"], json!({"slow.example.org": 1.0}));
    assert_eq!(hub.get("/api/v1/settings/limits").await, held);

    let mut campaigns = Vec::new();
    for name in ["one", "other"] {
        let (list, _) = audience(&hub, 60, |number| {
            // The slow ones come first and must keep nobody waiting.
            let host = if number < 20 {
                "slow.example.org"
            } else {
                "example.org"
            };
            mailed(&format!("{name}{number}@{host}"))
        })
        .await;
        campaigns.push(newsletter(&hub, &list, json!({})).await);
    }
    for campaign in &campaigns {
        tell(&hub, campaign, "start").await;
    }
    let begun = until_some(|| async { (post.count() >= 1).then(Instant::now) })
        .await
        .expect("mails leave");
    until_some(|| async { (post.count() >= 50).then_some(()) })
        .await
        .expect("mails leave");
    let took = begun.elapsed();
    let mails = post.mails();
    assert!(took >= Duration::from_millis(2_200), "50 mails in {took:?}");
    for name in ["one", "other"] {
        let of = mails
            .iter()
            .filter(|mail| mail.to.starts_with(name))
            .count();
        assert!(of >= 5, "{of} mails of {name}");
    }
    let slow = mails
        .iter()
        .filter(|mail| mail.to.ends_with("@slow.example.org"))
        .count();
    let most = usize::try_from(took.as_secs()).unwrap() + 2;
    assert!(slow <= most, "{slow} to the slow domain in {took:?}");

    // Without limits the rest leaves at once, but for those whose turn was put off.
    let freed = Instant::now();
    done(&hub, Method::PUT, "/settings/limits", &json!({})).await;
    for campaign in &campaigns {
        reached(&hub, campaign, "COMPLETED").await;
    }
    assert_eq!(post.count(), 120);
    assert!(
        freed.elapsed() < Duration::from_secs(20),
        "{:?}",
        freed.elapsed()
    );

    let wrong = json!({"per_second": 0, "providers": {"my relay": 5}, "domains": {"gmail": 5}});
    let (status, answer) = call(&hub, Method::PUT, "/settings/limits", &wrong).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer["errors"].as_array().unwrap().len(), 3, "{answer}");
    hub.done().await;
}
