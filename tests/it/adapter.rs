//! External adapters: the documented example, run as a user would, and what its credentials forbid.

use serde_json::json;
use tokio::process::Command;

use crate::rig::Hub;

/// The virtual environment `scripts/setup --dev` makes.
fn python() -> std::path::PathBuf {
    let python =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".tidings/tools/venv/bin/python3");
    assert!(
        python.exists(),
        "run scripts/setup --dev first: {} is missing",
        python.display()
    );
    python
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_adapter_publishes_to_its_channel_and_no_other() {
    let hub = Hub::start().await;
    let channel = hub.channel("generic", json!({})).await;
    let other = hub.channel("generic", json!({"name": "other"})).await;
    let key = hub
        .post(
            "/api/v1/api-keys",
            &json!({"name": "adapter", "role": "adapter", "channel_id": channel}),
        )
        .await;
    let tenant = key["tenant_id"].as_str().unwrap().to_owned();
    let token = key["token"].as_str().unwrap().to_owned();
    let address = hub.nats_url.rsplit('@').next().unwrap().to_owned();
    let run = async |to: &str, password: &str, text: &str| {
        Command::new(python())
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/docs/examples/adapter.py"
            ))
            .arg(text)
            .env("NATS_URL", format!("nats://{address}"))
            .env("TIDINGS_TENANT", &tenant)
            .env("TIDINGS_CHANNEL", to)
            .env("TIDINGS_USER", &channel)
            .env("TIDINGS_KEY", password)
            .output()
            .await
            .unwrap()
    };
    let good = run(&channel, &token, "Hello from the adapter").await;
    assert!(
        good.status.success(),
        "{}",
        String::from_utf8_lossy(&good.stderr)
    );
    hub.until(&format!("/api/v1/messages?channel_id={channel}"), |rows| {
        (rows[0]["content"] == "Hello from the adapter").then_some(())
    })
    .await;
    let elsewhere = run(&other, &token, "Hello to somebody else's channel").await;
    assert!(
        !elsewhere.status.success(),
        "an adapter must not publish to another channel"
    );
    let wrong = run(&channel, "tdk_wrong", "Hello with a wrong key").await;
    assert!(!wrong.status.success(), "a wrong key must be refused");
    let rows = hub
        .get(&format!("/api/v1/messages?channel_id={other}"))
        .await;
    assert_eq!(rows, json!([]));
    hub.done().await;
}
