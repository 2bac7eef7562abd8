//! A sender that dies while it sends: nobody is missing, and what may have left is what the channel says of it.

use std::{collections::BTreeMap, process::Stdio};

use reqwest::Method;
use serde_json::{Value, json};
use store::{Keyring, Store};
use tokio::process::{Child, Command};

use super::{
    audience, done, figures, mailed, newsletter,
    post::{Mail, Post},
    reached, recipients, tell,
};
use crate::rig::{Hub, until_some};

/// A chunk, and some of another one.
const MANY: usize = 110;
/// So many of the first chunk are with the server, which has not answered yet, when the sender dies.
const HELD: usize = 3;

/// A process that sends, and nothing else.
fn sender(hub: &Hub, ready: &Value) -> Child {
    let text = |name: &str| ready[name].as_str().unwrap();
    Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(["serve", "--roles", "deliver"])
        .env("TIDINGS__NATS__URL", text("nats_url"))
        .env("TIDINGS__POSTGRES__URL", text("postgres_url"))
        .env("TIDINGS__KEYS__FILE", hub.dir().join("keys.json"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// A campaign by a channel of its own, which says what is done with what may have left.
async fn campaign(hub: &Hub, post: &Post, list: &str, on_unknown: &str) -> String {
    let mut channel = post.channel();
    channel["credentials"]["from"] = json!(format!("{on_unknown}@example.com"));
    channel["config"] = json!({"settings": {"on_unknown": on_unknown, "allow_private": true}});
    let channel = hub.channel("email", channel).await;
    newsletter(hub, list, json!({"channel_ids": [channel]})).await
}

/// The mails of one channel, by whom they are to.
fn mails(post: &Post, from: &str) -> BTreeMap<String, Vec<Mail>> {
    let from = format!("{from}@example.com");
    let mut all = BTreeMap::<String, Vec<Mail>>::new();
    for mail in post.mails().into_iter().filter(|mail| mail.from == from) {
        all.entry(mail.to.clone()).or_default().push(mail);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_sender_leaves_nobody_out_and_doubts_only_what_it_had_in_hand() {
    let roles = "gateway,pipeline,project,campaign,janitor";
    let hub = Hub::start_with(&["--roles", roles], &[]).await;
    let ready = std::fs::read(hub.dir().join("ready.json")).unwrap();
    let ready: Value = serde_json::from_slice(&ready).unwrap();
    let post = Post::start().await;
    post.hold("held");
    let (list, _) = audience(&hub, MANY, |number| {
        let kind = if number < HELD { "held" } else { "fine" };
        mailed(&format!("{kind}{number}@{kind}.example.org"))
    })
    .await;
    let (hold, resend) = (
        campaign(&hub, &post, &list, "hold").await,
        campaign(&hub, &post, &list, "resend").await,
    );
    let mut first = sender(&hub, &ready);
    for campaign in [&hold, &resend] {
        tell(&hub, campaign, "start").await;
    }
    // All are with the server; of three the ledger does not know it, for they are not answered.
    until_some(|| async { (post.count() == 2 * MANY).then_some(()) })
        .await
        .expect("all leave");
    for campaign in [&hold, &resend] {
        figures(&hub, campaign, |stats| {
            stats["outcomes"]["SENT"] == MANY - HELD && stats["outcomes"]["SENDING"] == HELD
        })
        .await;
    }
    first.start_kill().unwrap();
    first.wait().await.unwrap();
    post.relent();
    let store = Store::connect(
        ready["postgres_url"].as_str().unwrap(),
        1,
        Keyring::ephemeral(),
    )
    .unwrap();
    for campaign in [&hold, &resend] {
        let lapsed = store::probe::lapse(&store, campaign.parse().unwrap()).await;
        assert_eq!(lapsed.unwrap(), HELD as u64);
    }
    let mut second = sender(&hub, &ready);
    for campaign in [&hold, &resend] {
        reached(&hub, campaign, "COMPLETED").await;
    }

    let held = figures(&hub, &hold, |_| true).await;
    assert_eq!(
        (&held["outcomes"]["UNKNOWN"], &held["outcomes"]["SENT"]),
        (&json!(HELD), &json!(MANY - HELD)),
        "{held}"
    );
    let unknown = recipients(&hub, &hold, "&status=UNKNOWN").await;
    assert_eq!(unknown.len(), HELD);
    assert!(
        unknown
            .iter()
            .all(|one| one["failure_class"] == "ambiguous")
    );
    let came = mails(&post, "hold");
    assert_eq!(came.len(), MANY);
    assert!(came.values().all(|mails| mails.len() == 1), "nobody twice");

    let sent = figures(&hub, &resend, |_| true).await;
    assert_eq!(sent["outcomes"]["SENT"], MANY, "{sent}");
    let came = mails(&post, "resend");
    assert_eq!(came.len(), MANY);
    let twice: Vec<&Vec<Mail>> = came.values().filter(|mails| mails.len() > 1).collect();
    assert_eq!(twice.len(), HELD, "whoever was in doubt, and nobody else");
    for mails in twice {
        assert_eq!(mails.len(), 2);
        let [one, other] = [&mails[0], &mails[1]].map(|mail| mail.header("Message-ID").unwrap());
        assert_eq!(one, other, "the other side can tell that it is the same");
    }
    let again = recipients(&hub, &resend, "&address=held0@held.example.org").await;
    assert_eq!(again[0]["attempt"], 2);

    // What is in doubt is not sent again but by a person.
    let path = format!("/campaigns/{hold}/retry-failed");
    let retried = done(&hub, Method::POST, &path, &json!({})).await;
    assert_eq!(retried["retried"], 0);
    second.start_kill().unwrap();
    second.wait().await.unwrap();
    hub.done().await;
}
