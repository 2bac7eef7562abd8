//! Bodies of Meta's for several accounts of an app, at the address of one channel.

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign};
use schemas::{ChannelId, ChannelKind, ChannelStatus, ConversationId, TenantId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    directory::Entry,
    rig::{Answer, Rig, TENANT, request, token},
};

const SECRET: &str = "the-app-secret";

fn tenant() -> TenantId {
    TenantId(TENANT.parse::<Uuid>().unwrap())
}

/// A channel of an account; `secret` none: it trusts the address of another.
fn put(
    rig: &Rig,
    kind: ChannelKind,
    account: Option<&str>,
    secret: Option<&str>,
    change: impl FnOnce(&mut Entry),
) -> ChannelId {
    let id = ChannelId::new();
    let (credentials, settings) = match kind {
        ChannelKind::WhatsApp => (
            json!({"app_secret": secret, "phone_number_id": account}),
            json!({}),
        ),
        ChannelKind::Messenger => (json!({"app_secret": secret}), json!({"page_id": account})),
        _ => (
            json!({"app_secret": secret}),
            json!({"account_id": account}),
        ),
    };
    let given = |fields: Value| match fields {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect(),
        other => other,
    };
    let mut entry = Entry {
        tenant: tenant(),
        kind,
        status: ChannelStatus::Active,
        credentials: given(credentials),
        settings: given(settings),
    };
    change(&mut entry);
    rig.hub.directory.put_entry(id, entry);
    id
}

async fn post(rig: &Rig, channel: ChannelId, body: &Value) -> Answer {
    let body = body.to_string();
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let tag = sign(body.as_bytes(), &key, Algorithm::HS256).unwrap();
    let hex: String = URL_SAFE_NO_PAD
        .decode(tag)
        .unwrap()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let path = format!("/api/v1/webhooks/{channel}");
    let mut request = request("POST", &path, "", Body::from(body));
    let signature = format!("sha256={hex}").parse().unwrap();
    request
        .headers_mut()
        .insert("x-hub-signature-256", signature);
    rig.ask(request).await
}

/// One text for each number.
fn texts(numbers: &[&str]) -> Value {
    let changes: Vec<Value> = numbers
        .iter()
        .map(|number| {
            json!({"field": "messages", "value": {
                "messaging_product": "whatsapp", "metadata": {"display_phone_number": "1", "phone_number_id": number},
                "messages": [{"from": "15550100", "id": format!("wamid.{number}"), "timestamp": "1790000000",
                    "type": "text", "text": {"body": "hi"}}],
            }})
        })
        .collect();
    json!({"object": "whatsapp_business_account", "entry": [{"id": "9", "changes": changes}]})
}

/// The conversations that the updates went to.
fn conversations(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = answer.json();
    let several = answer["messages"].as_array().cloned();
    let one = answer.get("conversation_id").is_some_and(Value::is_string);
    let all = several.unwrap_or_else(|| {
        if one {
            vec![answer.clone()]
        } else {
            Vec::new()
        }
    });
    all.iter()
        .map(|one| one["conversation_id"].as_str().unwrap().to_owned())
        .collect()
}

fn of(channel: ChannelId, key: &str) -> String {
    ConversationId::of(channel, key).0.to_string()
}

async fn letters(rig: &Rig) -> Vec<Value> {
    let page = rig.get("/api/v1/dlq", &token("admin")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    page.json().as_array().unwrap().clone()
}

#[tokio::test]
async fn what_is_for_another_number_goes_to_its_channel() {
    let rig = Rig::start().await;
    rig.provision().await;
    let kind = ChannelKind::WhatsApp;
    let called = put(&rig, kind, Some("1"), Some(SECRET), |_| {});
    let second = put(&rig, kind, Some("2"), Some(SECRET), |_| {});
    // It has no address of its own.
    let third = put(&rig, kind, Some("3"), None, |_| {});
    let answer = post(&rig, called, &texts(&["1", "2", "3", "1"])).await;
    let key = "15550100";
    assert_eq!(
        conversations(&answer),
        [
            of(called, key),
            of(second, key),
            of(third, key),
            of(called, key)
        ]
    );
    assert_eq!(letters(&rig).await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_is_nobodys_is_a_dead_letter_that_says_so() {
    let rig = Rig::start().await;
    rig.provision().await;
    let kind = ChannelKind::WhatsApp;
    let called = put(&rig, kind, Some("1"), Some(SECRET), |_| {});
    let off = put(&rig, kind, Some("3"), Some(SECRET), |entry| {
        entry.status = ChannelStatus::Inactive;
    });
    // Neither another tenant's nor one of another app is asked.
    put(&rig, kind, Some("2"), Some(SECRET), |entry| {
        entry.tenant = TenantId(Uuid::from_u128(9));
    });
    put(&rig, kind, Some("2"), Some("another"), |_| {});
    let body = texts(&["2", "1", "3"]);
    let answer = post(&rig, called, &body).await;
    assert_eq!(conversations(&answer), [of(called, "15550100")]);
    // Once, though it comes twice.
    post(&rig, called, &body).await;
    let mut letters = letters(&rig).await;
    letters.sort_by_key(|letter| letter["detail"].to_string());
    assert_eq!(letters.len(), 2, "{letters:?}");
    let said = |place: usize| letters[place]["detail"].as_str().unwrap();
    assert!(
        said(0).contains("`phone_number_id` is 2; make a channel"),
        "{}",
        said(0)
    );
    assert!(
        said(1).contains(&format!("is 3: channel {off}, which is switched off")),
        "{}",
        said(1)
    );
    for letter in &letters {
        assert_eq!(
            (&letter["stage"], &letter["reason"]),
            (&json!("receive"), &json!("other-account"))
        );
    }
    let alone = post(&rig, called, &texts(&["2"])).await;
    assert_eq!(alone.json()["message_id"], Value::Null, "{}", alone.text);
}

#[tokio::test]
async fn a_channel_that_names_no_account_takes_what_is_nobody_elses() {
    let rig = Rig::start().await;
    rig.provision().await;
    for kind in [ChannelKind::Messenger, ChannelKind::Instagram] {
        let text = |account: &str| {
            json!({"object": "page", "entry": [{"id": account, "time": 1, "messaging": [{
                "sender": {"id": "77"}, "recipient": {"id": account}, "timestamp": 1_790_000_000_000_u64,
                "message": {"mid": format!("m_{account}"), "text": "hi"}}]}]})
        };
        let called = put(&rig, kind, None, Some(SECRET), |_| {});
        let named = put(&rig, kind, Some("5"), Some(SECRET), |_| {});
        let own = conversations(&post(&rig, called, &text("6")).await);
        let others = conversations(&post(&rig, called, &text("5")).await);
        let theirs = conversations(&post(&rig, named, &text("5")).await);
        assert_eq!(others, theirs, "{kind}");
        assert_ne!(own, others, "{kind}");
        // A page has one id, an account of Instagram's several.
        let strange = conversations(&post(&rig, named, &text("8")).await);
        assert_eq!(strange.is_empty(), kind == ChannelKind::Messenger, "{kind}");
    }
    assert_eq!(letters(&rig).await.len(), 1);
}

#[tokio::test]
async fn a_body_without_any_entry_is_not_metas() {
    let rig = Rig::start().await;
    rig.provision().await;
    for kind in [
        ChannelKind::WhatsApp,
        ChannelKind::Messenger,
        ChannelKind::Instagram,
    ] {
        let channel = put(&rig, kind, None, Some(SECRET), |_| {});
        for body in [
            json!({}),
            json!({"entry": null}),
            json!({"object": "page"}),
            json!([{}]),
            json!([]),
            json!("hi"),
            Value::Null,
        ] {
            let answer = post(&rig, channel, &body).await;
            let problem = answer.problem(400);
            assert!(
                problem["detail"].as_str().unwrap().contains("malformed"),
                "{problem}"
            );
        }
        // An entry that is not as documented is kept.
        for body in [
            json!({"entry": {"id": "1"}}),
            json!({"entry": [1]}),
            json!({"object": "page", "entry": [{"id": "1"}]}),
        ] {
            let answer = post(&rig, channel, &body).await;
            assert_eq!(answer.status, 200, "{kind} {body}: {}", answer.text);
            assert!(answer.json()["message_id"].is_string(), "{kind} {body}");
        }
    }
}
