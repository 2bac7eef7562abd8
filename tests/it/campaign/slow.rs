//! Servers that take their time are waited for by those alone who are sent there.

use serde_json::json;

use super::{audience, figures, mailed, newsletter, post::Post, reached, tell};
use crate::rig::{Hub, until_some};

/// Calls to a domain of which nothing is known.
const AT_FIRST: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn one_slow_answer_holds_up_no_other_chunk_and_no_other_campaign() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    post.hold("slow");
    post.hold("late");
    hub.channel("email", post.channel()).await;
    let (list, _) = audience(&hub, 150, |number| {
        let name = match number {
            0 => "slow",
            1 => "late",
            _ => "quick",
        };
        mailed(&format!("{name}{number}@example.org"))
    })
    .await;
    let first = newsletter(&hub, &list, json!({})).await;
    tell(&hub, &first, "start").await;
    // The ledger knows of the others while one is not answered.
    let stats = figures(&hub, &first, |stats| stats["outcomes"]["SENT"] == 148).await;
    assert_eq!(stats["outcomes"]["SENDING"], 2, "{stats}");

    let (list, _) = audience(&hub, 30, |number| {
        mailed(&format!("other{number}@example.org"))
    })
    .await;
    let second = newsletter(&hub, &list, json!({})).await;
    tell(&hub, &second, "start").await;
    reached(&hub, &second, "COMPLETED").await;
    // And of whoever is answered after the others.
    post.answer("late");
    let stats = figures(&hub, &first, |stats| stats["outcomes"]["SENT"] == 149).await;
    assert_eq!(stats["outcomes"]["SENDING"], 1, "{stats}");

    post.relent();
    reached(&hub, &first, "COMPLETED").await;
    figures(&hub, &first, |stats| stats["outcomes"]["SENT"] == 150).await;
    let mut all = post.recipients();
    assert_eq!(all.len(), 180);
    all.dedup();
    assert_eq!(all.len(), 180, "nobody twice");
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_domains_have_few_of_the_calls() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    post.hold("slow");
    hub.channel("email", post.channel()).await;
    // They come first, and are many more than all the calls.
    let (list, _) = audience(&hub, 120, |number| {
        if number < 60 {
            mailed(&format!("slow{number}@d{}.slow.example.org", number % 5))
        } else {
            mailed(&format!("quick{number}@quick.example.org"))
        }
    })
    .await;
    let campaign = newsletter(&hub, &list, json!({})).await;
    tell(&hub, &campaign, "start").await;
    let of = |who: &'static str| {
        let all = post.recipients();
        all.iter().filter(|to| to.starts_with(who)).count()
    };
    until_some(|| async { (of("quick") == 60).then_some(()) })
        .await
        .expect("the others are sent to");
    assert_eq!(of("slow"), 5 * AT_FIRST);
    post.relent();
    reached(&hub, &campaign, "COMPLETED").await;
    figures(&hub, &campaign, |stats| stats["outcomes"]["SENT"] == 120).await;
    assert_eq!((of("slow"), of("quick")), (60, 60));
    hub.done().await;
}
