//! External adapters log in through the hub.

use std::time::Duration;

use async_nats::{ConnectErrorKind, ConnectOptions, Event};
use nats::callout::{self, Grant};
use schemas::Secret;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::rig::{Broker, until};

const SUBJECT: &str = "ingest.t.telegram.channel.chat";

async fn decide(user: String, password: Secret) -> Option<Grant> {
    (user == "channel" && password.expose() == "key").then(|| Grant {
        publish: vec!["ingest.t.telegram.channel.*".to_owned()],
        subscribe: vec!["_INBOX.>".to_owned()],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_may_do_what_it_was_granted_and_nothing_else() {
    let (seed, issuer) = callout::new_issuer().unwrap();
    let broker = Broker::start_with(&format!(
        "authorization {{ users: [{{ user: hub, password: secret }}]\n\
         auth_callout {{ issuer: {issuer}, auth_users: [hub] }} }}"
    ))
    .with_user("hub", "secret");
    let bus = broker.provisioned().await;
    let stop = CancellationToken::new();
    let serving = {
        let (bus, stop) = (bus.clone(), stop.clone());
        tokio::spawn(async move { callout::serve(bus, &seed, decide, stop).await })
    };
    let url = broker.settings().url.clone();
    let connect = |password: &str, options: ConnectOptions| {
        let options = options.user_and_password("channel".to_owned(), password.to_owned());
        let url = url.clone();
        async move { options.connect(url).await }
    };
    until("the callout answers", || async {
        connect("key", ConnectOptions::new()).await.is_ok()
    })
    .await;

    let refused = connect("wrong", ConnectOptions::new()).await.unwrap_err();
    assert_eq!(refused.kind(), ConnectErrorKind::AuthorizationViolation);

    let (errors, mut violations) = mpsc::channel(8);
    let options = ConnectOptions::new().event_callback(move |event| {
        let errors = errors.clone();
        async move {
            if let Event::ServerError(error) = event {
                errors.send(error.to_string()).await.unwrap();
            }
        }
    });
    let adapter = connect("key", options).await.unwrap();
    let js = async_nats::jetstream::new(adapter.clone());
    let stored = js
        .publish(SUBJECT, "hello".into())
        .await
        .unwrap()
        .await
        .unwrap();
    assert_eq!(stored.stream, "INGEST");

    for subject in [
        "ingest.t.telegram.other.chat",
        "conv.1.t",
        "$JS.API.STREAM.LIST",
    ] {
        adapter.publish(subject, "no".into()).await.unwrap();
        let violation = tokio::time::timeout(Duration::from_secs(5), violations.recv()).await;
        let violation = violation.unwrap().unwrap();
        assert!(
            violation.to_lowercase().contains("permissions violation"),
            "{violation}"
        );
    }
    let _listening = adapter.subscribe("live.>").await.unwrap();
    let violation = tokio::time::timeout(Duration::from_secs(5), violations.recv()).await;
    assert!(violation.unwrap().unwrap().contains("live.>"));

    stop.cancel();
    serving.await.unwrap().unwrap();
}
