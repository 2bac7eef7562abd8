//! Sentiment by a lexicon and rules: VADER, and what of it helps the models.
//!
//! [`score`] is VADER (Hutto and Gilbert 2014, <https://ojs.aaai.org/index.php/ICWSM/article/view/14550>): people rated
//! some 7,500 English words, emoticons and abbreviations from -4 to 4; a few rules change a word's valence by what
//! stands around it; the sum s becomes s / sqrt(s² + 15). It needs no training, is explained word by word, and a tenant
//! can teach it words of its own ([`Lexicon::with`]). [`Vader`] is the same as a model.
//!
//! [`features`] says with the same rules, over words of fifteen languages, what a text's mood looks like, as named
//! features for the trained models.
//!
//! Invariants: pure and linear in the text, of which the first [`MAX_BYTES`] are looked at. What differs from the
//! authors' program on purpose: idioms and `kind of` hold wherever they stand and count as one word, an emoji ends a
//! word, typographic quotes and apostrophes are as good as plain ones, and a word of two letters may have a comma.
//!
//! Deliberately absent: sentences (a text is one), and irony.

mod feature;
mod fold;
mod lexicon;
mod reading;
mod rule;
mod vader;

pub use self::{
    feature::features,
    lexicon::Lexicon,
    vader::{LABELS, Vader},
};

use self::{reading::Reading, rule::valences};

/// The text beyond is not looked at.
pub const MAX_BYTES: usize = 4096;

/// The mood of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// -1 (worst) to 1 (best); 0 where no word has a mood.
    pub compound: f32,
    /// The shares of the text that are positive, neutral and negative; they add up to 1, or are all 0 for a text
    /// without words.
    pub positive: f32,
    pub neutral: f32,
    pub negative: f32,
}

/// The mood of a text by its words.
#[must_use]
pub fn score(text: &str, lexicon: &Lexicon) -> Scores {
    let reading = Reading::of(text, lexicon);
    let valences = valences(&reading.tokens);
    let emphasis = reading.emphasis();
    let (mut positive, mut negative, mut neutral) = (0.0, 0.0, 0.0);
    // One more for each word of mood: a neutral word counts one, too.
    for valence in &valences {
        if *valence > 0.0 {
            positive += valence + 1.0;
        } else if *valence < 0.0 {
            negative += 1.0 - valence;
        } else {
            neutral += 1.0;
        }
    }
    if positive > negative {
        positive += emphasis;
    } else if negative > positive {
        negative += emphasis;
    }
    let total = positive + negative + neutral;
    if total == 0.0 {
        return Scores::default();
    }
    Scores {
        compound: compound(valences.iter().sum(), emphasis) as f32,
        positive: (positive / total) as f32,
        neutral: (neutral / total) as f32,
        negative: (negative / total) as f32,
    }
}

/// A sum of valences, emphasised and brought to -1..1.
fn compound(sum: f64, emphasis: f64) -> f64 {
    /// About the greatest sum that is expected, says the paper.
    const ALPHA: f64 = 15.0;
    let sum = if sum > 0.0 {
        sum + emphasis
    } else if sum < 0.0 {
        sum - emphasis
    } else {
        return 0.0;
    };
    sum / (sum * sum + ALPHA).sqrt()
}

#[cfg(test)]
mod tests;
