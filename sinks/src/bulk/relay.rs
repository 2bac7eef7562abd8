//! Whether a mail server refuses addresses, or has lost its mind. Pure, but for who was refused being kept for a chunk.
//!
//! A hard bounce in session suppresses its address for good, so a relay that answers "no such user" to everybody would
//! suppress a hundred people before failures pause the campaign. But people who are not there are spread thin over a list,
//! even over an old one; that most of a chunk, at several domains, is gone at the same moment is the server's own trouble.
//! Then nobody is suppressed, who was refused waits, and the campaign is paused.
//!
//! Deliberately absent: telling a list that was made up from a relay that is ill. Whoever knows that the addresses are bad
//! sends with `pause_at_failures` 1, and every refusal is believed.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use schemas::{
    CampaignId, MessageId,
    campaign::{Pace, RecipientStatus},
};
use store::campaign::ledger::Outcome;

/// Refusals of one chunk that are no accident.
const MANY: usize = 10;
/// Domains they are at.
const SEVERAL: usize = 3;

/// A recipient of whom the server said that there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gone {
    /// Its campaign and number: chunks of several campaigns are sent side by side.
    pub(super) chunk: (CampaignId, i32),
    pub(super) message: MessageId,
    pub(super) address: String,
    pub(super) code: String,
}

/// Who was refused, until its chunk is over.
#[derive(Default)]
pub(super) struct Refused(Mutex<Vec<Gone>>);

impl Refused {
    pub(super) fn add(&self, gone: Gone) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(gone);
    }

    /// Those of a chunk.
    pub(super) fn take(&self, chunk: (CampaignId, i32)) -> Vec<Gone> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, others) = std::mem::take(&mut *all)
            .into_iter()
            .partition(|gone| gone.chunk == chunk);
        *all = others;
        of
    }
}

/// Why a campaign is paused instead of believing what the server said of these; none when it is believed.
pub(super) fn trouble(pace: &Pace, outcomes: &[Outcome], gone: &[Gone]) -> Option<String> {
    let answered = outcomes.iter().filter(|outcome| {
        matches!(
            outcome.status,
            RecipientStatus::Sent | RecipientStatus::Bounced | RecipientStatus::Failed
        )
    });
    let answered = answered.count();
    let domains: HashSet<String> = gone
        .iter()
        .filter_map(|gone| Some(gone.address.rsplit_once('@')?.1.to_ascii_lowercase()))
        .collect();
    let is_trouble = pace.pause_at_failures < 1.0
        && gone.len() >= MANY
        && gone.len() * 2 > answered
        && domains.len() >= SEVERAL;
    is_trouble.then(|| {
        format!(
            "the mail server said of {} of {answered} addresses, at {} domains, that they are not there: that is its own \
             trouble. Nobody was suppressed for it, and they wait; mend the server, then resume. If the addresses really \
             are bad, set `pause_at_failures` to 1 in a copy",
            gone.len(),
            domains.len()
        )
    })
}

/// The outcomes with those as if never tried.
pub(super) fn put_back(outcomes: &mut [Outcome], gone: &[Gone]) {
    let gone: HashSet<MessageId> = gone.iter().map(|gone| gone.message).collect();
    for outcome in outcomes {
        if gone.contains(&outcome.message) {
            *outcome = Outcome::put_back(outcome.message, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const KEY: (CampaignId, i32) = (CampaignId(Uuid::nil()), 7);

    fn message(number: usize) -> MessageId {
        MessageId(Uuid::from_u128(number as u128))
    }

    /// `refused` at so many domains, and `sent` that were taken.
    fn chunk(refused: usize, domains: usize, sent: usize) -> (Vec<Outcome>, Vec<Gone>) {
        let outcome = |number, status| Outcome {
            status,
            ..Outcome::put_back(message(number), None)
        };
        let gone: Vec<Gone> = (0..refused)
            .map(|number| Gone {
                chunk: KEY,
                message: message(number),
                address: format!("p{number}@D{}.example", number % domains),
                code: "smtp-550".into(),
            })
            .collect();
        let bounced = (0..refused).map(|number| outcome(number, RecipientStatus::Bounced));
        let taken = (refused..refused + sent).map(|number| outcome(number, RecipientStatus::Sent));
        (bounced.chain(taken).collect(), gone)
    }

    #[test]
    fn most_of_a_chunk_at_several_domains_is_the_servers_trouble() {
        let pace = Pace::default();
        for (refused, domains, sent, is_trouble) in [
            (100, 3, 0, true),
            (51, 10, 49, true),
            (50, 10, 50, false),
            // A list of one company, and a handful of people.
            (100, 2, 0, false),
            (9, 9, 0, false),
            (0, 1, 100, false),
        ] {
            let (outcomes, gone) = chunk(refused, domains, sent);
            let found = trouble(&pace, &outcomes, &gone);
            assert_eq!(found.is_some(), is_trouble, "{refused} {domains} {sent}");
        }
        let believes = Pace {
            pause_at_failures: 1.0,
            ..pace
        };
        let (outcomes, gone) = chunk(100, 5, 0);
        assert_eq!(trouble(&believes, &outcomes, &gone), None);
    }

    #[test]
    fn who_waits_counts_neither_way() {
        let (mut outcomes, gone) = chunk(12, 4, 10);
        let waiting = (100..200).map(|number| Outcome::put_back(message(number), None));
        outcomes.extend(waiting);
        assert!(trouble(&Pace::default(), &outcomes, &gone).is_some());
    }

    #[test]
    fn who_was_refused_is_as_if_never_tried() {
        let (mut outcomes, gone) = chunk(2, 2, 1);
        put_back(&mut outcomes, &gone);
        let of = |status| outcomes.iter().filter(|o| o.status == status).count();
        assert_eq!(of(RecipientStatus::Pending), 2);
        assert_eq!(of(RecipientStatus::Sent), 1);
    }

    #[test]
    fn each_chunk_takes_its_own() {
        let refused = Refused::default();
        let (_, gone) = chunk(3, 1, 0);
        for one in gone {
            refused.add(one);
        }
        let other = CampaignId(Uuid::from_u128(1));
        for none in [(KEY.0, 8), (other, KEY.1)] {
            assert!(refused.take(none).is_empty());
        }
        assert_eq!(refused.take(KEY).len(), 3);
        assert!(refused.take(KEY).is_empty());
    }
}
