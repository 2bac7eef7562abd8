//! How many text messages a text makes.
//!
//! 3GPP TS 23.038 §6.2.1 (the default alphabet and its extension) and TS 23.040 §9.2.3.24 (six octets of header in each
//! of several). Operators bill by segment.
//!
//! Deliberately absent: national language tables, which gateways do not use unasked.

pub(crate) use schemas::sms::SmsEncoding as Encoding;
use schemas::sms::SmsSize;

/// The size of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segments {
    pub encoding: Encoding,
    /// None for an empty text.
    pub count: usize,
    /// Septets, or UTF-16 code units.
    pub units: usize,
}

/// Everything of the default alphabet but the escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ\
                     ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// What follows an escape, two septets in all.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// Measures a text.
pub(crate) fn segments(text: &str) -> Segments {
    match text.chars().map(septets).collect::<Option<Vec<usize>>>() {
        Some(sizes) => measure(Encoding::Gsm7, &sizes, 160, 153),
        None => {
            let sizes: Vec<usize> = text.chars().map(char::len_utf16).collect();
            measure(Encoding::Ucs2, &sizes, 70, 67)
        }
    }
}

/// The size of a message whose texts leave one by one; none where there is no text.
pub(crate) fn sms_size<'t>(texts: impl IntoIterator<Item = &'t str>) -> Option<SmsSize> {
    let mut size = None;
    for text in texts
        .into_iter()
        .map(segments)
        .filter(|text| text.count > 0)
    {
        let SmsSize { encoding, segments } = size.unwrap_or(SmsSize {
            encoding: text.encoding,
            segments: 0,
        });
        size = Some(SmsSize {
            encoding: match text.encoding {
                Encoding::Ucs2 => Encoding::Ucs2,
                Encoding::Gsm7 => encoding,
            },
            segments: segments.saturating_add(u16::try_from(text.count).unwrap_or(u16::MAX)),
        });
    }
    size
}

fn septets(c: char) -> Option<usize> {
    if c.is_ascii_alphanumeric() || BASIC.contains(c) {
        Some(1)
    } else {
        EXTENDED.contains(c).then_some(2)
    }
}

/// A character is never cut between segments: neither an escape from what it escapes, nor a surrogate from its pair.
fn measure(encoding: Encoding, sizes: &[usize], alone: usize, of_several: usize) -> Segments {
    let units = sizes.iter().sum();
    let count = if units == 0 {
        0
    } else if units <= alone {
        1
    } else {
        let (mut count, mut filled) = (1, 0);
        for size in sizes {
            if filled + size > of_several {
                count += 1;
                filled = 0;
            }
            filled += size;
        }
        count
    };
    Segments {
        encoding,
        count,
        units,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(text: &str) -> (Encoding, usize, usize) {
        let Segments {
            encoding,
            count,
            units,
        } = segments(text);
        (encoding, count, units)
    }

    #[test]
    fn the_alphabets_are_whole() {
        // 128 places less the escape; the extension table has ten.
        assert_eq!(BASIC.chars().count(), 127);
        assert_eq!(EXTENDED.chars().count(), 10);
        assert_eq!(size(BASIC), (Encoding::Gsm7, 1, 127));
        assert_eq!(size(EXTENDED), (Encoding::Gsm7, 1, 20));
    }

    #[test]
    fn one_character_outside_turns_the_whole_text() {
        use Encoding::{Gsm7, Ucs2};
        for (text, encoding, units) in [
            ("", Gsm7, 0),
            ("hello", Gsm7, 5),
            ("Grüße", Gsm7, 5),
            ("5 €", Gsm7, 4),
            ("ç", Ucs2, 1), // only Ç is there
            ("` ", Ucs2, 2),
            ("привет", Ucs2, 6),
            ("“quoted”", Ucs2, 8),
            ("• item", Ucs2, 6),
            ("😀", Ucs2, 2),
        ] {
            let (found, _, found_units) = size(text);
            assert_eq!((found, found_units), (encoding, units), "{text}");
        }
    }

    #[test]
    fn segments_hold_160_and_153_or_70_and_67() {
        for (length, count) in [
            (0, 0),
            (1, 1),
            (160, 1),
            (161, 2),
            (306, 2),
            (307, 3),
            (459, 3),
            (460, 4),
        ] {
            assert_eq!(size(&"a".repeat(length)), (Encoding::Gsm7, count, length));
        }
        for (length, count) in [
            (1, 1),
            (70, 1),
            (71, 2),
            (134, 2),
            (135, 3),
            (201, 3),
            (202, 4),
        ] {
            assert_eq!(size(&"я".repeat(length)), (Encoding::Ucs2, count, length));
        }
    }

    #[test]
    fn texts_add_up_and_the_wider_encoding_names_them() {
        let size = |texts: &[&str]| {
            sms_size(texts.iter().copied()).map(|size| (size.encoding, size.segments))
        };
        assert_eq!(size(&[]), None);
        assert_eq!(size(&[""]), None);
        let long = "a".repeat(161);
        assert_eq!(size(&[&long, "b"]), Some((Encoding::Gsm7, 3)));
        assert_eq!(size(&["ja", &long]), Some((Encoding::Gsm7, 3)));
        assert_eq!(size(&[&long, "да"]), Some((Encoding::Ucs2, 3)));
        assert_eq!(size(&["да", &long]), Some((Encoding::Ucs2, 3)));
    }

    #[test]
    fn pairs_are_not_cut() {
        // The escape would be the 153rd septet: it goes to the next segment with what it escapes.
        let text = format!("{}€{}", "a".repeat(152), "a".repeat(152));
        assert_eq!(size(&text), (Encoding::Gsm7, 3, 306));
        // The same for the 67th unit.
        let text = format!("{}😀{}", "я".repeat(66), "я".repeat(66));
        assert_eq!(size(&text), (Encoding::Ucs2, 3, 134));
        assert_eq!(size(&"€".repeat(80)), (Encoding::Gsm7, 1, 160));
        assert_eq!(size(&"€".repeat(81)), (Encoding::Gsm7, 2, 162));
    }
}
