//! What comes back: a mail that did not arrive, and one that somebody called unwanted.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    audience, done, figures,
    inbox::{bounced, complained, take},
    mailed, newsletter,
    post::Post,
    reached, recipients, tell,
};
use crate::rig::Hub;

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_is_counted_and_whoever_is_not_there_is_left_in_peace() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    let mut channel = post.channel();
    channel["config"] = json!({"settings": {"return_path": "bounces@example.com"}});
    let channel = hub.channel("email", channel).await;
    let whom = ["fine", "gone", "full", "annoyed"];
    let (list, contacts) = audience(&hub, whom.len(), |number| {
        mailed(&format!("{}@example.org", whom[number]))
    })
    .await;
    let more = json!({"channel_ids": [channel], "pace": {"pause_at_failures": 1.0}});
    let campaign = newsletter(&hub, &list, more.clone()).await;
    tell(&hub, &campaign, "start").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let mails = post.mails();
    let to = |who: &str| {
        let address = format!("{who}@example.org");
        mails.iter().find(|mail| mail.to == address).unwrap()
    };
    let paths: std::collections::BTreeSet<&str> =
        mails.iter().map(|mail| mail.from.as_str()).collect();
    assert_eq!(
        paths.len(),
        whom.len(),
        "each comes back elsewhere: {paths:?}"
    );
    assert!(paths.iter().all(|path| path.starts_with("bounces+")));

    let gone = bounced(
        to("gone"),
        "5.1.1",
        "550 5.1.1 <gone@example.org>: Recipient address rejected: User unknown",
    );
    let full = bounced(
        to("full"),
        "5.2.2",
        "552 5.2.2 <full@example.org>: user is over quota",
    );
    let annoyed = complained(to("annoyed"));
    // Some servers say it twice.
    for mail in [&gone, &full, &annoyed, &gone, &annoyed] {
        take(&hub, &channel, mail).await;
    }
    let stats = figures(&hub, &campaign, |stats| {
        stats["outcomes"]["BOUNCED"] == 2 && stats["complaints"] == 1
    })
    .await;
    assert_eq!(
        (
            &stats["outcomes"]["SENT"],
            &stats["sent"],
            &stats["audience"]
        ),
        (&json!(2), &json!(4), &json!(4)),
        "{stats}"
    );
    for (who, status) in [
        ("fine", "SENT"),
        ("gone", "BOUNCED"),
        ("full", "BOUNCED"),
        ("annoyed", "SENT"),
    ] {
        let query = format!("&address={who}@example.org");
        let row = recipients(&hub, &campaign, &query).await;
        assert_eq!(row[0]["status"], status, "{who}: {row:?}");
    }
    let path = format!("/campaigns/{campaign}/events");
    let events = done(&hub, Method::GET, &path, &json!({})).await;
    let mut told: Vec<(&str, &Value)> = events
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (event["event_type"].as_str().unwrap(), &event["contact_id"]))
        .collect();
    told.sort_by_key(|(kind, contact)| (*kind, contact.to_string()));
    let mut wanted = [
        ("BOUNCE", json!(contacts[1])),
        ("BOUNCE", json!(contacts[2])),
        ("COMPLAINT", json!(contacts[3])),
    ];
    wanted.sort_by_key(|(kind, contact)| (*kind, contact.to_string()));
    assert!(
        told.iter()
            .copied()
            .eq(wanted.iter().map(|(kind, contact)| (*kind, contact))),
        "{events}"
    );

    // Who is not there, or does not want it, is not written to again, and the latter is on no list any more; a full
    // mailbox may be emptied.
    for (who, reason) in [("gone", "bounced"), ("annoyed", "complained")] {
        let path = format!("/api/v1/suppressions?address={who}@example.org");
        hub.until(&path, |found| (found[0]["reason"] == reason).then_some(()))
            .await;
    }
    let next = newsletter(&hub, &list, more).await;
    tell(&hub, &next, "start").await;
    reached(&hub, &next, "COMPLETED").await;
    let stats = figures(&hub, &next, |_| true).await;
    assert_eq!(
        (
            &stats["outcomes"]["SENT"],
            &stats["outcomes"]["SUPPRESSED"],
            &stats["audience"]
        ),
        (&json!(2), &json!(1), &json!(3)),
        "{stats}"
    );
    let again: Vec<String> = post
        .mails()
        .split_off(4)
        .into_iter()
        .map(|m| m.to)
        .collect();
    assert!(
        again.len() == 2
            && again.contains(&"fine@example.org".into())
            && again.contains(&"full@example.org".into()),
        "{again:?}"
    );
    // Reports are news and no mail that somebody has to read.
    let inbox = hub.get("/api/v1/conversations").await;
    assert_eq!(inbox, json!([]));
    hub.done().await;
}
