//! How far a bot has been listened to: the channel's cursor.

use schemas::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Direct messages that are remembered, the most recent ones.
const MAX_DIRECT: usize = 200;
/// The first second of Discord's ids, in microseconds since 1970.
const EPOCH_US: i64 = 1_420_070_400_000_000;
/// How long before the last word something may have been said that was not heard.
const MARGIN_US: i64 = 300_000_000;

/// Where listening goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Tells what a session is bound to, without naming it.
    pub(super) account: String,
    /// The bot's own id, and its application's.
    #[serde(default)]
    pub(super) user: String,
    #[serde(default)]
    pub(super) application: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<Session>,
    /// When everything said so far was with the broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) heard: Option<Timestamp>,
    /// Channels in which people write to the bot alone: Discord lists them nowhere.
    #[serde(default)]
    pub(super) direct: Vec<String>,
    /// What was said since then is still to be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) owed: Option<Timestamp>,
}

/// A session that can be resumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) id: String,
    /// Up to this number everything is with the broker.
    pub(super) seq: u64,
    /// Where Discord wants it resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
}

impl Place {
    /// From a cursor. Of a session that is bound to something else only what it knew of the bot is left.
    pub(super) fn of(cursor: &Value, account: String) -> Self {
        let mut place: Self = serde_json::from_value(cursor.clone()).unwrap_or_default();
        if place.account != account {
            place.session = None;
        }
        place.account = account;
        place
    }

    /// A new session began. What was said since the last one of the same bot is owed.
    pub(super) fn begin(&mut self, user: String, application: String, session: Session) {
        if self.user == user {
            self.owed = self.owed.or(self.heard);
        } else {
            (self.owed, self.direct) = (None, Vec::new());
        }
        (self.user, self.application) = (user, application);
        self.session = Some(session);
    }

    /// Remembers a channel in which somebody writes to the bot alone.
    pub(super) fn note_direct(&mut self, channel: String) {
        self.direct.retain(|known| *known != channel);
        if self.direct.len() >= MAX_DIRECT {
            self.direct.remove(0);
        }
        self.direct.push(channel);
    }
}

/// The id that something said a while before `at` has
/// (<https://docs.discord.com/developers/reference#snowflakes>).
pub(super) fn id_before(at: Timestamp) -> u64 {
    let since = at.0.saturating_sub(MARGIN_US).saturating_sub(EPOCH_US) / 1000;
    u64::try_from(since).unwrap_or(0) << 22
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn session(id: &str) -> Session {
        Session {
            id: id.into(),
            seq: 1,
            url: None,
        }
    }

    #[test]
    fn a_session_is_left_with_what_it_is_bound_to() {
        let mut place = Place::of(&Value::Null, "a".into());
        assert_eq!(place.session, None);
        place.begin("bot".into(), "app".into(), session("s"));
        let cursor = serde_json::to_value(&place).unwrap();
        assert_eq!(Place::of(&cursor, "a".into()), place);
        let other = Place::of(&cursor, "b".into());
        assert_eq!((other.session, &*other.user), (None, "bot"));
        assert_eq!(Place::of(&json!({"account": 7}), "a".into()).session, None);
    }

    #[test]
    fn what_was_said_between_two_sessions_is_owed_until_it_is_had() {
        let (first, later) = (
            Timestamp(1_790_000_000_000_000),
            Timestamp(1_790_000_100_000_000),
        );
        let mut place = Place::default();
        place.begin("bot".into(), String::new(), session("1"));
        assert_eq!(place.owed, None, "the first ever owes nothing");
        place.heard = Some(first);
        place.begin("bot".into(), String::new(), session("2"));
        place.heard = Some(later);
        place.begin("bot".into(), String::new(), session("3"));
        assert_eq!(place.owed, Some(first));
        place.begin("another".into(), String::new(), session("4"));
        assert_eq!(place.owed, None);
    }

    #[test]
    fn only_so_many_direct_messages_are_remembered() {
        let mut place = Place::default();
        for n in 0..MAX_DIRECT + 2 {
            place.note_direct(n.to_string());
        }
        place.note_direct("5".into());
        assert_eq!(place.direct.len(), MAX_DIRECT);
        assert_eq!(place.direct.first().map(String::as_str), Some("2"));
        assert_eq!(place.direct.last().map(String::as_str), Some("5"));
    }

    #[test]
    fn an_id_is_made_of_a_time() {
        // Discord's own example, said on 2016-04-30 at 11:18:25.796.
        let said = Timestamp(1_462_015_105_796_000 + MARGIN_US);
        assert_eq!(id_before(said) >> 22, 175_928_847_299_117_063 >> 22);
        assert_eq!(id_before(Timestamp(0)), 0);
    }
}
