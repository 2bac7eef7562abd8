//! Whoever is not written to is in the ledger too, with the reason; and who is not reached one way is reached another.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{
    audience, call, done, draft, figures, mailed, newsletter, outbox, post::Post, reached,
    recipients, tell,
};
use crate::rig::Hub;

#[tokio::test(flavor = "multi_thread")]
async fn each_has_an_outcome_and_a_reason() {
    let hub = Hub::start().await;
    let channel = hub.channel("sandbox", json!({})).await;
    let whom = [
        "fine",
        "no-consent",
        "pending",
        "suppressed",
        "no-address",
        "agreed",
    ];
    let (list, contacts) = audience(&hub, whom.len(), |number| {
        let who = whom[number];
        let kind = if who == "no-address" {
            "telegram"
        } else {
            "sandbox"
        };
        let mut address = json!({"kind": kind, "address": who});
        match who {
            "no-consent" => address["consent"] = json!("withdrawn"),
            "pending" => address["consent"] = json!("pending"),
            "agreed" => address["consent"] = json!("given"),
            _ => {}
        }
        json!({"name": who, "addresses": [address]})
    })
    .await;
    let suppression =
        json!({"channel_id": channel, "address": "suppressed", "detail": "asked by telephone"});
    done(&hub, Method::POST, "/suppressions", &suppression).await;
    let campaign = draft(
        &hub,
        json!({"contact_list_ids": [list], "channel_ids": [channel]}),
    )
    .await;
    tell(&hub, &campaign, "start").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let stats = figures(&hub, &campaign, |_| true).await;
    let wanted = json!({
        "PENDING": 0, "SENDING": 0, "UNKNOWN": 0, "FAILED": 0, "SENT": 2, "BOUNCED": 0, "DELIVERED": 0, "READ": 0,
        "SUPPRESSED": 1, "SKIPPED": 3, "CANCELLED": 0
    });
    assert_eq!(stats["outcomes"], wanted);
    assert_eq!(stats["audience"], whom.len());
    let why = |status: &str, class: &str, recipients: u64| json!({"status": status, "failure_class": class, "recipients": recipients});
    for reason in [
        why("SKIPPED", "no-consent", 2),
        why("SKIPPED", "no-address", 1),
        why("SUPPRESSED", "suppressed", 1),
    ] {
        assert!(
            stats["reasons"].as_array().unwrap().contains(&reason),
            "{stats}"
        );
    }
    // Those without a chunk come last, and every page begins where the one before ended.
    let all = recipients(&hub, &campaign, "").await;
    assert_eq!(all.len(), whom.len());
    let small = format!("/campaigns/{campaign}/recipients?limit=1");
    let first = done(&hub, Method::GET, &small, &json!({})).await;
    assert_eq!(first[0], all[0]);
    for (contact, who) in contacts.iter().zip(whom) {
        let one = all
            .iter()
            .find(|one| one["contact_id"] == *contact)
            .unwrap();
        let status = match who {
            "fine" | "agreed" => "SENT",
            "suppressed" => "SUPPRESSED",
            _ => "SKIPPED",
        };
        assert_eq!(one["status"], status, "{who}");
        assert_eq!(one["failure_reason"].is_string(), status != "SENT", "{who}");
    }
    assert_eq!(outbox(&hub, &channel).await.len(), 2);
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_channels_the_preferred_first_and_the_next_when_it_fails() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    let mail = hub.channel("email", post.channel()).await;
    let sandbox = hub.channel("sandbox", json!({})).await;
    post.refuse("gone", "550 5.1.1 no such user");
    let whom = [
        ("mail-only", true, false, None),
        ("both", true, true, None),
        ("prefers", true, true, Some("sandbox")),
        ("gone", true, true, None),
        ("gone-only", true, false, None),
        ("stopped", true, true, None),
    ];
    let (list, _) = audience(&hub, whom.len(), |number| {
        let (who, by_mail, by_sandbox, preferred) = whom[number];
        let mut addresses = Vec::new();
        if by_mail {
            addresses.push(json!({"kind": "email", "address": format!("{who}@example.org")}));
        }
        if by_sandbox {
            addresses.push(json!({"kind": "sandbox", "address": who}));
        }
        json!({"name": who, "addresses": addresses, "preferred_channel": preferred})
    })
    .await;
    let suppression = json!({"channel_id": mail, "address": "stopped@example.org"});
    done(&hub, Method::POST, "/suppressions", &suppression).await;
    let campaign = draft(
        &hub,
        json!({
            "type": "MULTI_CHANNEL", "subject_line": "News", "content": "Hello {{ name }}", "contact_list_ids": [list],
            "channel_ids": [mail, sandbox], "pace": {"pause_at_failures": 1.0}
        }),
    )
    .await;
    tell(&hub, &campaign, "start").await;
    reached(&hub, &campaign, "COMPLETED").await;
    assert_eq!(
        post.recipients(),
        ["both@example.org", "mail-only@example.org"]
    );
    let mut sent: Vec<String> = outbox(&hub, &sandbox)
        .await
        .into_iter()
        .map(|(to, _)| to)
        .collect();
    sent.sort();
    assert_eq!(sent, ["gone", "prefers", "stopped"]);
    let stats = figures(&hub, &campaign, |_| true).await;
    assert_eq!(
        (&stats["outcomes"]["SENT"], &stats["outcomes"]["BOUNCED"]),
        (&json!(5), &json!(1))
    );
    let bounced = recipients(&hub, &campaign, "&status=BOUNCED").await;
    assert_eq!(bounced[0]["address"], "gone-only@example.org");
    // What is not there is not written to again, by whomever.
    let suppressed = hub
        .get("/api/v1/suppressions?address=gone-only@example.org")
        .await;
    assert_eq!(suppressed[0]["reason"], "bounced");
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_left_waits_for_a_person() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    hub.channel("email", post.channel()).await;
    post.be_silent("maybe");
    let whom = ["fine", "maybe-sent", "maybe-not"];
    let (list, contacts) = audience(&hub, whom.len(), |number| {
        mailed(&format!("{}@example.org", whom[number]))
    })
    .await;
    let body = json!({"type": "EMAIL", "subject_line": "News", "content": "<p>Hi</p>", "contact_list_ids": [list]});
    let campaign = draft(&hub, body).await;
    tell(&hub, &campaign, "start").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let stats = figures(&hub, &campaign, |_| true).await;
    assert_eq!(
        (&stats["outcomes"]["UNKNOWN"], &stats["outcomes"]["SENT"]),
        (&json!(2), &json!(1))
    );
    // It is not sent again by itself, nor as one that failed.
    let retried = tell(&hub, &campaign, "retry-failed").await;
    assert_eq!(retried["retried"], 0);
    for (contact, action) in [(&contacts[1], "mark_sent"), (&contacts[2], "mark_failed")] {
        let path = format!("/campaigns/{campaign}/recipients/{contact}/resolve");
        let body = json!({"action": action});
        done(&hub, Method::POST, &path, &body).await;
        let (again, _) = call(&hub, Method::POST, &path, &body).await;
        assert_eq!(again, StatusCode::CONFLICT);
    }
    let audit = hub.get("/api/v1/audit").await;
    let decisions = audit.as_array().unwrap().iter();
    let decisions = decisions.filter(|entry| entry["action"] == "campaign.resolve");
    assert_eq!(decisions.count(), 2, "{audit}");
    post.relent();
    let retried = tell(&hub, &campaign, "retry-failed").await;
    assert_eq!(retried["retried"], 1);
    let stats = figures(&hub, &campaign, |stats| stats["outcomes"]["SENT"] == 3).await;
    assert_eq!(stats["outcomes"]["UNKNOWN"], 0);
    reached(&hub, &campaign, "COMPLETED").await;
    // The server kept what it did not answer for: the one that a person had sent again is there twice.
    assert_eq!(
        post.recipients(),
        [
            "fine@example.org",
            "maybe-not@example.org",
            "maybe-not@example.org",
            "maybe-sent@example.org"
        ]
    );
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_refuses_everybody_is_not_believed() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    hub.channel("email", post.channel()).await;
    let (list, _) = audience(&hub, 40, |number| {
        let domain = number % 4;
        mailed(&format!("p{number}@d{domain}.example"))
    })
    .await;
    post.refuse("p", "550 5.1.1 no such user");
    let campaign = newsletter(&hub, &list, json!({})).await;
    tell(&hub, &campaign, "start").await;
    let paused = reached(&hub, &campaign, "PAUSED").await;
    let why = paused["status_reason"].as_str().unwrap();
    assert!(
        why.contains("at 4 domains") && why.contains("Nobody was suppressed"),
        "{why}"
    );
    let stats = figures(&hub, &campaign, |stats| stats["outcomes"]["PENDING"] == 40).await;
    assert_eq!(stats["outcomes"]["BOUNCED"], 0, "{stats}");
    let suppressed = done(&hub, Method::GET, "/suppressions", &json!({})).await;
    assert_eq!(suppressed, json!([]));

    post.relent();
    tell(&hub, &campaign, "resume").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let mut reached = post.recipients();
    reached.dedup();
    assert_eq!((reached.len(), post.count()), (40, 40), "each once");
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_really_is_not_there_is_suppressed() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    hub.channel("email", post.channel()).await;
    let (list, _) = audience(&hub, 40, |number| {
        let who = match number % 8 {
            0 => "gone",
            1 => "unwanted",
            _ => "fine",
        };
        mailed(&format!("{who}{number}@d{}.example", number % 4))
    })
    .await;
    post.refuse("gone", "550 5.1.1 no such user");
    // Says nothing of the address.
    post.refuse("unwanted", "550 rejected");
    let campaign = newsletter(&hub, &list, json!({"pace": {"pause_at_failures": 0.9}})).await;
    tell(&hub, &campaign, "start").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let stats = figures(&hub, &campaign, |_| true).await;
    let outcomes = &stats["outcomes"];
    assert_eq!(
        (&outcomes["BOUNCED"], &outcomes["FAILED"], &outcomes["SENT"]),
        (&json!(5), &json!(5), &json!(30)),
        "{stats}"
    );
    let suppressed = done(&hub, Method::GET, "/suppressions", &json!({})).await;
    let suppressed = suppressed.as_array().unwrap();
    assert_eq!(suppressed.len(), 5);
    assert!(
        suppressed
            .iter()
            .all(|one| one["address"].as_str().unwrap().starts_with("gone"))
    );
    hub.done().await;
}
