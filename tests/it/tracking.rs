//! Links of a campaign that was really sent: who opens, clicks, leaves, comes back and confirms.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use reqwest::{Client, Method, Response, StatusCode, redirect};
use schemas::{
    CampaignId,
    tracking_token::{PURPOSE, Purpose, TrackingToken},
};
use serde_json::{Value, json};
use store::Keyring;
use tokio::time::timeout;
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::rig::{Hub, PATIENCE};

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
pub(crate) const URL: &str = "https://shop.example.org/autumn?a=1";

/// A campaign that was sent to one contact of one list.
pub(crate) struct Sent {
    pub(crate) hub: Hub,
    pub(crate) list: String,
    pub(crate) contact: String,
    pub(crate) campaign: String,
    tenant: String,
    pub(crate) browser: Client,
}

pub(crate) fn id(made: &Value) -> String {
    made["id"].as_str().unwrap().to_owned()
}

impl Sent {
    pub(crate) async fn start() -> Self {
        let public = ("TIDINGS__GATEWAY__PUBLIC_URL", "https://hub.example.org");
        let hub = Hub::start_with(&[], &[public]).await;
        let channel = hub.channel("sandbox", json!({})).await;
        let body = json!({"name": "Ada", "language": "de", "addresses": [{"kind": "sandbox", "address": "ada"}]});
        let contact = id(&hub.post("/api/v1/contacts", &body).await);
        let list = id(&hub
            .post("/api/v1/lists", &json!({"name": "News <of> us"}))
            .await);
        let members = json!({"contact_ids": [contact]});
        hub.post(&format!("/api/v1/lists/{list}/members"), &members)
            .await;
        let body = json!({"name": "News", "type": "SMS", "content": "Hello {{ name }}", "contact_list_ids": [list],
            "channel_ids": [channel]});
        let made = hub.post("/api/v1/campaigns", &body).await;
        let (campaign, tenant) = (id(&made), made["tenant_id"].as_str().unwrap().to_owned());
        hub.post(&format!("/api/v1/campaigns/{campaign}/start"), &json!({}))
            .await;
        hub.until(&format!("/api/v1/campaigns/{campaign}"), |row| {
            (row["status"] == "COMPLETED").then_some(())
        })
        .await;
        let browser = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .user_agent(CHROME)
            .build()
            .unwrap();
        Self {
            hub,
            list,
            contact,
            campaign,
            tenant,
            browser,
        }
    }

    pub(crate) fn link(&self, page: &str, purpose: Purpose, named: &str, url: &str) -> String {
        let token = TrackingToken {
            purpose,
            tenant: self.tenant.parse().unwrap(),
            campaign: named.parse::<CampaignId>().unwrap(),
            contact: self.contact.parse().unwrap(),
            url: url.into(),
        };
        let keyring = Keyring::load_or_create(&self.hub.dir().join("keys.json")).unwrap();
        let tag = keyring.sign(PURPOSE, &token.signed());
        format!("{}/t/{page}/{}", self.hub.url, token.text(&tag))
    }

    pub(crate) async fn get(&self, link: &str) -> Response {
        self.browser.get(link).send().await.unwrap()
    }

    pub(crate) async fn post(&self, link: &str, form: &str) -> Response {
        let request = self
            .browser
            .post(link)
            .header("content-type", "application/x-www-form-urlencoded");
        request.body(form.to_owned()).send().await.unwrap()
    }

    /// Waits until there are so many events of a kind, and gives them.
    pub(crate) async fn events(&self, kind: &str, count: usize) -> Vec<Value> {
        let path = format!(
            "/api/v1/campaigns/{}/events?event_type={kind}",
            self.campaign
        );
        self.hub
            .until(&path, |events| {
                let events = events.as_array()?;
                (events.len() == count).then(|| events.clone())
            })
            .await
    }

    pub(crate) async fn membership(&self, list: &str, status: &str) {
        let path = format!("/api/v1/contacts/{}/lists", self.contact);
        self.hub
            .until(&path, |lists| {
                let lists = lists.as_array()?;
                let one = lists.iter().find(|one| one["list_id"] == list)?;
                (one["status"] == status).then_some(())
            })
            .await;
    }

    /// What one click leaves, by the tenant's settings.
    async fn leaves(&self, what: &str) {
        let settings = json!({"keeps_visitor_details": false, "unsubscribe": what});
        let put = self.hub.request(Method::PUT, "/api/v1/settings");
        let put = put.json(&settings).send().await.unwrap();
        assert_eq!(put.json::<Value>().await.unwrap(), settings);
    }

    pub(crate) async fn suppressions(&self, count: usize) {
        self.hub
            .until("/api/v1/suppressions", |found| {
                (found.as_array()?.len() == count).then_some(())
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opens_and_clicks_are_stored_and_told_with_a_verdict() {
    let sent = Sent::start().await;
    let socket = sent.hub.url.replace("http://", "ws://");
    let (mut socket, _) = connect_async(format!("{socket}/api/v1/ws")).await.unwrap();
    for words in [
        json!({"event": "auth", "data": {"token": sent.hub.key}}),
        json!({"event": "campaign.watch", "data": {"campaign_id": sent.campaign}}),
        // An answer tells that the one before was heard, too.
        json!({"event": "presence.update", "data": {"status": ""}}),
    ] {
        socket.send(Message::text(words.to_string())).await.unwrap();
    }
    let mut hear = async |event: &str| {
        timeout(PATIENCE, async {
            loop {
                let Some(Ok(frame)) = socket.next().await else {
                    panic!("the socket ended");
                };
                if let Message::Text(text) = frame {
                    let words: Value = serde_json::from_str(&text).unwrap();
                    if words["event"] == event {
                        return words["data"].clone();
                    }
                }
            }
        })
        .await
        .unwrap()
    };
    hear("error").await;

    let pixel = sent
        .get(&sent.link("o", Purpose::Open, &sent.campaign, ""))
        .await;
    assert_eq!(pixel.headers()["content-type"], "image/gif");
    assert_eq!(pixel.bytes().await.unwrap().len(), 43);
    let click = sent.link("c", Purpose::Click, &sent.campaign, URL);
    let led = sent.get(&click).await;
    assert_eq!(
        (led.status(), &led.headers()["location"]),
        (StatusCode::FOUND, &URL.parse().unwrap())
    );
    let told = hear("campaign.progress").await;
    assert_eq!(told["campaign_id"], sent.campaign.as_str());
    assert!(told["opened"] == 1 || told["clicked"] == 1, "{told}");

    let opens = sent.events("OPEN", 1).await;
    assert_eq!(opens[0]["verdict"], "human");
    assert_eq!(opens[0]["contact_id"], sent.contact.as_str());
    assert_eq!(
        (&opens[0]["ip_address"], &opens[0]["user_agent"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(sent.events("CLICK", 1).await[0]["url"], URL);

    // Another link at once: neither of them was a person's.
    let other = sent.link(
        "c",
        Purpose::Click,
        &sent.campaign,
        "https://shop.example.org/other",
    );
    let again = sent.link(
        "c",
        Purpose::Click,
        &sent.campaign,
        "https://shop.example.org/third",
    );
    sent.get(&other).await;
    sent.get(&again).await;
    let clicks = format!(
        "/api/v1/campaigns/{}/events?event_type=CLICK",
        sent.campaign
    );
    sent.hub
        .until(&clicks, |events| {
            let events = events.as_array()?;
            let machines = events.iter().filter(|event| {
                event["verdict"] == "machine" && event["metadata"]["detail"] == "burst"
            });
            (events.len() == 3 && machines.count() >= 2).then_some(())
        })
        .await;

    // Only now that the tenant says so.
    let settings = json!({"keeps_visitor_details": true, "unsubscribe": "everything"});
    let put = sent
        .hub
        .request(Method::PUT, "/api/v1/settings")
        .json(&settings);
    assert!(put.send().await.unwrap().status().is_success());
    assert_eq!(sent.hub.get("/api/v1/settings").await, settings);
    sent.get(&sent.link("o", Purpose::Open, &sent.campaign, ""))
        .await;
    let opens = sent.events("OPEN", 2).await;
    assert!(
        opens
            .iter()
            .any(|open| open["ip_address"] == "127.0.0.1" && open["user_agent"] == CHROME)
    );
    sent.hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_post_unsubscribes_and_one_may_come_back() {
    let sent = Sent::start().await;
    sent.leaves("list").await;
    let page = sent.link("p", Purpose::Preferences, &sent.campaign, "");
    let shown = sent.get(&page).await;
    assert_eq!(shown.status(), StatusCode::OK);
    assert!(!shown.headers().contains_key("set-cookie"));
    let html = shown.text().await.unwrap();
    assert!(
        html.contains("lang=\"de\"") && html.contains("News &lt;of&gt; us"),
        "{html}"
    );
    let request = sent.browser.head(&page).send().await.unwrap();
    assert_eq!(request.status(), StatusCode::OK);
    let query = format!("{page}?List-Unsubscribe=One-Click&action=everything");
    assert_eq!(sent.get(&query).await.status(), StatusCode::OK);

    // What a mail program sends.
    let done = sent.post(&page, "List-Unsubscribe=One-Click").await;
    assert_eq!(done.status(), StatusCode::OK);
    assert!(!done.headers().contains_key("set-cookie"));
    sent.membership(&sent.list, "unsubscribed").await;
    // Of all that was asked for, this alone did something.
    let events = sent.events("UNSUBSCRIBE", 1).await;
    assert_eq!(events[0]["metadata"]["detail"], "one-click");
    sent.suppressions(0).await;

    assert_eq!(
        sent.post(&page, "action=everything").await.status(),
        StatusCode::OK
    );
    sent.suppressions(1).await;
    let html = sent.get(&page).await.text().await.unwrap();
    assert!(html.contains("value=\"again\""), "{html}");
    assert_eq!(
        sent.post(&page, "action=again").await.status(),
        StatusCode::OK
    );
    sent.suppressions(0).await;
    sent.membership(&sent.list, "confirmed").await;

    let left = format!("action=lists&shown={}", sent.list);
    assert_eq!(sent.post(&page, &left).await.status(), StatusCode::OK);
    sent.membership(&sent.list, "unsubscribed").await;
    let back = format!("action=lists&left={0}&list={0}", sent.list);
    assert_eq!(sent.post(&page, &back).await.status(), StatusCode::OK);
    sent.membership(&sent.list, "confirmed").await;
    assert_eq!(
        sent.post(&page, "action=nonsense").await.status(),
        StatusCode::BAD_REQUEST
    );
    sent.events("UNSUBSCRIBE", 3).await;
    sent.hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_click_ends_what_goes_to_many_in_the_contacts_language() {
    let sent = Sent::start().await;
    let offers = json!({"name": "Offers"});
    let offers = id(&sent.hub.post("/api/v1/lists", &offers).await);
    let members = json!({"contact_ids": [sent.contact]});
    let path = format!("/api/v1/lists/{offers}/members");
    sent.hub.post(&path, &members).await;
    let page = sent.link("p", Purpose::Preferences, &sent.campaign, "");
    let html = sent.get(&page).await.text().await.unwrap();
    assert!(
        html.contains("value=\"everything\" class=\"main\"")
            && !html.contains("value=\"campaign\""),
        "{html}"
    );
    assert!(
        html.contains("value=\"lists\"") && !html.contains("class=\"\""),
        "{html}"
    );
    let done = sent.browser.post(&page).header("accept-language", "fr");
    let done = done
        .header("content-type", "application/x-www-form-urlencoded")
        .body("List-Unsubscribe=One-Click")
        .send()
        .await
        .unwrap();
    assert_eq!(done.status(), StatusCode::OK);
    // The contact's own language comes before the browser's.
    let html = done.text().await.unwrap();
    assert!(html.contains("lang=\"de\""), "{html}");
    sent.membership(&sent.list, "unsubscribed").await;
    sent.membership(&offers, "unsubscribed").await;
    sent.suppressions(1).await;
    sent.hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_confirmed_by_a_button() {
    let sent = Sent::start().await;
    let body = json!({"name": "Offers", "opt_in": "double"});
    let list = id(&sent.hub.post("/api/v1/lists", &body).await);
    let link = sent.link("s", Purpose::Confirm, &list, "");
    // Nobody put the contact there.
    assert_eq!(sent.post(&link, "").await.status(), StatusCode::NOT_FOUND);
    let members = json!({"contact_ids": [sent.contact]});
    sent.hub
        .post(&format!("/api/v1/lists/{list}/members"), &members)
        .await;
    sent.membership(&list, "unconfirmed").await;
    let html = sent.get(&link).await.text().await.unwrap();
    assert!(
        html.contains("Offers") && html.contains("method=\"post\""),
        "{html}"
    );
    sent.membership(&list, "unconfirmed").await;
    assert_eq!(
        sent.post(&link, "action=confirm").await.status(),
        StatusCode::OK
    );
    sent.membership(&list, "confirmed").await;
    // A token for a list is none for a campaign.
    let foreign = link.replace("/t/s/", "/t/p/");
    assert_eq!(
        sent.post(&foreign, "action=everything").await.status(),
        StatusCode::NOT_FOUND
    );
    sent.hub.done().await;
}
