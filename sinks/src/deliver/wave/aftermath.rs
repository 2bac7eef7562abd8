//! What follows a wave's record: tracking events, and retries. Repeating it is harmless.

use nats::HandleError;
use schemas::{About, DeliveryState, Outbound, Timestamp, TrackEvent, TrackKind, subject};

use super::{
    super::{event, outcome::Decision},
    Wave,
};

/// What follows the record. Repeating it is harmless.
#[derive(Default)]
pub(super) struct Aftermath {
    pub(super) events: Vec<TrackEvent>,
    pub(super) retries: Vec<(Timestamp, Outbound)>,
}

impl Aftermath {
    pub(super) fn add(&mut self, outbound: &Outbound, decision: &Decision, tries: u32) {
        let result = &decision.result;
        let occurrence = match decision.event {
            TrackKind::Retrying => tries.to_string(),
            _ => String::new(),
        };
        let code = (decision.event != TrackKind::Sent).then_some(decision.code.as_str());
        self.events.push(event(
            outbound,
            decision.event,
            &occurrence,
            code,
            result.provider_id.clone(),
        ));
        if decision.is_recipient_gone {
            self.events.push(gone(outbound, code));
        }
        if let Some(at) = result.next_try_at {
            let mut copy = outbound.clone();
            copy.attempt = tries;
            self.retries.push((at, copy));
        }
    }
}

/// That an address cannot be written to any more, by what the platform said of this message.
fn gone(outbound: &Outbound, code: Option<&str>) -> TrackEvent {
    let mut event = event(outbound, TrackKind::Blocked, "", code, None);
    event.about = About::Address(outbound.message.recipient.id.clone());
    event
}

/// The event of a state that was reached before, in case its first telling was lost.
pub(super) fn told_again(outbound: &Outbound, state: DeliveryState) -> Option<TrackEvent> {
    let kind = match state {
        DeliveryState::Sent => TrackKind::Sent,
        DeliveryState::Failed => TrackKind::Failed,
        DeliveryState::Unknown => TrackKind::Unknown,
        _ => return None,
    };
    Some(event(outbound, kind, "", None, None))
}

impl Wave {
    pub(super) async fn follow(&self, aftermath: Aftermath) -> Result<(), HandleError> {
        let bus = &self.shared.bus;
        let retries = aftermath.retries.iter().map(|(at, copy)| async move {
            let id = copy.message.id.simple().to_string();
            let target = subject::outbound(copy.kind, copy.channel, copy.tenant);
            bus.schedule(*at, &id, &target, copy.encode()).await
        });
        futures::future::try_join_all(retries)
            .await
            .map_err(HandleError::transient)?;
        self.shared.track(&aftermath.events).await
    }
}
