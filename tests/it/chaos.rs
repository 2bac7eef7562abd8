//! `tidings bench chaos` at a small size: kills and drains change nothing.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

async fn chaos(args: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(["bench", "chaos", "--json"])
        .args(args)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_reordered_while_workers_die() {
    let verdict = chaos(&[
        "--messages",
        "6000",
        "--conversations",
        "200",
        "--every",
        "2",
        "--workers",
        "2",
        "--broker",
    ])
    .await;
    assert_eq!(verdict["rows"], 6000, "{verdict}");
    assert_eq!(verdict["out_of_order"], 0, "{verdict}");
    assert_eq!(verdict["counted"], 6000, "{verdict}");
    assert_eq!(
        verdict["replies_sent"], verdict["replies_expected"],
        "{verdict}"
    );
}
