//! A channel's connection test, and its typing indicator: between the gateway, which is asked, and those who know how: `sinks` of sending, `ingest` of
//! reading where the platform does not call.
//!
//! Sends nothing to anybody, and leaves no trace of a failure but its answer, which says what to do about it.

mod advice;

use std::sync::Arc;

use futures::future::BoxFuture;
use schemas::ChannelKind;
use serde_json::Value;
use store::{Store, channel::ChannelRow};

/// Tries channels' accounts through their senders.
pub(crate) struct Tester {
    store: Store,
    settings: sinks::channel::Settings,
}

impl Tester {
    pub(crate) fn new(store: Store, settings: sinks::channel::Settings) -> Self {
        Self { store, settings }
    }

    fn sender(
        &self,
        channel: &ChannelRow,
        credentials: Option<&Value>,
    ) -> Result<Arc<dyn sinks::channel::Sender>, sinks::channel::Misconfigured> {
        let account = sinks::channel::Account {
            tenant: channel.tenant_id,
            channel: channel.id,
            kind: channel.kind,
            config: &channel.config,
            credentials,
        };
        sinks::channel::build(&account, &self.settings, &self.store)
    }
}

impl gateway::ChannelTester for Tester {
    fn typing(
        &self,
        channel: ChannelRow,
        credentials: Option<Value>,
        conversation: String,
        last: Option<String>,
    ) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let Ok(sender) = self.sender(&channel, credentials.as_ref()) else {
                return false;
            };
            match sender.typing(&conversation, last.as_deref()).await {
                Ok(()) => true,
                Err(failure) => {
                    tracing::debug!(channel = %channel.id, code = failure.code, "typing was not shown");
                    false
                }
            }
        })
    }

    fn test(
        &self,
        channel: ChannelRow,
        credentials: Option<Value>,
        webhook_url: Option<String>,
    ) -> BoxFuture<'_, gateway::ChannelTest> {
        Box::pin(async move {
            let sending = match self.sender(&channel, credentials.as_ref()) {
                Ok(sender) => {
                    let report = sender.test(webhook_url.as_deref()).await;
                    let advice = report
                        .failure
                        .as_ref()
                        .and_then(|failure| advice::failed(channel.kind, failure));
                    let detail = match advice {
                        Some(advice) => {
                            format!("{}. {advice}", report.detail.trim_end_matches('.'))
                        }
                        None => report.detail,
                    };
                    gateway::ChannelTest {
                        success: report.ok,
                        account: report.account,
                        detail,
                    }
                }
                Err(error) => gateway::ChannelTest {
                    success: false,
                    account: None,
                    detail: advice::misconfigured(channel.kind, &error),
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
                Some(Err(error)) => {
                    let detail = match &error {
                        ingest::poll::PollError::Broken { .. } => {
                            format!("reading: {error}. {}.", advice::unread(channel.kind))
                        }
                        _ => format!("reading: {error}"),
                    };
                    gateway::ChannelTest {
                        success: false,
                        account: sending.account,
                        detail,
                    }
                }
                Some(Ok(())) if sends => gateway::ChannelTest {
                    success: sending.success,
                    account: sending.account,
                    detail: format!("reading works; sending: {}", sending.detail),
                },
                Some(Ok(())) => gateway::ChannelTest {
                    success: true,
                    account: None,
                    detail: "reading works; nothing can be sent without `smtp`".to_owned(),
                },
            }
        })
    }
}
