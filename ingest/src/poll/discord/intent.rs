//! What Discord is asked to tell (<https://docs.discord.com/developers/events/gateway#gateway-intents>).
//!
//! Only those are known here whose events become messages, or which Discord wants for that: everything else would be sent to be
//! thrown away.

use serde_json::Value;

use crate::poll::PollError;

/// What people write: without it, messages come empty unless they mention the bot or are written to it. Privileged.
pub(super) const MESSAGE_CONTENT: u32 = 1 << 15;

/// The name in the setting `intents`, Discord's bit, and whether it is asked for without the setting.
const NAMED: [(&str, u32, bool); 8] = [
    ("guilds", 1 << 0, true),
    ("guild_messages", 1 << 9, true),
    ("guild_message_reactions", 1 << 10, true),
    ("direct_messages", 1 << 12, true),
    ("direct_message_reactions", 1 << 13, true),
    ("message_content", MESSAGE_CONTENT, true),
    ("guild_message_polls", 1 << 24, false),
    ("direct_message_polls", 1 << 25, false),
];

/// The bits of the setting `intents`; null is none given.
pub(super) fn of(given: &Value) -> Result<u32, PollError> {
    let named = match given {
        Value::Null => {
            let bits = NAMED
                .iter()
                .filter(|(_, _, usual)| *usual)
                .map(|(_, bit, _)| bit);
            return Ok(bits.fold(0, |all, bit| all | bit));
        }
        Value::Array(named) if !named.is_empty() => named,
        _ => return Err(unknown()),
    };
    named.iter().try_fold(0, |all, name| {
        let found = NAMED.iter().find(|(known, ..)| name == known);
        found.map(|(_, bit, _)| all | bit).ok_or_else(unknown)
    })
}

fn unknown() -> PollError {
    let names: Vec<&str> = NAMED.iter().map(|(name, ..)| *name).collect();
    PollError::broken(format!("`intents` is a list of {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_asked_for_is_what_was_named() {
        assert_eq!(of(&Value::Null).unwrap(), 46_593);
        assert_eq!(of(&json!(["guild_messages"])).unwrap(), 512);
        let both = json!(["direct_messages", "direct_message_polls"]);
        assert_eq!(of(&both).unwrap(), (1 << 12) | (1 << 25));
    }

    #[test]
    fn what_is_not_known_is_said() {
        for odd in [
            json!([]),
            json!(["presences"]),
            json!([512]),
            json!("guilds"),
        ] {
            let refused = of(&odd).unwrap_err();
            assert!(matches!(&refused, PollError::Broken { reason }
                if reason.contains("guild_message_reactions")));
        }
    }
}
