//! The answers of the whole router while the database is down.

use axum::body::Body;
use schemas::{ChannelId, ChannelKind, ChannelStatus, TenantId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    auth::{ACCESS, Permission},
    rig::{Rig, TENANT, request, token},
};

const UUID: &str = "00000000-0000-0000-0000-000000000001";

/// A path of the table with ids in it.
fn filled(path: &str) -> String {
    path.split('/')
        .map(|part| match part {
            "{seq}" => "1",
            part if part.starts_with('{') => UUID,
            part => part,
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test]
async fn every_route_wants_a_key_and_the_right_role() {
    let rig = Rig::start().await;
    for (method, path, permission) in ACCESS {
        for prefix in crate::PREFIXES {
            let path = format!("{prefix}{}", filled(path));
            let ask =
                async |token: &str| rig.ask(request(method, &path, token, Body::empty())).await;
            let none = ask("").await;
            none.problem(401);
            assert!(
                none.headers["www-authenticate"]
                    .to_str()
                    .unwrap()
                    .starts_with("Bearer")
            );
            ask("tdj_no.jwt.here").await.problem(401);
            for role in ["viewer", "agent"] {
                let allowed = match permission {
                    Permission::Read => true,
                    Permission::Converse => role == "agent",
                    Permission::Administer | Permission::HandIn => false,
                };
                // What is allowed goes on to say what is wrong with the request, or that the database is down.
                if !allowed {
                    ask(&token(role)).await.problem(403);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_looked_up_is_not_refused() {
    let rig = Rig::start().await;
    let answer = rig.get("/api/v1/stats", "tdk_0123456789").await;
    answer.problem(503);
    assert_eq!(answer.headers["retry-after"], "2");
}

#[tokio::test]
async fn refusals_are_problems_whoever_makes_them() {
    let rig = Rig::start().await;
    let admin = token("admin");
    rig.get("/api/v1/nothing", "").await.problem(404);
    rig.get("/nothing", "").await.problem(404);
    let wrong_method = rig
        .ask(request("DELETE", "/api/v1/stats", &admin, Body::empty()))
        .await;
    wrong_method.problem(405);
    assert!(
        wrong_method.headers["allow"]
            .to_str()
            .unwrap()
            .contains("GET")
    );
    rig.ask(request("PUT", "/health/live", "", Body::empty()))
        .await
        .problem(405);
    rig.get("/api/v1/channels/no-uuid", &admin)
        .await
        .problem(400);
    rig.get("/api/v1/conversations?limit=many", &admin)
        .await
        .problem(400);
    rig.get("/api/v1/conversations?limit=0", &admin)
        .await
        .problem(400);
    rig.get("/api/v1/conversations?cursor=x", &admin)
        .await
        .problem(400);
    rig.get("/api/v1/conversations?status=asleep", &admin)
        .await
        .problem(400);
    rig.get("/api/v1/conversations?search=%00", &admin)
        .await
        .problem(400);
    rig.post("/api/v1/channels", &admin, "{").await.problem(400);
    rig.post("/api/v1/channels", &admin, "[]")
        .await
        .problem(422);
    rig.post(
        "/api/v1/channels",
        &admin,
        r#"{"type":"pigeon","name":"x"}"#,
    )
    .await
    .problem(422);
    rig.post(
        "/api/v1/channels",
        &admin,
        r#"{"type":"sandbox","name":""}"#,
    )
    .await
    .problem(422);
    let rules =
        json!({"type": "sandbox", "name": "x", "config": {"routing": {"rules": [{"name": "r"}]}}});
    let problem = rig
        .post("/api/v1/channels", &admin, rules.to_string())
        .await
        .problem(422);
    assert_eq!(
        problem["errors"][0]["pointer"],
        "/config/routing/rules/0/then"
    );
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(2 << 20));
    rig.post("/api/v1/channels", &admin, large)
        .await
        .problem(413);
    let mut plain = request("POST", "/api/v1/channels", &admin, Body::from("{}"));
    plain
        .headers_mut()
        .insert("content-type", "text/plain".parse().unwrap());
    rig.ask(plain).await.problem(415);
}

#[tokio::test]
async fn what_does_not_fit_a_message_is_told_by_its_place() {
    let rig = Rig::start().await;
    let agent = token("agent");
    for (content, place, said) in [
        (json!(5), "/content", "a text, or an object of `text`"),
        (json!(null), "/content", "a text, or an object of `text`"),
        (
            json!([{"text": "hi"}]),
            "/content",
            "a text, or an object of `text`",
        ),
        (json!({"text": 7}), "/content/text", "a string"),
        (json!({"html": ["<p>"]}), "/content/html", "a string"),
        (
            json!({"texts": "hi"}),
            "/content/texts",
            "expected one of `text`",
        ),
        (json!({"attachments": {}}), "/content/attachments", "a list"),
    ] {
        let body = json!({"conversation_id": UUID, "content": content}).to_string();
        let answer = rig.post("/api/v1/messages/send", &agent, body).await;
        let problem = answer.problem(422);
        let error = &problem["errors"][0];
        let pointer = error["pointer"].as_str().unwrap();
        let detail = error["detail"].as_str().unwrap();
        assert!(pointer.starts_with(place), "{content}: {error}");
        assert!(detail.contains(said), "{content}: {error}");
        assert!(!answer.text.contains("untagged"), "{}", answer.text);
    }
    let body = json!({"conversation_id": UUID}).to_string();
    let missing = rig.post("/api/v1/messages/send", &agent, body).await;
    assert_eq!(missing.problem(422)["errors"][0]["pointer"], "/content");
}

#[tokio::test]
async fn campaigns_stand_aside_as_soon_as_an_answer_is_asked_for() {
    let rig = Rig::start().await;
    let precedence = rig.hub.store.precedence();
    assert!(!precedence.is_recent());
    let body = json!({"conversation_id": UUID, "content": "hi"}).to_string();
    let agent = token("agent");
    let stood_aside = async {
        while !precedence.is_recent() {
            tokio::task::yield_now().await;
        }
        precedence.give_way().await;
    };
    // The conversation is looked for in a database that is away: the answer takes longer than anybody stands aside.
    tokio::select! {
        biased;
        answer = rig.post("/api/v1/messages/send", &agent, body) => panic!("{}", answer.text),
        () = stood_aside => {}
    }
}

#[tokio::test]
async fn without_the_database_reads_say_when_to_come_back() {
    let rig = Rig::start().await;
    let answer = rig.get("/api/v1/stats", &token("viewer")).await;
    let problem = answer.problem(503);
    assert!(answer.headers.contains_key("retry-after"));
    assert!(
        !problem.to_string().to_lowercase().contains("postgres"),
        "{problem}"
    );
    let ready = rig.get("/health/ready", "").await;
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json()["status"], "degraded");
    assert_eq!(ready.json()["checks"]["nats"]["ok"], true);
    assert_eq!(rig.get("/health/live", "").await.json()["status"], "ok");
    assert_eq!(rig.get("/metrics", "").await.text, "# no metrics\n");
}

#[tokio::test]
async fn the_documents_are_served_from_here() {
    let rig = Rig::start().await;
    let document = rig.get("/api/openapi.json", "").await;
    assert_eq!(document.headers["content-type"], "application/json");
    assert_eq!(document.json()["openapi"], "3.1.0");
    let page = rig.get("/docs/", "").await;
    assert_eq!(page.status, 200);
    assert!(
        page.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    assert!(page.headers.contains_key("content-security-policy"));
    assert!(
        !page.text.contains("https://") && !page.text.contains("src=\"//"),
        "{}",
        page.text
    );
    let start = rig.get("/docs/swagger-initializer.js", "").await;
    assert!(start.text.contains("/api/openapi.json"), "{}", start.text);
    let script = rig.get("/docs/swagger-ui-bundle.js", "").await;
    assert!(script.status == 200 && script.text.len() > 100_000);
    assert!(rig.get("/", "").await.text.contains("/docs"));
}

#[tokio::test]
async fn origins_are_let_in_by_name_only() {
    let origin = async |rig: &Rig, origin: &'static str| {
        let mut request = request("GET", "/health/live", "", Body::empty());
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
        let answer = rig.ask(request).await;
        answer.headers.get("access-control-allow-origin").cloned()
    };
    let closed = Rig::start().await;
    assert_eq!(origin(&closed, "https://inbox.example.com").await, None);
    let open =
        Rig::with(|settings| settings.cors_origins = vec!["https://inbox.example.com".into()])
            .await;
    assert_eq!(
        origin(&open, "https://inbox.example.com").await.unwrap(),
        "https://inbox.example.com"
    );
    assert_eq!(origin(&open, "https://evil.example.com").await, None);
}

fn channel(rig: &Rig, kind: ChannelKind, status: ChannelStatus, credentials: Value) -> ChannelId {
    let id = ChannelId::new();
    let tenant = TenantId(TENANT.parse::<Uuid>().unwrap());
    rig.hub.directory.put(id, tenant, kind, status, credentials);
    id
}

#[tokio::test]
async fn webhooks_need_the_broker_and_not_the_database() {
    let rig = Rig::start().await;
    let id = channel(
        &rig,
        ChannelKind::Sandbox,
        ChannelStatus::Active,
        Value::Null,
    );
    let path = format!("/api/v1/webhooks/{id}");
    let body = |id: &str| json!({"id": id, "sender": {"id": "bob"}, "text": "hi"}).to_string();
    // No stream takes it yet: nothing is accepted.
    let refused = rig.post(&path, "", body("m-0")).await;
    refused.problem(503);
    assert!(refused.headers.contains_key("retry-after"));
    rig.provision().await;
    let answer = rig.post(&path, "", body("m-1")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = answer.json();
    assert_eq!(answer["success"], true);
    assert!(answer.get("messages").is_none());
    // The same message again has the same id; the old path is the same route.
    let again = rig
        .post(
            &format!("/api/communications/webhooks/{id}"),
            "",
            body("m-1"),
        )
        .await;
    assert_eq!(again.json()["message_id"], answer["message_id"]);
    let several = format!("[{},{}]", body("m-2"), body("m-3"));
    let several = rig.post(&path, "", several).await.json();
    assert_eq!(several["messages"].as_array().unwrap().len(), 2);
    assert_eq!(several["messages"][0]["message_id"], several["message_id"]);
}

#[tokio::test]
async fn webhooks_refuse_what_is_not_the_platforms() {
    let rig = Rig::with(|settings| settings.body_limit_bytes = 4096).await;
    let secret = json!({"bot_token": "1:a", "secret_token": "the-secret-word"});
    let active = channel(
        &rig,
        ChannelKind::Telegram,
        ChannelStatus::Active,
        secret.clone(),
    );
    let inactive = channel(&rig, ChannelKind::Telegram, ChannelStatus::Inactive, secret);
    let open = channel(
        &rig,
        ChannelKind::Telegram,
        ChannelStatus::Active,
        json!({"bot_token": "1:a"}),
    );
    let ask = async |id: &str, word: &'static str, body: String| {
        let mut request = request("POST", &format!("/api/v1/webhooks/{id}"), "", body.into());
        request
            .headers_mut()
            .insert("x-telegram-bot-api-secret-token", word.parse().unwrap());
        rig.ask(request).await
    };
    let wrong = ask(&active.to_string(), "another", "{}".into()).await;
    let problem = wrong.problem(401);
    assert!(!problem.to_string().contains("the-secret-word"));
    assert!(!wrong.headers.contains_key("www-authenticate"));
    // Fail closed: without a secret nobody can be the platform.
    ask(&open.to_string(), "", "{}".into()).await.problem(401);
    ask(&active.to_string(), "the-secret-word", "{".into())
        .await
        .problem(400);
    ask(&active.to_string(), "the-secret-word", "x".repeat(5000))
        .await
        .problem(413);
    ask(&inactive.to_string(), "the-secret-word", "{}".into())
        .await
        .problem(409);
    ask("no-uuid", "the-secret-word", "{}".into())
        .await
        .problem(404);
    // Not known, and the database cannot be asked.
    ask(UUID, "the-secret-word", "{}".into()).await.problem(503);
}
