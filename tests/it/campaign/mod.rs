//! Campaigns, from contacts to what became of each, through the API and a mail server that is watched.

mod answer;
mod approved;
mod bounce;
mod broken;
mod check;
mod course;
mod event;
mod inbox;
mod killed;
mod limit;
mod mail;
mod needed;
mod outcome;
mod post;
mod reach;
mod schedule;
mod signed;
mod slow;
mod spelling;

use futures::{StreamExt, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::rig::Hub;

/// Calls the API and gives what it says, whatever that is.
async fn call(hub: &Hub, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = hub.request(method, &format!("/api/v1{path}"));
    let answer = request.json(body).send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// The same, for what must be taken.
async fn done(hub: &Hub, method: Method, path: &str, body: &Value) -> Value {
    let (status, answer) = call(hub, method, path, body).await;
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

/// Makes contacts, each of what `of` says of its number, and a list of them: the list and the contacts.
async fn audience(hub: &Hub, count: usize, of: impl Fn(usize) -> Value) -> (String, Vec<String>) {
    let bodies: Vec<Value> = (0..count).map(of).collect();
    let contacts: Vec<String> = stream::iter(bodies)
        .map(|body| async move { id(&done(hub, Method::POST, "/contacts", &body).await) })
        .buffered(8)
        .collect()
        .await;
    let name = format!("list {}", contacts.first().map_or("", String::as_str));
    let list = id(&done(hub, Method::POST, "/lists", &json!({"name": name})).await);
    let members = json!({"contact_ids": contacts});
    let added = done(
        hub,
        Method::POST,
        &format!("/lists/{list}/members"),
        &members,
    )
    .await;
    assert_eq!(added["added"], count);
    (list, contacts)
}

/// A contact that a sandbox reaches.
fn sandboxed(number: usize) -> Value {
    json!({
        "name": format!("Person {number}"), "attributes": {"number": number},
        "addresses": [{"kind": "sandbox", "address": format!("person-{number}")}]
    })
}

/// A contact that a mail reaches.
fn mailed(address: &str) -> Value {
    json!({"addresses": [{"kind": "email", "address": address}]})
}

fn id(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

/// Makes a campaign.
async fn draft(hub: &Hub, body: Value) -> String {
    let mut whole = json!({"name": "News", "type": "SMS", "content": "Hello {{ name }}"});
    whole
        .as_object_mut()
        .unwrap()
        .extend(body.as_object().unwrap().clone());
    id(&done(hub, Method::POST, "/campaigns", &whole).await)
}

/// Makes a campaign of mails to a list.
async fn newsletter(hub: &Hub, list: &str, more: Value) -> String {
    let mut body = json!({
        "type": "EMAIL", "subject_line": "News", "content": "<p>Hello</p>", "contact_list_ids": [list]
    });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    draft(hub, body).await
}

/// Switches the sandbox off that every hub has.
async fn without_sandbox(hub: &Hub) {
    let found = hub.get("/api/v1/channels?type=sandbox").await;
    for channel in found.as_array().unwrap() {
        let path = format!("/channels/{}", channel["id"].as_str().unwrap());
        done(hub, Method::PATCH, &path, &json!({"status": "inactive"})).await;
    }
}

/// Tells a campaign to do something.
async fn tell(hub: &Hub, campaign: &str, act: &str) -> Value {
    done(
        hub,
        Method::POST,
        &format!("/campaigns/{campaign}/{act}"),
        &json!({}),
    )
    .await
}

/// Waits until the campaign has a status, and gives it.
async fn reached(hub: &Hub, campaign: &str, status: &str) -> Value {
    hub.until(&format!("/api/v1/campaigns/{campaign}"), |row| {
        (row["status"] == status).then(|| row.clone())
    })
    .await
}

/// Waits until the figures are as wanted, and gives them; they add up at any time.
async fn figures(hub: &Hub, campaign: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    hub.until(&format!("/api/v1/campaigns/{campaign}/stats"), |stats| {
        assert_eq!(stats["ledger_adds_up"], true, "{stats}");
        wanted(stats).then(|| stats.clone())
    })
    .await
}

/// All recipients, page by page.
async fn recipients(hub: &Hub, campaign: &str, query: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/campaigns/{campaign}/recipients?limit=60{query}{cursor}");
        let answer = hub.request(Method::GET, &path).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        let next = answer.headers().get("x-next-cursor");
        let next = next.map(|next| format!("&cursor={}", next.to_str().unwrap()));
        let page: Vec<Value> = answer.json().await.unwrap();
        all.extend(page);
        match next {
            Some(next) => cursor = next,
            None => return all,
        }
    }
}

/// What a sandbox channel has sent: to whom, and what.
async fn outbox(hub: &Hub, channel: &str) -> Vec<(String, String)> {
    let sent = hub
        .get(&format!("/api/v1/channels/{channel}/outbox?limit=200"))
        .await;
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let rows = sent.as_array().unwrap().iter();
    rows.map(|row| (text(row, "recipient_id"), text(row, "content")))
        .collect()
}
