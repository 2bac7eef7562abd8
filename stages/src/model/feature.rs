//! The features of a text: hashed n-grams of characters and words.
//!
//! One frozen specification, version [`VERSION`]; every model file names the version it was trained with, and golden
//! vectors in the tests hold it still. Computed once for a text and shared by all models.
//!
//! 1. The text is cut after [`MAX_CHARS`] characters and folded ([`super::fold`]): lower case, every digit is `0`.
//! 2. It is cut into tokens. A run of word characters and digits is a word, with apostrophes inside it; of three or
//!    more equal letters in a row two stay (`soooo` is `soo`); after [`MAX_WORD`] characters a new word begins. Any other
//!    visible character is a token of its own, repetitions count once. A link is the word `http`; the name after an `@`
//!    that follows no word is the word `user`.
//! 3. [`CHARS`]: n-grams of 1 to [`MAX_GRAM`] characters of each token between two spaces; no single space.
//! 4. [`WORDS`]: tokens, and pairs of neighbours. [`SKIPS`]: pairs of tokens with one between them.
//! 5. [`LEXICON`]: the words' mood, negation, emphasis ([`crate::sentiment::features`]).
//!
//! Each occurrence is a feature; nothing is counted together. A model gives each block its own norm and weight, and
//! n-grams it never saw take part in the norm: unknown words lower its confidence.

mod token;

use std::cell::OnceCell;

use self::token::Tokens;

/// Of the specification; stands in every model file.
pub const VERSION: u16 = 1;
/// How many blocks of features there are.
pub const BLOCKS: usize = 4;
/// Character n-grams.
pub const CHARS: usize = 0;
/// Words and pairs of words.
pub const WORDS: usize = 1;
/// Pairs of words with one between them.
pub const SKIPS: usize = 2;
/// What the sentiment lexicon says.
pub const LEXICON: usize = 3;

/// The text beyond is not looked at.
pub const MAX_CHARS: usize = 1000;
/// Characters of a word; a longer one is cut into several.
pub const MAX_WORD: usize = 48;
/// The longest n-gram of characters.
pub const MAX_GRAM: usize = 5;

/// One occurrence of an n-gram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feature {
    pub hash: u32,
    /// Before a model's own weighting and norm.
    pub weight: f32,
}

/// What models see of a text.
#[derive(Clone, Debug, Default)]
pub struct Features {
    blocks: [Vec<Feature>; LEXICON],
    /// The text as far as it is looked at.
    text: String,
    /// Only some models ask for it.
    lexicon: OnceCell<Vec<Feature>>,
}

impl Features {
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = match text.char_indices().nth(MAX_CHARS) {
            Some((end, _)) => text.get(..end).unwrap_or_default(),
            None => text,
        };
        let tokens = Tokens::of(text);
        let mut chars = Vec::with_capacity(tokens.chars.len() * MAX_GRAM);
        let mut hashes = Vec::with_capacity(tokens.ends.len());
        for token in tokens.iter() {
            grams(token, &mut chars);
            hashes.push(
                token
                    .iter()
                    .fold(Hash::new(Kind::Word), |hash, c| hash.with(*c)),
            );
        }
        let mut words: Vec<Feature> = hashes.iter().map(|hash| hash.feature()).collect();
        words.extend(
            hashes
                .windows(2)
                .map(|pair| pair[0].and(pair[1], Kind::Pair).feature()),
        );
        let skips = hashes
            .windows(3)
            .map(|three| three[0].and(three[2], Kind::Skip).feature())
            .collect();
        Self {
            blocks: [chars, words, skips],
            text: text.to_owned(),
            lexicon: OnceCell::new(),
        }
    }

    /// The features of a block, in the order of the text; of no block there are none.
    #[must_use]
    pub fn block(&self, block: usize) -> &[Feature] {
        if block == LEXICON {
            return self.lexicon.get_or_init(|| lexicon(&self.text));
        }
        self.blocks.get(block).map_or(&[], Vec::as_slice)
    }
}

/// The hash of a feature that no text has: that its language is this one.
#[must_use]
pub fn language_feature(code: &str) -> u32 {
    code.chars()
        .fold(Hash::new(Kind::Language), Hash::with)
        .feature()
        .hash
}

fn lexicon(text: &str) -> Vec<Feature> {
    let mut named = Vec::new();
    crate::sentiment::features(text, &mut named);
    named
        .into_iter()
        .map(|(name, weight)| Feature {
            hash: name
                .chars()
                .fold(Hash::new(Kind::Lexicon), Hash::with)
                .feature()
                .hash,
            weight,
        })
        .collect()
}

/// All n-grams of a token that stands between two spaces.
fn grams(token: &[char], out: &mut Vec<Feature>) {
    let at = |place: usize| match place.checked_sub(1) {
        None => ' ',
        Some(inside) => token.get(inside).copied().unwrap_or(' '),
    };
    let length = token.len() + 2;
    for start in 0..length {
        let mut hash = Hash::new(Kind::Chars);
        for place in start..length.min(start + MAX_GRAM) {
            hash = hash.with(at(place));
            if place > start || (start > 0 && start + 1 < length) {
                out.push(hash.feature());
            }
        }
    }
}

/// What is hashed; each begins elsewhere.
#[derive(Clone, Copy)]
enum Kind {
    Chars = 1,
    Word = 2,
    Pair = 3,
    Skip = 4,
    Lexicon = 5,
    Language = 6,
}

/// A 64-bit hash that grows by a character: FNV-1a's step over whole characters, with the high bits folded back.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    const PRIME: u64 = 0x0100_0000_01b3;

    fn new(kind: Kind) -> Self {
        Self(0xcbf2_9ce4_8422_2325 ^ (kind as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn with(self, c: char) -> Self {
        let grown = (self.0 ^ u64::from(c as u32)).wrapping_mul(Self::PRIME);
        Self(grown ^ (grown >> 31))
    }

    /// A pair; the order matters.
    fn and(self, other: Self, kind: Kind) -> Self {
        let first = self.0.wrapping_mul(Self::PRIME) ^ (kind as u64);
        Self(first.rotate_left(23) ^ other.0)
    }

    /// The finalizer of splitmix64 (Steele, Lea, Flood 2014), upper half.
    fn feature(self) -> Feature {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Feature {
            hash: ((hash ^ (hash >> 31)) >> 32) as u32,
            weight: 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        Tokens::of(text)
            .iter()
            .map(|token| token.iter().collect())
            .collect()
    }

    #[test]
    fn tokens_are_words_and_signs() {
        for (text, expected) in [
            ("", &[][..]),
            ("  \n", &[]),
            ("Hello, World", &["hello", ",", "world"]),
            ("DON’T stop", &["don't", "stop"]),
            ("'quoted' it's", &["'", "quoted", "'", "it's"]),
            ("sooooo good!!!!", &["soo", "good", "!"]),
            ("order 1234-56", &["order", "0000", "-", "00"]),
            ("see https://x.org/a?b=c now", &["see", "http", "now"]),
            ("www.Example.org", &["http"]),
            ("hi @anna_k!", &["hi", "@", "user", "!"]),
            ("a@b.example", &["a", "@", "b", ".", "example"]),
            ("👍🏽👍", &["👍", "🏽", "👍"]),
            ("我的订单", &["我的订单"]),
            ("می‌خواهم", &["میخواهم"]),
        ] {
            assert_eq!(tokens(text), expected, "{text}");
        }
        assert_eq!(tokens(&"ab".repeat(40)).len(), 2);
    }

    #[test]
    fn n_grams_have_their_number() {
        // " ab ": 2 of one (no space), 3 of two, 2 of three, 1 of four.
        assert_eq!(Features::of("ab").block(CHARS).len(), 8);
        let features = Features::of("one two three");
        assert_eq!(features.block(WORDS).len(), 5);
        assert_eq!(features.block(SKIPS).len(), 1);
        assert_eq!(features.block(99), &[]);
        assert_eq!(
            Features::of("ONE Two threE").block(WORDS),
            features.block(WORDS)
        );
        assert_ne!(
            Features::of("two one").block(WORDS)[2],
            Features::of("one two").block(WORDS)[2]
        );
    }

    /// Golden vectors: a change here is a new version, and every model has to be trained anew.
    #[test]
    fn the_specification_stands_still() {
        let hashes = |text: &str, block: usize| -> Vec<u32> {
            Features::of(text)
                .block(block)
                .iter()
                .map(|feature| feature.hash)
                .collect()
        };
        let sum = |text: &str, block: usize| {
            hashes(text, block)
                .iter()
                .fold(0u32, |sum, hash| sum.rotate_left(1) ^ hash)
        };
        assert_eq!(hashes("Ab", CHARS), GOLDEN_AB);
        assert_eq!(hashes("Wo ist 42", WORDS), GOLDEN_WORDS);
        assert_eq!(hashes("Wo ist 42", SKIPS), GOLDEN_SKIPS);
        assert_eq!(language_feature("de"), GOLDEN_LANGUAGE);
        let long =
            "Здравствуйте! Где мой заказ №123? 我的订单 😀 @anna https://example.org/x don’t ";
        assert_eq!(
            [sum(long, CHARS), sum(long, WORDS), sum(long, SKIPS)],
            GOLDEN_LONG
        );
    }

    const GOLDEN_AB: [u32; 8] = [
        1197264790, 2984911141, 172124018, 3625992632, 3164447574, 2194851001, 1206303835,
        845769911,
    ];
    const GOLDEN_WORDS: [u32; 5] = [3863993969, 1974822481, 2770870663, 371002258, 1783994336];
    const GOLDEN_SKIPS: [u32; 1] = [2525424847];
    const GOLDEN_LANGUAGE: u32 = 2780655827;
    const GOLDEN_LONG: [u32; 3] = [447890097, 4227362456, 1254254353];

    proptest! {
        #[test]
        fn any_text_has_features(text in any::<String>()) {
            let features = Features::of(&text);
            prop_assert!(features.block(CHARS).len() <= (MAX_CHARS + 2 * MAX_CHARS) * MAX_GRAM);
            prop_assert!(features.block(WORDS).len() <= 2 * MAX_CHARS);
        }

        #[test]
        fn what_comes_after_the_cut_changes_nothing(tail in ".{0,40}") {
            let head = "word ".repeat(MAX_CHARS / 5);
            let features = Features::of(&format!("{head}{tail}"));
            let alone = Features::of(&head);
            prop_assert_eq!(features.block(CHARS), alone.block(CHARS));
        }
    }
}
