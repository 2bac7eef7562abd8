//! Who is told of an import: its tenant, over a socket and by the command line.

use std::future::ready;

use futures::{SinkExt as _, Stream, StreamExt as _};
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::{connect_async, tungstenite::Message};

use super::{counts, import, send};
use crate::{
    command::{another_tenant, tidings},
    rig::{Hub, PATIENCE, body_of},
};

/// What the socket of this key says of imports.
async fn listen(hub: &Hub, key: &str) -> impl Stream<Item = Value> + Unpin + use<> {
    let url = hub.url.replace("http://", "ws://");
    let (mut socket, _) = connect_async(format!("{url}/api/v1/ws")).await.unwrap();
    let words = json!({"event": "auth", "data": {"token": key}});
    socket.send(Message::text(words.to_string())).await.unwrap();
    let mut said = socket.filter_map(|frame| {
        let words = frame.ok().and_then(|frame| frame.into_text().ok());
        ready(words.and_then(|words| serde_json::from_str::<Value>(&words).ok()))
    });
    let first = said.next().await.unwrap();
    assert_eq!(first["event"], "ready", "{first}");
    said.filter_map(|words| {
        ready((words["event"] == "import.progress").then(|| words["data"].clone()))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_tells_how_far_an_import_is_to_its_tenant() {
    let hub = Hub::start().await;
    let theirs = another_tenant(&hub).await;
    let mut ours = listen(&hub, &hub.key).await;
    let mut others = listen(&hub, &theirs).await;
    let mut file = String::from("email,name\n");
    for row in 0..20_000 {
        file.push_str(&format!("p{row}@example.org,Person {row}\n"));
    }
    file.push_str("nobody,\n");
    let (_, taken) = send(&hub, "", file).await;
    let mut heard = Vec::new();
    while heard
        .last()
        .is_none_or(|last: &Value| last["status"] == "running")
    {
        let next = timeout(PATIENCE, ours.next()).await.unwrap().unwrap();
        assert_eq!(next["id"], taken["id"]);
        heard.push(next);
    }
    assert!(heard.len() >= 3, "one at the end alone: {heard:?}");
    for (before, after) in heard.iter().zip(heard.iter().skip(1)) {
        for growing in ["rows", "bytes_done"] {
            assert!(
                before[growing].as_u64() <= after[growing].as_u64(),
                "{before} {after}"
            );
        }
    }
    let last = heard.last().unwrap();
    assert_eq!(counts(last), [20_001, 20_000, 0, 0, 1]);
    assert_eq!(
        (&last["status"], &last["bytes_done"]),
        (&json!("completed"), &last["bytes"])
    );
    // Theirs comes after all of ours, so the first that the other tenant hears would be one of ours.
    let request = hub.request_by(&theirs, Method::POST, "/api/v1/contacts/import");
    let theirs = body_of(request.body("email\nann@example.org\n")).await;
    let first = timeout(PATIENCE, others.next()).await.unwrap().unwrap();
    assert_eq!((&first["id"], &first["rows"]), (&theirs["id"], &json!(1)));
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_of_its_tenant_and_can_be_cancelled() {
    let hub = Hub::start().await;
    let done = import(&hub, "", "email\nann@example.org\n").await;
    let id = done["id"].as_str().unwrap().to_owned();
    let key = another_tenant(&hub).await;
    let ask = async |method: Method, path: &str| {
        let request = hub.request_by(&key, method, &format!("/api/v1{path}"));
        request.send().await.unwrap()
    };
    assert_eq!(
        ask(Method::GET, &format!("/contacts/imports/{id}"))
            .await
            .status(),
        404
    );
    assert_eq!(
        ask(Method::POST, &format!("/contacts/imports/{id}/cancel"))
            .await
            .status(),
        404
    );
    assert_eq!(
        ask(Method::GET, "/contacts/imports")
            .await
            .json::<Value>()
            .await
            .unwrap(),
        json!([])
    );
    let theirs = ask(Method::GET, "/contacts/export?format=jsonl")
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(theirs, "");
    let path = format!("/api/v1/contacts/imports/{id}/cancel");
    let again = hub.request(Method::POST, &path).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::CONFLICT);
    // While nobody reads files in, one waits, and is cancelled.
    let folder = {
        hub.signal(Signal::SIGTERM);
        hub.kill().await
    };
    let idle = Hub::start_in(folder, &["--roles", "gateway,project,janitor"], &[]).await;
    let (_, taken) = send(&idle, "", "email\nbob@example.org\n").await;
    assert_eq!(taken["status"], "running");
    let path = format!(
        "/api/v1/contacts/imports/{}/cancel",
        taken["id"].as_str().unwrap()
    );
    let cancelled = body_of(idle.request(Method::POST, &path)).await;
    assert_eq!(cancelled["status"], "cancelled");
    drop(idle.kill().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_takes_files_in_and_out() {
    let hub = Hub::start().await;
    hub.post("/api/v1/lists", &json!({"name": "news"})).await;
    let file = hub.dir().join("people.csv");
    std::fs::write(&file, "Mail,Name\nann@example.org,Ann\nbob,Bob\n").unwrap();
    let file = file.to_str().unwrap();
    let (said, code) = tidings(
        &hub,
        &[
            "contacts",
            "import",
            file,
            "--list",
            "news",
            "--map",
            "Mail=email",
        ],
    )
    .await;
    assert!(
        said.contains("2 rows: 1 created, 0 updated, 0 skipped, 1 rejected"),
        "{said}"
    );
    assert!(
        said.contains("line 3, Mail: not an e-mail address"),
        "{said}"
    );
    assert_eq!(code, 3, "{said}");
    let (said, code) = tidings(&hub, &["contacts", "import", file, "--list", "olds"]).await;
    assert!(
        said.contains("there is no list `olds`; there is `news`. To make it, add --create-lists"),
        "{said}"
    );
    assert_eq!(code, 1);
    let create = [
        "contacts",
        "import",
        file,
        "--list",
        "olds",
        "--create-lists",
        "--map",
        "Mail=email",
    ];
    let (said, code) = tidings(&hub, &create).await;
    assert!(said.contains("2 rows: 0 created, 1 updated"), "{said}");
    assert_eq!(code, 3, "{said}");
    let lists = hub.get("/api/v1/lists").await;
    let olds = lists
        .as_array()
        .unwrap()
        .iter()
        .find(|list| list["name"] == "olds")
        .unwrap();
    let olds = hub
        .get(&format!("/api/v1/lists/{}", olds["id"].as_str().unwrap()))
        .await;
    assert_eq!(olds["counts"]["confirmed"], 1, "{olds}");
    let out = hub.dir().join("out.csv");
    let out = out.to_str().unwrap();
    let (said, code) = tidings(
        &hub,
        &[
            "contacts",
            "export",
            "--list",
            "news",
            "--columns",
            "email,name",
            "-o",
            out,
        ],
    )
    .await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        std::fs::read_to_string(out).unwrap(),
        "email,name\r\nann@example.org,Ann\r\n"
    );
    // `-` is no file.
    let shown = ["contacts", "export", "--columns", "email", "-o", "-"];
    let (said, code) = tidings(&hub, &shown).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("ann@example.org"), "{said}");
    hub.done().await;
}
