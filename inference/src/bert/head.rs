//! What a model's outputs mean.
//!
//! Invariant: outputs that are no numbers are no answer.

use stages::model::Prediction;

use super::{
    encoding::Encoding,
    folder::{Card, Kind},
};
use crate::tag::Span;

/// One row that went through the layers.
pub(super) struct Passed<'a> {
    pub(super) encoding: &'a Encoding,
    /// One for each output; for tags, one for each output of each token.
    pub(super) logits: &'a [f32],
}

pub(super) trait Head: Send + 'static {
    type Answer: Send + 'static;

    /// `rows`: the text alone, or paired with each hypothesis in order.
    fn answer(&self, text: &str, rows: &[Passed<'_>]) -> Option<Self::Answer>;
}

/// Labels with probabilities.
pub(super) struct Choice {
    many: bool,
    temperature: f32,
    scope_threshold: f32,
    /// For zero-shot: where entailment stands, and contradiction.
    inference: Option<(usize, Option<usize>)>,
}

impl Choice {
    pub(super) fn of(card: &Card) -> Self {
        let zero_shot = card.zero_shot.as_ref();
        Self {
            many: card.kind == Kind::ManyOfMany
                || zero_shot.is_some_and(|z| z.contradiction.is_some()),
            temperature: card.temperature,
            scope_threshold: card.scope_threshold.unwrap_or(0.0),
            inference: zero_shot.map(|z| (z.entailment, z.contradiction)),
        }
    }

    pub(super) fn many(&self) -> bool {
        self.many
    }

    /// One number for each label.
    fn scores(&self, rows: &[Passed<'_>]) -> Option<Vec<f32>> {
        match self.inference {
            None => Some(rows.first()?.logits.to_vec()),
            Some((entailment, contradiction)) => rows
                .iter()
                .map(|row| {
                    let against = match contradiction {
                        Some(place) => *row.logits.get(place)?,
                        None => 0.0,
                    };
                    Some(row.logits.get(entailment)? - against)
                })
                .collect(),
        }
    }
}

impl Head for Choice {
    type Answer = Prediction;

    fn answer(&self, _text: &str, rows: &[Passed<'_>]) -> Option<Prediction> {
        let mut probabilities = self.scores(rows)?;
        for score in &mut probabilities {
            *score /= self.temperature;
        }
        if self.many {
            for score in &mut probabilities {
                *score = 1.0 / (1.0 + (-*score).exp());
            }
        } else {
            softmax(&mut probabilities);
        }
        if probabilities.iter().any(|p| !p.is_finite()) {
            return None;
        }
        let scope_score = probabilities.iter().copied().fold(0.0, f32::max);
        Some(Prediction {
            probabilities,
            in_scope: scope_score >= self.scope_threshold,
            scope_score,
        })
    }
}

/// Names in the text.
pub(super) struct Tags {
    /// By output: whether a name begins here for sure, and its kind; none is no name.
    kinds: Vec<Option<(bool, String)>>,
}

impl Tags {
    /// From `B-PER`, `I-PER`, `O`; also from `PER` alone.
    pub(super) fn of(card: &Card) -> Self {
        let kind = |label: &String| match label.split_once('-') {
            _ if label == "O" => None,
            Some(("B", kind)) => Some((true, kind.to_owned())),
            Some(("I", kind)) => Some((false, kind.to_owned())),
            _ => Some((false, label.clone())),
        };
        Self {
            kinds: card.labels.iter().map(kind).collect(),
        }
    }
}

/// A name that may go on with the next word; places in characters.
struct Open {
    kind: String,
    begin: usize,
    end: usize,
    probabilities: Vec<f32>,
}

impl Head for Tags {
    type Answer = Vec<Span>;

    /// A word is what its first token is; the others were never trained.
    fn answer(&self, text: &str, rows: &[Passed<'_>]) -> Option<Vec<Span>> {
        let row = rows.first()?;
        let places = Places::of(text);
        let mut spans = Vec::new();
        let mut open: Option<Open> = None;
        let of_tokens = row.logits.chunks(self.kinds.len().max(1));
        for (token, logits) in row.encoding.tokens.iter().zip(of_tokens) {
            let Some(token) = token else { continue };
            if token.goes_on {
                if let Some(open) = &mut open {
                    open.end = open.end.max(token.end);
                }
                continue;
            }
            let mut probabilities = logits.to_vec();
            softmax(&mut probabilities);
            let (output, probability) = highest(&probabilities)?;
            let kind = self.kinds.get(output)?.as_ref();
            match (&mut open, kind) {
                (Some(open), Some((false, kind))) if open.kind == *kind => {
                    open.end = token.end;
                    open.probabilities.push(probability);
                }
                (_, kind) => {
                    let next = kind.map(|(_, kind)| Open {
                        kind: kind.clone(),
                        begin: token.begin,
                        end: token.end,
                        probabilities: vec![probability],
                    });
                    let closed = std::mem::replace(&mut open, next);
                    spans.extend(closed.and_then(|closed| closed.span(&places)));
                }
            }
        }
        spans.extend(open.and_then(|open| open.span(&places)));
        Some(spans)
    }
}

impl Open {
    /// Without the white space that some tokenizers count to a word.
    fn span(self, places: &Places<'_>) -> Option<Span> {
        let (start, end) = (places.byte(self.begin), places.byte(self.end));
        let text = places.text.get(start..end)?;
        let start = start + (text.len() - text.trim_start().len());
        let end = start + text.trim().len();
        (start < end).then(|| Span {
            start,
            end,
            probability: self.probabilities.iter().sum::<f32>() / self.probabilities.len() as f32,
            kind: self.kind,
        })
    }
}

/// Where each character of a text begins, in bytes.
struct Places<'a> {
    text: &'a str,
    bytes: Vec<usize>,
}

impl<'a> Places<'a> {
    fn of(text: &'a str) -> Self {
        let bytes = text.char_indices().map(|(byte, _)| byte).collect();
        Self { text, bytes }
    }

    fn byte(&self, character: usize) -> usize {
        self.bytes
            .get(character)
            .copied()
            .unwrap_or(self.text.len())
    }
}

fn softmax(scores: &mut [f32]) {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for score in scores.iter_mut() {
        *score = (*score - highest).exp();
    }
    let sum: f32 = scores.iter().sum();
    for score in scores.iter_mut() {
        *score /= sum;
    }
}

/// The first of the highest; none where one is no number.
fn highest(scores: &[f32]) -> Option<(usize, f32)> {
    let mut best: Option<(usize, f32)> = None;
    for (place, score) in scores.iter().enumerate() {
        if !score.is_finite() {
            return None;
        }
        if best.is_none_or(|(_, highest)| *score > highest) {
            best = Some((place, *score));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::{super::encoding::Token, *};

    fn card(extra: &str) -> Card {
        let text = format!(
            r#"{{"id": "x", "architecture": "bert", "max_length": 16, "files": {{}}, {extra}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn token(begin: usize, end: usize, goes_on: bool) -> Option<Token> {
        Some(Token {
            begin,
            end,
            goes_on,
        })
    }

    fn encoding(tokens: Vec<Option<Token>>) -> Encoding {
        Encoding::of_tokens(tokens)
    }

    #[test]
    fn one_of_many_adds_up_to_one_and_many_stand_for_themselves() {
        let encoding = encoding(Vec::new());
        let rows = [Passed {
            encoding: &encoding,
            logits: &[1.0, 1.0, -50.0],
        }];
        let one =
            card(r#""kind": "one-of-many", "labels": ["a", "b", "c"], "scope_threshold": 0.6"#);
        let found = Choice::of(&one).answer("", &rows).unwrap();
        assert_eq!(found.probabilities[..2], [0.5, 0.5]);
        assert!(!found.in_scope);
        let many = card(r#""kind": "many-of-many", "labels": ["a", "b", "c"]"#);
        let found = Choice::of(&many).answer("", &rows).unwrap();
        assert!(found.in_scope && (found.probabilities[0] - 0.731_058_6).abs() < 1e-6);
        let nan = [Passed {
            encoding: &encoding,
            logits: &[f32::NAN, 1.0, 1.0],
        }];
        assert_eq!(Choice::of(&many).answer("", &nan), None);
        assert_eq!(Choice::of(&one).answer("", &nan), None);
    }

    #[test]
    fn names_are_whole_words_in_bytes() {
        let tags = Tags::of(&card(
            r#""kind": "tags", "labels": ["O", "B-PER", "I-PER", "LOC"]"#,
        ));
        // Special, "Zoë", " Sm" "ith", "Äh", "Rom", special
        let text = "Zoë Smith Äh Rom";
        let encoding = encoding(vec![
            None,
            token(0, 3, false),
            token(3, 6, false),
            token(6, 9, true),
            token(10, 12, false),
            token(12, 16, false),
            None,
        ]);
        let sure = |output: usize| (0..4).map(move |o| if o == output { 9.0 } else { 0.0 });
        let outputs = [3, 1, 2, 3, 0, 3, 1];
        let logits: Vec<f32> = outputs.into_iter().flat_map(sure).collect();
        let rows = [Passed {
            encoding: &encoding,
            logits: &logits,
        }];
        let spans = tags.answer(text, &rows).unwrap();
        let found: Vec<(&str, &str)> = spans
            .iter()
            .map(|span| (span.kind.as_str(), text.get(span.start..span.end).unwrap()))
            .collect();
        assert_eq!(found, [("PER", "Zoë Smith"), ("LOC", "Rom")]);
        assert!(spans.iter().all(|span| span.probability > 0.99));
    }

    #[test]
    fn two_names_side_by_side_stay_two() {
        let tags = Tags::of(&card(
            r#""kind": "tags", "labels": ["O", "B-PER", "I-PER"]"#,
        ));
        let encoding = encoding(vec![
            token(0, 1, false),
            token(2, 3, false),
            token(4, 5, false),
        ]);
        let rows = [Passed {
            encoding: &encoding,
            logits: &[0., 9., 0., 0., 9., 0., 0., 0., 9.],
        }];
        let spans = tags.answer("A B C", &rows).unwrap();
        let places: Vec<_> = spans.iter().map(|span| (span.start, span.end)).collect();
        assert_eq!(places, [(0, 1), (2, 5)]);
    }
}
