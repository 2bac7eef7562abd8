//! Slack's names of emoji (<https://docs.slack.dev/reference/events/reaction_added/>) as characters.
//!
//! Slack names them as GitHub does, with hyphens in some and a skin tone behind. Emoji of a workspace's own have a name and no
//! character.

use emojis::SkinTone;

/// Of the letter A as a regional indicator, two of which are a flag.
const INDICATOR: u32 = 0x1F1E6;

/// The emoji of a name, such as `+1`, `flag-at` or `wave::skin-tone-3`.
pub(super) fn emoji(name: &str) -> Option<String> {
    let (name, tone) = match name.split_once("::skin-tone-") {
        Some((name, tone)) => (name, Some(tone)),
        None => (name, None),
    };
    if let Some(country) = name.strip_prefix("flag-") {
        return flag(country);
    }
    let found = emojis::get_by_shortcode(name)
        .or_else(|| emojis::get_by_shortcode(&name.replace('-', "_")))?;
    // As the Unicode modifiers are counted, after the Fitzpatrick scale.
    let tone = match tone {
        Some("2") => Some(SkinTone::Light),
        Some("3") => Some(SkinTone::MediumLight),
        Some("4") => Some(SkinTone::Medium),
        Some("5") => Some(SkinTone::MediumDark),
        Some("6") => Some(SkinTone::Dark),
        _ => None,
    };
    let toned = tone.and_then(|tone| found.with_skin_tone(tone));
    Some(toned.unwrap_or(found).as_str().to_owned())
}

/// Of a country by its two letters.
fn flag(country: &str) -> Option<String> {
    let letters = country.bytes().map(|letter| {
        let at = letter.is_ascii_lowercase().then(|| letter - b'a')?;
        char::from_u32(INDICATOR + u32::from(at))
    });
    (country.len() == 2).then(|| letters.collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_characters_where_unicode_has_one() {
        for (name, expected) in [
            ("+1", Some("👍")),
            ("thumbsup", Some("👍")),
            ("heart", Some("❤️")),
            ("white_check_mark", Some("✅")),
            ("tada", Some("🎉")),
            ("joy", Some("😂")),
            ("wave::skin-tone-2", Some("👋🏻")),
            ("thumbsup::skin-tone-6", Some("👍🏿")),
            ("heart::skin-tone-3", Some("❤️")),
            ("woman-shrugging", Some("🤷‍♀️")),
            ("flag-at", Some("🇦🇹")),
            ("flag-x", None),
            ("flag-1é", None),
            ("partyparrot", None),
            ("", None),
        ] {
            assert_eq!(emoji(name).as_deref(), expected, "{name}");
        }
    }
}
