//! A channel's connection test: between the gateway, which is asked, and those who know how: `sinks` of sending, `ingest` of
//! reading where the platform does not call.
//!
//! Sends nothing to anybody, and leaves no trace of a failure but its answer.

use futures::future::BoxFuture;
use schemas::ChannelKind;
use serde_json::Value;
use store::{Store, channel::ChannelRow};

/// Tries a channel's account through its sender.
pub(crate) struct Tester {
    store: Store,
    settings: sinks::channel::Settings,
}

impl Tester {
    pub(crate) fn new(store: Store, settings: sinks::channel::Settings) -> Self {
        Self { store, settings }
    }
}

impl gateway::ChannelTester for Tester {
    fn test(
        &self,
        channel: ChannelRow,
        credentials: Option<Value>,
    ) -> BoxFuture<'_, gateway::ChannelTest> {
        Box::pin(async move {
            let account = sinks::channel::Account {
                tenant: channel.tenant_id,
                channel: channel.id,
                kind: channel.kind,
                config: &channel.config,
                credentials: credentials.as_ref(),
            };
            let sending = match sinks::channel::build(&account, &self.settings, &self.store) {
                Ok(sender) => {
                    let report = sender.test(None).await;
                    gateway::ChannelTest {
                        success: report.ok,
                        detail: report.detail,
                    }
                }
                Err(error) => gateway::ChannelTest {
                    success: false,
                    detail: error.to_string(),
                },
            };
            let credentials = credentials.unwrap_or(Value::Null);
            let settings = channel.config.get("settings").unwrap_or(&Value::Null);
            let allow_private = self.settings.allow_private_urls;
            let reading =
                ingest::poll::check(channel.kind, &credentials, settings, allow_private).await;
            // A mailbox that is only read needs no relay.
            let sends = channel.kind != ChannelKind::Email || credentials.get("smtp").is_some();
            match reading {
                None => sending,
                Some(Err(error)) => gateway::ChannelTest {
                    success: false,
                    detail: format!("reading: {error}"),
                },
                Some(Ok(())) if sends => gateway::ChannelTest {
                    success: sending.success,
                    detail: format!("reading works; sending: {}", sending.detail),
                },
                Some(Ok(())) => gateway::ChannelTest {
                    success: true,
                    detail: "reading works; nothing can be sent without `smtp`".to_owned(),
                },
            }
        })
    }
}
