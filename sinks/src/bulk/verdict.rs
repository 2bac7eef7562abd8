//! What the other side said of a recipient, and whether it is believed.

use bytes::Bytes;
use schemas::{
    SuppressionReason, SuppressionScope, Timestamp,
    campaign::{Chunk, RecipientStatus},
    subject,
};
use store::{
    campaign::{
        expand,
        ledger::{Claimed, Outcome},
    },
    suppression::{self, Reach, SuppressionNew},
};

use super::{
    chunk::Run,
    outcome::outcome,
    plans::Planned,
    relay::{self, Gone},
};
use crate::{
    channel::SendOutcome,
    deliver::{dispatch::Tried, route::Route},
};

impl Run {
    pub(super) async fn told(
        &self,
        route: &Route,
        chunk: &Chunk,
        claimed: &Claimed,
        tried: Tried,
    ) -> Outcome {
        let sent: SendOutcome = match tried {
            Tried::Answered(outcome) => outcome,
            Tried::NotCalled => return Outcome::put_back(claimed.message, None),
        };
        let (outcome, decision) = outcome(
            chunk.kind,
            claimed.message,
            claimed.attempt,
            sent,
            route.on_unknown,
            Timestamp::now(),
        );
        let labels = [
            ("kind", chunk.kind.name()),
            ("outcome", outcome.status.name()),
        ];
        metrics::counter!("tidings_campaign_sends_total", &labels).increment(1);
        if decision.is_recipient_gone {
            let gone = Gone {
                chunk: (chunk.campaign, chunk.number),
                message: claimed.message,
                address: claimed.address.clone(),
                code: decision.code,
            };
            if outcome.status == RecipientStatus::Bounced {
                self.refused.add(gone);
            } else {
                self.suppress(chunk, &gone).await;
            }
        }
        if decision.is_content_refused {
            let why = outcome.reason.as_deref();
            self.shared.plans.refuse(chunk.campaign, why).await;
        }
        outcome
    }

    /// Suppresses whom the mail server said not to be there, unless it says so of too many.
    pub(super) async fn believe(&self, planned: &Planned, chunk: &Chunk, outcomes: &mut [Outcome]) {
        let gone = self.refused.take((chunk.campaign, chunk.number));
        if let Some(why) = relay::trouble(&planned.pace, outcomes, &gone) {
            relay::put_back(outcomes, &gone);
            match expand::pause(&self.shared.store, chunk.campaign, &why).await {
                Ok(true) => {
                    tracing::warn!(campaign = %chunk.campaign, "paused: the mail server refuses everybody");
                }
                Ok(false) => {}
                // Whoever gets the chunk next finds it out again.
                Err(error) => tracing::debug!(%error, "a campaign could not be paused"),
            }
            let changed = subject::campaign_changed(chunk.campaign);
            if let Err(error) = self.shared.bus.notify(&changed, Bytes::new()).await {
                tracing::debug!(%error, "a change was not announced");
            }
            return;
        }
        for gone in &gone {
            self.suppress(chunk, gone).await;
        }
    }

    /// Remembers that an address is not there. When that fails the next campaign finds out again.
    async fn suppress(&self, chunk: &Chunk, gone: &Gone) {
        let is_mail = chunk.kind.address_kind() == "email";
        let suppressed = suppression::create(
            &self.shared.store,
            chunk.tenant,
            SuppressionNew {
                reach: if is_mail {
                    Reach::Kind(chunk.kind)
                } else {
                    Reach::Channel(chunk.channel)
                },
                address: gone.address.clone(),
                reason: if is_mail {
                    SuppressionReason::Bounced
                } else {
                    SuppressionReason::Blocked
                },
                scope: SuppressionScope::All,
                detail: Some(gone.code.clone()),
                expires_at: None,
            },
        )
        .await;
        if let Err(error) = suppressed {
            tracing::debug!(%error, "an address could not be suppressed");
        }
    }
}
