//! The calls of one wave: conversations side by side, the messages of one in order, each through the
//! channel's gate.

use std::{collections::HashMap, time::Duration};

use futures::StreamExt;
use nats::Held;
use schemas::{ConversationId, Outbound};
use tokio::time::Instant;

use super::route::Route;
use crate::channel::{Failure, Scope, SendOutcome, Sender};

/// A platform that asks for no more than this is waited for on the spot, which keeps the order.
const SHORT: Duration = Duration::from_secs(10);
/// Times that one message is sent again on the spot.
const MAX_ON_THE_SPOT: u32 = 3;

/// Whose messages pass the gate.
pub(crate) enum Traffic {
    Interactive,
    /// A campaign's: behind everybody else.
    Bulk,
}

/// What became of a message of the wave.
pub(crate) enum Tried {
    Answered(SendOutcome),
    /// Not called: the lane may be another's, or the channel is silent for long.
    NotCalled,
}

/// Sends; the answers are in the order of the messages.
pub(super) async fn dispatch(
    route: &Route,
    sender: &dyn Sender,
    held: &Held,
    messages: &[&Outbound],
) -> Vec<Tried> {
    if sender.batch_size() > 1 {
        let go = || !held.expired();
        return in_batches(route, sender, &Traffic::Interactive, &go, messages).await;
    }
    let go = || !held.expired();
    let mut groups: HashMap<ConversationId, Vec<usize>> = HashMap::new();
    let mut order = Vec::new();
    for (at, outbound) in messages.iter().enumerate() {
        let conversation = outbound.message.conversation_id;
        let group = groups.entry(conversation).or_default();
        if group.is_empty() {
            order.push(conversation);
        }
        group.push(at);
    }
    let conversations = order
        .into_iter()
        .filter_map(|conversation| groups.remove(&conversation));
    let mut tried: Vec<(usize, Tried)> = futures::stream::iter(conversations)
        .map(|group| async {
            let mut tried = Vec::with_capacity(group.len());
            for at in group {
                let Some(outbound) = messages.get(at) else {
                    continue;
                };
                let tried_one = one(route, sender, &Traffic::Interactive, &go, outbound).await;
                tried.push((at, tried_one));
            }
            futures::stream::iter(tried)
        })
        .buffer_unordered(route.concurrency)
        .flatten()
        .collect()
        .await;
    tried.sort_by_key(|(at, _)| *at);
    tried.into_iter().map(|(_, tried)| tried).collect()
}

/// Sends one message, for a sender that takes one a call; `go` is asked right before.
pub(crate) async fn one(
    route: &Route,
    sender: &dyn Sender,
    traffic: &Traffic,
    go: &(dyn Fn() -> bool + Send + Sync),
    outbound: &Outbound,
) -> Tried {
    let mut on_the_spot = 0;
    loop {
        if !pass(route, traffic, go, 1).await {
            return Tried::NotCalled;
        }
        let Some(outcome) = call(route, sender, &[outbound]).await.pop() else {
            return Tried::Answered(unanswered());
        };
        match &outcome {
            SendOutcome::RetryAfter {
                after: Some(after),
                failure,
            } if failure.scope == Scope::Channel
                && *after <= SHORT
                && on_the_spot < MAX_ON_THE_SPOT =>
            {
                on_the_spot += 1;
                route.gate.silence(*after);
            }
            _ => return Tried::Answered(outcome),
        }
    }
}

/// Sends in batches as large as the sender takes.
pub(crate) async fn in_batches(
    route: &Route,
    sender: &dyn Sender,
    traffic: &Traffic,
    go: &(dyn Fn() -> bool + Send + Sync),
    messages: &[&Outbound],
) -> Vec<Tried> {
    let mut tried = Vec::with_capacity(messages.len());
    for part in messages.chunks(sender.batch_size()) {
        if !pass(route, traffic, go, part.len()).await {
            tried.extend(part.iter().map(|_| Tried::NotCalled));
            continue;
        }
        let mut outcomes = call(route, sender, part).await;
        // A sender that answers too few has broken its word; it must not be taken for success.
        outcomes.resize_with(part.len(), unanswered);
        tried.extend(outcomes.into_iter().map(Tried::Answered));
    }
    tried
}

fn unanswered() -> SendOutcome {
    SendOutcome::Unknown(Failure::message("no-answer", "the sender gave no answer"))
}

/// Waits for the channel's rate; false when the messages must not be sent now.
async fn pass(
    route: &Route,
    traffic: &Traffic,
    go: &(dyn Fn() -> bool + Send + Sync),
    count: usize,
) -> bool {
    if route.gate.silent_for() > SHORT {
        return false;
    }
    let waited = match traffic {
        Traffic::Interactive => route.gate.pass(count).await,
        Traffic::Bulk => route.gate.pass_behind(count).await,
    };
    let kind = route.kind.name();
    metrics::histogram!("tidings_send_wait_seconds", "kind" => kind).record(waited.as_secs_f64());
    go()
}

async fn call(route: &Route, sender: &dyn Sender, messages: &[&Outbound]) -> Vec<SendOutcome> {
    let began = Instant::now();
    let outcomes = sender.send(messages).await;
    metrics::histogram!("tidings_send_seconds", "kind" => route.kind.name())
        .record(began.elapsed().as_secs_f64());
    for outcome in &outcomes {
        match outcome {
            SendOutcome::RetryAfter { after, failure } if failure.scope == Scope::Channel => {
                route.gate.away(*after);
            }
            _ => route.gate.back(),
        }
    }
    outcomes
}
