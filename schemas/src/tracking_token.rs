//! Tracking tokens: what the links and the pixel of a campaign's message say about themselves.
//!
//! A token is `base64url(head ‖ tag ‖ url)`: a byte of purpose, tenant, campaign and contact (16 bytes each), the tag
//! that the hub's keys gave to purpose, ids and url ([`TrackingToken::signed`]; 16 bytes), and the url a click leads to.
//! So nothing has to be looked up to answer it, and a url that the hub did not put there leads nowhere.
//!
//! Invariants: pure; one spelling each (no padding, no leftover bits). Deliberately absent: the keys (`store`), expiry (a
//! mail may be opened years later).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::{CampaignId, ContactId, MessageId, TenantId};

/// What the keys are told the tag is for.
pub const PURPOSE: &str = "tracking";
/// Longest url of a token, in bytes.
pub const MAX_URL: usize = 4096;

const ID: usize = 16;
const HEAD: usize = 1 + 3 * ID;
const TAG: usize = 16;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Open,
    Click,
    /// The page on which one unsubscribes or says what one wants, and the one-click address of RFC 8058.
    Preferences,
    /// The link that confirms a subscription.
    Confirm,
}

impl Purpose {
    const fn byte(self) -> u8 {
        match self {
            Self::Open => 1,
            Self::Click => 2,
            Self::Preferences => 3,
            Self::Confirm => 4,
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Open),
            2 => Some(Self::Click),
            3 => Some(Self::Preferences),
            4 => Some(Self::Confirm),
            _ => None,
        }
    }
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackingToken {
    pub purpose: Purpose,
    pub tenant: TenantId,
    /// For [`Purpose::Confirm`], the list.
    pub campaign: CampaignId,
    pub contact: ContactId,
    /// Where a click leads; empty otherwise.
    pub url: String,
}

impl TrackingToken {
    #[must_use]
    pub fn message(&self) -> MessageId {
        MessageId::campaign(self.campaign, self.contact)
    }

    /// What is signed.
    #[must_use]
    pub fn signed(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + self.url.len());
        self.head(&mut bytes);
        bytes.extend_from_slice(self.url.as_bytes());
        bytes
    }

    /// The token, with the tag that [`Self::signed`] was given.
    #[must_use]
    pub fn text(&self, tag: &[u8; TAG]) -> String {
        let mut bytes = Vec::with_capacity(HEAD + TAG + self.url.len());
        self.head(&mut bytes);
        bytes.extend_from_slice(tag);
        bytes.extend_from_slice(self.url.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token; whether its tag is one, the keys say.
    #[must_use]
    pub fn parse(text: &str) -> Option<(Self, [u8; TAG])> {
        if text.len() > (HEAD + TAG + MAX_URL).div_ceil(3) * 4 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (purpose, rest) = bytes.split_first()?;
        let (tenant, rest) = rest.split_first_chunk::<ID>()?;
        let (campaign, rest) = rest.split_first_chunk::<ID>()?;
        let (contact, rest) = rest.split_first_chunk::<ID>()?;
        let (tag, url) = rest.split_first_chunk::<TAG>()?;
        let token = Self {
            purpose: Purpose::of(*purpose)?,
            tenant: TenantId(Uuid::from_bytes(*tenant)),
            campaign: CampaignId(Uuid::from_bytes(*campaign)),
            contact: ContactId(Uuid::from_bytes(*contact)),
            url: String::from_utf8(url.to_vec()).ok()?,
        };
        Some((token, *tag))
    }

    fn head(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.purpose.byte());
        for id in [self.tenant.0, self.campaign.0, self.contact.0] {
            bytes.extend_from_slice(id.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(purpose: Purpose, url: &str) -> TrackingToken {
        TrackingToken {
            purpose,
            tenant: TenantId(Uuid::from_u128(1)),
            campaign: CampaignId(Uuid::from_u128(2)),
            contact: ContactId(Uuid::from_u128(3)),
            url: url.into(),
        }
    }

    #[test]
    fn round_trip() {
        let click = token(Purpose::Click, "https://example.org/?a=1&b=ü");
        let text = click.text(&[7; 16]);
        assert_eq!(TrackingToken::parse(&text), Some((click, [7; 16])));
        let open = token(Purpose::Open, "").text(&[0; 16]);
        assert_eq!(open.len(), 87);
    }

    #[test]
    fn what_is_signed_tells_all_apart() {
        let click = token(Purpose::Click, "https://a.example/");
        let mut other = click.clone();
        other.url.push('b');
        assert_ne!(click.signed(), other.signed());
        other = click.clone();
        other.purpose = Purpose::Open;
        assert_ne!(click.signed(), other.signed());
    }

    #[test]
    fn no_token_is_no_token() {
        let text = token(Purpose::Open, "").text(&[0; 16]);
        for wrong in [
            "",
            "a",
            text.get(1..).unwrap(),
            text.get(..text.len() - 1).unwrap(),
            &format!("{text}="),
        ] {
            assert_eq!(TrackingToken::parse(wrong), None, "{wrong}");
        }
        assert_eq!(TrackingToken::parse(&"A".repeat(10_000)), None);
    }
}
