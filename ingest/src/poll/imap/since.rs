//! Where a mailbox that is new to us is begun.
//!
//! Mails that came before the channel are old business, and rules would answer them: reading begins a little before the
//! channel was made, or with as many of the youngest mails as the setting `backlog` says.

use std::time::Duration;

use chrono::DateTime;
use schemas::Timestamp;

use super::wire::Fetched;

/// How long before the channel was made a mail may have come.
const BEFORE: Duration = Duration::from_secs(3600);

/// The UID to begin with; none when nothing of what is there is to be read.
pub(super) fn first(young: &[Fetched], since: Timestamp, backlog: Option<u64>) -> Option<u32> {
    if let Some(backlog) = backlog {
        let mut uids: Vec<u32> = young.iter().map(|mail| mail.uid).collect();
        uids.sort_unstable();
        let skipped = uids
            .len()
            .saturating_sub(usize::try_from(backlog).unwrap_or(usize::MAX));
        return uids.into_iter().nth(skipped);
    }
    young
        .iter()
        .filter(|mail| {
            mail.date
                .as_deref()
                .and_then(time)
                .is_some_and(|at| at.plus(BEFORE) >= since)
        })
        .map(|mail| mail.uid)
        .min()
}

/// `21-Nov-2026 09:00:00 +0100`; a day below ten has a space before it.
fn time(date: &str) -> Option<Timestamp> {
    DateTime::parse_from_str(date.trim(), "%d-%b-%Y %H:%M:%S %z")
        .ok()
        .map(|at| at.to_utc().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(uid: u32, date: &str) -> Fetched {
        Fetched {
            uid,
            date: Some(date.into()),
            ..Fetched::default()
        }
    }

    #[test]
    fn reading_begins_a_little_before_the_channel() {
        let made = time("21-Nov-2026 12:00:00 +0000").unwrap();
        let young = [
            mail(5, "21-Nov-2026 13:30:00 +0200"),
            mail(3, " 1-Nov-2026 09:00:00 +0100"),
            mail(4, "21-Nov-2026 10:59:59 +0000"),
            mail(9, "some day"),
        ];
        assert_eq!(first(&young, made, None), Some(5));
        assert_eq!(first(&young[1..], made, None), None);
        assert_eq!(first(&[], made, None), None);
    }

    #[test]
    fn a_backlog_is_so_many_mails() {
        let young = [mail(9, "x"), mail(3, "x"), mail(4, "x")];
        let made = Timestamp(0);
        assert_eq!(first(&young, made, Some(0)), None);
        assert_eq!(first(&young, made, Some(2)), Some(4));
        assert_eq!(first(&young, made, Some(70)), Some(3));
    }
}
