//! Why Discord ended a connection
//! (<https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes>).

use crate::poll::PollError;

/// What a close code means: whether the session is over, too, and when another try is worth it.
pub(super) fn meaning(code: u16) -> (bool, PollError) {
    let broken = |reason: &str| (true, PollError::broken(reason));
    match code {
        4004 => broken("Discord refuses the bot token"),
        4010 => broken("Discord refuses the connection's shard (4010)"),
        4011 => broken(
            "the bot is in more guilds than one connection may listen to (4011); make a bot for this channel alone",
        ),
        4012 => broken("Discord speaks this version of its gateway no more (4012)"),
        4013 => broken("Discord does not know the `intents` (4013)"),
        4014 => broken(NOT_ENABLED),
        // Not authenticated any more, a number the session does not have, a session that is over.
        4003 | 4007 | 4009 => (true, lost(code)),
        _ => (false, lost(code)),
    }
}

/// What to do when Discord will not tell what was asked for.
pub(super) const NOT_ENABLED: &str = "the Message Content intent is not enabled: in Discord's developer portal, under Bot, \
     Privileged Gateway Intents, switch it on, or leave `message_content` out of `intents`";

fn lost(code: u16) -> PollError {
    PollError::transient(format!("Discord closed the connection ({code})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_told_what_only_a_person_can_mend() {
        for code in [4004, 4010, 4011, 4012, 4013, 4014] {
            let (_, error) = meaning(code);
            assert!(matches!(error, PollError::Broken { .. }), "{code}");
        }
        assert!(meaning(4014).1.to_string().contains("developer portal"));
    }

    #[test]
    fn a_session_outlives_what_is_not_about_it() {
        let over: Vec<u16> = (1000..5000)
            .filter(|code| match meaning(*code) {
                (over, PollError::Transient { .. }) => over,
                _ => false,
            })
            .collect();
        assert_eq!(over, [4003, 4007, 4009]);
    }
}
