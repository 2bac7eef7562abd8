//! How large a text message is, as operators count it: what it is written in, and in how many segments it travels.
//!
//! Deliberately absent: the counting (`sinks`), which looks at what is really sent.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a text is written in on the air (3GPP TS 23.038).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SmsEncoding {
    /// The default alphabet: 160 characters, or 153 in each of several segments.
    Gsm7,
    /// Everything else: 70 units of UTF-16, or 67 in each of several segments.
    Ucs2,
}

impl SmsEncoding {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gsm7 => "gsm7",
            Self::Ucs2 => "ucs2",
        }
    }
}

impl FromStr for SmsEncoding {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        [Self::Gsm7, Self::Ucs2]
            .into_iter()
            .find(|encoding| encoding.name() == name)
            .ok_or(())
    }
}

/// The size of a message that left as SMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SmsSize {
    /// Of the whole; where it left in parts, the wider one of theirs.
    pub encoding: SmsEncoding,
    /// In all parts together.
    pub segments: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json() {
        for encoding in [SmsEncoding::Gsm7, SmsEncoding::Ucs2] {
            assert_eq!(serde_json::to_value(encoding).unwrap(), encoding.name());
            assert_eq!(encoding.name().parse(), Ok(encoding));
        }
        assert_eq!("utf8".parse::<SmsEncoding>(), Err(()));
    }
}
