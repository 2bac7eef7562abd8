//! The sandbox: no platform at all. What is sent is kept and can be read through the API.

use async_trait::async_trait;
use schemas::{ChannelId, Outbound};
use store::{Store, StoreError, sandbox::SandboxSent};

use super::{Account, Failure, SendOutcome, Sender, TestReport};

/// Messages of one statement.
const BATCH: usize = 500;

/// Captures into the database; the same message twice is captured once.
pub(super) struct Sandbox {
    channel: ChannelId,
    store: Store,
}

impl Sandbox {
    pub(super) fn new(account: &Account<'_>, store: Store) -> Self {
        Self {
            channel: account.channel,
            store,
        }
    }

    fn sent(&self, outbound: &Outbound) -> SandboxSent {
        let message = &outbound.message;
        SandboxSent {
            message: message.id,
            tenant: outbound.tenant,
            channel: self.channel,
            platform_conversation_id: message.platform_conversation_id.clone(),
            recipient_id: message.recipient.id.clone(),
            subject: message.subject.clone(),
            content: message.content.text.clone(),
            content_html: message.content.html.clone(),
            attachments: message.content.attachments.clone(),
        }
    }
}

/// What a refusal of the database means for a message.
fn classed(error: &StoreError) -> SendOutcome {
    if error.is_unavailable() {
        SendOutcome::RetryAfter {
            after: None,
            failure: Failure::channel("database", "the database is unavailable"),
        }
    } else {
        SendOutcome::Permanent(Failure::message("database", error.to_string()))
    }
}

#[async_trait]
impl Sender for Sandbox {
    async fn send(&self, batch: &[&Outbound]) -> Vec<SendOutcome> {
        let accepted = |outbound: &&Outbound| SendOutcome::Accepted {
            provider_ids: vec![format!("sandbox-{}", outbound.message.id)],
        };
        let all: Vec<SandboxSent> = batch.iter().map(|outbound| self.sent(outbound)).collect();
        match store::sandbox::capture(&self.store, &all).await {
            Ok(_) => batch.iter().map(accepted).collect(),
            Err(error) if error.is_unavailable() || batch.len() == 1 => {
                batch.iter().map(|_| classed(&error)).collect()
            }
            // One of them is refused: each for itself, so the others go through.
            Err(_) => {
                let mut outcomes = Vec::with_capacity(batch.len());
                for (outbound, sent) in batch.iter().zip(&all) {
                    let one =
                        store::sandbox::capture(&self.store, std::slice::from_ref(sent)).await;
                    outcomes.push(match one {
                        Ok(_) => accepted(outbound),
                        Err(error) => classed(&error),
                    });
                }
                outcomes
            }
        }
    }

    fn batch_size(&self) -> usize {
        BATCH
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    async fn test(&self, _webhook_url: Option<&str>) -> TestReport {
        match self.store.ping().await {
            Ok(()) => TestReport::passed(None, "what is sent here is kept, and goes nowhere"),
            Err(_) => {
                TestReport::failed(&Failure::channel("database", "the database is unavailable"))
            }
        }
    }
}
