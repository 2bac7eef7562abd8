//! How a wave begins: `sending` is committed, and what may not be sent is told apart.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use nats::HandleError;
use schemas::{ConversationId, MessageId, Timestamp, TrackKind};
use store::delivery::{self, Claim, Verdict};

use super::{
    super::{Entry, event, route::OnUnknown},
    Aftermath, Ready, Wave,
    aftermath::told_again,
};

/// How long a claim of doubtful messages holds until `sending` is committed for them.
const CLAIM_LEASE: Duration = Duration::from_secs(15);

/// What the ledger said of a wave.
#[derive(Default)]
pub(super) struct Begun {
    pub(super) ready: Vec<Ready>,
    /// Begun, and not to be sent: another sender holds a message before it in its conversation.
    pub(super) behind: Vec<Ready>,
    /// What another sender holds, and for how long it may.
    pub(super) held: Vec<MessageId>,
    pub(super) held_for: Option<Duration>,
    pub(super) aftermath: Aftermath,
}

impl Wave {
    /// Commits `sending` for all that may go; what is done already, held by another or doubtful is
    /// dealt with here.
    pub(super) async fn begin(&self) -> Result<Begun, HandleError> {
        let claims: Vec<Claim<'_>> = self
            .entries
            .iter()
            .map(|Entry { outbound, .. }| Claim {
                message: outbound.message.id,
                tenant: outbound.tenant,
                channel: outbound.channel,
                kind: outbound.kind,
                conversation: outbound.message.conversation_id,
                recipient: &outbound.message.recipient.id,
            })
            .collect();
        let shared = &self.shared;
        let claimed = delivery::begin(&shared.store, &claims, &shared.owner, shared.lease)
            .await
            .map_err(HandleError::transient)?;
        let mut begun = Begun::default();
        let mut doubtful = Vec::new();
        let mut held_up: HashSet<ConversationId> = HashSet::new();
        let now = Timestamp::now();
        for (at, (claimed, entry)) in claimed.iter().zip(&self.entries).enumerate() {
            let conversation = entry.outbound.message.conversation_id;
            match claimed.verdict {
                Verdict::Send { attempt } if held_up.contains(&conversation) => {
                    begun.behind.push((at, attempt));
                }
                Verdict::Send { attempt } => begun.ready.push((at, attempt)),
                Verdict::Ambiguous => doubtful.push(claimed.message),
                Verdict::Suppressed(reason) => {
                    let code = format!("suppressed: {}", reason.name());
                    let failed = event(&entry.outbound, TrackKind::Failed, "", Some(&code), None);
                    begun.aftermath.events.push(failed);
                    self.count("suppressed", 1);
                }
                Verdict::AlreadyDone(state) => {
                    let told = told_again(&entry.outbound, state);
                    begun.aftermath.events.extend(told);
                }
                Verdict::HeldByOther { until } => {
                    let wait = until
                        .since(now)
                        .min(shared.lease)
                        .max(Duration::from_millis(200));
                    begun.held_for = begun.held_for.max(Some(wait));
                    begun.held.push(claimed.message);
                    held_up.insert(conversation);
                }
                // Its next try is scheduled; unless a crash came in between.
                Verdict::NotYet { until } => {
                    let mut copy = entry.outbound.clone();
                    copy.attempt = copy.attempt.max(1);
                    begun.aftermath.retries.push((until, copy));
                }
            }
        }
        if !doubtful.is_empty() {
            let taken = self
                .settle_doubtful(&doubtful, &mut begun.aftermath)
                .await?;
            begun.ready.extend(taken);
            begun.ready.sort_unstable();
        }
        Ok(begun)
    }

    /// Messages whose sender died while sending: sent again or held, as the channel says.
    async fn settle_doubtful(
        &self,
        doubtful: &[MessageId],
        aftermath: &mut Aftermath,
    ) -> Result<Vec<Ready>, HandleError> {
        let shared = &self.shared;
        match self.route.on_unknown {
            OnUnknown::Resend => {
                let taken =
                    delivery::take_ambiguous(&shared.store, doubtful, &shared.owner, CLAIM_LEASE)
                        .await
                        .map_err(HandleError::transient)?;
                let taken: HashMap<MessageId, u32> = taken.into_iter().collect();
                let ready = self.entries.iter().enumerate().filter_map(|(at, entry)| {
                    let attempt = taken.get(&entry.outbound.message.id)?;
                    Some((at, *attempt))
                });
                self.mark_sending(ready.collect()).await
            }
            OnUnknown::Hold => {
                let held = delivery::hold_unknown(&shared.store, doubtful, &shared.owner)
                    .await
                    .map_err(HandleError::transient)?;
                for entry in &self.entries {
                    if held.contains(&entry.outbound.message.id) {
                        let outbound = &entry.outbound;
                        let code = Some("ambiguous");
                        aftermath
                            .events
                            .push(event(outbound, TrackKind::Unknown, "", code, None));
                        self.count("unknown", 1);
                    }
                }
                Ok(Vec::new())
            }
        }
    }

    /// Commits `sending`; what is not ours any more is left to its owner.
    async fn mark_sending(&self, ready: Vec<Ready>) -> Result<Vec<Ready>, HandleError> {
        if ready.is_empty() {
            return Ok(ready);
        }
        let id = |at: usize| self.entries.get(at).map(|entry| entry.outbound.message.id);
        let messages: Vec<MessageId> = ready.iter().filter_map(|(at, _)| id(*at)).collect();
        let shared = &self.shared;
        let ours = delivery::mark_sending(&shared.store, &messages, &shared.owner, shared.lease)
            .await
            .map_err(HandleError::transient)?;
        let ours: HashSet<MessageId> = ours.into_iter().collect();
        Ok(ready
            .into_iter()
            .filter(|(at, _)| id(*at).is_some_and(|id| ours.contains(&id)))
            .collect())
    }
}
