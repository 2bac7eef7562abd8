//! The codes of languages: ISO 639-1 (two letters), ISO 639-3 (three), and what else stands for the same language.
//!
//! Every language with a two-letter code is here, and the few without one that models answer with. Members of a
//! macrolanguage that are its usual written form (Mandarin of Chinese, Iranian Persian of Persian, …), bibliographic codes
//! of ISO 639-2 (`ger`) and codes that were withdrawn (`iw`) stand for it; so do tags with a script or region (`pt-BR`).
//! Deliberately absent: regions and scripts themselves.

/// A language: ISO 639-1, or `""`; ISO 639-3; other codes, separated by spaces; its name in English.
type Row = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const LANGUAGES: &[Row] = &[
    ("aa", "aar", "", "Afar"), ("ab", "abk", "", "Abkhazian"), ("ae", "ave", "", "Avestan"),
    ("af", "afr", "", "Afrikaans"), ("ak", "aka", "tw twi fat", "Akan"), ("am", "amh", "", "Amharic"),
    ("an", "arg", "", "Aragonese"), ("ar", "ara", "arb", "Arabic"), ("as", "asm", "", "Assamese"),
    ("av", "ava", "", "Avaric"), ("ay", "aym", "ayr", "Aymara"), ("az", "aze", "azj", "Azerbaijani"),
    ("ba", "bak", "", "Bashkir"), ("be", "bel", "", "Belarusian"), ("bg", "bul", "", "Bulgarian"),
    ("bi", "bis", "", "Bislama"), ("bm", "bam", "", "Bambara"), ("bn", "ben", "", "Bengali"),
    ("bo", "bod", "tib", "Tibetan"), ("br", "bre", "", "Breton"), ("bs", "bos", "", "Bosnian"),
    ("ca", "cat", "", "Catalan"), ("ce", "che", "", "Chechen"), ("ch", "cha", "", "Chamorro"),
    ("co", "cos", "", "Corsican"), ("cr", "cre", "", "Cree"), ("cs", "ces", "cze", "Czech"),
    ("cu", "chu", "", "Church Slavonic"), ("cv", "chv", "", "Chuvash"), ("cy", "cym", "wel", "Welsh"),
    ("da", "dan", "", "Danish"), ("de", "deu", "ger", "German"), ("dv", "div", "", "Dhivehi"),
    ("dz", "dzo", "", "Dzongkha"), ("ee", "ewe", "", "Ewe"), ("el", "ell", "gre", "Greek"),
    ("en", "eng", "", "English"), ("eo", "epo", "", "Esperanto"), ("es", "spa", "", "Spanish"),
    ("et", "est", "ekk", "Estonian"), ("eu", "eus", "baq", "Basque"), ("fa", "fas", "per pes", "Persian"),
    ("ff", "ful", "", "Fulah"), ("fi", "fin", "", "Finnish"), ("fj", "fij", "", "Fijian"),
    ("fo", "fao", "", "Faroese"), ("fr", "fra", "fre", "French"), ("fy", "fry", "", "Western Frisian"),
    ("ga", "gle", "", "Irish"), ("gd", "gla", "", "Scottish Gaelic"), ("gl", "glg", "", "Galician"),
    ("gn", "grn", "gug", "Guarani"), ("gu", "guj", "", "Gujarati"), ("gv", "glv", "", "Manx"),
    ("ha", "hau", "", "Hausa"), ("he", "heb", "iw", "Hebrew"), ("hi", "hin", "", "Hindi"),
    ("ho", "hmo", "", "Hiri Motu"), ("hr", "hrv", "scr", "Croatian"), ("ht", "hat", "", "Haitian"),
    ("hu", "hun", "", "Hungarian"), ("hy", "hye", "arm", "Armenian"), ("hz", "her", "", "Herero"),
    ("ia", "ina", "", "Interlingua"), ("id", "ind", "in", "Indonesian"), ("ie", "ile", "", "Interlingue"),
    ("ig", "ibo", "", "Igbo"), ("ii", "iii", "", "Sichuan Yi"), ("ik", "ipk", "", "Inupiaq"),
    ("io", "ido", "", "Ido"), ("is", "isl", "ice", "Icelandic"), ("it", "ita", "", "Italian"),
    ("iu", "iku", "", "Inuktitut"), ("ja", "jpn", "", "Japanese"), ("jv", "jav", "jw", "Javanese"),
    ("ka", "kat", "geo", "Georgian"), ("kg", "kon", "", "Kongo"), ("ki", "kik", "", "Kikuyu"),
    ("kj", "kua", "", "Kuanyama"), ("kk", "kaz", "", "Kazakh"), ("kl", "kal", "", "Kalaallisut"),
    ("km", "khm", "", "Khmer"), ("kn", "kan", "", "Kannada"), ("ko", "kor", "", "Korean"),
    ("kr", "kau", "", "Kanuri"), ("ks", "kas", "", "Kashmiri"), ("ku", "kur", "kmr", "Kurdish"),
    ("kv", "kom", "", "Komi"), ("kw", "cor", "", "Cornish"), ("ky", "kir", "", "Kyrgyz"),
    ("la", "lat", "", "Latin"), ("lb", "ltz", "", "Luxembourgish"), ("lg", "lug", "", "Ganda"),
    ("li", "lim", "", "Limburgish"), ("ln", "lin", "", "Lingala"), ("lo", "lao", "", "Lao"),
    ("lt", "lit", "", "Lithuanian"), ("lu", "lub", "", "Luba-Katanga"), ("lv", "lav", "lvs", "Latvian"),
    ("mg", "mlg", "plt", "Malagasy"), ("mh", "mah", "", "Marshallese"), ("mi", "mri", "mao", "Maori"),
    ("mk", "mkd", "mac", "Macedonian"), ("ml", "mal", "", "Malayalam"), ("mn", "mon", "khk", "Mongolian"),
    ("mr", "mar", "", "Marathi"), ("ms", "msa", "may zlm zsm", "Malay"), ("mt", "mlt", "", "Maltese"),
    ("my", "mya", "bur", "Burmese"), ("na", "nau", "", "Nauru"), ("nb", "nob", "no nor", "Norwegian Bokmål"),
    ("nd", "nde", "", "North Ndebele"), ("ne", "nep", "npi", "Nepali"), ("ng", "ndo", "", "Ndonga"),
    ("nl", "nld", "dut", "Dutch"), ("nn", "nno", "", "Norwegian Nynorsk"), ("nr", "nbl", "", "South Ndebele"),
    ("nv", "nav", "", "Navajo"), ("ny", "nya", "", "Nyanja"), ("oc", "oci", "", "Occitan"),
    ("oj", "oji", "", "Ojibwa"), ("om", "orm", "gaz", "Oromo"), ("or", "ori", "ory", "Odia"),
    ("os", "oss", "", "Ossetian"), ("pa", "pan", "", "Punjabi"), ("pi", "pli", "", "Pali"),
    ("pl", "pol", "", "Polish"), ("ps", "pus", "pbt", "Pashto"), ("pt", "por", "", "Portuguese"),
    ("qu", "que", "quy quz", "Quechua"), ("rm", "roh", "", "Romansh"), ("rn", "run", "", "Rundi"),
    ("ro", "ron", "rum mo", "Romanian"), ("ru", "rus", "", "Russian"), ("rw", "kin", "", "Kinyarwanda"),
    ("sa", "san", "", "Sanskrit"), ("sc", "srd", "", "Sardinian"), ("sd", "snd", "", "Sindhi"),
    ("se", "sme", "", "Northern Sami"), ("sg", "sag", "", "Sango"), ("si", "sin", "", "Sinhala"),
    ("sk", "slk", "slo", "Slovak"), ("sl", "slv", "", "Slovenian"), ("sm", "smo", "", "Samoan"),
    ("sn", "sna", "", "Shona"), ("so", "som", "", "Somali"), ("sq", "sqi", "alb als", "Albanian"),
    ("sr", "srp", "scc", "Serbian"), ("ss", "ssw", "", "Swati"), ("st", "sot", "", "Southern Sotho"),
    ("su", "sun", "", "Sundanese"), ("sv", "swe", "", "Swedish"), ("sw", "swa", "swh", "Swahili"),
    ("ta", "tam", "", "Tamil"), ("te", "tel", "", "Telugu"), ("tg", "tgk", "", "Tajik"),
    ("th", "tha", "", "Thai"), ("ti", "tir", "", "Tigrinya"), ("tk", "tuk", "", "Turkmen"),
    ("tl", "tgl", "fil", "Tagalog"), ("tn", "tsn", "", "Tswana"), ("to", "ton", "", "Tonga"),
    ("tr", "tur", "", "Turkish"), ("ts", "tso", "", "Tsonga"), ("tt", "tat", "", "Tatar"),
    ("ty", "tah", "", "Tahitian"), ("ug", "uig", "", "Uyghur"), ("uk", "ukr", "", "Ukrainian"),
    ("ur", "urd", "", "Urdu"), ("uz", "uzb", "uzn", "Uzbek"), ("ve", "ven", "", "Venda"),
    ("vi", "vie", "", "Vietnamese"), ("vo", "vol", "", "Volapük"), ("wa", "wln", "", "Walloon"),
    ("wo", "wol", "", "Wolof"), ("xh", "xho", "", "Xhosa"), ("yi", "yid", "ji ydd", "Yiddish"),
    ("yo", "yor", "", "Yoruba"), ("za", "zha", "", "Zhuang"), ("zh", "zho", "chi cmn", "Chinese"),
    ("zu", "zul", "", "Zulu"),
    ("", "ceb", "", "Cebuano"), ("", "chr", "", "Cherokee"), ("", "haw", "", "Hawaiian"),
    ("", "hmn", "mww", "Hmong"), ("", "pcm", "", "Nigerian Pidgin"), ("", "vmw", "", "Makhuwa"),
];

/// ISO 639-1 where there is one, else ISO 639-3, of any code of a language; a code that is not known as it is.
///
/// ```
/// use stages::language::iso::canonical;
/// assert_eq!(canonical("deu"), "de");
/// assert_eq!(canonical("pes"), "fa");
/// assert_eq!(canonical("pt-BR"), "pt");
/// assert_eq!(canonical("ceb"), "ceb");
/// assert_eq!(canonical("xyz"), "xyz");
/// ```
#[must_use]
pub fn canonical(code: &str) -> &str {
    match find(code) {
        Some(("", three, ..)) => three,
        Some((two, ..)) => two,
        None => code,
    }
}

/// ISO 639-3 of any code of a language; that of its macrolanguage where the code stands for it. None for one that is not
/// known.
#[must_use]
pub fn iso639_3(code: &str) -> Option<&'static str> {
    find(code).map(|(_, three, ..)| three)
}

/// The language's name in English.
#[must_use]
pub fn name(code: &str) -> Option<&'static str> {
    find(code).map(|(.., name)| name)
}

fn find(code: &str) -> Option<Row> {
    let code = code.split(['-', '_']).next().unwrap_or_default();
    if !(2..=3).contains(&code.len()) {
        return None;
    }
    let is = |known: &str| known.eq_ignore_ascii_case(code);
    let mut rows = LANGUAGES.iter();
    rows.find(|(two, three, others, _)| is(two) || is(three) || others.split(' ').any(is))
        .copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_code_stands_for_one_language() {
        let mut seen = BTreeSet::new();
        for (two, three, others, name) in LANGUAGES {
            assert!(matches!(two.len(), 0 | 2) && three.len() == 3 && !name.is_empty());
            let codes = [*two, *three].into_iter().chain(others.split(' '));
            for code in codes.filter(|code| !code.is_empty()) {
                assert!(seen.insert(code), "{code} twice");
                assert_eq!(iso639_3(code), Some(*three));
                assert_eq!(canonical(canonical(code)), canonical(code));
            }
        }
        // All of ISO 639-1, but `no` and `tw`, which stand for what is here by another code.
        let two = LANGUAGES.iter().filter(|row| !row.0.is_empty());
        assert_eq!(two.count(), 183 - 2);
    }

    #[test]
    fn members_and_old_codes_stand_for_their_language() {
        for (code, two, three) in [
            ("cmn", "zh", "zho"),
            ("pes", "fa", "fas"),
            ("arb", "ar", "ara"),
            ("swh", "sw", "swa"),
            ("lvs", "lv", "lav"),
            ("ekk", "et", "est"),
            ("als", "sq", "sqi"),
            ("zsm", "ms", "msa"),
            ("zlm", "ms", "msa"),
            ("nob", "nb", "nob"),
            ("nno", "nn", "nno"),
            ("no", "nb", "nob"),
            ("iw", "he", "heb"),
            ("GER", "de", "deu"),
            ("zh_TW", "zh", "zho"),
            ("fil", "tl", "tgl"),
        ] {
            assert_eq!(
                (canonical(code), iso639_3(code)),
                (two, Some(three)),
                "{code}"
            );
        }
        for code in ["", "x", "und", "-", "deutsch", "ß", "日本"] {
            assert_eq!(
                (canonical(code), iso639_3(code), name(code)),
                (code, None, None)
            );
        }
        assert_eq!(name("nn"), Some("Norwegian Nynorsk"));
    }
}
