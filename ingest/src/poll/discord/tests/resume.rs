//! Connections that end, and what is heard nevertheless.

use super::*;

#[tokio::test]
async fn a_connection_that_breaks_off_loses_and_doubles_nothing() {
    let (stage, shelf) = (stage().await, Shelf::default());
    let ids = listening(&stage, &shelf, async {
        let gateway = &stage.gateway;
        let mut ids = Vec::new();
        for round in 0..8 {
            until(|| gateway.listeners() == 1).await;
            for n in 0..20 {
                ids.push(gateway.write(ADA, &format!("{round} {n}")));
            }
            match round % 4 {
                0 => gateway.drop_all(),
                1 => gateway.say(7, &Value::Null),
                2 => gateway.close(4000),
                _ => gateway.close(1001),
            }
            ids.push(gateway.write(ADA, "while nobody listens"));
            until(|| gateway.heard(6).len() > round).await;
        }
        shelf.has(&ids).await;
        ids
    })
    .await;
    assert_eq!(shelf.ids(), ids, "in their order");
    assert_eq!(stage.gateway.heard(2).len(), 1, "one session");
    for (path, _) in stage.gateway.heard(6) {
        assert_eq!(path, "/gateway-again");
    }
}

#[tokio::test]
async fn another_worker_goes_on_where_the_first_stopped() {
    let (stage, shelf) = (stage().await, Shelf::default());
    let first = listening(&stage, &shelf, async {
        until(|| stage.gateway.listeners() == 1).await;
        let id = stage.gateway.write(ADA, "one");
        shelf.has(std::slice::from_ref(&id)).await;
        id
    })
    .await;
    let next = Shelf {
        cursor: Mutex::new(shelf.cursor()),
        ..Shelf::default()
    };
    let second = stage.gateway.write(ADA, "two");
    listening(&stage, &next, next.has(std::slice::from_ref(&second))).await;
    assert_ne!(first, second);
    assert_eq!(
        (stage.gateway.heard(2).len(), stage.gateway.heard(6).len()),
        (1, 1)
    );
}

#[tokio::test]
async fn what_the_broker_does_not_take_is_told_again() {
    let (stage, shelf) = (stage().await, Shelf::default());
    listening(&stage, &shelf, async {
        until(|| shelf.place().session.is_some()).await;
        shelf.is_away.store(true, Ordering::SeqCst);
        let ids = [
            stage.gateway.write(ADA, "one"),
            stage.gateway.write(ADA, "two"),
        ];
        until(|| shelf.refused.load(Ordering::SeqCst)).await;
        shelf.is_away.store(false, Ordering::SeqCst);
        shelf.has(&ids).await;
    })
    .await;
    assert!(shelf.errors().contains(&"the broker is away".to_owned()));
    assert_eq!(stage.gateway.heard(2).len(), 1);
}

#[tokio::test]
async fn a_connection_nobody_answers_on_is_left() {
    let (stage, shelf) = (stage().await, Shelf::default());
    stage.gateway.interval_ms(100);
    stage.gateway.deaf(true);
    listening(&stage, &shelf, async {
        until(|| {
            shelf
                .errors()
                .contains(&"Discord stopped answering".to_owned())
        })
        .await;
        stage.gateway.deaf(false);
        let id = stage.gateway.write(ADA, "still there?");
        shelf.has(&[id]).await;
    })
    .await;
    assert!(!stage.gateway.heard(6).is_empty());
    assert_eq!(stage.gateway.heard(2).len(), 1);
}

#[tokio::test]
async fn what_was_written_between_two_sessions_is_fetched() {
    let (stage, shelf) = (stage().await, Shelf::default());
    let gateway = &stage.gateway;
    let began = Instant::now();
    let (ids, lost) = listening(&stage, &shelf, async {
        until(|| gateway.listeners() == 1).await;
        let mut ids = vec![gateway.write(ADA, "before"), gateway.whisper(ADA, "psst")];
        shelf.has(&ids).await;
        until(|| shelf.place().direct.len() == 1).await;
        gateway.forget();
        ids.extend((0..120).map(|n| gateway.write(ADA, &format!("meanwhile {n}"))));
        ids.push(gateway.whisper(ADA, "anybody?"));
        gateway.write(US, "our own words");
        until(|| gateway.heard(2).len() == 2).await;
        let all: BTreeSet<_> = ids.iter().cloned().collect();
        until(|| shelf.ids().into_iter().collect::<BTreeSet<_>>() == all).await;
        until(|| shelf.place().owed.is_none()).await;
        (ids, shelf.ids())
    })
    .await;
    // What was heard shortly before is fetched again, under its own id.
    assert_eq!(lost.len(), ids.len() + 2);
    let told = shelf.told.lock().unwrap();
    let fetched: Value = serde_json::from_slice(&told.last().unwrap().bytes).unwrap();
    assert_eq!(fetched["d"]["guild_id"], platform::discord::gateway::GUILD);
    assert_eq!(fetched["d"]["content"], "meanwhile 119");
    assert!(began.elapsed() >= IDENTIFY_EVERY, "sessions began too fast");
}

#[tokio::test]
async fn an_invalid_session_is_resumed_only_where_discord_says_so() {
    let (stage, shelf) = (stage().await, Shelf::default());
    let gateway = &stage.gateway;
    listening(&stage, &shelf, async {
        until(|| shelf.place().session.is_some()).await;
        gateway.say(9, &json!(true));
        until(|| gateway.heard(6).len() == 1).await;
        until(|| gateway.listeners() == 1).await;
        gateway.say(9, &json!(false));
        until(|| gateway.heard(2).len() == 2).await;
    })
    .await;
    assert_eq!(gateway.heard(6).len(), 1);
    assert_eq!(shelf.errors(), [""; 0]);
}

#[tokio::test]
async fn a_slow_broker_costs_neither_the_connection_nor_a_message() {
    let (stage, shelf) = (stage().await, Shelf::default());
    let gateway = &stage.gateway;
    gateway.interval_ms(100);
    listening(&stage, &shelf, async {
        until(|| shelf.place().session.is_some()).await;
        shelf.is_slow.store(true, Ordering::SeqCst);
        // More than wait in the queue, so that reading has to.
        let ids: Vec<_> = (0..400)
            .map(|n| gateway.write(ADA, &n.to_string()))
            .collect();
        let beats = gateway.heard(1).len();
        until(|| gateway.heard(1).len() >= beats + 8).await;
        let heard = gateway.heard(1);
        assert!(heard.iter().all(|(_, word)| word["d"].as_u64() <= Some(2)));
        shelf.is_slow.store(false, Ordering::SeqCst);
        shelf.has(&ids).await;
    })
    .await;
    assert_eq!(shelf.errors(), [""; 0]);
    assert_eq!((gateway.heard(2).len(), gateway.heard(6).len()), (1, 0));
}
