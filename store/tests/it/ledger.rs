//! The laws of the ledger.

use std::time::Duration;

use schemas::{ChannelKind, DeliveryState, MessageId, Timestamp};
use store::{
    StoreError,
    delivery::{
        self, Claim, DeliveryResult, Echo, Receipt, Resolution, Verdict,
        Verdict::{AlreadyDone, Ambiguous, HeldByOther, NotYet, Send},
    },
};

use crate::rig::{Bed, at};

const LEASE: Duration = Duration::from_secs(60);
/// A lease that is over at once.
const OVER: Duration = Duration::ZERO;

struct Ledger {
    bed: Bed,
    id: MessageId,
}

impl Ledger {
    async fn new() -> Self {
        Self {
            bed: Bed::new().await,
            id: MessageId::new(),
        }
    }

    async fn claim(&self, owner: &str, lease: Duration) -> Verdict {
        let claim = claim(&self.bed, self.id);
        let claimed = delivery::claim(&self.bed.store, &[claim], owner, lease)
            .await
            .unwrap();
        assert_eq!(claimed.len(), 1);
        claimed[0].verdict
    }

    async fn sending(&self, owner: &str, lease: Duration) -> bool {
        let marked = delivery::mark_sending(&self.bed.store, &[self.id], owner, lease)
            .await
            .unwrap();
        marked == [self.id]
    }

    async fn record(&self, state: DeliveryState, attempt: u32, next: Option<Timestamp>) -> bool {
        let result = DeliveryResult {
            message: self.id,
            state,
            attempt,
            provider_id: Some("p1".into()),
            more_ids: Vec::new(),
            error_class: None,
            detail: None,
            next_try_at: next,
            sms: None,
        };
        let done = delivery::record(&self.bed.store, &[result], Echo::Expected)
            .await
            .unwrap();
        done == [self.id]
    }

    async fn raise(&self, state: DeliveryState) -> u64 {
        let receipt = Receipt {
            tenant: self.bed.ours,
            message: self.id,
            state,
            at: at(1),
            detail: Some("why".into()),
        };
        delivery::raise(&self.bed.store, &[receipt]).await.unwrap()
    }

    async fn state(&self) -> DeliveryState {
        delivery::get(&self.bed.store, self.bed.ours, self.id)
            .await
            .unwrap()
            .state
    }
}

fn claim(bed: &Bed, message: MessageId) -> Claim<'static> {
    Claim {
        message,
        tenant: bed.ours,
        channel: bed.channel.id,
        conversation: schemas::ConversationId::of(bed.channel.id, "c"),
        kind: ChannelKind::Sandbox,
        recipient: "c",
    }
}

#[tokio::test]
async fn what_was_sent_is_never_sent_again() {
    let ledger = Ledger::new().await;
    assert_eq!(ledger.claim("a", LEASE).await, Send { attempt: 1 });
    assert!(matches!(ledger.claim("b", LEASE).await, HeldByOther { .. }));
    assert!(ledger.sending("a", LEASE).await);
    assert!(matches!(ledger.claim("b", LEASE).await, HeldByOther { .. }));
    assert!(ledger.record(DeliveryState::Sent, 1, None).await);
    for owner in ["a", "b"] {
        assert_eq!(
            ledger.claim(owner, LEASE).await,
            AlreadyDone(DeliveryState::Sent)
        );
        assert!(!ledger.sending(owner, LEASE).await);
    }
    // Neither a late failure nor a late retry undoes it.
    assert!(!ledger.record(DeliveryState::Failed, 1, None).await);
    assert!(!ledger.record(DeliveryState::Queued, 1, None).await);
    assert_eq!(ledger.state().await, DeliveryState::Sent);
    let row = delivery::get(&ledger.bed.store, ledger.bed.ours, ledger.id)
        .await
        .unwrap();
    assert_eq!(
        (row.provider_id.as_deref(), row.attempt, row.owner),
        (Some("p1"), 1, None)
    );
    assert!(row.sent_at.is_some());
}

#[tokio::test]
async fn beginning_claims_and_marks_at_once() {
    let ledger = Ledger::new().await;
    let begin = async |owner: &str, lease| {
        let claim = claim(&ledger.bed, ledger.id);
        let begun = delivery::begin(&ledger.bed.store, &[claim, claim], owner, lease)
            .await
            .unwrap();
        assert_eq!(begun.len(), 1);
        begun[0].verdict
    };
    // What is merely claimed was not sent, and its owner may begin.
    assert_eq!(ledger.claim("a", LEASE).await, Send { attempt: 1 });
    assert!(matches!(begin("b", LEASE).await, HeldByOther { .. }));
    assert_eq!(begin("a", OVER).await, Send { attempt: 2 });
    assert_eq!(ledger.state().await, DeliveryState::Sending);
    // What has begun may have been sent.
    assert_eq!(begin("a", LEASE).await, Ambiguous);
    assert_eq!(begin("b", LEASE).await, Ambiguous);
    assert!(ledger.record(DeliveryState::Sent, 2, None).await);
    assert_eq!(begin("b", LEASE).await, AlreadyDone(DeliveryState::Sent));
}

#[tokio::test]
async fn a_failed_message_is_sent_again_only_when_it_is_reopened() {
    let ledger = Ledger::new().await;
    let reopen = async |tenant| {
        delivery::reopen(&ledger.bed.store, tenant, ledger.id)
            .await
            .unwrap()
    };
    assert!(!reopen(ledger.bed.ours).await, "no sender has seen it");
    assert_eq!(ledger.claim("a", LEASE).await, Send { attempt: 1 });
    assert!(!reopen(ledger.bed.ours).await, "it is being sent");
    assert!(ledger.sending("a", LEASE).await);
    assert!(ledger.record(DeliveryState::Failed, 1, None).await);
    assert_eq!(
        ledger.claim("a", LEASE).await,
        AlreadyDone(DeliveryState::Failed)
    );
    assert!(!reopen(ledger.bed.theirs).await, "another tenant's");
    assert!(reopen(ledger.bed.ours).await);
    assert!(!reopen(ledger.bed.ours).await, "once");
    assert_eq!(ledger.state().await, DeliveryState::Queued);
    // A result of before changes nothing; a claim is a new attempt.
    assert!(!ledger.record(DeliveryState::Failed, 1, None).await);
    assert_eq!(ledger.claim("b", LEASE).await, Send { attempt: 3 });
    assert!(ledger.sending("b", LEASE).await);
    assert!(ledger.record(DeliveryState::Sent, 3, None).await);
    assert!(!reopen(ledger.bed.ours).await, "it was sent");
}

#[tokio::test]
async fn a_claim_that_lapsed_before_sending_is_safe_to_take() {
    let ledger = Ledger::new().await;
    assert_eq!(ledger.claim("a", OVER).await, Send { attempt: 1 });
    assert_eq!(ledger.claim("b", LEASE).await, Send { attempt: 2 });
    // The first owner wakes up: it may no longer send, nor say anything about it.
    assert!(!ledger.sending("a", LEASE).await);
    assert!(!ledger.record(DeliveryState::Failed, 1, None).await);
    assert!(ledger.sending("b", LEASE).await);
    assert!(!ledger.record(DeliveryState::Unknown, 1, None).await);
    assert!(!ledger.record(DeliveryState::Queued, 1, None).await);
    assert_eq!(ledger.state().await, DeliveryState::Sending);
    // Only that it was sent is true whoever says it.
    assert!(ledger.record(DeliveryState::Sent, 1, None).await);
}

#[tokio::test]
async fn a_lapsed_claim_does_not_become_sending() {
    let ledger = Ledger::new().await;
    assert_eq!(ledger.claim("a", OVER).await, Send { attempt: 1 });
    assert!(!ledger.sending("a", LEASE).await);
    // The same owner, given its batch again, simply claims again.
    assert_eq!(ledger.claim("a", LEASE).await, Send { attempt: 2 });
    assert_eq!(ledger.claim("a", LEASE).await, Send { attempt: 3 });
}

#[tokio::test]
async fn dying_while_sending_is_ambiguous_and_the_caller_decides() {
    let ledger = Ledger::new().await;
    let store = &ledger.bed.store;
    ledger.claim("a", LEASE).await;
    assert!(ledger.sending("a", OVER).await);
    assert_eq!(ledger.claim("b", LEASE).await, Ambiguous);
    assert_eq!(ledger.claim("b", LEASE).await, Ambiguous);
    let taken = delivery::take_ambiguous(store, &[ledger.id], "b", LEASE)
        .await
        .unwrap();
    assert_eq!(taken, [(ledger.id, 2)]);
    // Taken once: another one does not get it too.
    let again = delivery::take_ambiguous(store, &[ledger.id], "c", LEASE)
        .await
        .unwrap();
    assert_eq!(again, []);

    // Its own owner sees the same at once: what it was doing before is over.
    assert!(ledger.sending("b", LEASE).await);
    assert_eq!(ledger.claim("b", LEASE).await, Ambiguous);
    assert_eq!(
        delivery::hold_unknown(store, &[ledger.id], "c")
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        delivery::hold_unknown(store, &[ledger.id], "b")
            .await
            .unwrap(),
        [ledger.id]
    );
    assert_eq!(
        ledger.claim("b", LEASE).await,
        AlreadyDone(DeliveryState::Unknown)
    );
    let held = delivery::list(store, ledger.bed.ours, DeliveryState::Unknown, 10)
        .await
        .unwrap();
    assert_eq!(held.len(), 1);
}

#[tokio::test]
async fn who_lives_keeps_what_it_is_sending() {
    let ledger = Ledger::new().await;
    let renew = async |owner| {
        delivery::renew(&ledger.bed.store, &[ledger.id], owner, LEASE)
            .await
            .unwrap()
    };
    ledger.claim("a", LEASE).await;
    assert_eq!(renew("a").await, [], "it is merely claimed");
    assert!(ledger.sending("a", OVER).await);
    assert_eq!(ledger.claim("b", LEASE).await, Ambiguous);
    // Late, and before anybody took it.
    assert_eq!(renew("a").await, [ledger.id]);
    assert!(matches!(ledger.claim("b", LEASE).await, HeldByOther { .. }));
    assert_eq!(renew("b").await, [], "it is another's");
    assert!(ledger.record(DeliveryState::Sent, 1, None).await);
    assert_eq!(renew("a").await, [], "it is done");
}

#[tokio::test]
async fn a_person_resolves_the_unknown() {
    let ledger = Ledger::new().await;
    let (store, ours) = (&ledger.bed.store, ledger.bed.ours);
    ledger.claim("a", LEASE).await;
    let early = delivery::resolve_unknown(store, ours, ledger.id, Resolution::Resend).await;
    assert!(matches!(early, Err(StoreError::Conflict { .. })));
    ledger.sending("a", LEASE).await;
    assert!(ledger.record(DeliveryState::Unknown, 1, None).await);
    let theirs = ledger.bed.theirs;
    let foreign = delivery::resolve_unknown(store, theirs, ledger.id, Resolution::Resend).await;
    assert!(matches!(foreign, Err(StoreError::NotFound)));
    let row = delivery::resolve_unknown(store, ours, ledger.id, Resolution::Resend)
        .await
        .unwrap();
    assert_eq!(row.state, DeliveryState::Queued);
    // Whoever could not publish it asks again; what was known before counts no more.
    let row = delivery::resolve_unknown(store, ours, ledger.id, Resolution::Resend)
        .await
        .unwrap();
    assert_eq!((row.state, row.attempt), (DeliveryState::Queued, 2));
    assert!(!ledger.record(DeliveryState::Failed, 1, None).await);
    assert_eq!(ledger.claim("b", LEASE).await, Send { attempt: 3 });
    let late = delivery::resolve_unknown(store, ours, ledger.id, Resolution::Resend).await;
    assert!(matches!(late, Err(StoreError::Conflict { .. })));
    ledger.sending("b", LEASE).await;
    assert!(ledger.record(DeliveryState::Unknown, 3, None).await);
    let row = delivery::resolve_unknown(store, ours, ledger.id, Resolution::MarkSent)
        .await
        .unwrap();
    assert_eq!(row.state, DeliveryState::Sent);
    let late = delivery::resolve_unknown(store, ours, ledger.id, Resolution::MarkFailed).await;
    assert!(matches!(late, Err(StoreError::Conflict { .. })));
}

#[tokio::test]
async fn a_transient_failure_waits_and_is_tried_again() {
    let ledger = Ledger::new().await;
    ledger.claim("a", LEASE).await;
    ledger.sending("a", LEASE).await;
    let later = Timestamp::now().plus(Duration::from_secs(3600));
    assert!(ledger.record(DeliveryState::Queued, 1, Some(later)).await);
    assert_eq!(ledger.claim("a", LEASE).await, NotYet { until: later });
    assert_eq!(ledger.claim("b", LEASE).await, NotYet { until: later });
    ledger
        .bed
        .sql("update deliveries set next_try_at = now()")
        .await;
    assert_eq!(ledger.claim("b", LEASE).await, Send { attempt: 2 });
    // The first attempt's result, told again by a redelivery, no longer counts.
    assert!(!ledger.record(DeliveryState::Queued, 1, None).await);
    assert!(!ledger.record(DeliveryState::Failed, 1, None).await);
    assert!(ledger.sending("b", LEASE).await);
    assert!(ledger.record(DeliveryState::Failed, 2, None).await);
    assert_eq!(
        ledger.claim("b", LEASE).await,
        AlreadyDone(DeliveryState::Failed)
    );
}

#[tokio::test]
async fn receipts_only_raise() {
    use DeliveryState as S;
    let ledger = Ledger::new().await;
    assert_eq!(
        ledger.raise(S::Delivered).await,
        0,
        "no row, nothing to raise"
    );
    ledger.claim("a", LEASE).await;
    ledger.sending("a", LEASE).await;
    assert_eq!(ledger.raise(S::Unknown).await, 0, "no receipt but a result");
    let steps = [
        (S::Sent, S::Sent),
        (S::Failed, S::Failed),
        (S::Sent, S::Failed),
        (S::Bounced, S::Failed),
        (S::Delivered, S::Delivered),
        (S::Failed, S::Delivered),
        (S::Read, S::Read),
        (S::Delivered, S::Read),
        (S::Bounced, S::Read),
        (S::Sent, S::Read),
    ];
    for (told, stands) in steps {
        ledger.raise(told).await;
        assert_eq!(ledger.state().await, stands);
    }
    assert!(!ledger.record(S::Sent, 1, None).await);
    assert_eq!(ledger.state().await, S::Read);
    let counts = delivery::counts(&ledger.bed.store).await.unwrap();
    assert_eq!(counts, [(S::Read, 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_claimants_one_sends() {
    let bed = Bed::new().await;
    let claims: Vec<Claim<'_>> = (0..60).map(|_| claim(&bed, MessageId::new())).collect();
    let claimants: Vec<_> = (0..6)
        .map(|owner| {
            let (store, mut claims) = (bed.store.clone(), claims.clone());
            if owner % 2 == 1 {
                claims.reverse();
            }
            tokio::spawn(async move {
                let owner = format!("w{owner}");
                let claimed = delivery::claim(&store, &claims, &owner, LEASE)
                    .await
                    .unwrap();
                assert_eq!(claimed.len(), 60);
                let sends = claimed.iter().filter(|c| matches!(c.verdict, Send { .. }));
                sends.map(|c| c.message).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut sends = Vec::new();
    for claimant in claimants {
        sends.extend(claimant.await.unwrap());
    }
    sends.sort();
    let mut expected: Vec<_> = claims.iter().map(|claim| claim.message).collect();
    expected.sort();
    assert_eq!(sends, expected);
}

#[tokio::test]
async fn a_message_twice_in_a_batch_is_answered_once() {
    let bed = Bed::new().await;
    let (one, two) = (claim(&bed, MessageId::new()), claim(&bed, MessageId::new()));
    let claimed = delivery::claim(&bed.store, &[two, one, two, one], "a", LEASE)
        .await
        .unwrap();
    let messages: Vec<_> = claimed.iter().map(|c| c.message).collect();
    assert_eq!(messages, [two.message, one.message]);
    assert_eq!(
        delivery::claim(&bed.store, &[], "a", LEASE).await.unwrap(),
        []
    );
}
