//! Whether a word is said not to hold: `not urgent`, `kein Notfall`, `acil değil`, `不急`.
//!
//! A word is negated when a negator stands right before it in the same clause, with nothing but fillers such as `so` or
//! `an` between, or right after it where a language puts it there. Deliberately absent: negation from further away, which
//! is wrong more often than right (`not delivered, urgent`).

use std::{collections::HashSet, sync::LazyLock};

use crate::word::{Gap, Words, folded};

const BEFORE: &str = "not no never nor without hardly cannot nicht kein keine keinen keiner keinerlei nie pas non sans aucun aucune jamais \
    no sin nunca senza não nem sem niet geen nie bez не нет без ні немає нема inte ingen inget ej ikke ikkje intet ei \
    eivät není nikoli غير ليس ليست لا مش مو ليسوا 안 không";
const AFTER: &str = "nicht değil degil नहीं 아닙니다 아니에요 아니고 아닌";
/// The word is negated when it ends with `n` and this follows, cut off by the apostrophe: `isn't`.
const CONTRACTED: &str = "t";
const FILLERS: &str = "so very really that too particularly super all a an the any is it in be ist sehr wirklich ganz \
    besonders ein eine einen un une très si vraiment est d es muy tan nada una è molto così é muito tão um uma erg heel \
    zo een zbyt bardzo очень так совсем дуже så særlig særligt speciellt ole kovin příliš";
/// Longest way from a negator to its word, in fillers.
const MAX_FILLERS: usize = 3;

/// Scripts without spaces: what the text before ends with, what the text after begins with.
const ATTACHED_BEFORE: [&str; 11] = [
    "不",
    "没",
    "沒",
    "非",
    "勿",
    "不是",
    "不太",
    "不用",
    "不是很",
    "ไม่",
    "ไม่ได้",
];
const ATTACHED_AFTER: [&str; 7] = [
    "ではな",
    "ではありません",
    "じゃな",
    "じゃありません",
    "でな",
    "ません",
    "くない",
];

static WORDS: LazyLock<[HashSet<String>; 3]> = LazyLock::new(|| {
    [BEFORE, AFTER, FILLERS].map(|words| words.split_whitespace().map(folded).collect())
});

/// Whether the words from place `from` to before `to` are negated.
pub(super) fn negated(words: &Words<'_>, from: usize, to: usize) -> bool {
    let [before, after, fillers] = &*WORDS;
    let follows = words
        .words
        .get(to)
        .is_some_and(|word| word.gap < Gap::Clause && after.contains(words.folded(word)));
    if follows {
        return true;
    }
    let mut at = from;
    for _ in 0..=MAX_FILLERS {
        let (Some(here), Some(previous)) = (
            words.words.get(at),
            at.checked_sub(1).and_then(|at| words.words.get(at)),
        ) else {
            return false;
        };
        if here.gap >= Gap::Clause {
            return false;
        }
        let said = words.folded(previous);
        if before.contains(said) || (said == CONTRACTED && previous.gap == Gap::Apostrophe) {
            return true;
        }
        if !fillers.contains(said) {
            return false;
        }
        at -= 1;
    }
    false
}

/// Whether what stands between two pieces of one run without spaces is negated.
pub(super) fn negated_within(before: &str, after: &str) -> bool {
    ATTACHED_BEFORE
        .iter()
        .any(|negator| before.ends_with(negator))
        || ATTACHED_AFTER
            .iter()
            .any(|negator| after.starts_with(negator))
}
