//! Which phrases say most: the features of YAKE, on tokens.
//!
//! A term's weight S, the lower the better, is as in the paper `relatedness · position / (casing + (frequency +
//! spread) / relatedness)`. Three things differ. Roots stand where the paper has logarithms: they are exact on every
//! machine. The position counts half as much, for a chat comes to the point in its second sentence. A phrase weighs the
//! harmonic mean of its terms, so that one strong word carries it, times a factor for its length, where the paper
//! multiplies: in a text in which every word occurs once, products would only count words.

use std::{collections::HashMap, ops::Range};

use super::{Case, Order, Role};
use crate::word::Gap;

const MAX_WORDS: usize = 3;
/// What a phrase of one, two or three words is multiplied by.
const LENGTH: [f32; MAX_WORDS] = [1.0, 0.62, 0.6];
const WEAK: f32 = 1.6;
/// For a phrase that stands at the end of a run of words where its noun is.
const WITH_NOUN: f32 = 0.9;

pub(super) struct Token {
    pub(super) term: u32,
    pub(super) role: Role,
    /// What lies before it.
    pub(super) gap: Gap,
    pub(super) case: Case,
    /// Less than three characters.
    pub(super) short: bool,
}

/// Numbers terms in the order they are met.
pub(super) struct Terms<'a> {
    known: HashMap<&'a str, u32>,
}

impl<'a> Terms<'a> {
    /// Room for so many words.
    pub(super) fn of(words: usize) -> Self {
        Self {
            known: HashMap::with_capacity(words),
        }
    }

    pub(super) fn number(&mut self, folded: &'a str) -> u32 {
        let next = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        *self.known.entry(folded).or_insert(next)
    }
}

/// Where a phrase stands first.
#[derive(Clone, Debug)]
pub(super) struct Places {
    from: usize,
    words: usize,
    /// The capital of a sentence's first word is its own.
    pub(super) keeps_initial: bool,
}

impl Places {
    pub(super) fn range(&self) -> Range<usize> {
        self.from..self.from + self.words
    }
}

#[derive(Clone, Default)]
struct Term {
    count: f32,
    marked: f32,
    capital: f32,
    first_sentence: f32,
    last_sentence: f32,
    sentences: f32,
    /// Neighbours, and how many of them differ.
    left: f32,
    left_differ: f32,
    right: f32,
    right_differ: f32,
}

/// The best phrases that do not overlap, the best first.
pub(super) fn best(tokens: &[Token], order: Order, limit: usize) -> Vec<Places> {
    let weights = weights(tokens);
    // A text in which no noun has a capital says nothing by capitals.
    let capital =
        |token: &Token| matches!(token.case, Case::Capital | Case::Marked | Case::Initial);
    let capitals = order.noun_capital
        && tokens
            .iter()
            .any(|token| token.role == Role::Content && token.case == Case::Capital);
    let mut candidates = Vec::new();
    for run in runs(tokens) {
        for from in run.clone() {
            for words in 1..=MAX_WORDS.min(run.end - from) {
                let Some(phrase) = tokens.get(from..from + words) else {
                    continue;
                };
                let noun = if order.noun_first {
                    phrase.first()
                } else {
                    phrase.last()
                };
                if !is_phrase(phrase) || (capitals && !noun.is_some_and(capital)) {
                    continue;
                }
                let beside_noun = if order.noun_first {
                    from == run.start
                } else {
                    from + words == run.end
                };
                let terms = phrase.iter().filter(|token| token.role != Role::Link);
                let (mut sum, mut count) = (0.0, 0);
                for token in terms {
                    let weight = weights.get(token.term as usize).copied().unwrap_or(1.0);
                    sum += if token.role == Role::Weak {
                        1.0 / (weight * WEAK)
                    } else {
                        1.0 / weight
                    };
                    count += 1;
                }
                let length = LENGTH.get(count - 1).copied().unwrap_or(1.0);
                let noun = if beside_noun { WITH_NOUN } else { 1.0 };
                #[expect(clippy::cast_precision_loss, reason = "at most three")]
                let mean = count as f32 / sum;
                let mut key = [u32::MAX; MAX_WORDS];
                for (slot, token) in key.iter_mut().zip(phrase) {
                    *slot = token.term;
                }
                candidates.push((key, from, words, mean * length * noun));
            }
        }
    }
    choose(tokens, candidates, order, limit)
}

type Candidate = ([u32; MAX_WORDS], usize, usize, f32);

fn choose(
    tokens: &[Token],
    mut candidates: Vec<Candidate>,
    order: Order,
    limit: usize,
) -> Vec<Places> {
    // A phrase said again weighs less, that is, counts more.
    candidates.sort_by_key(|(key, from, ..)| (*key, *from));
    let mut once: Vec<(Candidate, f32)> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        match once.last_mut() {
            Some((same, times)) if same.0 == candidate.0 => *times += 1.0,
            _ => once.push((candidate, 1.0)),
        }
    }
    let score = |(candidate, times): &(Candidate, f32)| candidate.3 / times;
    once.sort_by(|a, b| score(a).total_cmp(&score(b)).then(a.0.1.cmp(&b.0.1)));
    let mut taken = vec![false; tokens.len()];
    let mut chosen: Vec<([u32; MAX_WORDS], usize, Places)> = Vec::new();
    for ((key, from, words, _), _) in once {
        if chosen.len() == limit {
            break;
        }
        let within = |small: &[u32], large: &[u32]| small.iter().all(|term| large.contains(term));
        let own = key.get(..words).unwrap_or_default();
        let free = taken.iter().skip(from).take(words).all(|taken| !taken);
        let known = chosen.iter().any(|(other, length, _)| {
            let other = other.get(..*length).unwrap_or_default();
            within(own, other) || within(other, own)
        });
        if !free || known {
            continue;
        }
        taken
            .iter_mut()
            .skip(from)
            .take(words)
            .for_each(|taken| *taken = true);
        let keeps_initial = order.noun_capital;
        chosen.push((
            key,
            words,
            Places {
                from,
                words,
                keeps_initial,
            },
        ));
    }
    chosen.into_iter().map(|(.., places)| places).collect()
}

/// Whether these tokens can be shown as a phrase: words at both ends, a link only between, and something said.
fn is_phrase(phrase: &[Token]) -> bool {
    let is_end = |token: Option<&Token>| {
        token.is_some_and(|token| matches!(token.role, Role::Content | Role::Weak))
    };
    let said = phrase.iter().any(|token| token.role == Role::Content);
    let alone = match phrase {
        [one] => !one.short || one.case == Case::Marked,
        _ => true,
    };
    let differ = phrase
        .iter()
        .enumerate()
        .all(|(at, token)| phrase.iter().take(at).all(|other| other.term != token.term));
    said && alone && differ && is_end(phrase.first()) && is_end(phrase.last())
}

/// Runs of tokens without a stop word or punctuation between them.
fn runs(tokens: &[Token]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut start = None;
    for (at, token) in tokens.iter().enumerate() {
        if let Some(from) = start
            && (token.role == Role::Stop || token.gap >= Gap::Clause)
        {
            runs.push(from..at);
            start = None;
        }
        if start.is_none() && token.role != Role::Stop {
            start = Some(at);
        }
    }
    if let Some(from) = start {
        runs.push(from..tokens.len());
    }
    runs
}

/// S of every term.
fn weights(tokens: &[Token]) -> Vec<f32> {
    let (terms, sentences) = terms(tokens);
    let counted: Vec<f32> = content_counts(tokens, &terms);
    let number = counted.iter().fold(0.0, |sum, _| sum + 1.0_f32).max(1.0);
    let mean = counted.iter().sum::<f32>() / number;
    let variance = counted
        .iter()
        .map(|count| (count - mean) * (count - mean))
        .sum::<f32>()
        / number;
    let usual = (mean + variance.sqrt()).max(1.0);
    let most = counted.iter().copied().fold(1.0, f32::max);
    terms
        .iter()
        .map(|term| {
            // The edge of a clause is a neighbour like no other.
            let part = |differ: f32, all: f32| if all > 0.0 { differ / all } else { 1.0 };
            let company = part(term.left_differ, term.left) + part(term.right_differ, term.right);
            let related = 1.0 + company * (term.count / most).min(1.0);
            let position = (1.0 + (term.first_sentence + term.last_sentence) / 8.0).sqrt();
            let casing = term.marked.max(term.capital) / term.count.max(1.0).sqrt();
            let spread = term.sentences / sentences;
            related * position / (casing + (term.count / usual + spread) / related)
        })
        .collect()
}

fn content_counts(tokens: &[Token], terms: &[Term]) -> Vec<f32> {
    let mut content: Vec<u32> = tokens
        .iter()
        .filter(|token| token.role == Role::Content)
        .map(|token| token.term)
        .collect();
    content.sort_unstable();
    content.dedup();
    let counts = content.iter().filter_map(|term| terms.get(*term as usize));
    counts.map(|term| term.count).collect()
}

/// What is counted of every term, and the number of sentences. A sentence that says nothing counts with the next.
fn terms(tokens: &[Token]) -> (Vec<Term>, f32) {
    let number = tokens.iter().map(|token| token.term as usize + 1).max();
    let mut terms = vec![Term::default(); number.unwrap_or_default()];
    let (mut sentence, mut said) = (0.0, false);
    let mut neighbours = Vec::with_capacity(tokens.len());
    for (at, token) in tokens.iter().enumerate() {
        if token.gap == Gap::Sentence && said {
            sentence += 1.0;
            said = false;
        }
        said |= token.role == Role::Content;
        if let Some(before) = at.checked_sub(1).and_then(|at| tokens.get(at))
            && token.gap < Gap::Clause
        {
            neighbours.push((before.term, token.term));
        }
        let Some(term) = terms.get_mut(token.term as usize) else {
            continue;
        };
        if term.count == 0.0 {
            term.first_sentence = sentence;
        }
        if term.count == 0.0 || term.last_sentence < sentence {
            term.sentences += 1.0;
        }
        term.last_sentence = sentence;
        term.count += 1.0;
        term.marked += f32::from(u8::from(token.case == Case::Marked));
        term.capital += f32::from(u8::from(token.case == Case::Capital));
    }
    neighbours.sort_unstable();
    let mut last = None;
    for pair in neighbours {
        let new = f32::from(u8::from(last != Some(pair)));
        last = Some(pair);
        if let Some(left) = terms.get_mut(pair.0 as usize) {
            left.right += 1.0;
            left.right_differ += new;
        }
        if let Some(right) = terms.get_mut(pair.1 as usize) {
            right.left += 1.0;
            right.left_differ += new;
        }
    }
    (terms, sentence + 1.0)
}
