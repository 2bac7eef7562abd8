//! What a sender's answer means for a campaign's ledger. Pure.

use schemas::{ChannelKind, DeliveryState, MessageId, Timestamp, campaign::RecipientStatus};
use store::campaign::ledger::Outcome;

use crate::{
    channel::SendOutcome,
    deliver::{
        outcome::{Decision, decide},
        route::OnUnknown,
    },
};

/// The outcome, and whether the recipient is to be suppressed.
pub(super) fn outcome(
    kind: ChannelKind,
    message: MessageId,
    tries: u32,
    sent: SendOutcome,
    on_unknown: OnUnknown,
    now: Timestamp,
) -> (Outcome, Decision) {
    let decision = decide(message, tries, tries, sent, on_unknown, now);
    let result = &decision.result;
    let status = match result.state {
        DeliveryState::Sent => RecipientStatus::Sent,
        DeliveryState::Unknown => RecipientStatus::Unknown,
        DeliveryState::Queued => RecipientStatus::Pending,
        // The server refused the address while we were talking to it.
        _ if decision.is_recipient_gone && kind.address_kind() == "email" => {
            RecipientStatus::Bounced
        }
        _ => RecipientStatus::Failed,
    };
    let provider_ids = result
        .provider_id
        .iter()
        .chain(&result.more_ids)
        .cloned()
        .collect();
    let outcome = Outcome {
        message,
        status,
        provider_ids,
        class: result.error_class.clone(),
        reason: result.detail.clone(),
        next_try_at: result.next_try_at,
    };
    (outcome, decision)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::channel::Failure;

    fn status(kind: ChannelKind, sent: SendOutcome) -> RecipientStatus {
        let message = MessageId(Uuid::from_u128(1));
        let (outcome, _) = outcome(kind, message, 1, sent, OnUnknown::Hold, Timestamp(0));
        outcome.status
    }

    #[test]
    fn a_refused_address_bounces_in_mail_and_fails_elsewhere() {
        let gone = || SendOutcome::Permanent(Failure::recipient("smtp-550", "no such user"));
        assert_eq!(status(ChannelKind::Email, gone()), RecipientStatus::Bounced);
        assert_eq!(status(ChannelKind::Twilio, gone()), RecipientStatus::Failed);
        let message = SendOutcome::Permanent(Failure::message("smtp-552", "too large"));
        assert_eq!(status(ChannelKind::Email, message), RecipientStatus::Failed);
    }

    #[test]
    fn what_may_have_left_is_unknown_and_what_did_not_is_tried_again() {
        let unknown = SendOutcome::Unknown(Failure::message("timeout", ""));
        assert_eq!(
            status(ChannelKind::Email, unknown),
            RecipientStatus::Unknown
        );
        let later = SendOutcome::RetryAfter {
            after: None,
            failure: Failure::message("smtp-451", "greylisted"),
        };
        assert_eq!(status(ChannelKind::Email, later), RecipientStatus::Pending);
    }
}
