//! What a text's mood looks like, as features for the models.
//!
//! Each feature has a name and the weight 1; numbers are cut into steps, one name for each. Invariant: frozen, together
//! with the words under `words/`. Whoever changes either makes a new version of the models' features
//! ([`crate::model::feature::VERSION`]); a test remembers both.

use super::{
    compound,
    lexicon::{Lexicon, Role},
    reading::{Kind, Reading, Token},
    rule::valences,
};

/// A word of this mood or more is a strong one.
const STRONG: f64 = 2.2;

/// Appends the features of a text, in a fixed order; at most one of those that differ in their last part.
pub fn features(text: &str, out: &mut Vec<(&'static str, f32)>) {
    let reading = Reading::of(text, Lexicon::every_language());
    let tokens = &reading.tokens;
    let valences = valences(tokens);
    let mut put = |name: &'static str| out.push((name, 1.0));

    let sum = valences.iter().sum();
    put(compound_step(compound(sum, reading.emphasis())));
    let seen = Seen::of(tokens, &valences);
    if let Some(name) = count(seen.good, POSITIVE_WORDS) {
        put(name);
    }
    if let Some(name) = count(seen.bad, NEGATIVE_WORDS) {
        put(name);
    }
    if seen.good > 0 && seen.bad > 0 {
        put("lex:mixed");
    }
    for (mood, names) in [
        (seen.strongest, STRONGEST),
        (seen.first, ["lex:first-word:-", "lex:first-word:+"]),
        (seen.last, ["lex:last-word:-", "lex:last-word:+"]),
        (seen.emoji, ["lex:emoji:-", "lex:emoji:+"]),
        (seen.emoticon, ["lex:emoticon:-", "lex:emoticon:+"]),
        (seen.behind_but, ["lex:behind-but:-", "lex:behind-but:+"]),
        (seen.capitals, ["lex:caps:-", "lex:caps:+"]),
        (seen.turned, ["lex:negated:-", "lex:negated:+"]),
        (seen.boosted, ["lex:boosted:-", "lex:boosted:+"]),
    ] {
        if let Some(name) = signed(mood, names) {
            put(name);
        }
    }
    for (holds, name) in [
        (seen.strong_good, "lex:strong:+"),
        (seen.strong_bad, "lex:strong:-"),
        (seen.negators > 0, "lex:negation"),
        (seen.negators > 1, "lex:negation:2"),
        (seen.boosters > 0, "lex:booster"),
        (seen.dampeners > 0, "lex:dampener"),
        (seen.but, "lex:but"),
        (seen.long, "lex:long"),
        (seen.shouts, "lex:shout"),
        (
            reading.exclamations > 0 && reading.questions > 0,
            "lex:exclaim-question",
        ),
    ] {
        if holds {
            put(name);
        }
    }
    if let Some(name) = count(
        reading.exclamations,
        ["lex:exclaim:1", "lex:exclaim:2", "lex:exclaim:3"],
    ) {
        put(name);
    }
    if let Some(name) = count(
        reading.questions,
        ["lex:question:1", "lex:question:2", "lex:question:3"],
    ) {
        put(name);
    }
}

const POSITIVE_WORDS: [&str; 3] = ["lex:pos-words:1", "lex:pos-words:2", "lex:pos-words:3"];
const NEGATIVE_WORDS: [&str; 3] = ["lex:neg-words:1", "lex:neg-words:2", "lex:neg-words:3"];
const STRONGEST: [&str; 2] = ["lex:strongest:-", "lex:strongest:+"];

/// What was seen of moods and of what changes them.
#[derive(Default)]
struct Seen {
    /// Words of mood as the rules left them.
    good: usize,
    bad: usize,
    strongest: f64,
    strong_good: bool,
    strong_bad: bool,
    first: f64,
    last: f64,
    /// Sums of moods, as the words have them.
    emoji: f64,
    emoticon: f64,
    capitals: f64,
    /// Sums of moods, as the rules left them.
    behind_but: f64,
    turned: f64,
    boosted: f64,
    negators: usize,
    boosters: usize,
    dampeners: usize,
    but: bool,
    long: bool,
    /// Two words or more in capitals, of three letters at least.
    shouts: bool,
}

impl Seen {
    fn of(tokens: &[Token], valences: &[f64]) -> Self {
        let mut seen = Self::default();
        let mut shouted = 0;
        for (token, valence) in tokens.iter().zip(valences) {
            let entry = token.entry;
            seen.negators += usize::from(entry.has(Role::NOT) || entry.has(Role::NOT_BEHIND));
            seen.boosters += usize::from(entry.boost > 0.0);
            seen.dampeners += usize::from(entry.boost < 0.0);
            seen.but |= entry.has(Role::BUT);
            seen.long |= token.long;
            shouted += usize::from(token.capitals && token.is_word_of_three());
            if *valence != 0.0 {
                seen.mood(token, *valence);
            }
        }
        seen.shouts = shouted > 1;
        seen
    }

    fn mood(&mut self, token: &Token, valence: f64) {
        let mood = f64::from(token.entry.mood);
        self.good += usize::from(valence > 0.0);
        self.bad += usize::from(valence < 0.0);
        self.strong_good |= valence >= STRONG;
        self.strong_bad |= valence <= -STRONG;
        if valence.abs() > self.strongest.abs() {
            self.strongest = valence;
        }
        if self.first == 0.0 {
            self.first = valence;
        }
        self.last = valence;
        match token.kind {
            Kind::Emoji => self.emoji += mood,
            Kind::Emoticon => self.emoticon += mood,
            Kind::Word => {}
        }
        if token.capitals {
            self.capitals += mood;
        }
        if self.but {
            self.behind_but += valence;
        }
        if mood * valence < 0.0 {
            self.turned += valence;
        } else if valence.abs() > mood.abs() {
            self.boosted += valence;
        }
    }
}

fn compound_step(compound: f64) -> &'static str {
    const STEPS: [(f64, &str); 8] = [
        (-0.75, "lex:compound:-4"),
        (-0.5, "lex:compound:-3"),
        (-0.25, "lex:compound:-2"),
        (-0.05, "lex:compound:-1"),
        (0.05, "lex:compound:0"),
        (0.25, "lex:compound:+1"),
        (0.5, "lex:compound:+2"),
        (0.75, "lex:compound:+3"),
    ];
    let step = STEPS.iter().find(|(end, _)| compound < *end);
    step.map_or("lex:compound:+4", |(_, name)| name)
}

/// One, two, or more.
fn count(number: usize, names: [&'static str; 3]) -> Option<&'static str> {
    number
        .checked_sub(1)
        .and_then(|at| names.get(at.min(2)).copied())
}

fn signed(mood: f64, [bad, good]: [&'static str; 2]) -> Option<&'static str> {
    if mood == 0.0 {
        return None;
    }
    Some(if mood > 0.0 { good } else { bad })
}
