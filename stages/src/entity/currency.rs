//! Currencies: their codes (ISO 4217), symbols and names.

use super::word::Word;

/// Codes that are looked for in capitals. Absent: those that are English words in capitals (`ALL`, `TOP`, `CUP`, `SOS`,
/// `MOP`, `GIP`), funds and metals.
const CODES: &[&str] = &[
    "AED", "AFN", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN",
    "BHD", "BIF", "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF",
    "CHF", "CLP", "CNY", "COP", "CRC", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN",
    "ETB", "EUR", "FJD", "GBP", "GEL", "GHS", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG",
    "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR",
    "KMF", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL",
    "MGA", "MKD", "MMK", "MNT", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN",
    "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR",
    "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SLE", "SRD", "SSP",
    "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD",
    "UYU", "UZS", "VND", "VUV", "WST", "XAF", "XCD", "XOF", "XPF", "YER", "ZAR", "ZMW",
];

/// Codes that are words too, and so are believed behind an amount only.
const WORDS: &[&str] = &[
    "BAM", "COP", "GEL", "LAK", "MAD", "PEN", "RON", "TRY", "PHP", "BOB", "NAD",
];

/// Currencies without decimals in use (ISO 4217, minor unit 0).
const WHOLE: &[&str] = &[
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
    "XAF", "XOF", "XPF",
];

/// Symbols, the longer of two that begin alike first.
const SYMBOLS: &[(&str, &str)] = &[
    ("US$", "USD"),
    ("HK$", "HKD"),
    ("NZ$", "NZD"),
    ("AU$", "AUD"),
    ("CA$", "CAD"),
    ("MX$", "MXN"),
    ("NT$", "TWD"),
    ("A$", "AUD"),
    ("C$", "CAD"),
    ("S$", "SGD"),
    ("R$", "BRL"),
    ("$", "$"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("¥", "¥"),
    ("￥", "¥"),
    ("₹", "INR"),
    ("₽", "RUB"),
    ("₺", "TRY"),
    ("₴", "UAH"),
    ("₩", "KRW"),
    ("₪", "ILS"),
    ("₫", "VND"),
    ("₦", "NGN"),
    ("₱", "PHP"),
    ("฿", "THB"),
    ("₸", "KZT"),
    ("₾", "GEL"),
    ("元", "CNY"),
    ("円", "JPY"),
    ("원", "KRW"),
];

/// The symbol a text begins with: how long it is, and its currency where that is clear.
pub(super) fn symbol(text: &str, region: Option<&str>) -> Option<(usize, &'static str)> {
    let (symbol, code) = SYMBOLS
        .iter()
        .find(|(symbol, _)| text.starts_with(symbol))?;
    Some((symbol.len(), by_region(code, region)?))
}

/// The symbol a text ends with.
pub(super) fn symbol_back(text: &str, region: Option<&str>) -> Option<(usize, &'static str)> {
    let (symbol, code) = SYMBOLS.iter().find(|(symbol, _)| text.ends_with(symbol))?;
    Some((symbol.len(), by_region(code, region)?))
}

/// A code or a name before an amount.
pub(super) fn leading(word: &str) -> Option<&'static str> {
    let code = code(word)?;
    (!WORDS.contains(&code)).then_some(code)
}

/// A code or a name behind an amount.
pub(super) fn trailing(word: &str, region: Option<&str>) -> Option<&'static str> {
    code(word).or_else(|| name(Word::fold(word).as_str(), region))
}

/// Codes in capitals; the commonest also in small letters.
fn code(word: &str) -> Option<&'static str> {
    if word.len() != 3 || !word.is_ascii() {
        return None;
    }
    let upper = word.to_ascii_uppercase();
    let common = matches!(
        &*upper,
        "EUR" | "USD" | "GBP" | "CHF" | "PLN" | "RUB" | "INR" | "UAH" | "CZK" | "HUF" | "BRL"
    );
    if upper != word && !common {
        return None;
    }
    let place = CODES.binary_search(&&*upper).ok()?;
    CODES.get(place).copied()
}

/// Names of currencies, folded, in the languages of the tables of days.
fn name(word: &str, region: Option<&str>) -> Option<&'static str> {
    Some(match word {
        "euro" | "euros" | "eur" | "евро" | "ευρω" => "EUR",
        "dollar" | "dollars" | "dolar" | "dolares" | "dollari" | "dolary" | "dolarow" | "bucks"
        | "доллар" | "доллара" | "долларов" => by_region("$", region)?,
        // A weight elsewhere.
        "pound" | "pounds" | "quid" if region == Some("GB") => "GBP",
        "franken" | "sfr" | "fr" if word != "fr" || region == Some("CH") => "CHF",
        "zl" | "zloty" | "zlote" | "zlotych" => "PLN",
        "руб" | "рубль" | "рубля" | "рублей" => "RUB",
        "грн" | "гривна" | "гривны" | "гривен" | "гривень" => "UAH",
        "тенге" => "KZT",
        "kc" | "korun" | "koruny" => "CZK",
        "ft" | "forint" if word != "ft" || region == Some("HU") => "HUF",
        "lei" | "leu" => "RON",
        "лв" | "лева" => "BGN",
        "reais" | "real" if word != "real" || region == Some("BR") => "BRL",
        "rupees" => match region {
            Some("PK") => "PKR",
            Some("LK") => "LKR",
            Some("NP") => "NPR",
            _ => "INR",
        },
        "yen" => "JPY",
        "yuan" | "rmb" => "CNY",
        "kronor" => "SEK",
        "kr" | "kroner" | "kronen" | "krone" => match region {
            Some("SE") => "SEK",
            Some("NO") => "NOK",
            Some("DK") => "DKK",
            Some("IS") => "ISK",
            _ => return None,
        },
        "pesos" => match region {
            Some("MX") => "MXN",
            Some("AR") => "ARS",
            Some("CL") => "CLP",
            Some("CO") => "COP",
            Some("UY") => "UYU",
            Some("PH") => "PHP",
            Some("DO") => "DOP",
            _ => return None,
        },
        _ => return None,
    })
}

/// What a symbol of several currencies means where.
fn by_region(code: &'static str, region: Option<&str>) -> Option<&'static str> {
    Some(match (code, region.unwrap_or_default()) {
        ("$", "CA") => "CAD",
        ("$", "AU") => "AUD",
        ("$", "NZ") => "NZD",
        ("$", "SG") => "SGD",
        ("$", "HK") => "HKD",
        ("$", "TW") => "TWD",
        ("$", "MX") => "MXN",
        ("$", "AR") => "ARS",
        ("$", "CL") => "CLP",
        ("$", "CO") => "COP",
        ("$", "UY") => "UYU",
        ("$", _) => "USD",
        ("¥", "CN") => "CNY",
        ("¥", _) => "JPY",
        (code, _) => code,
    })
}

/// `12.50 EUR`: hundredths of a currency in one form.
pub(super) fn normal(hundredths: u64, code: &str) -> String {
    let (units, rest) = (hundredths / 100, hundredths % 100);
    if rest == 0 && WHOLE.contains(&code) {
        format!("{units} {code}")
    } else {
        format!("{units}.{rest:02} {code}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_for_the_search() {
        assert!(CODES.is_sorted());
        assert!(WHOLE.iter().all(|code| CODES.contains(code)));
    }

    #[test]
    fn one_form() {
        assert_eq!(normal(1250, "EUR"), "12.50 EUR");
        assert_eq!(normal(100_000, "JPY"), "1000 JPY");
        assert_eq!(normal(5, "USD"), "0.05 USD");
    }
}
