//! What is not ready does not start, and all that is wrong is said at once; what began is not changed.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    audience, call, done, draft, id, mailed, newsletter, post::Post, reached, recipients,
    sandboxed, tell, without_sandbox,
};
use crate::rig::Hub;

/// What a refusal says, by place.
async fn refused(hub: &Hub, campaign: &str, act: &str, body: &Value) -> Vec<(String, String)> {
    let path = format!("/campaigns/{campaign}/{act}");
    let (status, problem) = call(hub, Method::POST, &path, body).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    match problem["errors"].as_array() {
        Some(errors) => errors
            .iter()
            .map(|error| (text(error, "pointer"), text(error, "detail")))
            .collect(),
        None => panic!("{problem} names no place"),
    }
}

fn says(problems: &[(String, String)], pointer: &str, part: &str) {
    assert!(
        problems
            .iter()
            .any(|(at, detail)| at == pointer && detail.contains(part)),
        "no {pointer} with {part} in {problems:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_missing_is_said_at_once() {
    let hub = Hub::start().await;
    without_sandbox(&hub).await;
    let empty = draft(&hub, json!({"content": null})).await;
    let problems = refused(&hub, &empty, "start", &json!({})).await;
    says(&problems, "/channel_ids", "no active channel");
    says(&problems, "/content", "template_id, or content");
    says(&problems, "/contact_list_ids", "whom it is for");
    // A start takes no body, and does not speak of one.
    let path = format!("/api/v1/campaigns/{empty}/start");
    let bare = hub.request(Method::POST, &path).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let bare: Value = bare.json().await.unwrap();
    let detail = bare["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("The campaign is not ready: 3 things") && !detail.contains("body"),
        "{detail}"
    );
    // What is scheduled is checked as well.
    let at = json!({"scheduled_at": "2030-01-01T00:00:00Z"});
    assert_eq!(refused(&hub, &empty, "schedule", &at).await, problems);

    let sandbox = hub.channel("sandbox", json!({})).await;
    let telegram = json!({"credentials": {"bot_token": "1:a", "secret_token": "s"}});
    let telegram = hub.channel("telegram", telegram).await;
    let (list, _) = audience(&hub, 5, |number| {
        let mut contact = sandboxed(number);
        if number < 2 {
            contact["attributes"]["first_name"] = json!("Ada");
        }
        contact
    })
    .await;
    let unfit = draft(
        &hub,
        json!({
            "contact_list_ids": [list, uuid::Uuid::new_v4()], "channel_ids": [sandbox, telegram, uuid::Uuid::new_v4()],
        }),
    )
    .await;
    let problems = refused(&hub, &unfit, "start", &json!({})).await;
    says(&problems, "/channel_ids", "telegram");
    says(&problems, "/channel_ids", "There is no channel");
    says(&problems, "/contact_list_ids", "There is no list");

    let named = draft(
        &hub,
        json!({"contact_list_ids": [list], "content": "Dear {{ first_name }}, {{ city | default(\"there\") }}"}),
    )
    .await;
    let problems = refused(&hub, &named, "start", &json!({})).await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    says(
        &problems,
        "/content",
        "3 of 5 contacts have no `first_name`",
    );
    assert_eq!(
        done(
            &hub,
            Method::GET,
            &format!("/campaigns/{named}"),
            &json!({})
        )
        .await["status"],
        "DRAFT"
    );

    // A template cannot be stored so; a campaign's own words can.
    let broken = draft(
        &hub,
        json!({"contact_list_ids": [list], "content": "Hello\n{% if name %}there"}),
    )
    .await;
    let problems = refused(&hub, &broken, "start", &json!({})).await;
    says(&problems, "/content", "line 2");

    let (strangers, _) = audience(
        &hub,
        2,
        |number| json!({"addresses": [{"kind": "line", "address": format!("U{number}")}]}),
    )
    .await;
    let strangers = draft(&hub, json!({"contact_list_ids": [strangers]})).await;
    let problems = refused(&hub, &strangers, "start", &json!({})).await;
    says(&problems, "/channel_ids", "None of 2 contacts");

    let nobody = json!({"name": "nobody"});
    let nobody = id(&done(&hub, Method::POST, "/lists", &nobody).await);
    let nobody = draft(&hub, json!({"contact_list_ids": [nobody]})).await;
    let problems = refused(&hub, &nobody, "start", &json!({})).await;
    says(&problems, "/contact_list_ids", "Nobody");

    // Nobody is kept out by a list that has another name by now.
    let kept = json!({"name": "kept out", "expression": "not in list \"Do not write\" and not opened campaign \"Spring\""});
    let kept = id(&done(&hub, Method::POST, "/segments", &kept).await);
    let kept = draft(
        &hub,
        json!({"contact_list_ids": [list], "target_segments": [kept]}),
    )
    .await;
    let problems = refused(&hub, &kept, "start", &json!({})).await;
    says(&problems, "/target_segments", "the list “Do not write”");
    says(&problems, "/target_segments", "the campaign “Spring”");

    // A default makes the attribute unneeded.
    let change = json!({
        "name": "News", "type": "SMS", "contact_list_ids": [list], "content": "Dear {{ first_name }}",
        "metadata": {"defaults": {"first_name": "friend"}}
    });
    done(&hub, Method::PUT, &format!("/campaigns/{named}"), &change).await;
    tell(&hub, &named, "start").await;
    reached(&hub, &named, "COMPLETED").await;
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_began_is_not_changed_and_what_is_over_not_stopped() {
    let hub = Hub::start().await;
    hub.channel("sandbox", json!({})).await;
    let (list, _) = audience(&hub, 2, sandboxed).await;
    let body = json!({"name": "other", "type": "SMS", "content": "Hi", "contact_list_ids": [list]});
    let campaign = draft(&hub, json!({"contact_list_ids": [list]})).await;
    let path = format!("/campaigns/{campaign}");
    for act in ["pause", "resume", "retry-failed"] {
        let (status, problem) =
            call(&hub, Method::POST, &format!("{path}/{act}"), &json!({})).await;
        assert_eq!(status, StatusCode::CONFLICT, "{act}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains("DRAFT"),
            "{problem}"
        );
    }
    assert_eq!(done(&hub, Method::PUT, &path, &body).await["name"], "other");
    tell(&hub, &campaign, "start").await;
    let (status, problem) = call(&hub, Method::PUT, &path, &body).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    reached(&hub, &campaign, "COMPLETED").await;
    for act in ["start", "pause", "resume", "stop"] {
        let (status, problem) =
            call(&hub, Method::POST, &format!("{path}/{act}"), &json!({})).await;
        assert_eq!(status, StatusCode::CONFLICT, "{act}: {problem}");
    }
    let (status, _) = call(&hub, Method::DELETE, &path, &json!({})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = call(&hub, Method::GET, &format!("{path}/stats"), &json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_will_not_be_believed_is_warned_of() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    hub.channel("email", post.channel()).await;
    let (list, _) = audience(&hub, 1, |_| mailed("ada@example.org")).await;
    let from = async |sender: &str| newsletter(&hub, &list, json!({"sender_email": sender})).await;
    let own = from("news@example.com").await;
    let checked = tell(&hub, &own, "check").await;
    assert_eq!(checked, json!({"ok": true, "problems": [], "warnings": []}));
    let other = from("news@elsewhere.example").await;
    let checked = tell(&hub, &other, "check").await;
    let warning = &checked["warnings"][0];
    assert_eq!(
        (&checked["ok"], &warning["pointer"]),
        (&json!(true), &json!("/sender_email"))
    );
    let why = warning["detail"].as_str().unwrap();
    assert!(
        why.contains("elsewhere.example") && why.contains("DMARC") && why.contains("example.com"),
        "{why}"
    );
    let started = tell(&hub, &other, "start").await;
    assert_eq!(
        (&started["status"], &started["warnings"]),
        (&json!("RUNNING"), &checked["warnings"])
    );
    let empty = draft(&hub, json!({"contact_list_ids": []})).await;
    let checked = tell(&hub, &empty, "check").await;
    assert_eq!(checked["ok"], false);
    assert_eq!(
        checked["problems"][0]["pointer"], "/contact_list_ids",
        "{checked}"
    );
    reached(&hub, &other, "COMPLETED").await;
    // Its bounces go to the sender's domain, which is as good.
    let mut bouncing = post.channel();
    bouncing["config"] = json!({"settings": {"return_path": "bounces@elsewhere.example"}});
    let bouncing = hub.channel("email", bouncing).await;
    let more = json!({"sender_email": "news@elsewhere.example", "channel_ids": [bouncing]});
    let believed = newsletter(&hub, &list, more).await;
    let checked = tell(&hub, &believed, "check").await;
    assert_eq!(checked, json!({"ok": true, "problems": [], "warnings": []}));
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_mail_whose_subject_comes_out_empty() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    hub.channel("email", post.channel()).await;
    let news = json!({"subject_line": "{{ nick }}"});
    let person = |number: usize, nick: &str| {
        let mut contact = mailed(&format!("person{number}@example.org"));
        contact["attributes"] = json!({"nick": nick});
        contact
    };
    let (few, _) = audience(&hub, 2, |number| person(number, ["Ada", " "][number])).await;
    let campaign = newsletter(&hub, &few, news.clone()).await;
    let problems = refused(&hub, &campaign, "start", &json!({})).await;
    says(
        &problems,
        "/subject_line",
        "1 would get a mail without a subject",
    );
    let path = format!("/campaigns/{campaign}/check");
    let checked = done(&hub, Method::POST, &path, &json!({})).await;
    assert_eq!(
        checked["problems"][0]["pointer"], "/subject_line",
        "{checked}"
    );

    // A hundred are looked at; who comes after them is found out about when it is their turn.
    let late = 120;
    let (many, contacts) = audience(&hub, late, |number| {
        person(number + 10, if number + 1 == late { "" } else { "Ada" })
    })
    .await;
    let campaign = newsletter(&hub, &many, news).await;
    tell(&hub, &campaign, "start").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let failed = recipients(&hub, &campaign, "&status=FAILED").await;
    assert_eq!(failed.len(), 1);
    assert_eq!(
        (
            &failed[0]["contact_id"],
            &failed[0]["failure_class"],
            &failed[0]["failure_reason"]
        ),
        (
            &json!(contacts.last()),
            &json!("template"),
            &json!("the subject is empty")
        )
    );
    assert_eq!(post.mails().len(), late - 1);
    hub.done().await;
}
