//! Everybody gets it once, in their words; nobody else sees any of it.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{
    audience, call, done, draft, figures, id, outbox, reached, recipients, sandboxed, tell,
};
use crate::{
    command::another_tenant,
    rig::{Hub, body_of},
};

const MANY: usize = 250;

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_reached_once_and_the_figures_add_up() {
    let hub = Hub::start().await;
    let channel = hub.channel("sandbox", json!({})).await;
    let (list, contacts) = audience(&hub, MANY, sandboxed).await;
    let campaign = draft(
        &hub,
        json!({
            "contact_list_ids": [list], "channel_ids": [channel],
            "content": "Hello {{ name }}, you are number {{ number }}."
        }),
    )
    .await;
    let started = tell(&hub, &campaign, "start").await;
    assert_eq!(started["status"], "RUNNING");
    let over = reached(&hub, &campaign, "COMPLETED").await;
    assert_eq!(
        (&over["audience"], &over["is_expanded"]),
        (&json!(MANY), &json!(true))
    );

    let stats = figures(&hub, &campaign, |_| true).await;
    assert_eq!(
        (&stats["audience"], &stats["sent"]),
        (&json!(MANY), &json!(MANY))
    );
    assert_eq!(stats["outcomes"]["SENT"], MANY);
    assert_eq!(
        (&stats["remaining"], &stats["rates"]["sent"]),
        (&json!(0), &json!(1.0))
    );
    assert_eq!(stats["channels"][0]["channel_id"], channel);
    assert_eq!(stats["channels"][0]["outcomes"]["SENT"], MANY);
    assert!(stats["timing"]["last_sent_at"].is_string());

    let all = recipients(&hub, &campaign, "").await;
    let mut ids: Vec<&str> = all
        .iter()
        .map(|one| one["contact_id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    let mut wanted: Vec<&str> = contacts.iter().map(String::as_str).collect();
    wanted.sort_unstable();
    assert_eq!(ids, wanted);
    assert!(
        all.iter()
            .all(|one| one["status"] == "SENT" && one["attempt"] == 1)
    );

    // The sandbox captures a message once, so what it has is what left; its list shows the last 200.
    let sent = outbox(&hub, &channel).await;
    assert_eq!(sent.len(), 200);
    for (to, text) in &sent {
        let number = to.strip_prefix("person-").unwrap();
        assert_eq!(
            text,
            &format!("Hello Person {number}, you are number {number}.")
        );
    }

    one_by_one(&hub, &campaign, &contacts).await;
    table(&hub, &campaign).await;
    hub.done().await;
}

async fn one_by_one(hub: &Hub, campaign: &str, contacts: &[String]) {
    let path = format!("/campaigns/{campaign}/recipients/{}", contacts[7]);
    let one = done(hub, Method::GET, &path, &json!({})).await;
    assert_eq!(one["content"], "Hello Person 7, you are number 7.");
    assert_eq!(
        (&one["address"], &one["status"]),
        (&json!("person-7"), &json!("SENT"))
    );
    let found = recipients(hub, campaign, "&address=person-7").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["contact_id"], contacts[7]);
    assert!(
        recipients(hub, campaign, "&address=nobody")
            .await
            .is_empty()
    );
    assert!(recipients(hub, campaign, "&status=FAILED").await.is_empty());
    let of = format!("&contact_id={}&status=SENT", contacts[7]);
    assert_eq!(recipients(hub, campaign, &of).await, found);
    let (status, _) = call(
        hub,
        Method::POST,
        &format!("{path}/resolve"),
        &json!({"action": "mark_sent"}),
    )
    .await;
    assert_eq!(status, StatusCode::CONFLICT, "it is not UNKNOWN");
    done(
        hub,
        Method::DELETE,
        &format!("/contacts/{}", contacts[7]),
        &json!({}),
    )
    .await;
    let one = done(hub, Method::GET, &path, &json!({})).await;
    assert_eq!(one["content"], json!(null));
    assert!(one["content_problem"].as_str().unwrap().contains("deleted"));
}

async fn table(hub: &Hub, campaign: &str) {
    let path = format!("/api/v1/campaigns/{campaign}/recipients");
    let request = hub.request(Method::GET, &path).header("accept", "text/csv");
    let answer = request.send().await.unwrap();
    let kind = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(kind.starts_with("text/csv"), "{kind}");
    let text = answer.text().await.unwrap();
    assert!(text.starts_with("contact_id,address,channel_type,"));
    assert_eq!(text.lines().count(), MANY + 1);
    assert_eq!(text.matches(",SENT,").count(), MANY);
    let failed = hub.request(Method::GET, &format!("{path}?format=csv&status=FAILED"));
    let text = failed.send().await.unwrap().text().await.unwrap();
    assert_eq!(text.lines().count(), 1, "the header alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_in_their_language() {
    let hub = Hub::start().await;
    let channel = hub.channel("sandbox", json!({})).await;
    let languages = [Some("de-AT"), Some("fr"), None, Some("en")];
    let (list, _) = audience(&hub, languages.len(), |number| {
        let mut contact = sandboxed(number);
        contact["language"] = json!(languages[number]);
        contact
    })
    .await;
    let template = json!({"name": "hello", "content": "Hello {{ name }}"});
    let template = id(&done(&hub, Method::POST, "/templates", &template).await);
    let german = format!("/templates/{template}/variants/de");
    done(
        &hub,
        Method::PUT,
        &german,
        &json!({"content": "Hallo {{ name }}"}),
    )
    .await;
    let campaign = draft(
        &hub,
        json!({"contact_list_ids": [list], "channel_ids": [channel], "template_id": template, "content": null}),
    )
    .await;
    tell(&hub, &campaign, "start").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let mut sent = outbox(&hub, &channel).await;
    sent.sort();
    let texts: Vec<&str> = sent.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "Hallo Person 0",
            "Hello Person 1",
            "Hello Person 2",
            "Hello Person 3"
        ]
    );
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenant_sees_and_does_nothing() {
    let hub = Hub::start().await;
    hub.channel("sandbox", json!({})).await;
    let (list, contacts) = audience(&hub, 1, sandboxed).await;
    let campaign = draft(&hub, json!({"contact_list_ids": [list]})).await;
    tell(&hub, &campaign, "start").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let key = another_tenant(&hub).await;
    let contact = &contacts[0];
    let plain = json!({"name": "x", "type": "SMS"});
    let at = json!({"scheduled_at": "2030-01-01T00:00:00Z"});
    let none = json!({});
    let all = [
        (Method::GET, "", &none),
        (Method::PUT, "", &plain),
        (Method::DELETE, "", &none),
        (Method::POST, "/start", &none),
        (Method::POST, "/schedule", &at),
        (Method::DELETE, "/schedule", &none),
        (Method::POST, "/pause", &none),
        (Method::POST, "/resume", &none),
        (Method::POST, "/stop", &none),
        (Method::POST, "/retry-failed", &none),
        (Method::GET, "/stats", &none),
        (Method::GET, "/events", &none),
        (Method::GET, "/recipients", &none),
        (Method::POST, "/check", &none),
        (Method::GET, "/recipients?format=csv", &none),
        (Method::GET, &format!("/recipients/{contact}"), &none),
        (
            Method::POST,
            &format!("/recipients/{contact}/resolve"),
            &json!({"action": "mark_sent"}),
        ),
    ];
    for (method, path, body) in all {
        let whole = format!("/api/v1/campaigns/{campaign}{path}");
        let request = hub.request_by(&key, method.clone(), &whole);
        let answer = request.json(body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{method} {path}");
    }
    let listed = body_of(hub.request_by(&key, Method::GET, "/api/v1/campaigns")).await;
    assert_eq!(listed["items"], json!([]));
    // Channels and lists of others are not there for a campaign either.
    let theirs = hub.request_by(&key, Method::POST, "/api/v1/campaigns");
    let body = json!({"name": "x", "type": "SMS", "content": "hi", "contact_list_ids": [list]});
    let made = body_of(theirs.json(&body)).await;
    let start = format!("/api/v1/campaigns/{}/start", id(&made));
    let refused = hub.request_by(&key, Method::POST, &start);
    let refused = refused.send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(reached(&hub, &campaign, "COMPLETED").await["audience"], 1);
    // A page of campaigns says where the next one is, as every list does, and within it.
    draft(&hub, json!({"contact_list_ids": [list]})).await;
    let page = hub
        .request(Method::GET, "/api/v1/campaigns?limit=1")
        .send()
        .await
        .unwrap();
    let next = page.headers()["x-next-cursor"].to_str().unwrap().to_owned();
    assert!(
        page.headers()["link"]
            .to_str()
            .unwrap()
            .contains("rel=\"next\"")
    );
    let page: serde_json::Value = page.json().await.unwrap();
    assert_eq!(page["next_cursor"], next.as_str());
    let last = hub
        .get(&format!("/api/v1/campaigns?limit=1&cursor={next}"))
        .await;
    assert_eq!(
        (&last["items"][0]["id"], &last["next_cursor"]),
        (&json!(campaign), &serde_json::Value::Null)
    );
    hub.done().await;
}
