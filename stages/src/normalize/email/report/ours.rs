//! Whether the mail that a report is about is one of ours, and whether it speaks of the one it was written to.
//!
//! By the token in the address the report came to, or in the `Return-Path` of the mail it returns ([`BounceToken`]); else by
//! the `Message-ID` of that mail. An address is suppressed on the word of a token alone: anybody who got a mail of ours knows
//! its `Message-ID`, but a token also knows whom its mail was to.

use mail_parser::Message as Mail;
use schemas::{ChannelId, MessageId, Timestamp, TrackKind, bounce_token::BounceToken};

use super::{super::header, delivery::Fate, original::Original};
use crate::normalize::News;

/// Where the address stands that a report came to.
const ADDRESSED: [&str; 6] = [
    "To",
    "Delivered-To",
    "X-Original-To",
    "Envelope-To",
    "X-Envelope-To",
    "Cc",
];

/// What ties a report to a message of ours.
pub(super) struct Ours<'a> {
    original: &'a Original,
    channel: ChannelId,
    at: Timestamp,
    token: Option<(BounceToken, MessageId)>,
    /// The mail's `Message-ID`, when it may be ours.
    named: Option<&'a str>,
}

impl<'a> Ours<'a> {
    pub(super) fn of(
        mail: &Mail<'_>,
        original: &'a Original,
        channel: ChannelId,
        at: Timestamp,
    ) -> Self {
        let named = original
            .message_id
            .as_deref()
            .filter(|id| schemas::reply_token::may_be_ours(channel, id));
        let genuine = |value: &str| {
            let token = BounceToken::in_addresses(value)?;
            Some((token, token.message(channel)?))
        };
        let token = ADDRESSED
            .into_iter()
            .filter_map(|name| header(mail, name))
            .chain(original.return_path.clone())
            .find_map(|value| genuine(&value));
        Self {
            original,
            channel,
            at,
            token,
            named,
        }
    }

    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// The time of the report.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// News of the message, under the name that its sender gave it.
    pub(super) fn news(&self, kind: TrackKind) -> Option<News> {
        let name = match (&self.token, self.named) {
            (_, Some(named)) => named.to_owned(),
            (Some((_, message)), None) => message.to_string(),
            (None, None) => return None,
        };
        Some(News::receipt(kind, name, self.at))
    }

    /// Whether this is about the person the mail was written to. Who was only given a copy is another matter.
    pub(super) fn concerns(&self, fate: &Fate) -> bool {
        let addresses = || {
            [&fate.recipient, &fate.original_recipient]
                .into_iter()
                .flatten()
        };
        if addresses().next().is_none() {
            return true;
        }
        if let Some((token, _)) = &self.token {
            return !token.has_copies()
                || addresses().any(|address| token.is_to(self.channel, address));
        }
        let among = |list: &[String]| {
            addresses().any(|address| list.iter().any(|one| one.eq_ignore_ascii_case(address)))
        };
        // Without copies, another address is one that the mail was sent on to.
        self.original.cc.is_empty() || self.original.to.is_empty() || among(&self.original.to)
    }

    /// That the address the mail was to is no more, when a token says that it was to it.
    pub(super) fn gone(&self, fate: &Fate) -> Option<News> {
        let (token, _) = self.token.as_ref()?;
        let address = [&fate.original_recipient, &fate.recipient]
            .into_iter()
            .flatten()
            .find(|address| token.is_to(self.channel, address))?;
        Some(News::address(TrackKind::Bounced, address.as_str(), self.at))
    }
}
