//! Telegram: the secret token of `setWebhook` comes back in a header
//! (<https://core.telegram.org/bots/api#setwebhook>); one update a request.
//!
//! Invariant: an update that deletes several messages becomes one update for each, with the same `update_id`.

use bytes::Bytes;
use schemas::ChannelKind;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use subtle::ConstantTimeEq;

use super::{Account, MAX_UPDATES, Malformed, Refused, Request, Update};

const JSON: &str = "application/json";
const HEADER: &str = "x-telegram-bot-api-secret-token";

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    let secret = account.secret("secret_token")?;
    let given = request.header(HEADER)?;
    if bool::from(secret.as_bytes().ct_eq(given.as_bytes())) {
        Ok(())
    } else {
        Err(Refused::Mismatch)
    }
}

/// Messages of a business account that were deleted.
#[derive(Deserialize, Serialize)]
struct Deletion<'a> {
    #[serde(borrow)]
    update_id: &'a RawValue,
    #[serde(borrow)]
    deleted_business_messages: Deleted<'a>,
}

#[derive(Deserialize, Serialize)]
struct Deleted<'a> {
    #[serde(borrow)]
    business_connection_id: &'a RawValue,
    #[serde(borrow)]
    chat: &'a RawValue,
    #[serde(borrow)]
    message_ids: Vec<&'a RawValue>,
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    let many = serde_json::from_slice::<Deletion<'_>>(&body)
        .ok()
        .filter(|deletion| deletion.deleted_business_messages.message_ids.len() > 1);
    let Some(Deletion {
        update_id,
        deleted_business_messages: deleted,
    }) = many
    else {
        return Ok(vec![Update::of(ChannelKind::Telegram, JSON, body)?]);
    };
    if deleted.message_ids.len() > MAX_UPDATES {
        return Err(Malformed::TooMany);
    }
    deleted
        .message_ids
        .into_iter()
        .map(|id| {
            let one = Deletion {
                update_id,
                deleted_business_messages: Deleted {
                    business_connection_id: deleted.business_connection_id,
                    chat: deleted.chat,
                    message_ids: vec![id],
                },
            };
            let bytes = serde_json::to_vec(&one).expect("raw JSON is JSON already");
            Ok(Update::of(ChannelKind::Telegram, JSON, bytes.into())?)
        })
        .collect()
}
