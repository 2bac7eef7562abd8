//! Against a gateway that is played: real sockets, Discord's words.

mod resume;

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use platform::{
    Desk, Fake as _,
    discord::{Discord as Played, gateway::Gateway},
};
use serde_json::json;

use super::*;
use crate::channel::Update;

const ADA: &str = "1179400000000000001";
/// The bot itself.
const US: &str = "1179100000000000001";

/// Discord, with a gateway.
struct Stage {
    gateway: Gateway,
    desk: Desk,
    account: Account,
}

/// What a port would have done.
#[derive(Default)]
struct Shelf {
    stop: CancellationToken,
    cursor: Mutex<Value>,
    told: Mutex<Vec<Update>>,
    /// The broker takes nothing.
    is_away: AtomicBool,
    /// The broker takes its time.
    is_slow: AtomicBool,
    refused: AtomicBool,
    answered: AtomicBool,
    /// Why runs ended.
    errors: Mutex<Vec<String>>,
}

#[async_trait]
impl Intake for Shelf {
    fn cursor(&self) -> Value {
        self.cursor.lock().unwrap().clone()
    }

    fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    async fn publish(&self, updates: Vec<Update>) -> Result<(), PollError> {
        if self.is_away.load(Ordering::SeqCst) {
            self.refused.store(true, Ordering::SeqCst);
            return Err(PollError::transient("the broker is away"));
        }
        while self.is_slow.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.told.lock().unwrap().extend(updates);
        Ok(())
    }

    async fn save(&self, cursor: Value) -> Result<(), PollError> {
        *self.cursor.lock().unwrap() = cursor;
        Ok(())
    }

    async fn answered(&self) {
        self.answered.store(true, Ordering::SeqCst);
    }
}

impl Shelf {
    fn ids(&self) -> Vec<String> {
        let told = self.told.lock().unwrap();
        told.iter()
            .map(|update| update.platform_id.clone())
            .collect()
    }

    fn errors(&self) -> Vec<String> {
        self.errors.lock().unwrap().clone()
    }

    fn place(&self) -> Place {
        serde_json::from_value(self.cursor()).unwrap_or_default()
    }

    /// Whether these were told, each once.
    async fn has(&self, wanted: &[String]) {
        let all: BTreeSet<_> = wanted.iter().cloned().collect();
        until(|| self.ids().iter().cloned().collect::<BTreeSet<_>>() == all).await;
        assert_eq!(self.ids().len(), all.len(), "{:?}", self.ids());
    }
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "it never became so");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn stage() -> Stage {
    stage_with(json!({}), json!({})).await
}

async fn stage_with(credentials: Value, settings: Value) -> Stage {
    let (played, desk) = (Played::default(), Desk::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = played.routes(desk.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let (mut given, mut set) = played.channel(&url);
    for (into, more) in [(&mut given, credentials), (&mut set, settings)] {
        let fields = into.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
    }
    Stage {
        gateway: played.gateway,
        desk,
        account: Account::of(&given, &set, true, 1 << 20).unwrap(),
    }
}

/// Listens again and again, as a tenure does, until the shelf says stop.
async fn listening<T>(stage: &Stage, shelf: &Shelf, then: impl Future<Output = T>) -> T {
    let listener = Discord::default();
    let listen = async {
        while !shelf.stop.is_cancelled() {
            match listener.listen(&stage.account, shelf).await {
                Ok(()) | Err(PollError::Ended) => {}
                Err(error) => shelf.errors.lock().unwrap().push(error.to_string()),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let both = async {
        let out = then.await;
        shelf.stop.cancel();
        out
    };
    tokio::join!(listen, both).1
}

async fn once(stage: &Stage, shelf: &Shelf) -> Result<(), PollError> {
    Discord::default().listen(&stage.account, shelf).await
}

#[tokio::test]
async fn what_people_write_is_told_and_nothing_else() {
    let (stage, shelf) = (stage().await, Shelf::default());
    stage.gateway.interval_ms(100);
    listening(&stage, &shelf, async {
        let gateway = &stage.gateway;
        until(|| gateway.listeners() == 1).await;
        let mut ids = vec![gateway.write(ADA, "Hello"), gateway.whisper(ADA, "psst")];
        gateway.write(US, "our own words");
        gateway.dispatch("TYPING_START", &json!({"channel_id": "7", "user_id": ADA}));
        gateway.dispatch("PRESENCE_UPDATE", &json!({"user": {"id": ADA}}));
        // Discord looked at a link.
        gateway.dispatch(
            "MESSAGE_UPDATE",
            &json!({"id": ids[0], "channel_id": "7", "embeds": []}),
        );
        let reaction =
            json!({"user_id": ADA, "message_id": "11", "channel_id": "7", "emoji": {"name": "x"}});
        gateway.dispatch("MESSAGE_REACTION_ADD", &reaction);
        let mut ours = reaction;
        ours["user_id"] = US.into();
        gateway.dispatch("MESSAGE_REACTION_ADD", &ours);
        gateway.dispatch(
            "MESSAGE_DELETE_BULK",
            &json!({"ids": ["21", "22"], "channel_id": "7"}),
        );
        ids.extend([
            "reaction:11:".to_owned() + ADA + ":x:add:9",
            "21".into(),
            "22".into(),
        ]);
        shelf.has(&ids).await;
        // Heartbeats say how far the broker has everything, and so does the cursor.
        let last = |heard: Vec<(String, Value)>| heard.last().map(|(_, word)| word["d"].clone());
        until(|| last(gateway.heard(1)) == Some(json!(11))).await;
        until(|| {
            shelf
                .place()
                .session
                .is_some_and(|session| session.seq == 11)
        })
        .await;
    })
    .await;
    let place = shelf.place();
    assert_eq!((&*place.user, place.direct.len()), (US, 1));
    assert!(shelf.answered.load(Ordering::SeqCst));
    assert_eq!(shelf.errors(), [""; 0]);
    let identified = stage.gateway.heard(2);
    let [(path, word)] = identified.as_slice() else {
        panic!("{identified:?}");
    };
    assert_eq!(
        (&**path, &word["d"]["intents"]),
        ("/gateway", &json!(46_593))
    );
    let told = shelf.told.lock().unwrap();
    let first: Value = serde_json::from_slice(&told[0].bytes).unwrap();
    assert_eq!(
        (&first["op"], &first["t"], &first["s"]),
        (&json!(0), &json!("MESSAGE_CREATE"), &json!(3))
    );
    assert_eq!(first["d"]["content"], "Hello");
}

#[tokio::test]
async fn what_a_person_must_mend_is_said() {
    let stage = stage().await;
    for (code, word) in [
        (4004, "bot token"),
        (4011, "guilds"),
        (4013, "intents"),
        (4014, "Message Content intent"),
    ] {
        stage.gateway.refuse(Some(code));
        let refused = once(&stage, &Shelf::default()).await;
        assert!(
            matches!(&refused, Err(PollError::Broken { reason }) if reason.contains(word)),
            "{code}: {refused:?}"
        );
    }
    stage.gateway.refuse(Some(4008));
    let later = once(&stage, &Shelf::default()).await;
    assert!(
        matches!(later, Err(PollError::Transient { .. })),
        "{later:?}"
    );

    let stranger = stage_with(json!({"bot_token": "another"}), json!({})).await;
    let refused = once(&stranger, &Shelf::default()).await.unwrap_err();
    assert_eq!(refused.to_string(), "Discord refuses the bot token");
    assert!(stranger.gateway.heard(2).is_empty());
}

#[tokio::test]
async fn no_session_is_begun_when_none_is_left_today() {
    let stage = stage().await;
    stage.gateway.allow(0);
    let later = once(&stage, &Shelf::default()).await;
    let Err(PollError::Transient { after, .. }) = later else {
        panic!("{later:?}");
    };
    assert_eq!(after, Some(Duration::from_secs(14_400)));
    assert!(stage.gateway.heard(2).is_empty());
}

#[tokio::test]
async fn an_interaction_is_acknowledged_and_told() {
    let stage = stage_with(json!({}), json!({"ephemeral": true})).await;
    let shelf = Shelf::default();
    listening(&stage, &shelf, async {
        until(|| stage.gateway.listeners() == 1).await;
        let pressed = |id: &str, token: &str| json!({"id": id, "token": token, "type": 2, "version": 1,
            "application_id": US, "channel_id": "7", "user": {"id": ADA}, "data": {"id": "1", "name": "help"}});
        stage.gateway.dispatch("INTERACTION_CREATE", &pressed("31", "to/ken"));
        stage.gateway.dispatch("INTERACTION_CREATE", &pressed("32", "expired"));
        shelf.has(&["31".into(), "32".into()]).await;
    })
    .await;
    let calls = stage.desk.calls();
    let called = calls.iter().filter(|call| call.path.contains("/callback"));
    let called: Vec<_> = called
        .map(|call| (&*call.path, call.status.as_u16()))
        .collect();
    assert!(
        called.contains(&("/api/v10/interactions/31/to%2Fken/callback", 204)),
        "{called:?}"
    );
    assert!(
        called.contains(&("/api/v10/interactions/32/expired/callback", 404)),
        "{called:?}"
    );
    let first = calls
        .iter()
        .find(|call| call.path.contains("/31/"))
        .unwrap();
    assert_eq!(first.body, json!({"type": 5, "data": {"flags": 64}}));
}

#[tokio::test]
async fn a_channel_test_asks_whether_the_bot_may_listen() {
    let played = Arc::new(stage().await);
    let url = played.account.api_base.clone().unwrap();
    let ask = async |token: &str, intents: Value| {
        let settings = json!({"api_base": url, "intents": intents});
        let told = check(&json!({"bot_token": token}), &settings, true).await;
        told.err().map(|error| error.to_string())
    };
    let token = played.account.token.expose();
    assert_eq!(ask(token, Value::Null).await, None);
    assert_eq!(
        ask("x", Value::Null).await.as_deref(),
        Some("Discord refuses the bot token")
    );
    let odd = ask(token, json!(["presences"])).await.unwrap();
    assert!(odd.contains("`intents`"), "{odd}");
}
