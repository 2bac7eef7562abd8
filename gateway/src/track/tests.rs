//! The addresses of campaigns' links through the router, while the database is down.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::StreamExt as _;
use schemas::{
    CampaignId, ContactId, TenantId,
    campaign::{CampaignEvent, CampaignEventType, Verdict},
    frame, subject,
    tracking_token::{PURPOSE, Purpose, TrackingToken},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{drain, verdict};
use crate::rig::{Answer, Rig, TENANT};

const URL: &str = "https://shop.example.org/?a=1";
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
const FORM: &str = "application/x-www-form-urlencoded";

fn token(purpose: Purpose, url: &str) -> TrackingToken {
    TrackingToken {
        purpose,
        tenant: TenantId(TENANT.parse().unwrap()),
        campaign: CampaignId(Uuid::from_u128(2)),
        contact: ContactId(Uuid::from_u128(3)),
        url: url.into(),
    }
}

fn signed(rig: &Rig, token: &TrackingToken) -> String {
    let tag = rig.hub.store.keyring().sign(PURPOSE, &token.signed());
    token.text(&tag)
}

async fn ask(rig: &Rig, method: &str, path: &str, agent: &str, body: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("user-agent", agent)
        .header("content-type", FORM);
    rig.ask(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

fn waiting(rig: &Rig) -> Vec<CampaignEvent> {
    rig.hub.track.queue.take()
}

#[tokio::test]
async fn links_are_answered_without_the_database() {
    let rig = Rig::start().await;
    let open = signed(&rig, &token(Purpose::Open, ""));
    let click = signed(&rig, &token(Purpose::Click, URL));
    let pixel = ask(&rig, "GET", &format!("/t/o/{open}"), CHROME, "").await;
    assert_eq!(pixel.status, StatusCode::OK);
    assert_eq!(pixel.headers["content-type"], "image/gif");
    assert!(
        pixel.headers["cache-control"]
            .to_str()
            .unwrap()
            .contains("no-store")
    );
    let led = ask(&rig, "GET", &format!("/t/c/{click}?utm=x"), CHROME, "").await;
    assert_eq!(led.status, StatusCode::FOUND);
    assert_eq!(led.headers["location"], URL);
    for answer in [&pixel, &led] {
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        assert_eq!(answer.headers["x-robots-tag"], "noindex, nofollow");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    let head = ask(&rig, "HEAD", &format!("/t/c/{click}"), CHROME, "").await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::FOUND, ""));
    let events = waiting(&rig);
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event.event,
                event.verdict,
                event.detail.as_deref(),
                event.url.as_deref(),
            )
        })
        .collect();
    use CampaignEventType as E;
    let human = Some(Verdict::Human);
    assert_eq!(
        told,
        [
            (E::Open, human, None, None),
            (E::Click, human, None, Some(URL)),
            (
                E::Click,
                Some(Verdict::Machine),
                Some(verdict::HEAD),
                Some(URL)
            ),
        ]
    );
    assert!(
        events
            .iter()
            .all(|event| event.ip_address.is_none() && event.user_agent.is_none())
    );
}

#[tokio::test]
async fn every_bit_of_a_token_counts() {
    let rig = Rig::start().await;
    for (page, purpose, url) in [
        ("o", Purpose::Open, ""),
        ("c", Purpose::Click, "https://a.example/"),
        ("p", Purpose::Preferences, ""),
        ("s", Purpose::Confirm, ""),
    ] {
        let good = signed(&rig, &token(purpose, url));
        let bytes = URL_SAFE_NO_PAD.decode(&good).unwrap();
        let mut wrong: Vec<String> = Vec::new();
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[place] ^= 1 << bit;
                wrong.push(URL_SAFE_NO_PAD.encode(&flipped));
            }
            wrong.push(URL_SAFE_NO_PAD.encode(&bytes[..place]));
        }
        // Of the text itself, where that is still a path.
        for place in 0..good.len() {
            for bit in 0..7 {
                let mut flipped = good.clone().into_bytes();
                flipped[place] ^= 1 << bit;
                if flipped[place].is_ascii_alphanumeric() || b"-_.~".contains(&flipped[place]) {
                    wrong.push(String::from_utf8(flipped).unwrap());
                }
            }
        }
        // What somebody else's keys gave.
        let tag = store::Keyring::ephemeral().sign(PURPOSE, &token(purpose, url).signed());
        wrong.push(token(purpose, url).text(&tag));
        wrong.push(format!("{good}A"));
        for text in wrong {
            for method in ["GET", "POST"] {
                if method == "POST" && matches!(page, "o" | "c") {
                    continue;
                }
                let path = format!("/t/{page}/{text}");
                let answer = ask(&rig, method, &path, CHROME, "List-Unsubscribe=One-Click").await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
                assert!(!answer.headers.contains_key("location"));
            }
        }
        // A token is good for one page alone.
        for other in ["o", "c", "p", "s"]
            .into_iter()
            .filter(|other| *other != page)
        {
            let answer = ask(&rig, "GET", &format!("/t/{other}/{good}"), CHROME, "").await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{page} as {other}");
        }
    }
    assert!(waiting(&rig).is_empty());
}

#[tokio::test]
async fn nobody_is_led_anywhere_but_where_the_hub_leads() {
    let rig = Rig::start().await;
    for url in [
        "javascript:alert(1)",
        "//evil.example/",
        "ftp://a.example/",
        "https://a.example/\r\nx: y",
    ] {
        let click = signed(&rig, &token(Purpose::Click, url));
        let answer = ask(&rig, "GET", &format!("/t/c/{click}"), CHROME, "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{url}");
    }
    let open = token(Purpose::Open, "");
    let click = token(Purpose::Click, URL);
    let (message, other) = (open.message(), Uuid::from_u128(9));
    let (open, click) = (signed(&rig, &open), signed(&rig, &click));
    for prefix in crate::PREFIXES {
        for (path, status) in [
            (format!("open?message_id={message}"), 400),
            (format!("open?message_id={message}&token={click}"), 403),
            (format!("open?message_id={other}&token={open}"), 403),
            (format!("click?message_id={message}&url={URL}"), 400),
            (
                format!("click?message_id={message}&url=https://evil.example/&token={click}"),
                403,
            ),
            (
                format!("click?message_id={other}&url={URL}&token={click}"),
                403,
            ),
            (format!("click?message_id={message}&token={click}"), 400),
        ] {
            let answer = ask(
                &rig,
                "GET",
                &format!("{prefix}/tracking/{path}"),
                CHROME,
                "",
            )
            .await;
            answer.problem(status);
            assert!(!answer.headers.contains_key("location"));
        }
        assert!(waiting(&rig).is_empty());
        let path = format!("{prefix}/tracking/open?message_id={message}&token={open}");
        assert_eq!(
            ask(&rig, "GET", &path, CHROME, "").await.headers["content-type"],
            "image/gif"
        );
        let path =
            format!("{prefix}/tracking/click?message_id={message}&url={URL}&signature={click}");
        assert_eq!(
            ask(&rig, "GET", &path, CHROME, "").await.headers["location"],
            URL
        );
        assert_eq!(waiting(&rig).len(), 2);
    }
}

#[tokio::test]
async fn leaving_needs_the_broker_and_not_the_database() {
    let rig = Rig::start().await;
    let path = format!("/t/p/{}", signed(&rig, &token(Purpose::Preferences, "")));
    let shown = ask(&rig, "GET", &path, CHROME, "").await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    assert!(shown.text.contains("value=\"everything\""));
    assert!(
        shown.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("default-src 'none'")
    );
    // No stream takes it yet: nothing is promised.
    let refused = ask(&rig, "POST", &path, "", "List-Unsubscribe=One-Click").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers.contains_key("retry-after"));
    rig.provision().await;
    let mut live = rig.hub.bus.listen("live.track.>").await.unwrap();
    for (body, status) in [
        ("", 400),
        ("action=nothing", 400),
        ("List-Unsubscribe=Maybe", 400),
    ] {
        assert_eq!(
            ask(&rig, "POST", &path, "", body).await.status.as_u16(),
            status,
            "{body}"
        );
    }
    assert_eq!(
        ask(&rig, "GET", &path, CHROME, "").await.status,
        StatusCode::OK
    );
    let list = Uuid::from_u128(4);
    for (body, detail) in [
        (
            "List-Unsubscribe=One-Click".to_owned(),
            "one-click".to_owned(),
        ),
        ("action=campaign".to_owned(), "campaign".to_owned()),
        ("action=everything".to_owned(), "everything".to_owned()),
        (format!("action=lists&shown={list}"), format!("list:{list}")),
    ] {
        let done = ask(&rig, "POST", &path, "", &body).await;
        assert_eq!(done.status, StatusCode::OK, "{body}: {}", done.text);
        assert!(!done.headers.contains_key("set-cookie"));
        // What came first is what the first of these did: nothing was told before.
        let notice = live.next().await.unwrap();
        let items = frame::decode(notice.payload).unwrap();
        let event = CampaignEvent::decode(&items[0]).unwrap();
        assert_eq!(event.event, CampaignEventType::Unsubscribe);
        assert_eq!(event.detail.as_deref(), Some(detail.as_str()));
    }
    // To come back the database must say yes.
    let later = ask(&rig, "POST", &path, "", "action=again").await;
    assert_eq!(later.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_confirmation_shows_a_button_and_promises_nothing_without_the_database() {
    let rig = Rig::start().await;
    let path = format!("/t/s/{}", signed(&rig, &token(Purpose::Confirm, "")));
    let shown = ask(&rig, "GET", &path, CHROME, "").await;
    assert!(shown.status == StatusCode::OK && shown.text.contains("method=\"post\""));
    let refused = ask(&rig, "POST", &path, CHROME, "action=confirm").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn details_of_visitors_are_kept_where_the_tenant_says_so() {
    let rig = Rig::with(|settings| {
        settings.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    })
    .await;
    let tenant = TenantId(TENANT.parse().unwrap());
    rig.hub.track.decided(tenant, true);
    let open = signed(&rig, &token(Purpose::Open, ""));
    let peer = |address: &str| crate::extract::Peer(Some(address.parse().unwrap()));
    for (from, forwarded, kept) in [
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1, 192.0.2.9, 10.1.1.1", "192.0.2.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
    ] {
        let mut request = Request::get(format!("/t/o/{open}"))
            .header("user-agent", CHROME)
            .header("x-forwarded-for", forwarded)
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(peer(from));
        assert_eq!(rig.ask(request).await.status, StatusCode::OK);
        let event = waiting(&rig).remove(0);
        assert_eq!(event.ip_address.as_deref(), Some(kept));
        assert_eq!(event.user_agent.as_deref(), Some(CHROME));
    }
    rig.hub.track.decided(tenant, false);
    ask(&rig, "GET", &format!("/t/o/{open}"), CHROME, "").await;
    assert_eq!(waiting(&rig).remove(0).ip_address, None);
}

#[tokio::test]
async fn what_happened_reaches_the_broker_and_a_stop_leaves_nothing() {
    let rig = Rig::start().await;
    let end = CancellationToken::new();
    let open = signed(&rig, &token(Purpose::Open, ""));
    let path = format!("/t/o/{open}");
    // The broker has no stream yet; answers come all the same, and nothing is lost.
    let draining = tokio::spawn(drain(std::sync::Arc::clone(&rig.hub), end.clone()));
    for _ in 0..300 {
        assert_eq!(
            ask(&rig, "GET", &path, CHROME, "").await.status,
            StatusCode::OK
        );
    }
    let mut live = rig.hub.bus.listen("live.track.>").await.unwrap();
    rig.provision().await;
    end.cancel();
    draining.await.unwrap();
    let mut told = 0;
    let tenant = TenantId(TENANT.parse().unwrap());
    while told < 300 {
        let notice = live.next().await.unwrap();
        let subject = subject::track(
            tenant,
            schemas::TrackContext::Campaign,
            schemas::TrackKind::Opened,
        );
        assert_eq!(notice.subject.as_str(), format!("live.{subject}"));
        told += frame::decode(notice.payload).unwrap().len();
    }
    assert_eq!(told, 300);
}

#[tokio::test]
async fn settings_take_an_administrator() {
    let rig = Rig::start().await;
    let body = json!({"keeps_visitor_details": true}).to_string();
    let put = |role: &str| {
        crate::rig::request(
            "PUT",
            "/api/v1/settings",
            &crate::rig::token(role),
            Body::from(body.clone()),
        )
    };
    rig.ask(put("agent")).await.problem(403);
    rig.ask(put("admin")).await.problem(503);
}
