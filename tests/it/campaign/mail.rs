//! What a campaign's mail looks like to who gets it, and that what they do with it is counted.

use reqwest::{Method, StatusCode, redirect::Policy};
use serde_json::{Value, json};

use super::{
    audience, done, draft, figures,
    post::{Mail, Post},
    reached, recipients, tell,
};
use crate::rig::Hub;

/// Where people reach the hub, as far as they know.
const PUBLIC: &str = "https://hub.example.com";
/// What a person reads mail with.
const PERSON: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0";

async fn hub() -> Hub {
    Hub::start_with(&[], &[("TIDINGS__GATEWAY__PUBLIC_URL", PUBLIC)]).await
}

/// What was sent.
struct Sent {
    campaign: String,
    list: String,
    contacts: Vec<String>,
    mails: Vec<Mail>,
}

/// A campaign of mails to so many, sent.
async fn sent(hub: &Hub, post: &Post, count: usize) -> Sent {
    hub.channel("email", post.channel()).await;
    let (list, contacts) = audience(hub, count, |number| {
        json!({
            "name": "Ada", "attributes": {"first_name": "Ada <3"},
            "addresses": [{"kind": "email", "address": format!("ada{number}@example.org")}]
        })
    })
    .await;
    let campaign = draft(
        hub,
        json!({
            "type": "EMAIL", "subject_line": "News for {{ first_name }}", "contact_list_ids": [list],
            "content": "<p>Hello {{ first_name }}</p><p><a href=\"https://example.org/offer\">Offer</a></p>",
            "sender_name": "The Shop", "sender_email": "news@example.com"
        }),
    )
    .await;
    tell(hub, &campaign, "start").await;
    reached(hub, &campaign, "COMPLETED").await;
    let mails = post.mails();
    Sent {
        campaign,
        list,
        contacts,
        mails,
    }
}

/// Addresses of the hub in a mail's HTML, by the page they are of.
fn links(mail: &Mail, page: &str) -> Vec<String> {
    let whole = mail.text.replace("=\n", "").replace("=3D", "=");
    let start = format!("{PUBLIC}/t/{page}/");
    whole
        .match_indices(&start)
        .map(|(at, _)| {
            let (_, rest) = whole.split_at(at + PUBLIC.len());
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "/-_".contains(c)));
            rest.split_at(end.unwrap_or(rest.len())).0.to_owned()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_has_both_parts_and_says_how_to_leave() {
    let hub = hub().await;
    let post = Post::start().await;
    let Sent {
        campaign,
        contacts,
        mails,
        ..
    } = sent(&hub, &post, 1).await;
    let [mail] = mails.as_slice() else {
        panic!("{mails:?}")
    };
    assert_eq!(mail.to, "ada0@example.org");
    assert_eq!(mail.header("Subject").unwrap(), "News for Ada <3");
    let from = mail.header("From").unwrap();
    assert!(
        from.contains("The Shop") && from.contains("<news@example.com>"),
        "{from}"
    );
    assert!(mail.header("To").unwrap().contains("ada0@example.org"));
    assert!(mail.header("Date").is_some() && mail.header("Message-ID").is_some());
    let kind = mail.header("Content-Type").unwrap();
    assert!(kind.starts_with("multipart/alternative"), "{kind}");
    let leave = mail.header("List-Unsubscribe").unwrap();
    assert!(leave.starts_with('<') && leave.contains("/t/p/"), "{leave}");
    assert_eq!(
        mail.header("List-Unsubscribe-Post").unwrap(),
        "List-Unsubscribe=One-Click"
    );
    let feedback = mail.header("Feedback-ID").unwrap();
    assert!(
        feedback.starts_with(&campaign.replace('-', "")),
        "{feedback}"
    );
    for part in ["text/plain", "text/html", "Hello Ada &lt;3", "Hello Ada <3"] {
        assert!(
            mail.text.contains(part),
            "{part} is missing in {}",
            mail.text
        );
    }
    assert!(!mail.from.is_empty(), "bounces come back somewhere");
    let one = format!("/campaigns/{campaign}/recipients/{}", contacts[0]);
    let one = done(&hub, Method::GET, &one, &json!({})).await;
    assert_eq!(one["subject"], "News for Ada <3");
    assert!(
        one["html_content"]
            .as_str()
            .unwrap()
            .contains("https://example.org/offer")
    );
    assert!(one["external_message_id"].is_string());
    let stats = figures(&hub, &campaign, |_| true).await;
    assert_eq!(
        (&stats["sent"], &stats["opens"]["total"]),
        (&json!(1), &json!(0))
    );
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_do_with_it_is_counted_and_who_leaves_is_not_written_to_again() {
    let hub = hub().await;
    let post = Post::start().await;
    let Sent {
        campaign,
        list,
        mails,
        ..
    } = sent(&hub, &post, 2).await;
    let to = |address: &str| mails.iter().find(|mail| mail.to == address).unwrap();
    let (reader, leaver) = (to("ada0@example.org"), to("ada1@example.org"));
    let browser = reqwest::Client::builder()
        .redirect(Policy::none())
        .user_agent(PERSON)
        .build()
        .unwrap();
    let visit = async |path: &str| {
        browser
            .get(format!("{}{path}", hub.url))
            .send()
            .await
            .unwrap()
    };

    let pixel = visit(&links(reader, "o")[0]).await;
    assert_eq!(pixel.headers()["content-type"], "image/gif");
    let click = visit(&links(reader, "c")[0]).await;
    assert_eq!(click.headers()["location"], "https://example.org/offer");
    // Looking at the page to leave by changes nothing; the one click of a mail program does.
    let leave = links(leaver, "p")[0].clone();
    assert_eq!(visit(&leave).await.status(), StatusCode::OK);
    let one_click = browser.post(format!("{}{leave}", hub.url));
    let one_click = one_click
        .header("content-type", "application/x-www-form-urlencoded")
        .body("List-Unsubscribe=One-Click")
        .send()
        .await
        .unwrap();
    assert_eq!(one_click.status(), StatusCode::OK);

    let stats = figures(&hub, &campaign, |stats| {
        stats["opens"]["total"] == 1 && stats["clicks"]["total"] == 1 && stats["unsubscribes"] == 1
    })
    .await;
    assert_eq!(
        (&stats["opens"]["unique_human"], &stats["opens"]["machine"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(stats["links"][0]["url"], "https://example.org/offer");
    assert_eq!(
        (&stats["links"][0]["total"], &stats["rates"]["clicked"]),
        (&json!(1), &json!(0.5))
    );
    let path = format!("/campaigns/{campaign}/events?event_type=CLICK");
    let clicks = done(&hub, Method::GET, &path, &json!({})).await;
    let [click] = clicks.as_array().unwrap().as_slice() else {
        panic!("{clicks}")
    };
    let person = recipients(&hub, &campaign, "&address=ada0@example.org").await;
    assert_eq!(click["contact_id"], person[0]["contact_id"]);
    assert_eq!(click["message_id"], person[0]["id"]);
    assert_eq!(
        (
            &click["recipient_email"],
            &click["verdict"],
            &click["ip_address"]
        ),
        (&json!("ada0@example.org"), &json!("human"), &Value::Null)
    );
    let all = done(
        &hub,
        Method::GET,
        &format!("/campaigns/{campaign}/events"),
        &json!({}),
    )
    .await;
    let mut kinds: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["event_type"].as_str().unwrap())
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["CLICK", "OPEN", "UNSUBSCRIBE"]);

    let next = json!({
        "type": "EMAIL", "subject_line": "More", "content": "<p>More</p>", "contact_list_ids": [list]
    });
    let next = draft(&hub, next).await;
    tell(&hub, &next, "start").await;
    reached(&hub, &next, "COMPLETED").await;
    let stats = figures(&hub, &next, |_| true).await;
    assert_eq!(
        (&stats["sent"], &stats["audience"]),
        (&json!(1), &json!(1)),
        "{stats}"
    );
    assert_eq!(post.mails().len(), 3);
    hub.done().await;
}
