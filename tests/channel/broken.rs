//! Ways to break a body: bytes, forms, JSON.

use bytes::Bytes;
use schemas::ChannelKind;
use serde_json::{Value, json};

/// One of the bodies, changed a few times.
pub(crate) fn mutated<'s>(
    seeds: &'s [(Option<String>, Bytes)],
    dice: &mut Dice,
) -> (Option<&'s str>, Bytes) {
    let (content_type, body) = dice.pick(seeds);
    let content_type = if dice.below(20) == 0 {
        dice.pick(seeds).0.as_deref()
    } else {
        content_type.as_deref()
    };
    let mut bytes = body.to_vec();
    for _ in 0..=dice.below(3) {
        bytes = match dice.below(9) {
            0 => {
                flip(&mut bytes, dice);
                bytes
            }
            1 => bytes.split_at(dice.below(bytes.len() + 1)).0.to_vec(),
            2 => spliced(&bytes, &dice.pick(seeds).1, dice),
            3 => {
                let odd: &[u8] = dice.pick::<&[u8]>(ODD_BYTES);
                inserted(&bytes, odd, dice)
            }
            _ => changed_json(&bytes, dice).unwrap_or_else(|| changed_form(&bytes, dice)),
        };
    }
    (content_type, bytes.into())
}

const ODD_BYTES: &[&[u8]] = &[
    b"\xff\xfe",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\x80",
    b"\0",
    b"%",
    b"%zz",
    b"%ff%fe",
    b"%00",
    b"&&==",
    b"\r\n\r\n",
    b"\"",
    b"\\",
    b"\\ud800",
    b"{",
    b"]",
    b"=?utf-8?b?////?=",
    b"\xef\xbb\xbf",
    b"--",
    b"Content-Type: multipart/mixed; boundary=x\r\n",
];

pub(crate) fn flip(bytes: &mut [u8], dice: &mut Dice) {
    for _ in 0..=dice.below(8) {
        let place = dice.below(bytes.len());
        let bit = dice.below(8);
        if let Some(byte) = bytes.get_mut(place) {
            *byte ^= 1 << bit;
        }
    }
}

fn inserted(bytes: &[u8], what: &[u8], dice: &mut Dice) -> Vec<u8> {
    let (head, tail) = bytes.split_at(dice.below(bytes.len() + 1));
    [head, what, tail].concat()
}

/// The beginning of one and the end of another, or a piece of it twice.
fn spliced(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let head = bytes.split_at(dice.below(bytes.len() + 1)).0;
    let tail = other.split_at(dice.below(other.len() + 1)).1;
    [head, tail].concat()
}

fn changed_form(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut fields: Vec<&[u8]> = bytes.split(|byte| *byte == b'&').collect();
    let place = dice.below(fields.len());
    let field = fields.get(place).copied().unwrap_or_default();
    match dice.below(4) {
        0 => fields.push(field),
        1 => {
            fields.remove(place);
        }
        2 => fields.insert(place, b"NumMedia=99999999999999999999"),
        _ => {
            let odd: &[u8] = dice.pick::<&[u8]>(ODD_BYTES);
            return inserted(bytes, odd, dice);
        }
    }
    fields.join(&b'&')
}

/// A JSON body in which one value is another, is gone, stands twice, or many times.
fn changed_json(bytes: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let mut json: Value = serde_json::from_slice(bytes).ok()?;
    let nodes = count(&json);
    let chosen = dice.below(nodes);
    let old = node(&mut json, &mut { chosen })?;
    let original = old.to_string();
    let hole = "@hole@";
    let raw = match dice.below(20) {
        0 => "null".to_owned(),
        1 => "true".to_owned(),
        2 => "0".to_owned(),
        3 => "-9223372036854775808".to_owned(),
        4 => "18446744073709551616".to_owned(),
        5 => "1e308".to_owned(),
        6 => "1e400".to_owned(),
        7 => "-0.0000001".to_owned(),
        8 => "\"\"".to_owned(),
        9 => json!("9".repeat(400)).to_string(),
        10 => json!("\u{0}\u{7}\u{202e}\u{fffd}\n\u{301}").to_string(),
        11 => r#""\ud83d""#.to_owned(),
        12 => "[]".to_owned(),
        13 => "{}".to_owned(),
        14 => format!("{}{}", "[".repeat(120), "]".repeat(120)),
        15 => format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000)),
        16 => format!("{{\"id\":1,\"id\":{original},\"type\":\"x\",\"type\":null}}"),
        17 => json!("word ".repeat(dice.below(30_000))).to_string(),
        18 if original.len() < 2_000 => {
            format!(
                "[{}]",
                vec![original.as_str(); 1 + dice.below(1_200)].join(",")
            )
        }
        _ => json!([original, {"nested": [original]}]).to_string(),
    };
    if dice.below(8) == 0
        && let Value::Object(object) = old
    {
        let key = object.keys().nth(dice.below(object.len())).cloned();
        object.remove(&key.unwrap_or_default());
        return Some(json.to_string().into_bytes());
    }
    *old = json!(hole);
    Some(
        json.to_string()
            .replacen(&format!("\"{hole}\""), &raw, 1)
            .into_bytes(),
    )
}

fn count(json: &Value) -> usize {
    1 + match json {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// The node of this number, parents first.
fn node<'v>(json: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(json);
    }
    *left -= 1;
    match json {
        Value::Array(items) => items.iter_mut().find_map(|item| node(item, left)),
        Value::Object(fields) => fields.values_mut().find_map(|field| node(field, left)),
        _ => None,
    }
}

pub(crate) fn changed_text(text: &str, dice: &mut Dice) -> String {
    let mut bytes = text.as_bytes().to_vec();
    match dice.below(6) {
        0 => String::new(),
        1 => "=".repeat(dice.below(5_000)),
        2 => format!("{text},{text}"),
        3 => text.chars().take(dice.below(text.len() + 1)).collect(),
        4 => dice
            .pick(&[
                "v0=",
                "sha256=zz",
                "-1",
                "99999999999999999999",
                "Bearer a.b.c",
                "Bearer ..",
                "é",
                "0",
            ])
            .to_string(),
        _ => {
            flip(&mut bytes, dice);
            String::from_utf8_lossy(&bytes).into_owned()
        }
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(kind: ChannelKind, number: usize) -> Self {
        let kind = kind
            .name()
            .bytes()
            .fold(0_u64, |sum, byte| sum.wrapping_mul(131) + u64::from(byte));
        Self(kind ^ (number as u64).wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// Less than `end`; zero when that is.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % (end.max(1) as u64)).unwrap()
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
