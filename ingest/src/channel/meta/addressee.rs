//! For whom an update is. Meta has one webhook address for all numbers, pages and accounts of an app, so that what comes to a
//! channel's address may be another's.

use schemas::{
    ChannelKind,
    keys::meta::{Name, Part},
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::super::Account;

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    phone_number_id: Name,
}

/// The number (WhatsApp), page (Messenger) or account (Instagram) that a part is for. None where it is not said, as of what
/// concerns a business account as a whole.
pub(in super::super) fn of_part(kind: ChannelKind, part: &[u8]) -> Option<String> {
    let part = Part::parse(part).ok()?;
    let name = match kind {
        ChannelKind::WhatsApp => {
            let metadata = part.metadata.map(RawValue::get)?;
            serde_json::from_str::<Metadata>(metadata)
                .unwrap_or_default()
                .phone_number_id
        }
        ChannelKind::Messenger | ChannelKind::Instagram => Name::of(part.account),
        _ => return None,
    };
    name.get().map(str::to_owned)
}

/// The same of a channel, where it says so.
pub(in super::super) fn of_channel<'a>(account: &Account<'a>) -> Option<&'a str> {
    let said = match account.kind {
        ChannelKind::WhatsApp => account.credentials.get("phone_number_id"),
        ChannelKind::Messenger => account.settings.get("page_id"),
        ChannelKind::Instagram => account.settings.get("account_id"),
        _ => None,
    };
    said.and_then(Value::as_str).filter(|id| !id.is_empty())
}
