//! The command line, beside a running hub.

use std::process::Stdio;

use tokio::process::Command;

use crate::rig::Hub;

/// `tidings` with these arguments and the hub's folder: what it wrote, and its exit code.
pub(crate) async fn tidings(hub: &Hub, args: &[&str]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(args)
        .arg("--dir")
        .arg(hub.dir())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        String::from_utf8(text).unwrap(),
        output.status.code().unwrap(),
    )
}

/// A key of another tenant, which is made for it.
pub(crate) async fn another_tenant(hub: &Hub) -> String {
    let (shown, _) = tidings(hub, &["tenant", "create", "another"]).await;
    let mut words = shown.split_whitespace();
    words
        .find(|word| word.starts_with("tdk_"))
        .unwrap()
        .to_owned()
}
