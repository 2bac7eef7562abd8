//! What stands around a word changes its mood: VADER's rules.
//!
//! Boosters, dampeners and negators are looked for among the three words before; those further away count less. The
//! constants are the authors', measured with people. Kept of their program, though it may surprise: after `so` or
//! `this`, from the fourth word of a text, a mood is a quarter stronger and a negator three words before is not heard.

use super::{
    lexicon::{Entry, Role},
    reading::Token,
};

/// What capitals add.
const CAPITALS: f64 = 0.733;
/// What negation makes of a mood.
const NEGATED: f64 = -0.74;
/// What `never so` makes of a mood.
const NEVER_SO: f64 = 1.25;
/// How much of a booster is left at the distance of one, two and three words.
const REACH: [f64; 3] = [1.0, 0.95, 0.9];
/// What is left of a mood before and made of one behind `but`.
const BEFORE_BUT: f64 = 0.5;
const BEHIND_BUT: f64 = 1.5;

/// One valence for each token; 0 for a word without mood.
pub(super) fn valences(tokens: &[Token]) -> Vec<f64> {
    let capitals = tokens.iter().filter(|token| token.capitals).count();
    // Who writes everything in capitals emphasises nothing.
    let heard = capitals < tokens.len();
    let mut valences: Vec<f64> = (0..tokens.len())
        .map(|at| Place { tokens, at, heard }.valence())
        .collect();
    let but = tokens.iter().position(|token| token.entry.has(Role::BUT));
    if let Some(but) = but {
        for (at, valence) in valences.iter_mut().enumerate() {
            *valence *= match at.cmp(&but) {
                std::cmp::Ordering::Less => BEFORE_BUT,
                std::cmp::Ordering::Equal => 1.0,
                std::cmp::Ordering::Greater => BEHIND_BUT,
            };
        }
    }
    valences
}

/// A word among others.
#[derive(Clone, Copy)]
struct Place<'a> {
    tokens: &'a [Token],
    at: usize,
    /// Whether capitals mean anything.
    heard: bool,
}

impl<'a> Place<'a> {
    fn valence(self) -> f64 {
        let Some(token) = self.tokens.get(self.at) else {
            return 0.0;
        };
        if !token.entry.is_mood() {
            return 0.0;
        }
        let mood = f64::from(token.entry.mood);
        let mut valence = mood;
        let next = self.tokens.get(self.at + 1).map(|next| next.entry);
        if token.entry.has(Role::NO)
            && next.is_some_and(|next| next.is_mood() || next.has(Role::NO))
        {
            valence = 0.0;
        }
        if self.behind_no() {
            valence = mood * NEGATED;
        }
        if token.capitals && self.heard {
            valence += if valence > 0.0 { CAPITALS } else { -CAPITALS };
        }
        for distance in 1..=3 {
            // Words of mood do nothing to others.
            if let Some(before) = self
                .before(distance)
                .filter(|before| !before.entry.is_mood())
            {
                valence += self.boost(before, valence) * REACH[distance - 1];
                valence = self.negated(valence, distance);
            }
        }
        if self.has(1, Role::LEAST) && !self.has(2, Role::AT) {
            valence *= NEGATED;
        }
        let behind = |distance: usize| {
            let token = self.tokens.get(self.at + distance);
            token.is_some_and(|token| token.entry.has(Role::NOT_BEHIND))
        };
        if behind(1) || behind(2) {
            valence *= NEGATED;
        }
        valence
    }

    fn before(self, distance: usize) -> Option<&'a Token> {
        self.tokens.get(self.at.checked_sub(distance)?)
    }

    fn has(self, distance: usize, role: Role) -> bool {
        self.before(distance)
            .is_some_and(|token| token.entry.has(role))
    }

    fn behind_no(self) -> bool {
        self.has(1, Role::NO)
            || self.has(2, Role::NO)
            || (self.has(3, Role::NO) && self.has(1, Role::OR))
    }

    fn boost(self, before: &Token, valence: f64) -> f64 {
        let Entry { boost, .. } = before.entry;
        if boost == 0.0 {
            return 0.0;
        }
        let mut boost = f64::from(boost);
        if valence < 0.0 {
            boost = -boost;
        }
        if before.capitals && self.heard {
            boost += if valence > 0.0 { CAPITALS } else { -CAPITALS };
        }
        boost
    }

    /// The valence after what the word at a distance negates or strengthens.
    fn negated(self, valence: f64, distance: usize) -> f64 {
        let so = match distance {
            2 => self.has(2, Role::NEVER) && self.has(1, Role::SO),
            3 => (self.has(3, Role::NEVER) && self.has(2, Role::SO)) || self.has(1, Role::SO),
            _ => false,
        };
        let doubtless = distance > 1
            && self.has(distance, Role::WITHOUT)
            && (1..distance).any(|between| self.has(between, Role::DOUBT));
        if so {
            valence * NEVER_SO
        } else if self.has(distance, Role::NOT) && !doubtless {
            valence * NEGATED
        } else {
            valence
        }
    }
}
