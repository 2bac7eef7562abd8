//! WhatsApp takes text only from those who just heard from somebody; everybody else is sent a message it has approved.

use platform::{Desk, Fake, Trouble};
use reqwest::{Method, StatusCode};
use schemas::ChannelKind;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    audience, call, done, draft, figures, id, outbox, post::Post, reached, recipients, tell,
    without_sandbox,
};
use crate::rig::Hub;

/// WhatsApp, played, and a channel of it that makes one call at a time.
async fn play(hub: &Hub) -> (Desk, String) {
    let fake: Box<dyn Fake> = platform::of(ChannelKind::WhatsApp).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let desk = Desk::default();
    let app = fake.routes(desk.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let (credentials, mut settings) = fake.channel(&url);
    settings["allow_private"] = true.into();
    settings["concurrency"] = 1.into();
    let more = json!({"credentials": credentials, "config": {"settings": settings}});
    (desk, hub.channel("whatsapp", more).await)
}

/// What was sent, by whom it went to.
fn sent(desk: &Desk) -> Vec<(String, Value)> {
    let calls = desk.calls().into_iter();
    let mut sent: Vec<(String, Value)> = calls
        .filter(|call| call.path.ends_with("/messages"))
        .map(|call| {
            assert_eq!(call.refusal, None, "{}", call.body);
            let to = call.body["to"].as_str().unwrap().to_owned();
            (to, call.body)
        })
        .collect();
    sent.sort_by(|a, b| a.0.cmp(&b.0));
    sent
}

fn contact(number: usize, name: &str, language: Option<&str>) -> Value {
    json!({
        "name": name, "language": language, "attributes": {"code": format!("C-{number}"), "street": "High St 1"},
        "addresses": [{"kind": "whatsapp", "address": format!("1555010000{number}")}]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_sent_the_approved_message_of_their_language() {
    let hub = Hub::start().await;
    without_sandbox(&hub).await;
    let (desk, channel) = play(&hub).await;
    let people = [
        ("Ada", Some("de-AT")),
        ("Bob & Co", Some("en")),
        ("Cléo", None),
        ("Dan", None),
    ];
    let (list, contacts) = audience(&hub, people.len(), |number| {
        let (name, language) = people[number];
        let mut contact = contact(number, name, language);
        if name == "Dan" {
            contact["attributes"]["street"] = json!("High St 1\nLeeds");
        }
        contact
    })
    .await;
    let text = draft(
        &hub,
        json!({"type": "WHATSAPP", "contact_list_ids": [list], "content": "Hello {{ name }}"}),
    )
    .await;
    let (status, problem) = call(
        &hub,
        Method::POST,
        &format!("/campaigns/{text}/start"),
        &json!({}),
    )
    .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    assert_eq!(problem["errors"][0]["pointer"], "/platform_template");

    let template = json!({
        "name": "Spring", "platform_template": {
            "name": "spring_sale", "language": "en_US",
            "header": {"type": "image", "value": "https://shop.example/{{ code | lower }}.png"},
            "variables": ["{{ name }}", "{{ street }}"],
            "buttons": [{"type": "url", "value": "{{ code | urlencode }}"},
                {"type": "quick_reply", "value": "stop-{{ code }}", "index": 2}]},
    });
    let template = id(&done(&hub, Method::POST, "/templates", &template).await);
    let german = format!("/templates/{template}/variants/de");
    let variant = json!({"platform_template": {"name": "fruehling", "language": "de", "variables": ["{{ name }}"]}});
    done(&hub, Method::PUT, &german, &variant).await;
    let check = format!("/templates/{template}/check");
    let check = done(&hub, Method::POST, &check, &json!({})).await;
    assert_eq!(check["required"], json!(["code", "name", "street"]));
    let preview = format!("/templates/{template}/preview");
    let preview = done(
        &hub,
        Method::POST,
        &preview,
        &json!({"contact_id": contacts[0]}),
    )
    .await;
    assert_eq!(preview["platform_template"]["variables"], json!(["Ada"]));
    assert_eq!(
        (&preview["text"], &preview["failure"]),
        (&Value::Null, &Value::Null)
    );

    let campaign = draft(
        &hub,
        json!({"type": "WHATSAPP", "contact_list_ids": [list], "content": null, "template_id": template}),
    )
    .await;
    tell(&hub, &campaign, "start").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let all = recipients(&hub, &campaign, "").await;
    let of = |contact: &str| {
        all.iter()
            .find(|one| one["contact_id"] == contact)
            .unwrap()
            .clone()
    };
    let whole = |number: usize, template: Value| {
        json!({
            "messaging_product": "whatsapp", "recipient_type": "individual",
            "biz_opaque_callback_data": of(&contacts[number])["id"], "to": format!("1555010000{number}"),
            "type": "template", "template": template,
        })
    };
    let english = |number: usize, name: &str| {
        whole(
            number,
            json!({"name": "spring_sale", "language": {"code": "en_US"}, "components": [
                {"type": "header", "parameters": [
                    {"type": "image", "image": {"link": format!("https://shop.example/c-{number}.png")}}]},
                {"type": "body", "parameters": [{"type": "text", "text": name}, {"type": "text", "text": "High St 1"}]},
                {"type": "button", "sub_type": "url", "index": "0",
                    "parameters": [{"type": "text", "text": format!("C-{number}")}]},
                {"type": "button", "sub_type": "quick_reply", "index": "2",
                    "parameters": [{"type": "payload", "payload": format!("stop-C-{number}")}]},
            ]}),
        )
    };
    let ada = json!({"name": "fruehling", "language": {"code": "de"}, "components": [
        {"type": "body", "parameters": [{"type": "text", "text": "Ada"}]}]});
    let bodies: Vec<Value> = sent(&desk).into_iter().map(|(_, body)| body).collect();
    assert_eq!(
        bodies,
        [whole(0, ada), english(1, "Bob & Co"), english(2, "Cléo")]
    );
    // A value that the platform does not take fails for whom it is, and says which one it is.
    let dan = of(&contacts[3]);
    assert_eq!(
        (&dan["status"], &dan["failure_class"]),
        (&json!("FAILED"), &json!("template"))
    );
    let reason = dan["failure_reason"].as_str().unwrap();
    assert!(
        reason.starts_with("/variables/1") && reason.contains("line break"),
        "{reason}"
    );
    let path = format!("/campaigns/{campaign}/recipients/{}", contacts[1]);
    let bob = done(&hub, Method::GET, &path, &json!({})).await;
    assert_eq!(bob["platform_template"]["buttons"][0]["value"], "C-1");
    assert_eq!(bob["content"], Value::Null);

    let trial = json!({"channel_id": channel, "address": "15550100009", "contact_id": contacts[1]});
    let trial = done(
        &hub,
        Method::POST,
        &format!("/templates/{template}/test"),
        &trial,
    )
    .await;
    let path = format!("/api/v1/messages/{}", trial["id"].as_str().unwrap());
    hub.until(&path, |row| (row["status"] == "sent").then_some(()))
        .await;
    let (to, body) = sent(&desk).pop().unwrap();
    assert_eq!(
        (to.as_str(), &body["template"]),
        ("15550100009", &bodies[1]["template"])
    );
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_is_refused_pauses_at_once_and_nobody_is_lost() {
    let hub = Hub::start().await;
    without_sandbox(&hub).await;
    let (desk, _) = play(&hub).await;
    let people = 8;
    let (list, _) = audience(&hub, people, |number| contact(number, "Ada", None)).await;
    let campaign = draft(
        &hub,
        json!({
            "type": "WHATSAPP", "contact_list_ids": [list], "content": null,
            "platform_template": {"name": "spring_sale", "language": "en", "variables": ["{{ name }}"]}
        }),
    )
    .await;
    let paused = json!({"error": {"message": "(#132015) Template is Paused", "type": "OAuthException", "code": 132_015,
        "error_data": {"messaging_product": "whatsapp", "details": "Template is paused due to low quality"}}});
    desk.trouble(Trouble::Refuse(axum::http::StatusCode::BAD_REQUEST, paused));
    tell(&hub, &campaign, "start").await;
    let row = reached(&hub, &campaign, "PAUSED").await;
    let reason = row["status_reason"].as_str().unwrap();
    assert!(
        reason.contains("132015") && reason.contains("low quality"),
        "{reason}"
    );
    let stats = figures(&hub, &campaign, |stats| stats["outcomes"]["SENDING"] == 0).await;
    assert_eq!(stats["outcomes"]["FAILED"], 1);
    assert_eq!(stats["outcomes"]["PENDING"], people - 1);
    assert_eq!(desk.calls().len(), 1, "nobody else was tried");

    let retried = tell(&hub, &campaign, "retry-failed").await;
    assert_eq!(retried["retried"], 1);
    tell(&hub, &campaign, "resume").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let stats = figures(&hub, &campaign, |_| true).await;
    assert_eq!(stats["outcomes"]["SENT"], people);
    assert_eq!(desk.calls().len(), 1 + people);
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_have_words_and_whatsapp_the_approved_message() {
    let hub = Hub::start().await;
    let (desk, whatsapp) = play(&hub).await;
    let post = Post::start().await;
    let mail = hub.channel("email", post.channel()).await;
    let sandbox = hub.channel("sandbox", json!({})).await;
    let (list, _) = audience(&hub, 3, |number| {
        let (kind, address) = [
            ("whatsapp", "15550100001"),
            ("email", "ada@example.com"),
            ("sandbox", "ada"),
        ][number];
        json!({"name": "Ada", "addresses": [{"kind": kind, "address": address}]})
    })
    .await;
    let template = json!({
        "name": "Spring", "subject": "For {{ name }}", "html_content": "<p>Hello {{ name }}</p>",
        "platform_template": {"name": "spring_sale", "language": "en", "variables": ["{{ name }}"]}
    });
    let template = id(&done(&hub, Method::POST, "/templates", &template).await);
    let campaign = draft(
        &hub,
        json!({
            "type": "MULTI_CHANNEL", "contact_list_ids": [list], "content": null, "template_id": template,
            "channel_ids": [mail, whatsapp, sandbox], "unsubscribe_enabled": false, "tracking_enabled": false
        }),
    )
    .await;
    tell(&hub, &campaign, "start").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let sent = sent(&desk);
    assert_eq!(sent.len(), 1);
    assert_eq!(
        sent[0].1["template"]["components"][0]["parameters"][0]["text"],
        "Ada"
    );
    let mails = post.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].header("subject").as_deref(), Some("For Ada"));
    assert!(
        mails[0].text.contains("<p>Hello Ada</p>"),
        "{}",
        mails[0].text
    );
    assert_eq!(
        outbox(&hub, &sandbox).await,
        [("ada".into(), "Hello Ada".into())]
    );
    hub.done().await;
}
