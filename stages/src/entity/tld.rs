//! Top-level domains that an address is believed without `http://`.
//!
//! Invariant: sorted. Deliberately absent: names that are endings of files (`md`, `rs`, `sh`, `py`, `zip`, `mov`), and
//! most of the thousand newer names, which nobody writes without a scheme.

/// Names that hardly occur as words.
const PLAIN: &[&str] = &[
    "ae",
    "africa",
    "agency",
    "app",
    "asia",
    "bank",
    "bayern",
    "bg",
    "biz",
    "blog",
    "br",
    "by",
    "ca",
    "cafe",
    "cat",
    "ch",
    "cl",
    "cloud",
    "club",
    "cn",
    "com",
    "company",
    "cr",
    "cy",
    "cz",
    "de",
    "dev",
    "digital",
    "dk",
    "ec",
    "edu",
    "ee",
    "eg",
    "email",
    "eu",
    "fi",
    "fr",
    "ge",
    "gg",
    "gmbh",
    "gov",
    "gr",
    "hk",
    "hr",
    "hu",
    "ie",
    "il",
    "info",
    "int",
    "io",
    "ir",
    "jp",
    "ke",
    "kr",
    "kz",
    "link",
    "live",
    "lk",
    "lt",
    "lu",
    "lv",
    "museum",
    "mx",
    "name",
    "net",
    "ng",
    "nl",
    "nz",
    "online",
    "org",
    "paris",
    "pe",
    "pk",
    "pl",
    "pro",
    "ro",
    "ru",
    "sa",
    "services",
    "sg",
    "shop",
    "site",
    "sk",
    "solutions",
    "store",
    "support",
    "swiss",
    "team",
    "tech",
    "th",
    "tn",
    "tokyo",
    "tr",
    "travel",
    "tv",
    "tw",
    "ua",
    "ug",
    "uk",
    "uy",
    "uz",
    "ve",
    "vn",
    "website",
    "wiki",
    "xyz",
    "za",
];

/// Names that are words as well: believed in an address that has a path, or three names.
const WORDS: &[&str] = &[
    "ai", "al", "am", "ar", "art", "as", "at", "au", "be", "care", "co", "do", "es", "fm", "hi",
    "id", "in", "is", "it", "la", "like", "ma", "me", "mobi", "mu", "my", "ne", "news", "no",
    "one", "page", "ph", "pt", "rs", "se", "si", "so", "st", "su", "to", "today", "top", "us",
    "vc", "vip", "work", "world", "ws",
];

/// How far a name at the end of a domain is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    Plain,
    Word,
    Unknown,
}

/// Of a name in lower case.
pub(super) fn trust(name: &str) -> Trust {
    if PLAIN.binary_search(&name).is_ok() {
        Trust::Plain
    } else if WORDS.binary_search(&name).is_ok() {
        Trust::Word
    } else {
        Trust::Unknown
    }
}

/// The internationalized names of countries and a few others, as written (IANA, root zone).
pub(super) fn is_international(name: &str) -> bool {
    matches!(
        name,
        "рф" | "бел"
            | "укр"
            | "срб"
            | "мкд"
            | "мон"
            | "қаз"
            | "бг"
            | "ею"
            | "ευ"
            | "ελ"
            | "онлайн"
            | "сайт"
            | "рус"
            | "москва"
            | "дети"
            | "орг"
            | "ком"
            | "中国"
            | "中國"
            | "台灣"
            | "台湾"
            | "香港"
            | "公司"
            | "网络"
            | "在线"
            | "中文网"
            | "みんな"
            | "한국"
            | "भारत"
            | "ไทย"
            | "გე"
            | "հայ"
            | "ישראל"
            | "مصر"
            | "السعودية"
            | "امارات"
            | "ایران"
            | "الاردن"
            | "المغرب"
            | "تونس"
            | "قطر"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        for table in [PLAIN, WORDS] {
            assert!(table.is_sorted());
        }
        assert_eq!(trust("com"), Trust::Plain);
        assert_eq!(trust("it"), Trust::Word);
        assert_eq!(trust("rst"), Trust::Unknown);
    }
}
