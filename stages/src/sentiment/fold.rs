//! Folding: the form in which words of mood are compared.
//!
//! Lower case as the models see it ([`crate::model::fold`]), and without accents: people in a chat write `tres bien` and
//! `TRÈS BIEN`. Invariant: frozen, as [`super::features`] is; hence a table of its own and nothing of the standard
//! library's. Letters that are no accented form of another (`ø`, `ł`) fold to what people type instead.

use crate::model::fold::{Class, fold as lower};

/// Appends the folded form.
pub(super) fn fold(text: &str, out: &mut String) {
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c.to_ascii_lowercase());
            continue;
        }
        let (c, class) = lower(c);
        if class != Class::Dropped && !is_mark(c) {
            plain(c, out);
        }
    }
}

pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold(text, &mut out);
    out
}

/// Accents that stand alone, and Arabic vowels.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{640}')
}

fn plain(c: char, out: &mut String) {
    let plain = match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'ď' | 'đ' | 'ð' => 'd',
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ğ' | 'ģ' => 'g',
        'ì'..='ï' | 'ī' | 'į' | 'ı' => 'i',
        'ł' | 'ĺ' | 'ľ' | 'ļ' => 'l',
        'ñ' | 'ń' | 'ň' | 'ņ' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => 'o',
        'ŕ' | 'ř' => 'r',
        'ś' | 'š' | 'ş' | 'ș' => 's',
        'ţ' | 'ť' | 'ț' => 't',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' | 'ų' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ё' => 'е',
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        'ة' => 'ه',
        'ى' => 'ي',
        '’' | '‘' | 'ʼ' => '\'',
        '‐' | '‑' => '-',
        'ß' => {
            out.push('s');
            's'
        }
        'æ' => {
            out.push('a');
            'e'
        }
        'œ' => {
            out.push('o');
            'e'
        }
        other => other,
    };
    out.push(plain);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fold() {
        for (from, to) in [
            ("GREAT", "great"),
            ("Don’t", "don't"),
            ("TRÈS", "tres"),
            ("tre\u{300}s", "tres"),
            ("Spaß", "spass"),
            ("œuvre", "oeuvre"),
            ("Лёгкий", "легкий"),
            ("İyi kötü", "iyi kotu"),
            ("رائعـةٌ", "رائعه"),
            ("अच्छा", "अच्छा"),
            ("❤\u{fe0f}", "❤"),
            (":-D", ":-d"),
        ] {
            assert_eq!(folded(from), to, "{from}");
        }
    }
}
