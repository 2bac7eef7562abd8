//! What the README and the page of campaigns tell people to type does what they say.
//!
//! Each block of commands is run as it stands, against a hub of the test's own. Where it says `sleep`, what is waited for is
//! waited for.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::rig::Hub;

const README: &str = include_str!("../../README.md");
const CAMPAIGNS: &str = include_str!("../../docs/campaigns.md");

/// The commands of the first block behind these words.
fn block<'a>(page: &'a str, words: &str) -> &'a str {
    let (_, rest) = page.split_once(words).unwrap();
    let (_, rest) = rest.split_once("```sh\n").unwrap();
    rest.split_once("```").unwrap().0
}

/// Runs commands in a folder that has the hub as `.tidings`, and gives what they print. `meanwhile` is a command that
/// succeeds when what the commands sleep for is there.
async fn run(hub: &Hub, commands: &str, meanwhile: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(hub.dir(), folder.path().join(".tidings")).unwrap();
    let address = hub.url.trim_start_matches("http://");
    let prelude = format!(
        "KEY=$(cat .tidings/admin.key)\nAPI=http://{address}/api/v1\n\
         sleep() {{ for _ in {{1..600}}; do {meanwhile} && return; command sleep 0.1; done; exit 7; }}\n"
    );
    let script = format!("{prelude}{}", commands.replace("127.0.0.1:8080", address));
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}: {out}\n{errors}",
        output.status
    );
    assert_eq!(errors, "", "{out}");
    out
}

/// The JSON values among what was printed, in order; the rest as text.
fn values(out: &str) -> (Vec<Value>, &str) {
    let mut stream = serde_json::Deserializer::from_str(out).into_iter::<Value>();
    let mut values = Vec::new();
    let mut end = 0;
    while let Some(Ok(value)) = stream.next() {
        values.push(value);
        end = stream.byte_offset();
    }
    (values, out.split_at(end).1)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_minutes() {
    let hub = Hub::start().await;
    let stored = r#"[ "$(curl -s "$API/messages?channel_id=$CHANNEL" -H "Authorization: Bearer $KEY" | jq length)" = 1 ]"#;
    let out = run(&hub, block(README, "## Five minutes"), stored).await;
    let (values, rest) = values(&out);
    assert_eq!(rest.trim(), "");
    let message = values
        .iter()
        .find(|value| value["sender_name"] == "Ada")
        .unwrap_or_else(|| panic!("no message in {out}"));
    assert_eq!(
        (&message["language"]["code"], &message["category"]),
        (&json!("de"), &json!("order"))
    );
    assert_eq!(message["intent"]["name"], "order_status", "{message}");
    let label = values.last().unwrap();
    assert!(label.to_string().contains("delivery_problem"), "{out}");

    let sent = r#"[ "$(curl -s $API/messages/$MESSAGE -H "Authorization: Bearer $KEY" | jq -r .status)" = sent ]"#;
    // There is no sleep in it: reading a message that was just sent waits for it, and sending may take a moment more.
    let commands = block(README, "Answer somebody, without any account")
        .replace("# … and see it sent", "sleep 1 # … and see it sent");
    let out = run(&hub, &commands, sent).await;
    assert!(
        out.contains("\"status\": \"sent\"") && out.matches("We are here.").count() == 2,
        "{out}"
    );

    let out = run(&hub, block(README, "## Every channel"), "true").await;
    let page = out.trim();
    assert!(page.contains("/webchat/"), "{out}");
    let page = hub.http.get(page).send().await.unwrap();
    assert!(page.status().is_success());
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn campaigns() {
    let hub = Hub::start().await;
    let over = r#"[ "$(curl -s $API/campaigns/$CAMPAIGN -H "Authorization: Bearer $KEY" | jq -r .status)" = COMPLETED ]"#;
    for (page, words, people) in [
        (README, "## Campaigns", vec!["Ada", "Bob"]),
        (CAMPAIGNS, "# Campaigns", vec!["ada"]),
    ] {
        let out = run(&hub, block(page, words), over).await;
        let (values, table) = values(&out);
        let told = |value: &&Value| **value == "RUNNING" || value["status"] == "RUNNING";
        assert!(values.iter().any(|value| told(&value)), "{out}");
        let stats = values.last().unwrap();
        assert_eq!(
            (
                &stats["status"],
                &stats["audience"],
                &stats["ledger_adds_up"]
            ),
            (&json!("COMPLETED"), &json!(people.len()), &json!(true)),
            "{out}"
        );
        assert_eq!(stats["outcomes"]["SENT"], people.len());
        let rows: Vec<&str> = table.trim().lines().collect();
        assert_eq!(rows.len(), people.len() + 1, "{table}");
        for name in people {
            let row = rows.iter().find(|row| row.contains(&format!(",{name},")));
            assert!(
                row.is_some_and(|row| row.contains(",SENT,")),
                "{name}: {table}"
            );
        }
    }
    hub.done().await;
}
