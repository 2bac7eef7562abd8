//! Handing over: what goes out next, and what its outcome means.
//!
//! Invariant: a dead letter is stored, and a suspect's record written, before anything else happens.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;
use tracing::Instrument;

use super::{Exit, LONGEST_BACKOFF, Out, Outcome, State, Step, Task, Tenure};
use crate::{
    api::ApiError,
    attempt::Record,
    batch::Unpacked,
    dead_letter::DeadLetter,
    lane::{Batch, HandleError, Handler, Item},
};

impl Tenure {
    /// Hands over what is next, if anything is.
    pub(super) async fn start<H: Handler>(&mut self, handler: &Arc<H>) -> Result<(), ApiError> {
        if let Some(out) = &self.out {
            match out.state {
                State::Working(_) => return Ok(()),
                State::Resting(until) if until > Instant::now() => return Ok(()),
                State::Resting(_) => {}
            }
        } else if !self.prepare(handler.most(&self.lane)).await? {
            return Ok(());
        }
        let Some(out) = &mut self.out else {
            return Ok(());
        };
        let items: Vec<Item> = match out.step {
            Step::Whole => out.messages.iter().flat_map(Unpacked::all).collect(),
            Step::Item(index) => out.messages.iter().filter_map(|m| m.item(index)).collect(),
        };
        if let (Some(record), Some(item)) = (&mut self.suspects, items.first()) {
            match out.step {
                Step::Whole => record.message_out(item.stream_seq),
                Step::Item(_) => record.item_out(item.stream_seq, item.index),
            }
            record.save(&self.bus, &self.lane).await?;
        }
        let span = tracing::info_span!(
            "batch",
            lane = self.lane.durable,
            first_seq = items.first().map(|item| item.stream_seq),
            items = items.len()
        );
        let batch = Batch {
            lane: Arc::clone(&self.lane),
            items,
            held: self.held.clone(),
        };
        let handler = Arc::clone(handler);
        out.since = Instant::now();
        let task = tokio::spawn(async move { handler.handle(batch).await }.instrument(span));
        out.state = State::Working(Task(task));
        Ok(())
    }

    /// Takes the next messages out of the buffer. False when there is nothing to hand over.
    async fn prepare(&mut self, most: usize) -> Result<bool, ApiError> {
        let max_items = self.settings.max_items.min(most);
        loop {
            let Some(oldest) = self.buffer.oldest() else {
                return Ok(false);
            };
            let full = self.buffer.items() >= max_items;
            if !full && oldest.elapsed() < self.settings.max_wait {
                return Ok(false);
            }
            let until = self.suspects.as_ref().map_or(0, |record| record.until);
            let until = until.max(self.split_until);
            let messages = self.buffer.take(max_items, until);
            let Some(first) = messages.first().map(|message| message.place.stream_seq) else {
                return Ok(false);
            };
            if self
                .suspects
                .as_ref()
                .is_some_and(|record| first > record.until)
            {
                self.suspects = None;
            }
            let step = self.step(first, &messages).await?;
            let now = Instant::now();
            self.out = Some(Out {
                messages,
                step,
                failures: 0,
                since: now,
                reported: now,
                state: State::Resting(now),
            });
            let nothing = match (step, &self.out) {
                (Step::Item(index), Some(out)) => out.messages.iter().all(|m| index >= m.len()),
                (Step::Whole, Some(out)) => out.messages.iter().all(|m| m.len() == 0),
                (_, None) => true,
            };
            if !nothing {
                return Ok(true);
            }
            self.acknowledge().await?;
        }
    }

    /// How the next messages are handed over; buries what has been convicted.
    async fn step(&mut self, first: u64, messages: &[Unpacked]) -> Result<Step, ApiError> {
        let [message] = messages else {
            return Ok(Step::Whole);
        };
        if message.items.is_none() {
            let letter = self.letter(message, 0, "malformed-frame", "its lengths do not add up");
            self.bus.dead_letter(&letter).await?;
        }
        let Some(mut record) = self.suspects.take() else {
            return Ok(Step::Whole);
        };
        let mut step = Step::Whole;
        if let Some(index) = record.convicted(first) {
            let letter = self.letter(
                message,
                index,
                "crash-loop",
                "three workers died with it alone in hand",
            );
            self.bus.dead_letter(&letter).await?;
            record.bury(index);
            record.save(&self.bus, &self.lane).await?;
        }
        if record.itemwise(first) {
            step = Step::Item(living(&record, 0));
        }
        self.suspects = Some(record);
        Ok(step)
    }

    /// What the handler's outcome means.
    pub(super) async fn finish(&mut self, outcome: Outcome) -> Result<Option<Exit>, ApiError> {
        let Some(mut out) = self.out.take() else {
            return Ok(None);
        };
        let role = self.settings.role.clone();
        let seconds = out.since.elapsed().as_secs_f64();
        metrics::histogram!("tidings_batch_seconds", "role" => role.clone()).record(seconds);
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(HandleError::Transient {
                retry_after,
                source,
            })) => {
                let backoff = Duration::from_millis(100 * 2_u64.pow(out.failures.min(7)));
                let rest = retry_after.unwrap_or(backoff).min(LONGEST_BACKOFF);
                out.failures += 1;
                tracing::warn!(lane = self.lane.durable, %source, ?rest, "batch will be repeated");
                metrics::counter!("tidings_batch_retries_total", "role" => role).increment(1);
                out.state = State::Resting(Instant::now() + rest);
                self.out = Some(out);
                return Ok(None);
            }
            Ok(Err(HandleError::Permanent { reason, detail })) => {
                let whole = matches!(out.step, Step::Whole);
                let items: usize = out.messages.iter().map(Unpacked::len).sum();
                if whole && out.messages.len() > 1 {
                    self.split_until = out.messages.last().map_or(0, |m| m.place.stream_seq);
                    self.buffer.give_back(out.messages);
                    return Ok(None);
                }
                if whole && items > 1 {
                    out.step = Step::Item(0);
                    out.failures = 0;
                    out.state = State::Resting(Instant::now());
                    self.out = Some(out);
                    return Ok(None);
                }
                if let Some(message) = out.messages.first() {
                    let index = if let Step::Item(index) = out.step {
                        index
                    } else {
                        0
                    };
                    let index = u32::try_from(index).unwrap_or(u32::MAX);
                    let letter = self.letter(message, index, reason, &detail);
                    self.bus.dead_letter(&letter).await?;
                }
            }
            Err(ended) => {
                let panicked = ended.is_panic();
                tracing::error!(lane = self.lane.durable, panicked, "handler died");
                metrics::counter!("tidings_handler_crashes_total", "role" => role).increment(1);
                return Ok(Some(Exit::Crashed));
            }
        }
        if self.held.expired() {
            tracing::warn!(lane = self.lane.durable, "held too long; not acknowledged");
            return Ok(Some(Exit::Broken));
        }
        if let (Step::Item(index), Some(message)) = (out.step, out.messages.first()) {
            let next = match &self.suspects {
                Some(record) => living(record, index + 1),
                None => index + 1,
            };
            if next < message.len() {
                out.step = Step::Item(next);
                out.failures = 0;
                out.state = State::Resting(Instant::now());
                self.out = Some(out);
                return Ok(None);
            }
        }
        self.out = Some(out);
        self.acknowledge().await?;
        Ok(None)
    }

    /// Acknowledges what was out, and with it everything before.
    async fn acknowledge(&mut self) -> Result<(), ApiError> {
        let Some(out) = self.out.take() else {
            return Ok(());
        };
        let Some(last) = out.messages.last() else {
            return Ok(());
        };
        let reply = last.place.reply.clone();
        let items: usize = out.messages.iter().map(Unpacked::len).sum();
        metrics::counter!("tidings_handled_total", "role" => self.settings.role.clone())
            .increment(items as u64);
        self.last_ack = Some(reply.clone());
        let client = self.bus.pulling().client();
        let sent = client.publish(reply, Bytes::from_static(b"+ACK")).await;
        sent.map_err(|_| ApiError::Unavailable)
    }

    fn letter(&self, message: &Unpacked, index: u32, reason: &str, detail: &str) -> DeadLetter {
        let payload = usize::try_from(index)
            .ok()
            .and_then(|index| message.item(index))
            .map_or_else(|| message.place.payload.clone(), |item| item.payload);
        DeadLetter {
            stage: self.settings.role.clone(),
            reason: reason.to_owned(),
            detail: detail.to_owned(),
            tenant: None,
            original_stream: self.lane.stream.to_owned(),
            original_subject: message.place.subject.to_string(),
            original_seq: message.place.stream_seq,
            original_index: index,
            at: schemas::Timestamp::now(),
            payload,
        }
        .with_tenant_of_subject()
    }
}

/// The first item from `index` on that is not dead already.
fn living(record: &Record, mut index: usize) -> usize {
    while record
        .dead
        .iter()
        .any(|dead| usize::try_from(*dead) == Ok(index))
    {
        index += 1;
    }
    index
}
