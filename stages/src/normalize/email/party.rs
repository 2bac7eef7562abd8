//! Who wrote a mail, and to whom.

use mail_parser::{Addr, Address, Message as Mail};
use schemas::{Message, Party, PartyType};
use serde_json::{Map, Value, json};

use super::header;
use crate::text::address;

/// Addresses kept of `To` and of `Cc`.
const MAX_ADDRESSES: usize = 50;

/// What servers write on delivery: whom the mail was for, when its own head does not say.
const DELIVERED: [&str; 4] = [
    "Delivered-To",
    "X-Original-To",
    "Envelope-To",
    "X-Envelope-To",
];

pub(super) fn fill(message: &mut Message, mail: &Mail<'_>) {
    let bare = |name: &str| {
        let id = header(mail, name)?;
        let id = id
            .split(',')
            .next()?
            .trim()
            .trim_matches(['<', '>'])
            .to_owned();
        id.contains('@').then(|| Party {
            id: address(&id),
            kind: PartyType::User,
            ..Party::default()
        })
    };
    message.sender = first(mail.from())
        .or_else(|| first(mail.sender()))
        .or_else(|| bare("Return-Path"))
        .unwrap_or_else(|| Party {
            kind: PartyType::System,
            ..Party::default()
        });
    let recipient = first(mail.to())
        .or_else(|| DELIVERED.into_iter().find_map(bare))
        .or_else(|| first(mail.cc()));
    if let Some(to) = recipient {
        message.recipient = Party {
            kind: PartyType::System,
            ..to
        };
    }
    let lists = [
        ("to", mail.to()),
        ("cc", mail.cc()),
        ("reply_to", mail.reply_to()),
    ];
    for (key, addresses) in lists {
        let all = all(addresses);
        // One recipient is said in `recipient` already.
        if !all.is_empty() && (key != "to" || all.len() > 1) {
            message.metadata.insert(key.into(), all.into());
        }
    }
    // Sent on by somebody else, as it was (RFC 5322, 3.6.6).
    let (from, to) = (all(mail.resent_from()), all(mail.resent_to()));
    if !from.is_empty() || !to.is_empty() {
        let resent = json!({"from": from, "to": to});
        message.metadata.insert("resent".into(), resent);
    }
}

fn all(addresses: Option<&Address<'_>>) -> Vec<Value> {
    let Some(addresses) = addresses else {
        return Vec::new();
    };
    addresses
        .iter()
        .filter_map(|addr| Some(address(addr.address()?).into()))
        .take(MAX_ADDRESSES)
        .collect()
}

fn first(addresses: Option<&Address<'_>>) -> Option<Party> {
    let addresses = addresses?;
    let addr = addresses
        .iter()
        .find(|addr| addr.address().is_some_and(|address| address.contains('@')))
        .or_else(|| addresses.iter().find(|addr| addr.address().is_some()))?;
    Some(party(addr))
}

fn party(addr: &Addr<'_>) -> Party {
    let id = address(addr.address().unwrap_or_default());
    // Some programs repeat the address as the name, or put the name into quotes of its own.
    let name = addr
        .name()
        .map(|name| name.trim().trim_matches(['\'', '"']).trim())
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(&id))
        .map(str::to_owned);
    Party {
        id,
        kind: PartyType::User,
        name,
        metadata: Map::new(),
    }
}
