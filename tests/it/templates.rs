//! Templates of campaigns through the API: languages, checks, previews, and one message to try them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::rig::Hub;

async fn ask(hub: &Hub, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let answer = hub.request(method, path).json(body).send().await.unwrap();
    let status = answer.status();
    (status, answer.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_written_checked_previewed_and_tried() {
    let hub = Hub::start().await;
    let channel = hub.channel("sandbox", json!({})).await;
    // As EmailTemplate has it, and without a text of its own.
    let made = hub
        .post(
            "/api/v1/templates",
            &json!({
                "name": "Welcome", "category": "onboarding", "subject": "Hello {{ first_name }}", "is_active": false,
                "html_content": "<style>p{color:red}</style><p>Hi {{ first_name }}, {{ order.total | default('nothing') }}</p>",
                "variables": ["first_name", "order", "city"]}),
        )
        .await;
    let path = format!("/api/v1/templates/{}", made["id"].as_str().unwrap());
    assert_eq!(
        (&made["content"], &made["variants"]),
        (&json!(""), &json!([]))
    );

    let german = format!("{path}/variants/de-at");
    let body = json!({"subject": "Servus {{ first_name }}", "text_content": "Servus {{ first_name }} aus {{ city }}!"});
    let (status, variant) = ask(&hub, Method::PUT, &german, &body).await;
    assert_eq!(
        (status, &variant["language"]),
        (StatusCode::OK, &json!("de-AT"))
    );
    assert_eq!(hub.get(&path).await["variants"], json!([variant]));
    let listed = hub
        .get("/api/v1/templates?category=onboarding&is_active=false")
        .await;
    assert_eq!(
        listed[0]["variants"][0]["content"],
        "Servus {{ first_name }} aus {{ city }}!"
    );
    assert_eq!(
        hub.get("/api/v1/templates?category=onboarding&is_active=true")
            .await,
        json!([])
    );

    let found = hub.post(&format!("{path}/check"), &json!({})).await;
    assert_eq!(found["ok"], true, "{found}");
    assert_eq!(
        found["variables"],
        json!(["city", "first_name", "order.total"])
    );
    assert_eq!(found["required"], json!(["city", "first_name"]));
    assert_eq!(
        (&found["undeclared"], &found["unused"]),
        (&json!([]), &json!([]))
    );

    let preview = format!("{path}/preview");
    let seen = hub
        .post(
            &preview,
            &json!({"attributes": {"first_name": "<Ada>", "order": {"total": 7}}}),
        )
        .await;
    assert_eq!(seen["subject"], "Hello <Ada>");
    let html = seen["html"].as_str().unwrap();
    assert!(
        html.contains("<p style=\"color:red\">Hi &lt;Ada&gt;, 7</p>"),
        "{html}"
    );
    assert!(
        seen["text"].as_str().unwrap().starts_with("Hi <Ada>, 7"),
        "{seen}"
    );
    let seen = hub
        .post(
            &preview,
            &json!({"attributes": {"first_name": "Ada"}, "language": "de-AT"}),
        )
        .await;
    assert_eq!(seen["missing"], json!(["city"]));
    assert!(
        seen["text"]
            .as_str()
            .unwrap()
            .starts_with("Servus Ada aus [city]!"),
        "{seen}"
    );

    let contact = hub
        .post(
            "/api/v1/contacts",
            &json!({"name": "Ada", "addresses": [{"kind": "email", "address": "ada@example.com"}],
                "attributes": {"first_name": "Ada", "city": "Graz"}, "language": "de-AT"}),
        )
        .await;
    let seen = hub
        .post(&preview, &json!({"contact_id": contact["id"]}))
        .await;
    assert!(
        seen["text"]
            .as_str()
            .unwrap()
            .starts_with("Servus Ada aus Graz!"),
        "{seen}"
    );
    assert_eq!(seen["missing"], json!([]));

    let trial = format!("{path}/test");
    let body = json!({"channel_id": channel, "address": "me", "contact_id": contact["id"], "language": "en"});
    let sent = hub.post(&trial, &body).await;
    let message = hub
        .until(
            &format!("/api/v1/messages/{}", sent["id"].as_str().unwrap()),
            |message| (message["status"] == "sent").then(|| message.clone()),
        )
        .await;
    assert_eq!(
        message["content"], "Hi Ada, nothing\n\n--\nUnsubscribe: #unsubscribe",
        "{message}"
    );
    assert_eq!(message["metadata"]["test"], true);
    assert_eq!(message["tags"], json!(["test"]));

    let (status, problem) = ask(
        &hub,
        Method::POST,
        &trial,
        &json!({"channel_id": channel, "address": "me"}),
    )
    .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("no value for first_name"),
        "{problem}"
    );
    assert_eq!(
        ask(&hub, Method::DELETE, &german, &json!({})).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        ask(&hub, Method::GET, &german, &json!({})).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        ask(&hub, Method::DELETE, &german, &json!({})).await.0,
        StatusCode::NOT_FOUND
    );
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_template_has_a_place() {
    let hub = Hub::start().await;
    let (status, problem) = ask(
        &hub,
        Method::POST,
        "/api/v1/templates",
        &json!({"name": "a", "content": "{{ first }} {{ last }} {{ sender.name }}", "variables": ["first"]}),
    )
    .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["pointer"], "/variables");
    assert!(
        problem["detail"].as_str().unwrap().contains("reads last."),
        "{problem}"
    );
    let nothing = json!({"name": "a"});
    assert_eq!(
        ask(&hub, Method::POST, "/api/v1/templates", &nothing)
            .await
            .0,
        StatusCode::UNPROCESSABLE_ENTITY
    );

    // What cannot be compiled is refused, with its place: made, changed, or in another language.
    let html =
        json!({"html_content": "<p>\n <a href={{ url }}>x</a>", "name": "b", "content": "x"});
    let (status, problem) = ask(&hub, Method::POST, "/api/v1/templates", &html).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let error = &problem["errors"][0];
    assert_eq!(
        (&error["pointer"], &error["line"], &error["column"]),
        (&json!("/html_content"), &json!(2), &json!(10))
    );
    let why = error["detail"].as_str().unwrap();
    assert!(
        why.starts_with("html, line 2, column 10: ") && why.ends_with("Write `href=\"…\"`."),
        "{why}"
    );
    let fine = json!({"name": "b", "content": "x"});
    let made = hub.post("/api/v1/templates", &fine).await;
    let path = format!("/api/v1/templates/{}", made["id"].as_str().unwrap());
    let found = hub.post(&format!("{path}/check"), &json!({})).await;
    assert_eq!(
        (&found["ok"], &found["problems"]),
        (&json!(true), &json!([]))
    );
    let unclosed = json!({"content": "Hello\n{% if name %}there"});
    for (method, at) in [
        (Method::PUT, path.clone()),
        (Method::PATCH, path.clone()),
        (Method::PUT, format!("{path}/variants/fr")),
    ] {
        let (status, problem) = ask(&hub, method, &at, &unclosed).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{at}");
        let error = &problem["errors"][0];
        assert_eq!(
            (&error["pointer"], &error["line"]),
            (&json!("/content"), &json!(2)),
            "{problem}"
        );
    }
    let (_, problem) = ask(
        &hub,
        Method::PATCH,
        &path,
        &json!({"subject": "{{", "content": "{% set %}"}),
    )
    .await;
    let places = problem["errors"].as_array().unwrap().iter();
    let places: Vec<&str> = places
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert!(
        places.contains(&"/subject") && places.contains(&"/content"),
        "{problem}"
    );
    assert_eq!(hub.get(&path).await["content"], "x");

    // A change that reads what is not declared is refused, and leaves the template as it was.
    hub.request(Method::PATCH, &path)
        .json(&json!({"html_content": null, "variables": ["x"]}))
        .send()
        .await
        .unwrap();
    let (status, _) = ask(&hub, Method::PATCH, &path, &json!({"content": "{{ y }}"})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _) = ask(
        &hub,
        Method::PUT,
        &format!("{path}/variants/fr"),
        &json!({"content": "{{ y }}"}),
    )
    .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(hub.get(&path).await["content"], "x");
    for wrong in ["x y", "12", ""] {
        let (status, _) = ask(
            &hub,
            Method::PUT,
            &format!("{path}/variants/{wrong}"),
            &json!({"content": "x"}),
        )
        .await;
        assert!(status.is_client_error(), "{wrong}");
    }
    hub.done().await;
}
