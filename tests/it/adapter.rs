//! External adapters: the documented example, run as a user would, and what its credentials forbid.

use serde_json::json;
use std::process::Stdio;

use tokio::{io::AsyncWriteExt, process::Command};

use crate::rig::{Hub, PATIENCE};

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

/// Publishes to each subject given and prints whether the broker let it.
const TRY: &str = r"
import asyncio, sys, nats
async def main(url, channel, key, *subjects):
    errors = []
    async def note(error):
        errors.append(str(error))
    client = await nats.connect(url, user=channel, password=key, allow_reconnect=False, error_cb=note,
                                inbox_prefix='_INBOX.' + channel)
    for subject in subjects:
        await client.publish(subject, b'{}')
        await client.flush()
        # The client reports a refusal, which comes before the flush's answer, in a task of its own.
        for _ in range(50):
            if any(subject.lower() in error.lower() for error in errors):
                break
            await asyncio.sleep(0.01)
        print('refused' if any(subject.lower() in error.lower() for error in errors) else 'allowed')
    await client.close()
asyncio.run(main(*sys.argv[1:]))
";

#[tokio::test(flavor = "multi_thread")]
async fn the_example_adapter_publishes_to_its_channel_and_no_other() {
    let mut hub = Hub::start().await;
    let channel = hub.channel("generic", json!({})).await;
    let other = hub.channel("generic", json!({"name": "other"})).await;
    let key = hub
        .post(
            "/api/v1/api-keys",
            &json!({"name": "adapter", "role": "adapter", "channel_id": channel}),
        )
        .await;
    // The channel says where to publish: `ingest.<tenant>.<kind>.<channel>.*`.
    let shown = hub.get(&format!("/api/v1/channels/{channel}")).await;
    let tenant = shown["ingest_subject"]
        .as_str()
        .unwrap()
        .split('.')
        .nth(1)
        .unwrap()
        .to_owned();
    let token = key["token"].as_str().unwrap().to_owned();
    let address = hub.nats_url.rsplit('@').next().unwrap().to_owned();
    let run = async |to: &str, password: &str, text: &str| {
        let mut adapter = Command::new(python())
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/docs/examples/adapter.py"
            ))
            .args([&tenant, to])
            .env("NATS_URL", format!("nats://{address}"))
            .env("TIDINGS_KEY", password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = adapter.stdin.take().unwrap();
        lines.write_all(text.as_bytes()).await.unwrap();
        drop(lines);
        tokio::time::timeout(PATIENCE, adapter.wait_with_output())
            .await
            .unwrap()
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
        "a key must not sign in as another channel"
    );
    let subjects = [
        shown["ingest_subject"].as_str().unwrap().replace('*', "c"),
        format!("ingest.{tenant}.generic.{}.c", other.replace('-', "")),
        format!("in.0.{tenant}.generic.{}", channel.replace('-', "")),
        "$JS.API.STREAM.LIST".to_owned(),
    ];
    let tried = Command::new(python())
        .args(["-c", TRY])
        .args([
            &format!("nats://{address}"),
            &channel.replace('-', ""),
            &token,
        ])
        .args(&subjects)
        .output()
        .await
        .unwrap();
    let answers = String::from_utf8_lossy(&tried.stdout).into_owned();
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(
        answers,
        ["allowed", "refused", "refused", "refused"],
        "{tried:?}"
    );
    let wrong = run(&channel, "tdk_wrong", "Hello with a wrong key").await;
    assert!(!wrong.status.success(), "a wrong key must be refused");
    let rows = hub
        .get(&format!("/api/v1/messages?channel_id={other}"))
        .await;
    assert_eq!(rows, json!([]));
    // The allowed `{}` above is no message.
    hub.expect_dead_letters(1);
    hub.done().await;
}
