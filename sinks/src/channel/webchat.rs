//! Web chat: the hub itself is the platform.
//!
//! An answer is the visitor's as soon as it is kept: the gateway that holds a visitor's socket hears of it and hands it over, and
//! who was away finds it in the history. So there is nobody to call here, and a second send is harmless.

use async_trait::async_trait;
use schemas::Outbound;

use super::{SendOutcome, Sender, TestReport};

/// Messages at once.
const BATCH: usize = 500;

pub(super) struct Webchat;

#[async_trait]
impl Sender for Webchat {
    async fn send(&self, batch: &[&Outbound]) -> Vec<SendOutcome> {
        batch
            .iter()
            .map(|_| SendOutcome::Accepted {
                provider_ids: Vec::new(),
            })
            .collect()
    }

    fn batch_size(&self) -> usize {
        BATCH
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    async fn test(&self, _webhook_url: Option<&str>) -> TestReport {
        TestReport::passed(None, "there is nothing to reach: visitors come to the hub")
    }
}
