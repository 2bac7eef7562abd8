//! Which of a channel's own numbers a message leaves from.
//!
//! A conversation keeps the number it has: the one that was last written to ([`Outbound::from`]), as long as the channel
//! still has it; else the one that rendezvous hashing gives it (Thaler and Ravishankar, 1998), so that a number that is
//! added takes over only its share of conversations, and one that is removed changes only its own.
//!
//! Deliberately absent: load, since every number of a pool is taken to carry as much.

use schemas::Outbound;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Account;

/// The numbers, in the platform's own form.
pub(super) struct Pool(Vec<String>);

impl Pool {
    /// The settings `numbers` and `from`, the latter first.
    pub(super) fn new(account: &Account<'_>) -> Self {
        let listed = account
            .setting("numbers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        let mut numbers: Vec<String> = Vec::new();
        for number in account.setting_text("from").into_iter().chain(listed) {
            let number = number.trim();
            if !number.is_empty() && !numbers.iter().any(|known| known == number) {
                numbers.push(number.to_owned());
            }
        }
        Self(numbers)
    }

    pub(super) fn numbers(&self) -> &[String] {
        &self.0
    }

    /// The number of a message's conversation, of those that `fits` lets pass.
    pub(super) fn choose(&self, outbound: &Outbound, fits: impl Fn(&str) -> bool) -> Option<&str> {
        let mut able = self.0.iter().map(String::as_str).filter(|n| fits(n));
        let last = outbound.from.as_deref().map(bare);
        if let Some(kept) = able.clone().find(|number| Some(bare(number)) == last) {
            return Some(kept);
        }
        let conversation = outbound.message.platform_conversation_id.as_str();
        let first = able.next()?;
        Some(
            able.fold((weight(conversation, first), first), |best, number| {
                best.max((weight(conversation, number), number))
            })
            .1,
        )
    }
}

/// An address without what is not the same everywhere: the channel before it, `+`, and grouping.
fn bare(address: &str) -> String {
    let number = address.rsplit(':').next().unwrap_or_default();
    number
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// How much a conversation wants a number: as good as random, and always the same.
fn weight(conversation: &str, number: &str) -> [u8; 8] {
    let mut digest = Sha256::new();
    digest.update(conversation.as_bytes());
    digest.update([0]);
    digest.update(number.as_bytes());
    digest.finalize().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::tests::outbound;

    fn pool(numbers: &[&str]) -> Pool {
        Pool(numbers.iter().map(|number| (*number).to_owned()).collect())
    }

    fn of(conversation: usize) -> Outbound {
        let mut outbound = outbound(1);
        outbound.message.platform_conversation_id = format!("+4915{conversation:08}");
        outbound
    }

    #[test]
    fn a_conversation_keeps_the_number_it_was_written_to() {
        let pool = pool(&["+4930111", "whatsapp:+4930222", "ACME"]);
        for (from, chosen) in [
            ("+4930111", "+4930111"),
            ("4930111", "+4930111"),
            ("whatsapp:+4930222", "whatsapp:+4930222"),
            ("acme", "ACME"),
        ] {
            let mut outbound = of(1);
            outbound.from = Some(from.into());
            assert_eq!(pool.choose(&outbound, |_| true), Some(chosen), "{from}");
        }
        let mut gone = of(1);
        gone.from = Some("+4930999".into());
        assert_eq!(pool.choose(&gone, |_| true), pool.choose(&of(1), |_| true));
        assert_eq!(pool.choose(&of(1), |number| number == "ACME"), Some("ACME"));
        assert_eq!(Pool(Vec::new()).choose(&of(1), |_| true), None);
    }

    #[test]
    fn a_number_more_takes_only_its_share() {
        let before = pool(&["+1", "+2", "+3", "+4"]);
        let after = pool(&["+1", "+2", "+9", "+3", "+4"]);
        let mut moved = 0;
        let mut shares = std::collections::BTreeMap::<String, usize>::new();
        for conversation in 0..2000 {
            let outbound = of(conversation);
            let (old, new) = (
                before.choose(&outbound, |_| true).unwrap(),
                after.choose(&outbound, |_| true).unwrap(),
            );
            *shares.entry(old.to_owned()).or_default() += 1;
            if old != new {
                assert_eq!(new, "+9");
                moved += 1;
            }
        }
        assert!((300..500).contains(&moved), "{moved}");
        assert!(
            shares.values().all(|share| (400..600).contains(share)),
            "{shares:?}"
        );
    }
}
