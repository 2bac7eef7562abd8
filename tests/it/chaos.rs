//! `tidings bench chaos`, and a campaign with kills, at a small size: kills and drains change nothing.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

async fn bench(what: &str, args: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(["bench", what, "--json"])
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
    let size = ["--messages", "6000", "--conversations", "200"];
    let blows = ["--every", "2", "--workers", "2", "--broker"];
    let verdict = bench("chaos", &[&size[..], &blows[..]].concat()).await;
    assert_eq!(verdict["rows"], 6000, "{verdict}");
    assert_eq!(verdict["out_of_order"], 0, "{verdict}");
    assert_eq!(verdict["counted"], 6000, "{verdict}");
    assert_eq!(
        verdict["replies_sent"], verdict["replies_expected"],
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_reaches_everybody_once_while_everything_dies() {
    let args = ["--recipients", "12000", "--kill-every", "2", "--kills", "4"];
    let report = bench("campaign", &args).await;
    assert!(report["killed"].as_u64().unwrap() >= 3, "{report}");
    assert_eq!(report["missing"], 0, "{report}");
    assert_eq!(report["duplicates"], 0, "{report}");
    let [sent, unknown, failed] =
        ["sent", "unknown", "failed"].map(|of| report[of].as_u64().unwrap());
    assert_eq!((sent + unknown, failed), (12_000, 0), "{report}");
}
