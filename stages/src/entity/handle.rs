//! Names on a platform: `@name`.
//!
//! Letters, digits, underscores and full stops, 2 to 32 of them, the first no digit. Deliberately absent: what addresses
//! everybody (`@all`), packages (`@scope/name`), names of other scripts than Latin without accents.

use super::{
    found::Found,
    scan::{Scan, is_word, seen},
};

pub(super) fn find(scan: &Scan<'_>, found: &mut Found<'_>) {
    if scan.seen & seen::AT == 0 {
        return;
    }
    for (start, _) in scan
        .bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'@')
    {
        if scan
            .before(start)
            .is_some_and(|c| is_word(c) || "@./-+=&%:".contains(c))
        {
            continue;
        }
        let rest = scan.text.get(start + 1..).unwrap_or_default();
        let length = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'.')
            .count();
        let name = rest.get(..length).unwrap_or_default();
        // `@anna.Thanks`: the next sentence.
        let sentence = name.match_indices('.').find(|(dot, _)| {
            let next = name.as_bytes().get(dot + 1);
            !next.is_some_and(u8::is_ascii_lowercase)
        });
        let name = name
            .get(..sentence.map_or(length, |(dot, _)| dot))
            .unwrap_or_default();
        let end = start + 1 + name.len();
        let named = (2..=32).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().any(|byte| byte.is_ascii_alphabetic());
        let goes_on = scan
            .after(end)
            .is_some_and(|c| is_word(c) || "@/\\(".contains(c));
        let name = name.to_ascii_lowercase();
        let everybody = matches!(
            &*name,
            "all" | "here" | "everyone" | "channel" | "room" | "online"
        );
        if named && !goes_on && !everybody {
            found.add("handle", start, end, Some(format!("@{name}")));
        }
    }
}
