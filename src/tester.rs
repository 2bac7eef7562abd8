//! A channel's connection test: between the gateway, which is asked, and the sinks, which know how.
//!
//! Sends nothing to anybody, and leaves no trace of a failure but its answer.

use futures::future::BoxFuture;
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
            match sinks::channel::build(&account, &self.settings, &self.store) {
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
            }
        })
    }
}
