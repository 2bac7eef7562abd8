//! Entities: what a text names in a form of its own.
//!
//! Deterministic recognisers, one a file, each of which believes a form only with its check: a check digit, a numbering
//! plan, a calendar, a list of countries, or a word beside it. They are made to be right in 99 of 100 cases or more; what
//! is doubtful is left out. [`find`] runs them in the order of their claim to the text, so that what one has found is
//! nothing else: web address, e-mail, bank account, card, parcel, tenant's pattern, order and ticket, date, time, money,
//! phone, handle.
//!
//! Invariants: entities are sorted by their beginning and do not overlap; offsets are bytes and fall between characters;
//! of a card's number no more than the last four digits are in any value; the work is bounded by
//! [`MAX_BYTES`] of text and linear in it. Deliberately absent: persons, organizations and places, which need a model.

mod amount;
mod card;
mod country;
mod currency;
mod date;
mod day;
mod email;
mod found;
mod handle;
mod iban;
mod money;
mod month;
mod neutral;
mod parcel;
mod pattern;
mod phone;
mod reference;
mod relative;
mod scan;
mod span;
mod time;
mod tld;
mod url;
mod word;

use schemas::{Entity, Timestamp};

use self::{day::Day, found::Found, scan::Scan, scan::seen};
pub use self::{
    pattern::{MAX_PATTERNS, MAX_REGEX_BYTES, PatternError, Patterns, compile},
    scan::MAX_BYTES,
};

/// How many entities a text has at most: the first ones.
pub const MAX_ENTITIES: usize = 32;

/// What is known about a text besides its words.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// ISO 3166-1 region of phone numbers, amounts and dates that do not say theirs.
    pub region: Option<&'a str>,
    /// The tenant's own forms.
    pub patterns: &'a Patterns,
    /// When the message was written.
    pub at: Timestamp,
    /// Minutes east of UTC where it was written; 0 when unknown.
    pub offset_minutes: i16,
    /// ISO 639-1 code of its language, when known.
    pub language: Option<&'a str>,
}

impl Settings<'_> {
    /// The day on which the message was written.
    fn today(&self) -> Day {
        Day::at(self.at, self.offset_minutes)
    }
}

/// The entities of a text.
#[must_use]
pub fn find(text: &str, settings: &Settings<'_>) -> Vec<Entity> {
    let scan = Scan::of(text);
    let mut found = Found::new(&scan);
    let digits = scan.seen & seen::DIGIT != 0;
    url::find(&scan, &mut found);
    email::find(&scan, &mut found);
    if digits {
        iban::find(&scan, &mut found);
        card::find(&scan, &mut found);
        neutral::take(&scan, &mut found);
        parcel::find(&scan, &mut found);
    }
    pattern::find(&scan, settings.patterns, &mut found);
    if digits {
        reference::find(&scan, &mut found);
        date::find(&scan, settings, &mut found);
    }
    relative::find(&scan, settings, &mut found);
    if digits {
        time::find(&scan, settings, &mut found);
        money::find(&scan, settings.region, &mut found);
        phone::find(&scan, settings, &mut found);
    }
    handle::find(&scan, &mut found);
    found.into_entities(MAX_ENTITIES)
}

/// Loads what the recognisers need once in a process; a worker calls it before it takes its first message.
pub fn warm() {
    phone::warm();
}
