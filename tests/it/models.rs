//! A tenant's own models, from their upload to the messages they answer.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{
    command::another_tenant,
    rig::{Hub, body_of},
    understanding::{REFUND, choose_as, model, said, status, until_answered_by, upload},
};

#[tokio::test(flavor = "multi_thread")]
async fn models_are_swapped_while_the_hub_runs() {
    let hub = Hub::start().await;
    let theirs = another_tenant(&hub).await;
    let channel = hub.channel("sandbox", json!({})).await;
    let (first, second) = (model(1), model(2));
    let before = said(&hub, &channel, 0, REFUND).await;

    let (code, made) = upload(&hub, &hub.key, "task=intent&name=first", first.clone()).await;
    assert_eq!(code, StatusCode::CREATED, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("intent-"), "{made}");
    assert_eq!(made["labels"], json!(["greeting", "refund"]));
    assert_eq!(made["active"], false);
    assert!(made["card"].as_str().unwrap().contains(&id), "{made}");
    let (code, again) = upload(&hub, &hub.key, "task=intent&name=again", first.clone()).await;
    assert_eq!((code, &again["name"]), (StatusCode::OK, &json!("first")));
    assert_ne!(before["intent"]["model"], json!(id));

    // Answered within seconds, and the message after that one by it, too.
    let path = format!("/api/v1/models/{id}");
    let choose = async |path: &str| {
        status(
            &hub,
            &hub.key,
            Method::PUT,
            &format!("{path}/activate"),
            &json!({}),
        )
        .await
    };
    assert_eq!(choose(&path).await, StatusCode::OK);
    let took = until_answered_by(&hub, &channel, 1_000, &id).await;
    assert!(took < Duration::from_secs(10), "the swap took {took:?}");
    assert_eq!(hub.get(&path).await["active"], true);
    let bytes = hub
        .request(Method::GET, &format!("{path}/file"))
        .send()
        .await
        .unwrap();
    assert_eq!(bytes.bytes().await.unwrap(), first);

    // The next one takes its place, and a rollback takes it back.
    let (_, made) = upload(&hub, &hub.key, "task=intent&name=second", second).await;
    let other = made["id"].as_str().unwrap().to_owned();
    assert_ne!(id, other);
    assert_eq!(
        choose(&format!("/api/v1/models/{other}")).await,
        StatusCode::OK
    );
    until_answered_by(&hub, &channel, 2_000, &other).await;
    let back = hub
        .post("/api/v1/understanding/rollback", &json!({"task": "intent"}))
        .await;
    assert_eq!(back["backend"], format!("model:{id}"));
    until_answered_by(&hub, &channel, 3_000, &id).await;

    // In use it stays; a model that is not goes, with its file.
    let delete =
        async |path: &str, key: &str| status(&hub, key, Method::DELETE, path, &json!({})).await;
    assert_eq!(delete(&path, &hub.key).await, StatusCode::CONFLICT);
    let unused = format!("/api/v1/models/{other}");
    assert_eq!(delete(&unused, &theirs).await, StatusCode::NOT_FOUND);
    assert_eq!(delete(&unused, &hub.key).await, StatusCode::NO_CONTENT);
    assert_eq!(delete(&unused, &hub.key).await, StatusCode::NOT_FOUND);
    let kept = std::fs::read_dir(hub.dir().join("objects/models")).unwrap();
    let files = kept.flat_map(|tenant| std::fs::read_dir(tenant.unwrap().path()).unwrap());
    assert_eq!(files.count(), 1);

    // Another tenant sees nothing of it, and cannot use it.
    assert_eq!(choose_as(&hub, &theirs, &id).await, StatusCode::NOT_FOUND);
    for path in [path.clone(), format!("{path}/file")] {
        assert_eq!(
            status(&hub, &theirs, Method::GET, &path, &json!({})).await,
            StatusCode::NOT_FOUND
        );
    }
    let settings = json!({"models": {"intent": format!("model:{id}")}});
    assert_eq!(
        status(
            &hub,
            &theirs,
            Method::PUT,
            "/api/v1/understanding",
            &settings
        )
        .await,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let list = body_of(hub.request_by(&theirs, Method::GET, "/api/v1/models")).await;
    assert_eq!(list, json!([]));
    let audit = hub.get("/api/v1/audit").await.to_string();
    for act in ["model.create", "model.delete", "understanding.update"] {
        assert!(audit.contains(act), "{act} is not in {audit}");
    }
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_worker_has_its_models_and_a_lost_file_stops_no_message() {
    let hub = Hub::start().await;
    let channel = hub.channel("sandbox", json!({})).await;
    let (_, made) = upload(&hub, &hub.key, "task=intent&name=x", model(1)).await;
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(choose_as(&hub, &hub.key, &id).await, StatusCode::OK);
    until_answered_by(&hub, &channel, 1_000, &id).await;

    // Its copy is enough: the first message after a start is answered by it.
    let folder = hub.kill().await;
    std::fs::remove_dir_all(folder.path().join("objects")).unwrap();
    let hub = Hub::start_in(folder, &[], &[]).await;
    let message = said(&hub, &channel, 1, REFUND).await;
    assert_eq!(message["intent"]["model"], json!(id), "{message}");
    let file = format!("/api/v1/models/{id}/file");
    assert_eq!(
        status(&hub, &hub.key, Method::GET, &file, &json!({})).await,
        StatusCode::NOT_FOUND
    );

    // Without the copy, too, the built-in way holds.
    let folder = hub.kill().await;
    std::fs::remove_dir_all(folder.path().join("cache")).unwrap();
    let hub = Hub::start_in(folder, &[], &[]).await;
    let message = said(&hub, &channel, 2, REFUND).await;
    assert_ne!(message["intent"]["model"], json!(id), "{message}");
    let metrics = hub.request(Method::GET, "/metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("tidings_model_failures_total{task=\"intent\"}"),
        "{metrics}"
    );
    // Uploaded again, the file is back.
    let (code, _) = upload(&hub, &hub.key, "task=intent&name=x", model(1)).await;
    assert_eq!(code, StatusCode::OK);
    assert_eq!(
        status(&hub, &hub.key, Method::GET, &file, &json!({})).await,
        StatusCode::OK
    );
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_model_is_refused() {
    let hub = Hub::start().await;
    let good = model(1);
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for (query, file, expected) in [
        (
            "task=intent&name=x",
            Vec::new(),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "task=intent&name=x",
            b"not a model".to_vec(),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "task=intent&name=x",
            flipped,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "task=intent&name=x",
            good[..good.len() - 1].to_vec(),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "task=intent&name=x",
            vec![0; (16 << 20) + 1],
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (
            "task=topic&name=x",
            good.clone(),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "task=intent&name=",
            good.clone(),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("task=mood&name=x", good.clone(), StatusCode::BAD_REQUEST),
        ("name=x", good, StatusCode::BAD_REQUEST),
    ] {
        let (code, problem) = upload(&hub, &hub.key, query, file).await;
        assert_eq!(code, expected, "{query}: {problem}");
    }
    assert_eq!(hub.get("/api/v1/models").await, json!([]));
    hub.done().await;
}
