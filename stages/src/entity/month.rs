//! Names of months, folded, in the nine languages: the forms that stand beside a day.
//!
//! Deliberately absent: abbreviations that are common words beside a number (`set`, `out`, `ago`, `gen`, `mag`).

/// 1 is January.
pub(super) fn month(word: &str) -> Option<u32> {
    Some(match word {
        "january" | "jan" | "januar" | "janner" | "janvier" | "janv" | "enero" | "ene"
        | "gennaio" | "janeiro" | "januari" | "stycznia" | "января" | "янв" => 1,
        "february" | "feb" | "februar" | "fevrier" | "fevr" | "febrero" | "febbraio"
        | "fevereiro" | "fev" | "februari" | "lutego" | "февраля" | "фев" | "февр" => {
            2
        }
        "march" | "mar" | "marz" | "mrz" | "mars" | "marzo" | "marco" | "maart" | "mrt"
        | "marca" | "марта" | "мар" => 3,
        "april" | "apr" | "avril" | "avr" | "abril" | "abr" | "aprile" | "kwietnia" | "апреля"
        | "апр" => 4,
        "may" | "mai" | "mayo" | "maggio" | "maio" | "mei" | "maja" | "мая" => 5,
        "june" | "jun" | "juni" | "juin" | "junio" | "giugno" | "giu" | "junho" | "czerwca"
        | "июня" | "июн" => 6,
        "july" | "jul" | "juli" | "juillet" | "juil" | "julio" | "luglio" | "julho" | "lipca"
        | "июля" | "июл" => 7,
        "august" | "aug" | "aout" | "agosto" | "augustus" | "sierpnia" | "августа" | "авг" => {
            8
        }
        "september" | "sep" | "sept" | "septembre" | "septiembre" | "setiembre" | "settembre"
        | "setembro" | "wrzesnia" | "сентября" | "сен" | "сент" => 9,
        "october" | "oct" | "oktober" | "okt" | "octobre" | "octubre" | "ottobre" | "ott"
        | "outubro" | "pazdziernika" | "октября" | "окт" => 10,
        "november" | "nov" | "novembre" | "noviembre" | "novembro" | "listopada" | "ноября"
        | "ноя" | "нояб" => 11,
        "december" | "dec" | "dezember" | "dez" | "decembre" | "diciembre" | "dic" | "dicembre"
        | "dezembro" | "grudnia" | "декабря" | "дек" => 12,
        _ => return None,
    })
}

/// English names, which may stand before the day.
pub(super) fn english(word: &str) -> Option<u32> {
    let english = matches!(
        word,
        "january"
            | "jan"
            | "february"
            | "feb"
            | "march"
            | "mar"
            | "april"
            | "apr"
            | "may"
            | "june"
            | "jun"
            | "july"
            | "jul"
            | "august"
            | "aug"
            | "september"
            | "sep"
            | "sept"
            | "october"
            | "oct"
            | "november"
            | "nov"
            | "december"
            | "dec"
    );
    month(word).filter(|_| english)
}
