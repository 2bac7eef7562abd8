//! The languages of data, as models know them.
//!
//! Models are told a text's language by its ISO 639-1 code, or its ISO 639-3 code where there is no shorter one. Data says
//! it in many ways.

use stages::language::iso;

/// What public data writes that is no code of a language: codes of countries, and English names.
const OTHERS: [(&str, &str); 21] = [
    ("chn", "zh"),
    ("esp", "es"),
    ("ptbr", "pt"),
    ("ptmz", "pt"),
    ("arabic", "ar"),
    ("chinese", "zh"),
    ("dutch", "nl"),
    ("english", "en"),
    ("french", "fr"),
    ("german", "de"),
    ("hindi", "hi"),
    ("italian", "it"),
    ("japanese", "ja"),
    ("korean", "ko"),
    ("polish", "pl"),
    ("portuguese", "pt"),
    ("russian", "ru"),
    ("spanish", "es"),
    ("swedish", "sv"),
    ("turkish", "tr"),
    ("ukrainian", "uk"),
];

/// The code by which models know a language: ISO 639-1 where there is one. Of a tag like `pt-BR` the language counts; what
/// is no language is given back in lower case.
#[must_use]
pub fn code(language: &str) -> String {
    let lower = language.trim().to_ascii_lowercase();
    match OTHERS.iter().find(|(written, _)| *written == lower) {
        Some((_, code)) => (*code).to_owned(),
        None => iso::canonical(&lower).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_known_by_their_shortest_code() {
        for (written, known) in [
            ("de", "de"),
            ("DEU", "de"),
            ("ger", "de"),
            ("pt-BR", "pt"),
            ("ptmz", "pt"),
            ("zh_Hant", "zh"),
            ("Arabic", "ar"),
            ("vmw", "vmw"),
            ("und", "und"),
            ("", ""),
        ] {
            assert_eq!(code(written), known, "{written}");
        }
    }

    #[test]
    fn names_are_those_of_their_codes() {
        for (written, code) in OTHERS {
            assert_eq!(iso::canonical(code), code);
            let name = iso::name(code).map(str::to_lowercase);
            let is_name = name.as_deref() == Some(written);
            assert!(is_name || iso::canonical(written) == written, "{written}");
        }
    }
}
