//! What a campaign that is not over needs is not deleted.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{audience, call, done, draft, reached, sandboxed, tell};
use crate::rig::Hub;

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_stays_while_a_campaign_needs_it() {
    let hub = Hub::start().await;
    let channel = hub.channel("sandbox", json!({})).await;
    let (list, _) = audience(&hub, 3, sandboxed).await;
    let path = format!("/channels/{channel}");
    let delete = async || call(&hub, Method::DELETE, &path, &json!({})).await;
    let news = json!({"name": "Slow", "contact_list_ids": [list], "channel_ids": [channel], "pace": {"per_second": 0.001}});
    let campaign = draft(&hub, news).await;

    let at = format!("/campaigns/{campaign}/schedule");
    let later = json!({"scheduled_at": "2027-01-31T09:00:00Z"});
    done(&hub, Method::POST, &at, &later).await;
    for (act, status) in [("", "SCHEDULED"), ("start", "RUNNING"), ("pause", "PAUSED")] {
        if !act.is_empty() {
            tell(&hub, &campaign, act).await;
        }
        let (code, problem) = delete().await;
        assert_eq!(code, StatusCode::CONFLICT, "{status}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("\"Slow\" ({status})")), "{detail}");
    }
    tell(&hub, &campaign, "stop").await;
    reached(&hub, &campaign, "CANCELLED").await;
    let (code, problem) = delete().await;
    assert_eq!(code, StatusCode::NO_CONTENT, "{problem}");
    hub.done().await;
}
