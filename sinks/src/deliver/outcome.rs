//! What a sender's answer means for the ledger, for tracking and for the next try. Pure.

use std::time::Duration;

use schemas::{DeliveryState, MessageId, Timestamp, TrackKind};
use store::delivery::DeliveryResult;

use super::{retry, route::OnUnknown};
use crate::channel::{Failure, Scope, SendOutcome};

/// What is to be done about a message that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub result: DeliveryResult,
    pub event: TrackKind,
    /// The code in tracking, metrics and logs.
    pub code: String,
    /// Given up after the last try: a dead letter, for a person may want to know.
    pub is_exhausted: bool,
    /// The channel's credentials or address were refused.
    pub is_channel_broken: bool,
    /// The recipient blocked us or is not there: it is to be suppressed.
    pub is_recipient_gone: bool,
    /// What it says is refused, to whomever it goes: a campaign need not go on with it.
    pub is_content_refused: bool,
}

impl Decision {
    /// The word in metrics.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.event.name()
    }
}

/// Decides. `tries` counts this one; `attempt` is the ledger's.
#[must_use]
pub fn decide(
    message: MessageId,
    attempt: u32,
    tries: u32,
    outcome: SendOutcome,
    on_unknown: OnUnknown,
    now: Timestamp,
) -> Decision {
    match outcome {
        SendOutcome::Accepted { mut provider_ids } => Decision {
            result: DeliveryResult {
                message,
                state: DeliveryState::Sent,
                attempt,
                provider_id: (!provider_ids.is_empty()).then(|| provider_ids.remove(0)),
                more_ids: provider_ids,
                error_class: None,
                detail: None,
                next_try_at: None,
                sms: None,
            },
            event: TrackKind::Sent,
            code: "accepted".into(),
            is_exhausted: false,
            is_channel_broken: false,
            is_recipient_gone: false,
            is_content_refused: false,
        },
        SendOutcome::RetryAfter { after, failure } => {
            again(message, attempt, tries, after, failure, now)
        }
        SendOutcome::Unknown(failure) if on_unknown == OnUnknown::Resend => {
            again(message, attempt, tries, None, failure, now)
        }
        SendOutcome::Unknown(failure) => {
            failed(message, attempt, DeliveryState::Unknown, "unknown", failure)
        }
        SendOutcome::Permanent(failure) => failed(
            message,
            attempt,
            DeliveryState::Failed,
            "permanent",
            failure,
        ),
    }
}

fn again(
    message: MessageId,
    attempt: u32,
    tries: u32,
    after: Option<Duration>,
    failure: Failure,
    now: Timestamp,
) -> Decision {
    let Some(wait) = retry::next(message, tries, after) else {
        let mut decision = failed(
            message,
            attempt,
            DeliveryState::Failed,
            "exhausted",
            failure,
        );
        decision.is_exhausted = true;
        decision.is_channel_broken = false;
        decision.is_recipient_gone = false;
        decision.is_content_refused = false;
        return decision;
    };
    Decision {
        result: DeliveryResult {
            message,
            state: DeliveryState::Queued,
            attempt,
            provider_id: None,
            more_ids: Vec::new(),
            error_class: Some("transient".into()),
            detail: Some(told(&failure)),
            next_try_at: Some(now.plus(wait)),
            sms: None,
        },
        event: TrackKind::Retrying,
        code: failure.code,
        is_exhausted: false,
        is_channel_broken: false,
        is_recipient_gone: false,
        is_content_refused: false,
    }
}

fn failed(
    message: MessageId,
    attempt: u32,
    state: DeliveryState,
    class: &'static str,
    failure: Failure,
) -> Decision {
    Decision {
        result: DeliveryResult {
            message,
            state,
            attempt,
            provider_id: None,
            more_ids: Vec::new(),
            error_class: Some(class.into()),
            detail: Some(told(&failure)),
            next_try_at: None,
            sms: None,
        },
        event: if state == DeliveryState::Unknown {
            TrackKind::Unknown
        } else {
            TrackKind::Failed
        },
        is_channel_broken: failure.scope == Scope::Channel,
        is_recipient_gone: failure.scope == Scope::Recipient && state == DeliveryState::Failed,
        is_content_refused: failure.scope == Scope::Content && state == DeliveryState::Failed,
        code: failure.code,
        is_exhausted: false,
    }
}

fn told(failure: &Failure) -> String {
    format!("{}: {}", failure.code, failure.detail)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn decide(tries: u32, outcome: SendOutcome, on_unknown: OnUnknown) -> Decision {
        let message = MessageId(Uuid::from_u128(1));
        super::decide(message, 9, tries, outcome, on_unknown, NOW)
    }

    fn retry() -> SendOutcome {
        SendOutcome::RetryAfter {
            after: Some(Duration::from_secs(60)),
            failure: Failure::channel("http-429", "slow down"),
        }
    }

    #[test]
    fn accepted_is_sent() {
        let accepted = SendOutcome::Accepted {
            provider_ids: vec!["p".into(), "q".into()],
        };
        let decision = decide(1, accepted, OnUnknown::Hold);
        assert_eq!(decision.result.state, DeliveryState::Sent);
        assert_eq!(decision.result.attempt, 9);
        assert_eq!(decision.result.provider_id.as_deref(), Some("p"));
        assert_eq!(decision.event, TrackKind::Sent);
    }

    #[test]
    fn a_retry_waits_at_least_as_long_as_asked_and_ends_some_time() {
        let decision = decide(1, retry(), OnUnknown::Hold);
        assert_eq!(decision.result.state, DeliveryState::Queued);
        let at = decision.result.next_try_at.unwrap();
        assert!(at.since(NOW) >= Duration::from_secs(60));
        assert_eq!(decision.event, TrackKind::Retrying);
        assert!(!decision.is_exhausted);

        let last = decide(retry::MAX_ATTEMPTS, retry(), OnUnknown::Hold);
        assert_eq!(last.result.state, DeliveryState::Failed);
        assert_eq!(last.result.error_class.as_deref(), Some("exhausted"));
        assert!(last.is_exhausted && !last.is_channel_broken);
    }

    #[test]
    fn what_may_have_left_is_held_or_sent_again_as_the_channel_says() {
        let unknown = || SendOutcome::Unknown(Failure::message("timeout", ""));
        let held = decide(1, unknown(), OnUnknown::Hold);
        assert_eq!(held.result.state, DeliveryState::Unknown);
        assert_eq!(held.event, TrackKind::Unknown);
        let resent = decide(1, unknown(), OnUnknown::Resend);
        assert_eq!(resent.result.state, DeliveryState::Queued);
    }

    #[test]
    fn refused_credentials_break_the_channel_and_a_refused_address_does_not() {
        let refused = SendOutcome::Permanent(Failure::channel("http-401", "Unauthorized"));
        let decision = decide(1, refused, OnUnknown::Hold);
        assert_eq!(decision.result.state, DeliveryState::Failed);
        assert!(decision.is_channel_broken);
        let address = SendOutcome::Permanent(Failure::message("smtp-550", "no such user"));
        assert!(!decide(1, address, OnUnknown::Hold).is_channel_broken);
        let blocked = SendOutcome::Permanent(Failure::recipient("http-403", "blocked by the user"));
        let decision = decide(1, blocked, OnUnknown::Hold);
        assert!(decision.is_recipient_gone && !decision.is_channel_broken);
        assert!(!decision.is_content_refused);
        let paused = SendOutcome::Permanent(Failure::content("template-refused", "paused"));
        let decision = decide(1, paused, OnUnknown::Hold);
        assert!(decision.is_content_refused && !decision.is_channel_broken);
    }
}
