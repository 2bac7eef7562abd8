//! Links that somebody changed, and programs that only look: nothing comes of either.

use futures::StreamExt as _;
use reqwest::{Method, StatusCode};
use schemas::tracking_token::Purpose;
use serde_json::json;

use crate::tracking::{Sent, URL, id};

/// The next letter of a token's alphabet: in the last place it changes the bits that say nothing.
fn another(letter: u8) -> u8 {
    match letter {
        b'Z' => b'a',
        b'z' => b'0',
        b'9' => b'-',
        b'-' => b'_',
        b'_' => b'A',
        letter => letter + 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_character_of_a_token_may_be_another() {
    let sent = Sent::start().await;
    let body = json!({"name": "Offers", "opt_in": "double"});
    let list = id(&sent.hub.post("/api/v1/lists", &body).await);
    let members = json!({"contact_ids": [sent.contact]});
    let path = format!("/api/v1/lists/{list}/members");
    sent.hub.post(&path, &members).await;
    let links = [
        sent.link("o", Purpose::Open, &sent.campaign, ""),
        sent.link("c", Purpose::Click, &sent.campaign, URL),
        sent.link("p", Purpose::Preferences, &sent.campaign, ""),
        sent.link("s", Purpose::Confirm, &list, ""),
    ];
    let mut tries = Vec::new();
    for link in &links {
        let (page, token) = link.rsplit_once('/').unwrap();
        let changed = (0..token.len()).map(|place| {
            let mut changed = token.as_bytes().to_vec();
            changed[place] = another(changed[place]);
            String::from_utf8(changed).unwrap()
        });
        let cut = token.split_at(token.len() - 1).0.to_owned();
        let others = [cut, format!("{token}A"), format!("{token}=")];
        tries.extend(changed.chain(others).map(|token| format!("{page}/{token}")));
    }
    // One that says something else does not say it where it was not meant, either.
    let wrong_page = links[1].replace("/t/c/", "/t/o/");
    tries.extend([wrong_page, links[3].replace("/t/s/", "/t/p/")]);
    let one_click = "List-Unsubscribe=One-Click&action=everything";
    futures::stream::iter(tries)
        .map(|link| {
            let sent = &sent;
            async move {
                let mut answers = vec![sent.get(&link).await];
                if link.contains("/t/p/") || link.contains("/t/s/") {
                    answers.push(sent.post(&link, one_click).await);
                    answers.push(sent.post(&link, "action=confirm").await);
                }
                for answer in answers {
                    assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{link}");
                    assert!(!answer.headers().contains_key("location"), "{link}");
                }
            }
        })
        .buffer_unordered(8)
        .collect::<Vec<()>>()
        .await;
    // Nor does anything that merely looks at the pages act.
    for agent in [
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "WhatsApp/2.24.1 A",
        "TelegramBot (like TwitterBot)",
        "facebookexternalhit/1.1",
        "Mozilla/5.0",
    ] {
        for page in &links[2..] {
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                let looked = sent
                    .browser
                    .request(method, page)
                    .header("user-agent", agent);
                looked
                    .header("sec-purpose", "prefetch")
                    .send()
                    .await
                    .unwrap();
            }
        }
    }
    // What comes last is there, and nothing besides.
    assert_eq!(sent.get(&links[1]).await.status(), StatusCode::FOUND);
    sent.events("CLICK", 1).await;
    let path = format!("/api/v1/campaigns/{}/events", sent.campaign);
    let events = sent.hub.get(&path).await;
    assert_eq!(events.as_array().unwrap().len(), 1, "{events}");
    sent.membership(&sent.list, "confirmed").await;
    sent.membership(&list, "unconfirmed").await;
    sent.suppressions(0).await;
    sent.hub.done().await;
}
