//! What the authors' program says of short texts, and where ours differs on purpose.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// A text, and its compound, positive, neutral and negative score: measured with vaderSentiment 3.3.2.
const GOLDEN: &str = include_str!("golden.tsv");

fn compound_of(text: &str) -> f32 {
    score(text, Lexicon::builtin()).compound
}

fn named(text: &str) -> Vec<&'static str> {
    let mut out = Vec::new();
    features(text, &mut out);
    assert!(out.iter().all(|(_, weight)| *weight == 1.0));
    out.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn scores_are_those_of_the_authors() {
    let mut seen = 0;
    for line in GOLDEN.lines() {
        let (text, numbers) = line.split_once('\t').unwrap();
        let expected: Vec<f32> = numbers.split('\t').map(|n| n.parse().unwrap()).collect();
        let Scores {
            compound,
            positive,
            neutral,
            negative,
        } = score(text, Lexicon::builtin());
        for (ours, theirs) in [compound, positive, neutral, negative]
            .iter()
            .zip(&expected)
        {
            assert!((ours - theirs).abs() < 1e-3, "{text}: {ours}, not {theirs}");
        }
        seen += 1;
    }
    assert_eq!(seen, 38);
}

/// In the authors' program the two texts of a pair are not of the same mood.
#[test]
fn differs_on_purpose() {
    for (careless, plain) in [
        ("😀great", "😀 great"),
        ("it “works” fine, isn’t bad", "it \"works\" fine, isn't bad"),
        ("all is ok, thanks", "all is ok , thanks"),
        ("I ❤\u{fe0f} it", "I ❤ it"),
    ] {
        assert!(
            (compound_of(careless) - compound_of(plain)).abs() < 0.05,
            "{careless}"
        );
        assert_ne!(compound_of(careless), 0.0, "{careless}");
    }
    assert!(compound_of("yeah right") < 0.0);
    assert!(compound_of("kind of bad") > compound_of("bad"));
    assert!(compound_of("fed up") < 0.0);
    assert_eq!(compound_of("parcel No. 3"), 0.0);
}

#[test]
fn a_tenant_has_words_of_its_own() {
    let own = BTreeMap::from([
        ("Lieferverzug".to_owned(), -2.5),
        ("out of stock".to_owned(), -2.0),
        ("sick".to_owned(), 3.0),
        ("love".to_owned(), 0.0),
        ("very".to_owned(), 1.0),
        ("🐌".to_owned(), -2.0),
        ("q_q".to_owned(), -3.0),
        ("broken".to_owned(), f32::NAN),
        ("enormous".to_owned(), 1e30),
        (" ".to_owned(), 1.0),
    ]);
    let lexicon = Lexicon::with(&own);
    let compound = |text: &str| score(text, &lexicon).compound;
    for (text, negative) in [
        ("schon wieder LIEFERVERZUG!", true),
        ("it is out of stock.", true),
        ("my parcel 🐌🐌", true),
        ("well q_q", true),
        ("that is sick", false),
        ("very", false),
        ("enormous", false),
    ] {
        assert_eq!(compound(text) < 0.0, negative, "{text}");
        assert_ne!(compound(text), 0.0, "{text}");
        assert_ne!(compound(text), compound_of(text), "{text}");
    }
    for text in ["I love it", "broken", "out of the house"] {
        assert_eq!(compound(text), 0.0, "{text}");
    }
    for text in ["not good", "a great day :)", "never so happy"] {
        assert_eq!(compound(text), compound_of(text), "{text}");
    }
    assert!(compound("not out of stock") > 0.0);
    assert!(compound("Out Of Stock") > compound("out of stock!"));
}

#[test]
fn features_say_what_is_there() {
    for (text, expected) in [
        ("", &["lex:compound:0"][..]),
        ("where is it", &["lex:compound:0"]),
        (
            "not good",
            &[
                "lex:compound:-2",
                "lex:neg-words:1",
                "lex:strongest:-",
                "lex:first-word:-",
                "lex:last-word:-",
                "lex:negated:-",
                "lex:negation",
            ],
        ),
        (
            "Sehr schöööön!! 👍",
            &[
                "lex:compound:+4",
                "lex:pos-words:2",
                "lex:strongest:+",
                "lex:first-word:+",
                "lex:last-word:+",
                "lex:emoji:+",
                "lex:boosted:+",
                "lex:strong:+",
                "lex:booster",
                "lex:long",
                "lex:exclaim:2",
            ],
        ),
    ] {
        assert_eq!(named(text), expected, "{text}");
    }
}

#[test]
fn fifteen_languages_have_a_mood() {
    for (good, bad) in [
        ("great service", "terrible service"),
        ("ihr seid großartig", "der Service ist schlecht"),
        ("c’est génial, merci", "c'est vraiment nul"),
        ("me encanta, muchas gracias", "es una vergüenza"),
        ("siete bravissimi, grazie", "servizio pessimo"),
        ("adorei, muito obrigada", "péssimo atendimento"),
        ("wat een geweldige service", "alles is kapot"),
        ("świetna obsługa, polecam", "fatalna obsługa"),
        ("спасибо, всё отлично", "ужасный сервис"),
        ("дякую, все чудово", "жахливий сервіс"),
        ("harika, teşekkürler", "berbat bir hizmet"),
        ("خدمة ممتازة شكرا", "خدمة سيئة جدا"),
        ("बहुत अच्छा काम", "बहुत खराब सेवा"),
        ("helt fantastiskt, tack", "dålig service"),
        ("pelayanan bagus, terima kasih", "pelayanan buruk"),
    ] {
        let step = |text: &str| *named(text).first().unwrap();
        assert!(
            step(good).starts_with("lex:compound:+"),
            "{good}: {}",
            step(good)
        );
        assert!(
            step(bad).starts_with("lex:compound:-"),
            "{bad}: {}",
            step(bad)
        );
    }
    // Negated before and behind; words that mean something else elsewhere.
    for (text, name) in [
        ("das ist nicht gut", "lex:negated:-"),
        ("ce n'est pas bon", "lex:negated:-"),
        ("hiç güzel değil", "lex:negation:2"),
        ("अच्छा नहीं", "lex:negated:-"),
        ("gut,aber teuer", "lex:but"),
    ] {
        assert!(named(text).contains(&name), "{text}: {:?}", named(text));
    }
    assert_eq!(named("die Uhr war hier"), ["lex:compound:0"]);
}

/// A change here is a new version of the models' features, and every model has to be trained anew.
#[test]
fn features_stand_still() {
    let tables = [
        include_str!("lexicon.tsv"),
        include_str!("modifiers.tsv"),
        include_str!("emoji.tsv"),
        include_str!("words/shared.tsv"),
    ];
    let words = lexicon::WORDS.iter().map(|(_, text)| *text);
    let mut hash = crc32fast::Hasher::new();
    for table in tables.into_iter().chain(words) {
        hash.update(table.as_bytes());
    }
    assert_eq!(hash.finalize(), 3_235_780_504);
}

proptest! {
    #[test]
    fn any_text_has_scores(text in any::<String>()) {
        let scores = score(&text, Lexicon::builtin());
        prop_assert!((-1.0..=1.0).contains(&scores.compound));
        let sum = scores.positive + scores.neutral + scores.negative;
        prop_assert!(sum == 0.0 || (sum - 1.0).abs() < 1e-5);
    }

    #[test]
    fn words_in_any_order_are_no_trouble(words in proptest::collection::vec(
        proptest::sample::select(vec![
            "not", "no", "never", "so", "this", "without", "doubt", "least", "at", "or", "but", "very", "kind", "of",
            "GOOD", "bad", "the", "bomb", "yeah", "right", ":)", "❤\u{fe0f}", "👍🏽", "schöööön", "değil", "good,bad!",
            "?!", "n't", "والله", "https://x.org/a?b!", "\u{300}", "''", "fed", "up",
        ]), 0..12)) {
        let text = words.join(" ");
        let scores = score(&text, Lexicon::builtin());
        prop_assert!(scores.compound.is_finite());
        let names = named(&text);
        prop_assert!(names.len() <= 40);
        prop_assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn what_comes_after_the_cut_changes_nothing(tail in ".{0,40}") {
        let head = "good bad ".repeat(MAX_BYTES / 9 + 1);
        prop_assert_eq!(compound_of(&format!("{head}{tail}")), compound_of(&head));
    }

    #[test]
    fn any_lexicon_is_a_lexicon(own in proptest::collection::btree_map(".{0,12}", any::<f32>(), 0..8), text in ".{0,40}") {
        let words: Vec<&str> = own.keys().map(String::as_str).collect();
        let scores = score(&format!("{text} {}", words.join(" ")), &Lexicon::with(&own));
        prop_assert!((-1.0..=1.0).contains(&scores.compound));
    }
}
