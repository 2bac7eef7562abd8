//! A fake platform that listens, for tests of senders.

use platform::{Call, Desk, Fake};
use schemas::ChannelKind;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Account, tests::account};

/// A platform that is played, and a channel of it.
pub(crate) struct Played {
    pub(crate) desk: Desk,
    pub(crate) url: String,
    kind: ChannelKind,
    config: Value,
    pub(crate) credentials: Value,
}

impl Played {
    pub(crate) async fn start(kind: ChannelKind) -> Self {
        Self::of(platform::of(kind).unwrap().as_ref()).await
    }

    /// This one.
    pub(crate) async fn of(fake: &dyn Fake) -> Self {
        let desk = Desk::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = fake.routes(desk.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let (credentials, settings) = fake.channel(&url);
        Self {
            desk,
            url,
            kind: fake.kind(),
            config: json!({ "settings": settings }),
            credentials,
        }
    }

    pub(crate) fn account(&self) -> Account<'_> {
        account(self.kind, &self.config, &self.credentials)
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.config["settings"][name] = value;
    }

    /// The calls so far, none of which may have been refused.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let calls = self.desk.calls();
        for call in &calls {
            assert_eq!(call.refusal, None, "{call:?}");
        }
        calls
    }
}
