//! The updates in a body of entries, each as a [`Part`].
//!
//! WhatsApp: entry × changes × the lists of the value (`messages`, `statuses`, `message_echoes`, `calls` …), with our number
//! and the person's contact beside each item. Messenger and Instagram: entry × (`messaging`, `standby`, `changes`).
//!
//! Invariants: linear in the body's length; what is not of the expected form becomes an update of its own, as large a piece
//! as was not understood; what is repeated beside an item is bounded.

use std::collections::HashMap;

use bytes::Bytes;
use schemas::{
    ChannelKind,
    keys::meta::{Name, Part},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};

use super::super::{Malformed, Update, max_updates};

const JSON: &str = "application/json";
/// What is longer is not repeated beside every item it stood around.
const MAX_SHORT_BYTES: usize = 512;
const MAX_CONTACT_BYTES: usize = 4096;

type Fields<'a> = std::collections::BTreeMap<String, &'a RawValue>;

pub(in super::super) fn split(kind: ChannelKind, body: &Bytes) -> Result<Vec<Update>, Malformed> {
    let mut found = Found {
        kind,
        updates: Vec::new(),
    };
    // Meta's examples show a body in a list, too.
    let bodies = serde_json::from_slice::<Vec<&RawValue>>(body)
        .ok()
        .filter(|bodies| !bodies.is_empty());
    match bodies {
        Some(bodies) => {
            for one in bodies {
                found.body(body.slice_ref(one.get().as_bytes()))?;
            }
        }
        None => found.body(body.clone())?,
    }
    Ok(found.updates)
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    entry: Vec<&'a RawValue>,
}

/// What stands around an item.
#[derive(Clone, Copy, Default)]
struct Around<'a> {
    account: Option<&'a RawValue>,
    time: Option<&'a RawValue>,
    field: Option<&'a RawValue>,
    metadata: Option<&'a RawValue>,
    thread: Option<&'a RawValue>,
}

struct Found {
    kind: ChannelKind,
    updates: Vec<Update>,
}

impl Found {
    fn body(&mut self, bytes: Bytes) -> Result<(), Malformed> {
        let Ok(body) = serde_json::from_slice::<Body<'_>>(&bytes) else {
            // Keys refuse what is no JSON object.
            let update = Update::of(self.kind, JSON, bytes)?;
            return if says_something(&update.bytes) {
                self.add(update)
            } else {
                Err(Malformed::NoEntry)
            };
        };
        for entry in body.entry {
            self.entry(entry)?;
        }
        Ok(())
    }

    fn entry(&mut self, raw: &RawValue) -> Result<(), Malformed> {
        let Some(entry) = fields(raw) else {
            return self.part(Around::default(), None, "entry", raw);
        };
        let around = Around {
            account: short(entry.get("id")),
            time: short(entry.get("time")),
            ..Around::default()
        };
        let mut understood = false;
        for name in ["messaging", "standby"] {
            if let Some(items) = entry.get(name).and_then(|raw| list(raw)) {
                understood = true;
                for item in items {
                    self.part(around, None, name, item)?;
                }
            }
        }
        if let Some(changes) = entry.get("changes").and_then(|raw| list(raw)) {
            understood = true;
            for change in changes {
                match fields(change) {
                    Some(change) if change.contains_key("value") => self.change(around, &change)?,
                    _ => self.part(around, None, "change", change)?,
                }
            }
        } else if entry.contains_key("value") {
            // With Instagram's own login the entry is the change.
            return self.change(around, &entry);
        }
        if understood {
            return Ok(());
        }
        self.part(around, None, "entry", raw)
    }

    fn change(&mut self, around: Around<'_>, change: &Fields<'_>) -> Result<(), Malformed> {
        let Some(value) = change.get("value").copied() else {
            return Ok(());
        };
        let around = Around {
            field: short(change.get("field")),
            ..around
        };
        match fields(value) {
            Some(inner) if self.kind == ChannelKind::WhatsApp => self.value(around, value, &inner),
            // An event that was subscribed to as a change.
            Some(inner) if inner.contains_key("sender") && inner.contains_key("recipient") => {
                self.part(around, None, "messaging", value)
            }
            _ => self.part(around, None, "value", value),
        }
    }

    /// The value of a WhatsApp change.
    fn value(
        &mut self,
        around: Around<'_>,
        whole: &RawValue,
        value: &Fields<'_>,
    ) -> Result<(), Malformed> {
        const CONTEXT: [&str; 3] = ["messaging_product", "metadata", "contacts"];
        let lists = || {
            value
                .iter()
                .filter(|(name, _)| !CONTEXT.contains(&&***name))
        };
        // Changes of the account have no product, and their lists are parts of one event.
        if !value.contains_key("messaging_product") || lists().next().is_none() {
            return self.part(around, None, "value", whole);
        }
        let around = Around {
            metadata: short(value.get("metadata")),
            ..around
        };
        let contacts = Contacts::of(value.get("contacts").copied());
        for (name, raw) in lists() {
            let Some(items) = list(raw) else {
                self.part(around, None, name, raw)?;
                continue;
            };
            let alone = items.len() == 1;
            for item in items {
                if name == "history" {
                    self.history(around, item)?;
                } else {
                    self.part(around, contacts.find(item, alone), name, item)?;
                }
            }
        }
        Ok(())
    }

    /// A chunk of history: threads of messages, or why there are none.
    fn history(&mut self, around: Around<'_>, raw: &RawValue) -> Result<(), Malformed> {
        let chunk = fields(raw).unwrap_or_default();
        let Some(threads) = chunk.get("threads").and_then(|raw| list(raw)) else {
            return self.part(around, None, "history_state", raw);
        };
        for raw in threads {
            let thread = fields(raw).unwrap_or_default();
            let Some(messages) = thread.get("messages").and_then(|raw| list(raw)) else {
                self.part(around, None, "history_state", raw)?;
                continue;
            };
            let around = Around {
                thread: short(thread.get("id")),
                ..around
            };
            let contact = thread.get("context").copied().filter(fits);
            for message in messages {
                self.part(around, contact, "history", message)?;
            }
        }
        Ok(())
    }

    fn part(
        &mut self,
        around: Around<'_>,
        contact: Option<&RawValue>,
        part: &str,
        item: &RawValue,
    ) -> Result<(), Malformed> {
        let part = Part {
            account: around.account,
            time: around.time,
            field: around.field,
            metadata: around.metadata,
            contact,
            thread: around.thread,
            part: part.into(),
            item,
        };
        // Cannot fail: every piece of it was JSON.
        let Ok(raw) = to_raw_value(&part) else {
            return Ok(());
        };
        let bytes = String::from(Box::<str>::from(raw));
        self.add(Update::of(self.kind, JSON, bytes.into())?)
    }

    fn add(&mut self, update: Update) -> Result<(), Malformed> {
        if self.updates.len() == max_updates(self.kind) {
            return Err(Malformed::TooMany);
        }
        self.updates.push(update);
        Ok(())
    }
}

/// The people of a value, to be found by number or user id.
#[derive(Default)]
struct Contacts<'a> {
    all: Vec<&'a RawValue>,
    by_id: HashMap<String, usize>,
}

/// Who an item says it concerns; a contact says the same of itself.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Who {
    wa_id: Name,
    user_id: Name,
    from: Name,
    from_user_id: Name,
    to: Name,
    to_user_id: Name,
    recipient_id: Name,
    recipient_user_id: Name,
}

impl<'a> Contacts<'a> {
    fn of(raw: Option<&'a RawValue>) -> Self {
        let all = raw.and_then(list).unwrap_or_default();
        let mut by_id = HashMap::with_capacity(all.len());
        for (place, contact) in all.iter().enumerate() {
            let who: Who = read(contact).unwrap_or_default();
            for id in [&who.wa_id, &who.user_id].into_iter().filter_map(Name::get) {
                by_id.insert(id.to_owned(), place);
            }
        }
        Self { all, by_id }
    }

    /// `alone`: the item is the only one, so that a contact that is the only one too belongs to it, whatever it is called:
    /// in some countries a number is written in two ways.
    fn find(&self, item: &RawValue, alone: bool) -> Option<&'a RawValue> {
        if self.all.is_empty() {
            return None;
        }
        let who: Who = read(item).unwrap_or_default();
        let names = [
            &who.from,
            &who.from_user_id,
            &who.to,
            &who.to_user_id,
            &who.recipient_id,
            &who.recipient_user_id,
            &who.wa_id,
            &who.user_id,
        ];
        let place = names
            .into_iter()
            .filter_map(Name::get)
            .find_map(|name| self.by_id.get(name).copied())
            .or_else(|| (alone && self.all.len() == 1).then_some(0));
        self.all.get(place?).copied().filter(fits)
    }
}

/// Whether a body has an entry, though not as documented. Without any it is nothing that Meta sends.
fn says_something(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Odd<'a> {
        #[serde(borrow, default)]
        entry: Option<&'a RawValue>,
    }
    serde_json::from_slice::<Odd<'_>>(body).is_ok_and(|odd| odd.entry.is_some())
}

fn read<T: DeserializeOwned>(raw: &RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

fn fields<'a>(raw: &'a RawValue) -> Option<Fields<'a>> {
    serde_json::from_str(raw.get()).ok()
}

fn list(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

fn short<'a>(raw: Option<&&'a RawValue>) -> Option<&'a RawValue> {
    raw.copied()
        .filter(|raw| raw.get().len() <= MAX_SHORT_BYTES)
}

fn fits(raw: &&RawValue) -> bool {
    raw.get().len() <= MAX_CONTACT_BYTES
}
