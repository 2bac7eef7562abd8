//! A channel's connection test, its typing indicator, and whose conversation is whose: between the gateway, which is asked, and those who know how: `sinks` of sending, `ingest` of
//! reading where the platform does not call.
//!
//! Sends nothing to anybody, and leaves no trace of a failure but its answer, which says what to do about it.

mod advice;

use std::sync::Arc;

use futures::future::BoxFuture;
use schemas::ChannelKind;
use serde_json::Value;
use sinks::channel::{Failure, Scope, SendOutcome};
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
    fn open(
        &self,
        channel: ChannelRow,
        credentials: Option<Value>,
        conversation: String,
    ) -> BoxFuture<'_, Result<Option<gateway::Opened>, gateway::Unopened>> {
        Box::pin(async move {
            let sender = self
                .sender(&channel, credentials.as_ref())
                .map_err(|error| gateway::Unopened::Channel(error.to_string()))?;
            match sender.open(&conversation).await {
                Ok(opened) => Ok(opened.map(|opened| gateway::Opened {
                    conversation: opened.conversation,
                    person: opened.person,
                })),
                Err(outcome) => Err(unopened(outcome)),
            }
        })
    }

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

/// Whose fault it is; the codes are those of a send that failed.
fn unopened(outcome: SendOutcome) -> gateway::Unopened {
    let said = |failure: &Failure| match failure.detail.trim_end_matches('.') {
        "" => failure.code.clone(),
        detail => format!("{}: {detail}", failure.code),
    };
    match outcome {
        SendOutcome::Permanent(failure) if failure.scope != Scope::Channel => {
            gateway::Unopened::Person(said(&failure))
        }
        SendOutcome::Permanent(failure)
        | SendOutcome::RetryAfter { failure, .. }
        | SendOutcome::Unknown(failure) => gateway::Unopened::Platform(said(&failure)),
        SendOutcome::Accepted { .. } => {
            gateway::Unopened::Platform("it answered something else".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_of_the_person_is_the_persons_fault() {
        use gateway::Unopened::{Person, Platform};
        let gone = Failure::recipient("user-not-found", "user_not_found.");
        let said = "user-not-found: user_not_found".to_owned();
        assert_eq!(unopened(SendOutcome::Permanent(gone)), Person(said));
        let key = || Failure::channel("invalid-auth", "");
        let said = || Platform("invalid-auth".to_owned());
        assert_eq!(unopened(SendOutcome::Permanent(key())), said());
        let (after, failure) = (None, key());
        assert_eq!(unopened(SendOutcome::RetryAfter { after, failure }), said());
        let slow = Failure::message("timeout", "no answer");
        let said = Platform("timeout: no answer".to_owned());
        assert_eq!(unopened(SendOutcome::Unknown(slow)), said);
    }
}
