//! Telegram's updates, fetched (<https://core.telegram.org/bots/api#getupdates>).
//!
//! A call waits at Telegram for up to [`WAIT_S`] seconds. The cursor is the id of the next update; asking for it is what tells
//! Telegram to forget those before, so it is only moved, and asked for, after the broker stored them.
//!
//! Invariant: an update that is no update stops none that come after it. Deliberately absent: removing a webhook that stands
//! in the way; the channel test does that, on purpose.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use egress::guard;
use reqwest::{StatusCode, Url};
use schemas::ChannelKind;
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{PollError, Poller, Port};
use crate::channel;

const API_BASE: &str = "https://api.telegram.org";
/// Seconds a call waits for an update; below the client's own limit of 30.
const WAIT_S: u64 = 25;
/// Updates of one call.
const BATCH: usize = 100;
/// Bytes of an answer that are read; an update has a few kilobytes.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// Fetches updates.
pub(super) struct Telegram;

#[derive(Deserialize)]
struct Answer<'a> {
    ok: bool,
    #[serde(borrow, default)]
    result: Vec<&'a RawValue>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

#[derive(Deserialize)]
struct Numbered {
    update_id: i64,
}

#[async_trait]
impl Poller for Telegram {
    async fn run(&self, port: &Port) -> Result<(), PollError> {
        let url = address(port)?;
        let client = egress::client(port.allow_private)
            .map_err(|_| PollError::broken("no TLS can be had here"))?;
        loop {
            let offset = port.cursor().as_i64();
            let body = json!({
                "offset": offset,
                "limit": BATCH,
                "timeout": WAIT_S,
                "allowed_updates": schemas::keys::telegram::UPDATES,
            });
            let asked = client.post(url.clone()).json(&body).send();
            let response = tokio::select! {
                () = port.stop.cancelled() => return Err(PollError::Ended),
                response = asked => response.map_err(|error| {
                    // The address holds the token.
                    PollError::transient(error.without_url().to_string())
                })?,
            };
            let status = response.status();
            let body = egress::body_within(response, MAX_ANSWER_BYTES).await;
            let body = body.ok_or_else(|| PollError::transient("an answer that broke off"))?;
            let updates = read(status, &body)?;
            let next = updates
                .iter()
                .filter_map(|update| serde_json::from_str::<Numbered>(update.get()).ok())
                .map(|numbered| numbered.update_id.saturating_add(1))
                .max();
            // What cannot be taken is passed over: it would be given again for ever.
            let taken = updates
                .iter()
                .filter(|update| update.get().len() <= port.max_bytes)
                .filter_map(|update| {
                    let bytes = Bytes::copy_from_slice(update.get().as_bytes());
                    channel::split(ChannelKind::Telegram, None, bytes).ok()
                })
                .flatten()
                .collect();
            port.publish(taken).await?;
            if let Some(next) = next {
                port.save(next.into()).await?;
            }
            port.answered().await;
            if !updates.is_empty() && next.is_none() {
                return Err(PollError::transient("updates without an id"));
            }
        }
    }
}

/// `<api_base>/bot<token>/getUpdates`: holds the token, so it is never printed.
fn address(port: &Port) -> Result<Url, PollError> {
    let token = port.credential("bot_token")?;
    let form = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-');
    if !token.bytes().all(form) {
        return Err(PollError::broken("`bot_token` is not of its form"));
    }
    let base = port.setting("api_base").unwrap_or(API_BASE);
    let base = base.trim_end_matches('/');
    let url = Url::parse(&format!("{base}/bot{token}/getUpdates"))
        .map_err(|_| PollError::broken("`api_base` is no address"))?;
    guard::check(&url, port.allow_private)
        .map_err(|_| PollError::broken("`api_base` may not be called"))?;
    Ok(url)
}

/// The updates in an answer, or when another call is worth it.
fn read(status: StatusCode, body: &[u8]) -> Result<Vec<&RawValue>, PollError> {
    let Ok(answer) = serde_json::from_slice::<Answer<'_>>(body) else {
        return Err(PollError::transient(format!(
            "HTTP {} without Telegram's answer",
            status.as_u16()
        )));
    };
    if status.is_success() && answer.ok {
        return Ok(answer.result);
    }
    let said: String = answer.description.chars().take(200).collect();
    Err(match status.as_u16() {
        401 | 404 => PollError::broken(format!("Telegram refuses the bot token: {said}")),
        // A webhook is set, or somebody else fetches this bot's updates.
        409 if said.contains("webhook") => PollError::broken(format!(
            "a webhook is set, which the channel test removes: {said}"
        )),
        409 => PollError::later(
            format!("another fetches this bot's updates: {said}"),
            Some(Duration::from_secs(30)),
        ),
        429 => PollError::later(
            "Telegram asks to wait",
            answer.parameters.retry_after.map(Duration::from_secs),
        ),
        code => PollError::transient(format!("HTTP {code}: {said}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, body: &str) -> String {
        match read(StatusCode::from_u16(status).unwrap(), body.as_bytes()) {
            Ok(updates) => format!("{} updates", updates.len()),
            Err(PollError::Transient { after, .. }) => format!("transient {after:?}"),
            Err(PollError::Broken { .. }) => "broken".into(),
            Err(PollError::Ended) => "ended".into(),
        }
    }

    #[test]
    fn answers_are_classed() {
        let no = |said: &str| format!(r#"{{"ok":false,"description":"{said}"}}"#);
        for (status, body, expected) in [
            (
                200,
                r#"{"ok":true,"result":[{"update_id":7},{"update_id":8}]}"#.to_owned(),
                "2 updates",
            ),
            (200, "<html>".to_owned(), "transient None"),
            (401, no("Unauthorized"), "broken"),
            (404, no("Not Found"), "broken"),
            (
                409,
                no("Conflict: can't use getUpdates method while webhook is active"),
                "broken",
            ),
            (
                409,
                no("Conflict: terminated by other getUpdates request"),
                "transient Some(30s)",
            ),
            (
                429,
                r#"{"ok":false,"description":"slow","parameters":{"retry_after":5}}"#.to_owned(),
                "transient Some(5s)",
            ),
            (502, no("Bad Gateway"), "transient None"),
        ] {
            assert_eq!(class(status, &body), expected, "{status} {body}");
        }
    }
}
