//! The broker, and then the database, die alone while a campaign is sent: who sends lives on, so nobody is left out, nobody
//! is sent to twice, and nobody is in doubt.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;

use super::{audience, figures, mailed, newsletter, post::Post, reached, tell};
use crate::rig::{Hub, until_some};

/// Three chunks, which one channel has in hand at once.
const MANY: usize = 240;
/// Sent to side by side by a channel that does not say otherwise.
const AT_ONCE: usize = 16;

/// Ends a program that the hub started, and waits until it has started another one.
async fn end(hub: &Hub, program: &str) {
    let old = hub.children(program);
    let [pid] = old.as_slice() else {
        panic!("{program}: {old:?}")
    };
    kill(Pid::from_raw(*pid), Signal::SIGKILL).unwrap();
    let anew = until_some(|| async {
        let now = hub.children(program);
        (!now.is_empty() && now != old).then_some(())
    });
    anew.await.expect("the hub starts it again");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_broker_and_the_database_everybody_is_still_sent_to_once() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    hub.channel("email", post.channel()).await;
    let (list, _) = audience(&hub, MANY, |number| {
        // At many domains, each of which has a few of the calls.
        mailed(&format!("p{number}@d{}.example.org", number % 24))
    })
    .await;
    let campaign = newsletter(&hub, &list, json!({})).await;
    // All are in hand, and as many as the channel sends to side by side wait for the server's word.
    post.hold("p");
    tell(&hub, &campaign, "start").await;
    figures(&hub, &campaign, |stats| {
        stats["outcomes"]["SENDING"] == MANY
    })
    .await;
    until_some(|| async { (post.count() == AT_ONCE).then_some(()) })
        .await
        .expect("mails leave");
    end(&hub, "nats-server").await;
    end(&hub, "postgres").await;
    assert_eq!(post.count(), AT_ONCE);
    post.relent();
    reached(&hub, &campaign, "COMPLETED").await;
    let stats = figures(&hub, &campaign, |_| true).await;
    assert_eq!(
        (&stats["outcomes"]["SENT"], &stats["audience"]),
        (&json!(MANY), &json!(MANY)),
        "{stats}"
    );
    let mut reached = post.recipients();
    reached.dedup();
    assert_eq!((reached.len(), post.count()), (MANY, MANY), "each once");
    // A chunk whose acknowledgement died with the broker stays out until the channel sends again: nothing waits for that.
    drop(hub.kill().await);
}
