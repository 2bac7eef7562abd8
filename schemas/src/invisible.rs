//! Characters that nobody sees: those that turn the direction of text, and those without a width (Unicode 17, properties
//! `Bidi_Control` and `Default_Ignorable_Code_Point`).
//!
//! In an address they make two that look like one; in a name they may turn the address that stands after it around. In
//! running text they belong to languages, and nobody takes them out there.

use std::borrow::Cow;

/// Whether a character turns the direction of what follows it.
#[must_use]
pub const fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character has no width, or merely turns the direction; those of emoji and of variants of a letter not among them.
#[must_use]
pub const fn is_invisible(c: char) -> bool {
    is_direction(c)
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Whether a text has nothing that anybody would see.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_invisible(c))
}

/// A text without what turns its direction.
#[must_use]
pub fn straight(text: &str) -> Cow<'_, str> {
    if text.contains(is_direction) {
        text.replace(is_direction, "").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_known() {
        for blank in [
            "",
            "  \t",
            "\u{200b}",
            "\u{feff} \u{2060}",
            "\u{202e}\u{a0}",
            "\u{3164}",
        ] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for shown in ["a", " . ", "\u{5d0}", "\u{1f469}\u{200d}\u{1f467}"] {
            assert!(!is_blank(shown), "{shown:?}");
        }
        assert_eq!(straight("Ann \u{202e}gro.x@eoj\u{2069}"), "Ann gro.x@eoj");
        assert_eq!(
            straight("\u{1f469}\u{200d}\u{1f467}"),
            "\u{1f469}\u{200d}\u{1f467}"
        );
    }
}
