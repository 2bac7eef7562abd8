use schemas::ChannelKind;
use serde_json::json;

use super::{line::MOST, *};
use crate::channel::tests::outbound;

const SECOND: Duration = Duration::from_secs(1);

fn limits(setting: serde_json::Value) -> ChatLimits {
    let config = json!({"settings": {"chatRateLimit": setting}});
    ChatLimits::read(ChannelKind::Generic, &config).unwrap()
}

fn chats(setting: serde_json::Value) -> Chats {
    Chats::new(limits(setting))
}

fn to(chat: &str) -> Outbound {
    let mut outbound = outbound(1);
    outbound.message.id = MessageId::new();
    outbound.message.platform_conversation_id = chat.into();
    outbound
}

/// One message, stored now: its seat, and who was given up.
fn seat_of(chats: &Chats, outbound: &Outbound, now: Now) -> (Seat, Vec<MessageId>) {
    let comer = Comer {
        outbound,
        newcomer: now.time.0,
        stored_at: now.time,
    };
    let mut seating = chats.seat([comer], now);
    (seating.seats.pop().unwrap(), seating.missing)
}

/// How long it waits: in the batch (true) or in line.
fn wait(chats: &Chats, outbound: &Outbound, now: Now) -> (bool, u128) {
    match seat_of(chats, outbound, now).0 {
        Seat::At(turn) => (true, (turn - now.instant).as_millis()),
        Seat::Away(waiting) => (false, waiting.due_at.since(now.time).as_millis()),
    }
}

fn after(now: Now, wait: Duration) -> Now {
    Now {
        instant: now.instant + wait,
        time: now.time.plus(wait),
    }
}

#[test]
fn a_chat_gets_its_rate_and_others_do_not_wait_for_it() {
    let chats = chats(json!({"per_second": 2, "burst": 3}));
    let now = Now::new();
    let waits: Vec<(bool, u128)> = (0..6).map(|_| wait(&chats, &to("busy"), now)).collect();
    let away = [(false, 500), (false, 1000), (false, 1500)];
    assert_eq!(waits[..3], [(true, 0); 3]);
    assert_eq!(waits[3..], away);
    assert_eq!(wait(&chats, &to("other"), now), (true, 0));
}

#[test]
fn who_is_near_is_waited_for_and_nobody_goes_before_who_is_away() {
    let chats = chats(json!(5));
    let now = Now::new();
    let (near, far) = (to("c"), to("c"));
    assert_eq!(wait(&chats, &to("c"), now), (true, 0));
    assert_eq!(wait(&chats, &near, now), (true, 200));
    assert_eq!(wait(&chats, &far, now), (false, 400));
    // Its bucket has room again; but one waits.
    let later = after(now, SECOND);
    assert_eq!(wait(&chats, &to("c"), later), (false, 500));
    assert_eq!(wait(&chats, &far, later), (true, 0));
    chats.leave(&[far.message.id]);
    let free = after(now, SECOND * 10);
    assert_eq!(chats.waiting(&[near.message.id, far.message.id]), []);
    assert!(!wait(&chats, &to("c"), free).0, "the other still waits");
}

#[test]
fn whoever_comes_back_first_the_first_goes_first() {
    let chats = chats(json!(1));
    let now = Now::new();
    let line: Vec<Outbound> = (0..4).map(|_| to("c")).collect();
    for (number, outbound) in line.iter().enumerate() {
        // Accepted one after the other.
        let then = after(now, Duration::from_micros(number as u64));
        wait(&chats, outbound, then);
    }
    assert_eq!(chats.waiting(&[line[0].message.id]), [], "it has left");
    // All come at once, the last first; each by its place in line.
    let late = after(now, SECOND * 100);
    assert_eq!(wait(&chats, &line[3], late), (false, 2000));
    assert_eq!(wait(&chats, &line[2], late), (false, 1000));
    assert_eq!(wait(&chats, &line[1], late), (true, 0));
    chats.leave(&[line[1].message.id]);
    // The one behind comes too early, and waits for the one before it.
    let soon = after(late, Duration::from_millis(1500));
    assert_eq!(wait(&chats, &line[3], soon), (false, 1000));
    assert_eq!(wait(&chats, &line[2], soon), (true, 0));
}

#[test]
fn in_one_batch_they_go_one_behind_the_other() {
    let chats = chats(json!(20));
    let now = Now::new();
    let line: Vec<Outbound> = (0..9).map(|_| to("c")).collect();
    let batch = |now: Now| {
        let comers = line.iter().enumerate().map(|(number, outbound)| Comer {
            outbound,
            newcomer: now.time.0 + number as i64,
            stored_at: now.time,
        });
        let seats = chats.seat(comers, now).seats;
        let here = |seat: &&Seat| matches!(seat, Seat::At(_));
        seats.iter().take_while(here).count()
    };
    // At 0, 50, … 250 ms; the other three wait in line. Handed over again, the first six have used up the room.
    assert_eq!(batch(now), 6);
    assert_eq!(batch(now), 0);
    // Those who wait come first, from the front: nine of them now.
    assert_eq!(batch(after(now, SECOND)), 6);
}

#[test]
fn after_a_restart_the_line_stands_as_it_was_written_down() {
    let (before, now) = (chats(json!(1)), Now::new());
    let line: Vec<Outbound> = (0..4).map(|_| to("c")).collect();
    let mut written = Vec::new();
    for (number, outbound) in line.iter().enumerate() {
        let then = after(now, Duration::from_micros(number as u64));
        if let Seat::Away(waiting) = seat_of(&before, outbound, then).0 {
            written.push(waiting);
        }
    }
    assert_eq!(written.len(), 3);

    let restarted = chats(json!(1));
    let then = after(now, Duration::from_millis(400));
    restarted.book().fill(restarted.limits, &written, then);
    // A newcomer stands behind, and the rate goes on where it was.
    let newcomer = to("c");
    assert_eq!(wait(&restarted, &newcomer, then), (false, 3600));
    assert_eq!(wait(&restarted, &line[1], then), (false, 600));
    let then = after(now, SECOND);
    assert_eq!(wait(&restarted, &line[1], then), (true, 0));
    assert!(!wait(&restarted, &newcomer, then).0);
}

#[test]
fn who_does_not_come_back_holds_its_line_up_for_a_while() {
    let chats = chats(json!(1));
    let now = Now::new();
    let (lost, next) = (to("c"), to("c"));
    wait(&chats, &to("c"), now);
    assert_eq!(wait(&chats, &lost, after(now, SECOND / 1000)), (false, 999));
    let behind = after(now, SECOND / 500);
    assert_eq!(wait(&chats, &next, behind), (false, 1998));
    let soon = after(now, MISSED);
    assert!(!wait(&chats, &next, soon).0);
    let late = after(now, MISSED + SECOND * 2);
    let (seat, missing) = seat_of(&chats, &next, late);
    assert_eq!(
        (seat, missing),
        (Seat::At(late.instant), vec![lost.message.id])
    );
    // A restart gives it the same time again.
    let written = Waiting {
        message: lost.message.id,
        chat: "c".into(),
        position: 1,
        due_at: now.time,
    };
    chats.book().fill(chats.limits, &[written], late);
    assert!(!wait(&chats, &to("c"), after(late, SECOND * 5)).0);
}

#[test]
fn without_a_limit_any_more_who_waits_still_goes_first() {
    let free = chats(json!(null));
    let now = Now::new();
    assert_eq!(wait(&free, &to("c"), now), (true, 0));
    let waits = to("c");
    let written = Waiting {
        message: waits.message.id,
        chat: "c".into(),
        position: now.time.0 - 1,
        due_at: now.time.plus(SECOND * 7),
    };
    free.book().fill(free.limits, &[written], now);
    let newcomer = to("c");
    assert_eq!(wait(&free, &newcomer, now), (false, 7000));
    assert_eq!(wait(&free, &to("d"), now), (true, 0));
    let then = after(now, SECOND * 7);
    assert_eq!(wait(&free, &waits, then), (true, 0));
    free.leave(&[waits.message.id]);
    assert_eq!(wait(&free, &newcomer, then), (true, 0));
}

#[test]
fn chats_at_rest_are_forgotten() {
    let chats = chats(json!(10));
    let mut now = Now::new();
    for number in 0..10_000 {
        assert_eq!(wait(&chats, &to(&number.to_string()), now), (true, 0));
        if number % 100 == 0 {
            now = after(now, Duration::from_millis(200));
        }
    }
    assert!(chats.book().full_at.len() <= 1200);
}

#[test]
fn of_more_busy_chats_than_fit_the_newest_are_free() {
    let chats = chats(json!(0.001));
    let now = Now::new();
    for number in 0..BUSY + 10 {
        wait(&chats, &to(&number.to_string()), now);
    }
    assert_eq!(chats.book().full_at.len(), BUSY);
    assert!(!wait(&chats, &to("0"), now).0);
    assert_eq!(wait(&chats, &to("one too many"), now), (true, 0));
    assert_eq!(wait(&chats, &to("one too many"), now), (true, 0));
}

#[test]
fn longer_lines_than_fit_are_not_kept_whole() {
    let chats = chats(json!(0.001));
    let now = Now::new();
    for number in 0..MOST + 10 {
        let then = after(now, Duration::from_micros(number as u64));
        wait(&chats, &to("c"), then);
    }
    let book = chats.book();
    let behind = (i64::MAX, MessageId::new());
    assert_eq!(book.lines.ahead("c", behind), MOST);
    assert_eq!(u32::try_from(MOST), Ok(MOST_WAITING));
}
