//! Dead letters: what could not go on, kept for a person to look at, send again or forget.
//!
//! Subject `dlq.<stage>.<reason>`; the payload is the item itself, everything else stands in one
//! header as JSON. Invariant: a letter is stored before its original is acknowledged.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use schemas::{MessageId, Outbound, TenantId, Timestamp, subject::stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    api::{ApiError, code},
    bus::Bus,
    kv::{Fetched, FetchedMessage},
    token::{is_subject, is_token},
};

const HEADER: &str = "Tidings-Letter";
const TIMEOUT: Duration = Duration::from_secs(5);
/// Letters looked at in one call at most.
const SCAN: usize = 5_000;
const DETAIL_CHARS: usize = 500;

/// Something that could not go on, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The stage or role that gave up; a token.
    pub stage: String,
    /// Why; a token (`crash-loop`, `malformed-frame`, …).
    pub reason: String,
    /// Why, for a person; without the content itself. Cut at 500 characters.
    pub detail: String,
    pub tenant: Option<TenantId>,
    pub original_stream: String,
    pub original_subject: String,
    pub original_seq: u64,
    /// The item's place in its frame.
    pub original_index: u32,
    pub at: Timestamp,
    /// The item as it was.
    #[serde(skip)]
    pub payload: Bytes,
}

impl DeadLetter {
    /// The stage that sends.
    pub const DELIVER: &str = "deliver";
    /// Its reason where every try failed.
    pub const EXHAUSTED: &str = "exhausted";

    /// Fills in the tenant from the original subject, whose tokens hold at most one: the first UUID.
    #[must_use]
    pub fn with_tenant_of_subject(mut self) -> Self {
        let mut tokens = self.original_subject.split('.');
        let uuid = |token: &str| (token.len() == 32).then(|| token.parse::<TenantId>().ok())?;
        self.tenant = match tokens.next() {
            // `out.<kind>.<channel>.<tenant>`; elsewhere the tenant is the first id.
            Some("out") => tokens.next_back().and_then(uuid),
            _ => tokens.find_map(uuid),
        };
        self
    }

    /// The message that delivery gave up after its last try. Its ledger has it as failed, so it must be
    /// reopened there before the letter goes its way again.
    #[must_use]
    pub fn exhausted(&self) -> Option<(TenantId, MessageId)> {
        if (self.stage.as_str(), self.reason.as_str()) != (Self::DELIVER, Self::EXHAUSTED) {
            return None;
        }
        let outbound = Outbound::decode(&self.payload).ok()?;
        (self.tenant == Some(outbound.tenant)).then_some((outbound.tenant, outbound.message.id))
    }
}

/// A letter in the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its sequence in stream DLQ, by which it is known.
    pub seq: u64,
    pub letter: DeadLetter,
}

impl Bus {
    /// Stores a dead letter; `Ok` means it is stored.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn dead_letter(&self, letter: &DeadLetter) -> Result<(), ApiError> {
        let known = |text: &str| {
            if is_token(text) {
                text.to_owned()
            } else {
                "other".to_owned()
            }
        };
        let (stage, reason) = (known(&letter.stage), known(&letter.reason));
        let mut letter = letter.clone();
        letter.detail = letter.detail.chars().take(DETAIL_CHARS).collect();
        let mut headers = HeaderMap::new();
        let place = (
            &letter.original_stream,
            letter.original_seq,
            letter.original_index,
        );
        // Once per item and attempt to bury it: a repetition within two minutes is the same letter.
        headers.insert(
            "Nats-Msg-Id",
            format!("dead-{}-{}-{}-{reason}", place.0, place.1, place.2),
        );
        let text = serde_json::to_string(&letter)
            .map_err(|error| ApiError::Unreadable(error.to_string()))?;
        headers.insert(HEADER, text.as_str());
        let subject = format!("dlq.{stage}.{reason}");
        self.pulling()
            .store(subject, Some(headers), letter.payload.clone(), TIMEOUT)
            .await?;
        tracing::warn!(
            stage,
            reason,
            stream = letter.original_stream,
            seq = letter.original_seq,
            "dead letter"
        );
        metrics::counter!("tidings_dead_letters_total", "stage" => stage, "reason" => reason)
            .increment(1);
        Ok(())
    }

    /// Letters, the newest first: of one tenant or of all, older than `before_seq` if given. Looks at
    /// 5000 letters at most, so a tenant's older ones may need another call.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn dlq_list(
        &self,
        tenant: Option<TenantId>,
        before_seq: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Letter>, ApiError> {
        #[derive(Deserialize)]
        struct Info {
            state: Span,
        }
        #[derive(Deserialize)]
        struct Span {
            first_seq: u64,
            last_seq: u64,
        }
        let verb = format!("STREAM.INFO.{}", stream::DLQ);
        let span = self.pulling().api::<Info>(&verb, &json!({})).await?.state;
        let mut found = Vec::new();
        let mut next = before_seq.unwrap_or(u64::MAX).min(span.last_seq + 1);
        let mut looked_at = 0;
        while next > span.first_seq && next > 1 && found.len() < limit && looked_at < SCAN {
            let from = next.saturating_sub(64).max(span.first_seq);
            let page = (from..next).rev().map(|seq| self.dlq_get(seq));
            let page = futures::future::try_join_all(page).await?;
            looked_at += page.len();
            next = from;
            let wanted = |letter: &Letter| tenant.is_none() || letter.letter.tenant == tenant;
            found.extend(page.into_iter().flatten().filter(wanted));
        }
        found.truncate(limit);
        Ok(found)
    }

    /// One letter; `None` when it is not (or no longer) there.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn dlq_get(&self, seq: u64) -> Result<Option<Letter>, ApiError> {
        let verb = format!("STREAM.MSG.GET.{}", stream::DLQ);
        match self
            .pulling()
            .api::<Fetched>(&verb, &json!({ "seq": seq }))
            .await
        {
            Ok(found) => read(&found.message).map(Some),
            Err(error) if error.is_code(code::MESSAGE_NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Publishes a letter's payload to its original subject again, then removes the letter. False
    /// when it is not there. Called twice at once, the payload is stored once.
    ///
    /// # Errors
    /// [`ApiError`]; the letter is still there.
    pub async fn dlq_redrive(&self, seq: u64) -> Result<bool, ApiError> {
        let Some(Letter { letter, .. }) = self.dlq_get(seq).await? else {
            return Ok(false);
        };
        if !is_subject(&letter.original_subject) {
            return Err(ApiError::Unreadable(
                "its original subject is none".to_owned(),
            ));
        }
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("redrive-{seq}"));
        self.pulling()
            .store(
                letter.original_subject,
                Some(headers),
                letter.payload,
                TIMEOUT,
            )
            .await?;
        self.dlq_remove(seq).await
    }

    /// Forgets a letter. False when it was not there.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn dlq_remove(&self, seq: u64) -> Result<bool, ApiError> {
        let verb = format!("STREAM.MSG.DELETE.{}", stream::DLQ);
        match self
            .pulling()
            .api::<Value>(&verb, &json!({ "seq": seq }))
            .await
        {
            Ok(_) => Ok(true),
            // 400: no message with this sequence.
            Err(ApiError::Refused {
                status: 400 | 404, ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn read(message: &FetchedMessage) -> Result<Letter, ApiError> {
    let text = message
        .header(HEADER)?
        .ok_or_else(|| ApiError::Unreadable("a letter without its header".to_owned()))?;
    let mut letter: DeadLetter =
        serde_json::from_str(&text).map_err(|error| ApiError::Unreadable(error.to_string()))?;
    letter.payload = message.payload()?;
    Ok(Letter {
        seq: message.seq,
        letter,
    })
}
