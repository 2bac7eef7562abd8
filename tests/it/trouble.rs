//! Bad input and broken parts: every one has a defined answer, and nothing accepted is lost.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::rig::{Hub, PATIENCE, telegram, until_some};

const SECRET: &str = "trouble-secret";

async fn telegram_channel(hub: &Hub) -> String {
    hub.channel(
        "telegram",
        json!({"credentials": {"bot_token": "42:token", "secret_token": SECRET}}),
    )
    .await
}

async fn post(
    hub: &Hub,
    channel: &str,
    secret: &str,
    body: impl Into<reqwest::Body>,
) -> (StatusCode, reqwest::header::HeaderMap, String) {
    let answer = hub
        .webhook(channel)
        .header("X-Telegram-Bot-Api-Secret-Token", secret)
        .header("Content-Type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    (status, headers, answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_a_reason() {
    let hub = Hub::start().await;
    let channel = telegram_channel(&hub).await;
    let good = telegram(1, 1, "hello there").to_string();
    for (what, id, secret, body, status) in [
        (
            "a wrong signature",
            channel.as_str(),
            "wrong",
            good.clone(),
            StatusCode::UNAUTHORIZED,
        ),
        (
            "an unknown channel",
            "01900000-0000-7000-8000-000000000000",
            SECRET,
            good.clone(),
            StatusCode::NOT_FOUND,
        ),
        (
            "no channel at all",
            "not-a-uuid",
            SECRET,
            good.clone(),
            StatusCode::NOT_FOUND,
        ),
        (
            "no JSON",
            channel.as_str(),
            SECRET,
            "{\"update_id\":".to_owned(),
            StatusCode::BAD_REQUEST,
        ),
        (
            "a huge body",
            channel.as_str(),
            SECRET,
            " ".repeat(5 << 20),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let (got, headers, text) = post(&hub, id, secret, body).await;
        assert_eq!(got, status, "{what}: {text}");
        assert_eq!(
            headers["content-type"], "application/problem+json",
            "{what}"
        );
        assert!(!text.contains(SECRET), "{what}: the answer has the secret");
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert!(
            problem["title"].is_string() && problem["status"] == status.as_u16(),
            "{what}: {problem}"
        );
    }
    for path in [
        "/api/v1/channels",
        "/api/v1/conversations",
        "/api/v1/stats",
        "/api/communications/messages",
    ] {
        let answer = hub
            .http
            .get(format!("{}{path}", hub.url))
            .send()
            .await
            .unwrap();
        assert_eq!(
            answer.status(),
            StatusCode::UNAUTHORIZED,
            "{path} without a key"
        );
        let request = hub.request_by("tdk_wrong", Method::GET, path);
        let answer = request.send().await.unwrap();
        assert_eq!(
            answer.status(),
            StatusCode::UNAUTHORIZED,
            "{path} with a wrong key"
        );
    }
    assert_eq!(hub.get("/api/v1/stats").await["total_messages"], 0);
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_understood_is_a_dead_letter_and_holds_nobody_up() {
    let mut hub = Hub::start().await;
    let channel = hub.channel("generic", json!({})).await;
    let shown = hub.get(&format!("/api/v1/channels/{channel}")).await;
    let subject = shown["ingest_subject"].as_str().unwrap();
    let subject = subject.replace('*', "room");
    let (login, address) = hub.nats_url.rsplit_once('@').unwrap();
    let (user, password) = login.trim_start_matches("nats://").split_once(':').unwrap();
    let adapter = nats::Bus::connect(&nats::ConnectSettings {
        url: format!("nats://{address}"),
        user: Some(user.to_owned()),
        password: Some(schemas::Secret::new(password)),
        ..nats::ConnectSettings::default()
    })
    .await
    .unwrap();
    let broken = json!({"id": "1", "text": "from nobody"});
    let whole = json!({"id": "2", "text": "after it", "sender": {"id": "ann"}});
    for body in [&broken, &whole] {
        adapter
            .publisher()
            .publish(&subject, body.to_string().into(), PATIENCE)
            .await
            .unwrap();
    }
    hub.until("/api/v1/stats", |stats| {
        (stats["total_messages"] == 1).then_some(())
    })
    .await;
    let newest =
        |after: u64| move |letters: &Value| letters[0]["seq"].as_u64().filter(|seq| *seq > after);
    let seq = hub.until("/api/v1/dlq", newest(0)).await;
    let letter = hub.get(&format!("/api/v1/dlq/{seq}")).await;
    assert_eq!(letter["stage"], "normalize", "{letter}");
    assert_eq!(letter["reason"], "malformed", "{letter}");
    assert_eq!(letter["payload"], broken.to_string(), "{letter}");
    // Sent again it goes the same way, and the old letter is gone.
    hub.post(&format!("/api/v1/dlq/{seq}/redrive"), &json!({}))
        .await;
    hub.until("/api/v1/dlq", newest(seq)).await;
    hub.expect_dead_letters(1);
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_webhooks_are_accepted_and_caught_up() {
    let hub = Hub::start().await;
    let channel = telegram_channel(&hub).await;
    let (status, _, text) =
        post(&hub, &channel, SECRET, telegram(1, 1, "before").to_string()).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let postgres = Pid::from_raw(hub.children("postgres")[0]);
    // Stopped, not ended, so that it is away for as long as this test wants.
    kill(postgres, Signal::SIGSTOP).unwrap();
    for backend in backends(postgres.as_raw()) {
        kill(Pid::from_raw(backend), Signal::SIGSTOP).unwrap();
    }
    for n in 2..=20 {
        let (status, _, text) = post(
            &hub,
            &channel,
            SECRET,
            telegram(1, n, "meanwhile").to_string(),
        )
        .await;
        assert_eq!(status, StatusCode::OK, "{text}");
    }
    let read = hub
        .request(Method::GET, "/api/v1/stats")
        .send()
        .await
        .unwrap();
    assert_eq!(read.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(read.headers().contains_key("retry-after"));
    for pid in backends(postgres.as_raw()) {
        kill(Pid::from_raw(pid), Signal::SIGCONT).unwrap();
    }
    kill(postgres, Signal::SIGCONT).unwrap();
    hub.until("/api/v1/stats", |stats| {
        (stats["total_messages"] == 20).then_some(())
    })
    .await;
    hub.done().await;
}

/// Processes Postgres has forked.
fn backends(postmaster: i32) -> Vec<i32> {
    std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"))
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_broker_nothing_is_accepted_and_nothing_accepted_is_lost() {
    let hub = Hub::start().await;
    let channel = telegram_channel(&hub).await;
    let mut accepted = 0;
    for n in 1..=50 {
        let (status, _, text) =
            post(&hub, &channel, SECRET, telegram(1, n, "before").to_string()).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        accepted += 1;
    }
    let broker = Pid::from_raw(hub.children("nats-server")[0]);
    kill(broker, Signal::SIGSTOP).unwrap();
    // Its threads stop one by one; on a busy machine the last ones could still store something.
    let stopped = until_some(|| async {
        let tasks = std::fs::read_dir(format!("/proc/{broker}/task")).ok()?;
        let state = |path| std::fs::read_to_string(path).unwrap_or_default();
        let mut tasks = tasks.flatten().map(|task| state(task.path().join("stat")));
        tasks.all(|stat| stat.contains(") T ")).then_some(())
    });
    assert!(stopped.await.is_some(), "the broker goes on");
    let (status, headers, text) = post(
        &hub,
        &channel,
        SECRET,
        telegram(2, 1000, "refused").to_string(),
    )
    .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
    assert!(headers.contains_key("retry-after"), "{headers:?}");
    // Killed, it is started again by the hub, with what it had stored.
    kill(broker, Signal::SIGKILL).unwrap();
    let back = until_some(|| async {
        let (status, _, _) =
            post(&hub, &channel, SECRET, telegram(1, 51, "after").to_string()).await;
        (status == StatusCode::OK).then_some(())
    })
    .await;
    assert!(
        back.is_some(),
        "webhooks are not accepted after the broker came back"
    );
    accepted += 1;
    let messages = hub
        .until(
            &format!("/api/v1/messages?channel_id={channel}&limit=200"),
            |rows| (rows.as_array()?.len() >= accepted).then(|| rows.clone()),
        )
        .await;
    let of_first: Vec<&Value> = messages
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["content"] != "refused")
        .collect();
    assert_eq!(of_first.len(), accepted);
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_it_starts_again_with_everything() {
    let hub = Hub::start().await;
    let channel = telegram_channel(&hub).await;
    for n in 1..=20 {
        let (status, _, _) = post(&hub, &channel, SECRET, telegram(1, n, "kept").to_string()).await;
        assert_eq!(status, StatusCode::OK);
    }
    let key = hub.key.clone();
    let folder = hub.kill().await;
    let hub = Hub::start_in(folder, &[], &[]).await;
    assert_eq!(hub.key, key, "the admin key stays");
    hub.until("/api/v1/stats", |stats| {
        (stats["total_messages"] == 20).then_some(())
    })
    .await;
    let second = crate::rig::up(hub.dir(), &[], &[])
        .wait_with_output()
        .await
        .unwrap();
    assert!(
        !second.status.success(),
        "a second hub on the same folder must be refused"
    );
    let log = std::fs::read_to_string(hub.dir().join("hub.log")).unwrap();
    assert!(
        log.lines()
            .any(|line| line.starts_with("error: ") && line.contains("already runs")),
        "why it is refused is one line: {log}"
    );
    hub.done().await;
}
