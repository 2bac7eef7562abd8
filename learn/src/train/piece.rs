//! Short pieces of texts, so that a model of languages learns from sentences what two words look like.

use crate::{dataset::Example, random::Random};

/// Words of a piece, and how often each length is drawn.
const LENGTHS: [usize; 4] = [1, 2, 2, 3];
/// Characters of a piece of a script without spaces.
const RUN: std::ops::RangeInclusive<u32> = 2..=8;

/// Random pieces of the examples, `count` of each that is long enough, with the place of the example they are of.
pub(super) fn pieces(examples: &[Example], count: u32, seed: u64) -> Vec<(usize, Example)> {
    let mut random = Random::new(seed ^ 0x0091_ece5);
    let mut pieces = Vec::with_capacity(examples.len() * count as usize);
    for (place, example) in examples.iter().enumerate() {
        for _ in 0..count {
            if let Some(text) = piece(&example.text, &mut random) {
                let example = Example {
                    text,
                    ..example.clone()
                };
                pieces.push((place, example));
            }
        }
    }
    pieces
}

fn piece(text: &str, random: &mut Random) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let length = LENGTHS[random.below(LENGTHS.len() as u32) as usize];
    if words.len() > length + 1 {
        let start = random.below((words.len() - length + 1) as u32) as usize;
        return Some(words.get(start..start + length)?.join(" "));
    }
    let chars: Vec<char> = text.chars().collect();
    let length = (RUN.start() + random.below(RUN.end() - RUN.start() + 1)) as usize;
    if words.len() > 2 || chars.len() < 2 * length {
        return None;
    }
    let start = random.below((chars.len() - length + 1) as u32) as usize;
    Some(chars.get(start..start + length)?.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_parts_of_their_text() {
        let text = "the quick brown fox jumps over the lazy dog";
        let long = Example {
            text: text.into(),
            labels: vec!["en".into()],
            ..Example::default()
        };
        let spaceless = Example {
            text: "我的订单什么时候到我想知道现在的状态".into(),
            ..long.clone()
        };
        let short = Example {
            text: "no".into(),
            ..long.clone()
        };
        let found = pieces(&[long, spaceless.clone(), short], 20, 1);
        assert_eq!(found.len(), 40);
        for (number, (place, piece)) in found.iter().enumerate() {
            assert_eq!(*place, number / 20);
            let whole = if *place == 0 { text } else { &*spaceless.text };
            assert!(whole.contains(&piece.text) && !piece.text.is_empty());
            assert_eq!(piece.labels, ["en"]);
        }
    }
}
