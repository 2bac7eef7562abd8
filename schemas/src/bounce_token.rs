//! Bounce tokens: a message's name within the address that its bounces go to (VERP, variable envelope return path).
//!
//! A mail leaves with the envelope sender `bounces+TOKEN@domain`. Whatever comes back to that address is about this message,
//! also where a report returns nothing of the mail and names no `Message-ID`. A token is the message's id, whether the mail
//! has other recipients besides, two bytes of a digest of the one it is to, and five bytes that only its channel gives; in
//! the letters of a [`crate::reply_token::ReplyToken`], and of another length, so that neither is taken for the other.
//!
//! Invariants: pure; a token of another channel, or with a character changed, names no message here; letters may change their
//! case on the way. Deliberately absent: secrecy; and a date, for bounces may be days late.

use std::fmt;

use uuid::Uuid;

use crate::{
    ChannelId, MessageId,
    reply_token::{decode, encode, plus_parts},
};

const ID_BYTES: usize = 16;
const DIGEST_BYTES: usize = 2;
const CHECK_BYTES: usize = 5;
const TOKEN_BYTES: usize = ID_BYTES + 1 + DIGEST_BYTES + CHECK_BYTES;
/// Characters of a token.
pub const TOKEN_CHARS: usize = (TOKEN_BYTES * 8).div_ceil(5);
/// Under this name a token is in a mail's metadata where its provider repeats that and nothing else of the mail (Postmark).
pub const METADATA: &str = "tidings";

/// A token by its form; whose it is, [`BounceToken::message`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BounceToken([u8; TOKEN_BYTES]);

impl BounceToken {
    /// The token of a message to this address; `has_copies` when it goes to others too.
    #[must_use]
    pub fn new(channel: ChannelId, message: MessageId, to: &str, has_copies: bool) -> Self {
        let named = message
            .0
            .into_bytes()
            .into_iter()
            .chain([u8::from(has_copies)])
            .chain(digest(channel, to));
        let mut bytes = [0; TOKEN_BYTES];
        bytes
            .iter_mut()
            .zip(named)
            .for_each(|(place, byte)| *place = byte);
        let check: Vec<u8> = check(channel, &bytes).collect();
        bytes
            .iter_mut()
            .skip(TOKEN_BYTES - CHECK_BYTES)
            .zip(check)
            .for_each(|(place, byte)| *place = byte);
        Self(bytes)
    }

    /// Reads a token, in letters of either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        decode(text).map(Self)
    }

    /// The token in a plus-address, wherever it stands in a header's value.
    #[must_use]
    pub fn in_addresses(value: &str) -> Option<Self> {
        plus_parts(value, TOKEN_CHARS).find_map(Self::parse)
    }

    /// The message this token names on the channel.
    #[must_use]
    pub fn message(&self, channel: ChannelId) -> Option<MessageId> {
        let (id, _) = self.0.split_first_chunk::<ID_BYTES>()?;
        let given = self.0.iter().skip(TOKEN_BYTES - CHECK_BYTES).copied();
        given
            .eq(check(channel, &self.0))
            .then_some(MessageId(Uuid::from_bytes(*id)))
    }

    /// Whether the message was written to this address, and not merely copied there.
    #[must_use]
    pub fn is_to(&self, channel: ChannelId, address: &str) -> bool {
        let given = self.0.iter().skip(ID_BYTES + 1).take(DIGEST_BYTES).copied();
        given.eq(digest(channel, address))
    }

    /// Whether others got the mail too, so that a bounce may be about one of them.
    #[must_use]
    pub fn has_copies(&self) -> bool {
        self.0.get(ID_BYTES) == Some(&1)
    }
}

impl fmt::Display for BounceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

/// Of the address in lower case: servers change it, and few tell local parts apart by it.
fn digest(channel: ChannelId, address: &str) -> impl Iterator<Item = u8> {
    let name = format!("bounce-to/{}", address.trim().to_lowercase());
    let sum = Uuid::new_v5(&channel.0, name.as_bytes());
    sum.into_bytes().into_iter().take(DIGEST_BYTES)
}

fn check(channel: ChannelId, bytes: &[u8; TOKEN_BYTES]) -> impl Iterator<Item = u8> {
    let named: Vec<u8> = bytes
        .iter()
        .copied()
        .take(TOKEN_BYTES - CHECK_BYTES)
        .collect();
    let name = format!("bounce/{}", encode(&named));
    let sum = Uuid::new_v5(&channel.0, name.as_bytes());
    sum.into_bytes().into_iter().take(CHECK_BYTES)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ConversationId, reply_token::ReplyToken};

    const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(2));
    const MESSAGE: MessageId =
        MessageId(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));

    #[test]
    fn a_token_is_frozen() {
        let token = BounceToken::new(CHANNEL, MESSAGE, "Bob@example.org", false).to_string();
        assert_eq!(token.len(), TOKEN_CHARS);
        assert_eq!(token, "aerukz4jvpg66ajdivtytk6n54advu7cj7tbj5i");
    }

    #[test]
    fn a_token_knows_whom_the_message_is_to() {
        let token = BounceToken::new(CHANNEL, MESSAGE, "Bob@example.org", true);
        assert!(token.is_to(CHANNEL, "bob@EXAMPLE.org"));
        assert!(!token.is_to(CHANNEL, "ann@example.org"));
        assert!(token.has_copies());
        assert!(!BounceToken::new(CHANNEL, MESSAGE, "a@b.c", false).has_copies());
    }

    #[test]
    fn tokens_are_found_and_not_mistaken() {
        let token = BounceToken::new(CHANNEL, MESSAGE, "bob@example.org", false);
        let address = format!("Bounces <bounces+{token}@example.com>");
        assert_eq!(BounceToken::in_addresses(&address), Some(token));
        assert_eq!(ReplyToken::in_addresses(&address), None);
        let reply = ReplyToken::new(CHANNEL, ConversationId(Uuid::from_u128(3)));
        assert_eq!(
            BounceToken::in_addresses(&format!("desk+{reply}@example.com")),
            None
        );
    }

    proptest! {
        #[test]
        fn a_token_comes_back(channel: u128, id: u128, other: u128, copies: bool, upper: bool) {
            let (channel, other) = (ChannelId(Uuid::from_u128(channel)), ChannelId(Uuid::from_u128(other)));
            let message = MessageId(Uuid::from_u128(id));
            let token = BounceToken::new(channel, message, "bob@example.org", copies);
            let text = if upper { token.to_string().to_uppercase() } else { token.to_string() };
            let read = BounceToken::parse(&text).unwrap();
            prop_assert_eq!(read, token);
            prop_assert_eq!(read.message(channel), Some(message));
            prop_assert_eq!(read.has_copies(), copies);
            if other != channel {
                prop_assert_eq!(read.message(other), None);
            }
        }

        #[test]
        fn no_changed_character_names_a_message(channel: u128, id: u128, place in 0..TOKEN_CHARS, letter in 0u8..32) {
            let channel = ChannelId(Uuid::from_u128(channel));
            let text = BounceToken::new(channel, MessageId(Uuid::from_u128(id)), "bob@example.org", false).to_string();
            let mut changed = text.clone().into_bytes();
            changed[place] = b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(letter)];
            let changed = String::from_utf8(changed).unwrap();
            if changed != text {
                let found = BounceToken::parse(&changed).and_then(|token| token.message(channel));
                prop_assert_eq!(found, None);
            }
        }
    }
}
