//! Reply tokens: a conversation's name within addresses and message ids of the mails we send.
//!
//! A mail we send has the `Message-ID` `<message.TOKEN@domain>` and, where the channel wants it, answers to
//! `local+TOKEN@domain` (RFC 5233), so that whatever a mail program keeps of the two leads back to the conversation. A token
//! is the conversation's id and five bytes that only its channel gives, in base32 (RFC 4648, section 6) of lower-case letters.
//!
//! Invariants: pure; a token of another channel, or with a character changed, names no conversation here; letters may
//! change their case on the way. Deliberately absent: secrecy. Who has a token was written to, or copied.

use std::fmt;

use uuid::Uuid;

use crate::{ChannelId, ConversationId, MessageId};

/// What the key of a conversation begins with when a token names it.
pub const KEY_PREFIX: &str = "reply:";

const ID_BYTES: usize = 16;
const CHECK_BYTES: usize = 5;
const TOKEN_BYTES: usize = ID_BYTES + CHECK_BYTES;
/// Characters of a token: 168 bits of five each, the last one padded.
pub const TOKEN_CHARS: usize = (TOKEN_BYTES * 8).div_ceil(5);
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const UUID_CHARS: usize = 36;

/// A token by its form; whose it is, [`ReplyToken::conversation`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyToken([u8; TOKEN_BYTES]);

impl ReplyToken {
    /// The token of a conversation.
    #[must_use]
    pub fn new(channel: ChannelId, conversation: ConversationId) -> Self {
        let mut bytes = [0; TOKEN_BYTES];
        let whole = conversation.0.as_bytes().iter().copied();
        let all = whole.chain(check(channel, conversation));
        bytes
            .iter_mut()
            .zip(all)
            .for_each(|(place, byte)| *place = byte);
        Self(bytes)
    }

    /// Reads a token, in letters of either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        decode(text).map(Self)
    }

    /// The conversation this token names on the channel.
    #[must_use]
    pub fn conversation(&self, channel: ChannelId) -> Option<ConversationId> {
        let (id, given) = self.0.split_first_chunk::<ID_BYTES>()?;
        let conversation = ConversationId(Uuid::from_bytes(*id));
        given
            .iter()
            .copied()
            .eq(check(channel, conversation))
            .then_some(conversation)
    }

    /// The token in a plus-address, wherever it stands in a header's value.
    #[must_use]
    pub fn in_addresses(value: &str) -> Option<Self> {
        plus_parts(value, TOKEN_CHARS).find_map(Self::parse)
    }

    /// The token in a `Message-ID` of ours, without or with angle brackets.
    #[must_use]
    pub fn in_message_id(id: &str) -> Option<Self> {
        let local = id.trim().trim_start_matches('<').split('@').next()?;
        let (message, token) = local.split_once('.')?;
        (message.len() == UUID_CHARS && Uuid::parse_str(message).is_ok())
            .then(|| Self::parse(token))?
    }

    /// The key of the conversation, as [`crate::keys`] gives it.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{KEY_PREFIX}{self}")
    }

    /// The token of such a key.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        Self::parse(key.strip_prefix(KEY_PREFIX)?)
    }
}

impl fmt::Display for ReplyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

/// What stands between a plus and an at sign, where it has as many characters as a token.
pub(crate) fn plus_parts(value: &str, chars: usize) -> impl Iterator<Item = &str> {
    value.split('+').skip(1).filter_map(move |rest| {
        let (token, rest) = rest.split_at_checked(chars)?;
        // Some relays write the plus-address within quotes.
        rest.trim_start_matches('"')
            .starts_with('@')
            .then_some(token)
    })
}

/// Base32 without padding, in letters of either case; one spelling a value.
pub(crate) fn decode<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    if text.len() != (BYTES * 8).div_ceil(5) {
        return None;
    }
    let mut bytes = [0; BYTES];
    let mut places = bytes.iter_mut();
    let (mut held, mut bits) = (0u16, 0u8);
    for letter in text.bytes() {
        let letter = letter.to_ascii_lowercase();
        let value = ALPHABET.iter().position(|known| *known == letter)?;
        held = (held << 5) | u16::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            *places.next()? = u8::try_from((held >> bits) & 0xff).ok()?;
            held &= (1 << bits) - 1;
        }
    }
    // Padding that is not zero would be a second spelling.
    (held == 0).then_some(bytes)
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity((bytes.len() * 8).div_ceil(5));
    let letter = |value: u16| {
        let place = usize::from(value & 31);
        ALPHABET
            .get(place)
            .map_or('a', |letter| char::from(*letter))
    };
    let (mut held, mut bits) = (0u16, 0u8);
    for byte in bytes {
        held = (held << 8) | u16::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(letter(held >> bits));
            held &= (1 << bits) - 1;
        }
    }
    if bits > 0 {
        out.push(letter(held << (5 - bits)));
    }
    out
}

/// The `Message-ID` of a mail we send, without angle brackets: the same for every try.
#[must_use]
pub fn message_id(
    message: MessageId,
    channel: ChannelId,
    conversation: ConversationId,
    domain: &str,
) -> String {
    format!(
        "{message}.{}@{domain}",
        ReplyToken::new(channel, conversation)
    )
}

/// Whether a `Message-ID` (without angle brackets) may be one that this channel gave: a message's id, and no other's token.
#[must_use]
pub fn may_be_ours(channel: ChannelId, id: &str) -> bool {
    let Some((local, domain)) = id.split_once('@') else {
        return false;
    };
    let (message, token) = local
        .split_once('.')
        .map_or((local, None), |(message, token)| (message, Some(token)));
    let fits =
        |token| ReplyToken::parse(token).is_some_and(|token| token.conversation(channel).is_some());
    !domain.is_empty()
        && message.len() == UUID_CHARS
        && Uuid::parse_str(message).is_ok()
        && token.is_none_or(fits)
}

fn check(channel: ChannelId, conversation: ConversationId) -> impl Iterator<Item = u8> {
    let sum = Uuid::new_v5(&channel.0, format!("reply/{conversation}").as_bytes());
    sum.into_bytes().into_iter().take(CHECK_BYTES)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn conversation(id: u128) -> ConversationId {
        ConversationId(Uuid::from_u128(id))
    }

    #[test]
    fn a_token_is_frozen() {
        let token = ReplyToken::new(
            ChannelId(Uuid::from_u128(2)),
            ConversationId(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)),
        );
        let text = token.to_string();
        assert_eq!(text.len(), TOKEN_CHARS);
        assert_eq!(text, "aerukz4jvpg66ajdivtytk6n554ycszkjm");
    }

    #[test]
    fn tokens_are_found_where_they_stand() {
        let channel = ChannelId(Uuid::from_u128(2));
        let token = ReplyToken::new(channel, conversation(3));
        for value in [
            format!("Desk <desk+{token}@example.com>"),
            format!(
                "a@b.c, DESK+{}@EXAMPLE.COM",
                token.to_string().to_uppercase()
            ),
            format!("\"desk+news\"@example.com, desk+x+{token}@example.com"),
        ] {
            assert_eq!(ReplyToken::in_addresses(&value), Some(token), "{value}");
        }
        for value in ["desk+news@example.com", "desk@example.com", "", "+", "++@"] {
            assert_eq!(ReplyToken::in_addresses(value), None, "{value}");
        }
        let id = message_id(
            MessageId(Uuid::from_u128(9)),
            channel,
            conversation(3),
            "example.com",
        );
        assert_eq!(ReplyToken::in_message_id(&id), Some(token));
        assert_eq!(ReplyToken::in_message_id(&format!(" <{id}>")), Some(token));
        assert_eq!(
            ReplyToken::in_message_id(&format!("x.{token}@example.com")),
            None
        );
        assert!(may_be_ours(channel, &id));
        assert!(may_be_ours(
            channel,
            "00000000-0000-0000-0000-000000000009@example.com"
        ));
        assert!(!may_be_ours(ChannelId(Uuid::from_u128(4)), &id));
        assert!(!may_be_ours(channel, "elsewhere@example.com"));
        assert!(!may_be_ours(
            channel,
            "00000000-0000-0000-0000-000000000009"
        ));
    }

    proptest! {
        #[test]
        fn a_token_comes_back(channel: u128, id: u128, other: u128, upper: bool) {
            let (channel, other) = (ChannelId(Uuid::from_u128(channel)), ChannelId(Uuid::from_u128(other)));
            let token = ReplyToken::new(channel, conversation(id));
            let text = if upper { token.to_string().to_uppercase() } else { token.to_string() };
            let read = ReplyToken::parse(&text).unwrap();
            prop_assert_eq!(read, token);
            prop_assert_eq!(read.conversation(channel), Some(conversation(id)));
            prop_assert_eq!(ConversationId::of(channel, &token.key()), conversation(id));
            if other != channel {
                prop_assert_eq!(read.conversation(other), None);
                prop_assert_ne!(ConversationId::of(other, &token.key()), conversation(id));
            }
        }

        #[test]
        fn every_changed_character_gives_another_conversation(channel: u128, id: u128, place in 0..TOKEN_CHARS, letter in 0usize..32) {
            let channel = ChannelId(Uuid::from_u128(channel));
            let text = ReplyToken::new(channel, conversation(id)).to_string();
            let mut changed = text.clone().into_bytes();
            changed[place] = ALPHABET[letter];
            let changed = String::from_utf8(changed).unwrap();
            if changed != text {
                let key = format!("{KEY_PREFIX}{changed}");
                prop_assert_ne!(ConversationId::of(channel, &key), conversation(id));
            }
        }

        #[test]
        fn any_text_has_an_answer(text in any::<String>(), tail in "[a-z2-7]{30,38}") {
            for text in [&text, &format!("{text}+{tail}@x"), &format!("{}.{tail}@x", Uuid::nil())] {
                let found = [ReplyToken::parse(text), ReplyToken::in_addresses(text), ReplyToken::in_message_id(text), ReplyToken::of_key(text)];
                for token in found.into_iter().flatten() {
                    prop_assert_eq!(ReplyToken::parse(&token.to_string()), Some(token));
                }
            }
        }
    }
}
