//! Words for weekdays, for spans of days and for their direction, folded, in nine languages.

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Day,
    Week,
    Month,
}

// Languages as bits: a unit goes only with prepositions of its own language.
const EN: u16 = 1;
const DE: u16 = 2;
pub(super) const FR: u16 = 4;
const ES: u16 = 8;
const IT: u16 = 16;
const PT: u16 = 32;
const NL: u16 = 64;
const PL: u16 = 128;
const RU: u16 = 256;

/// What a word counts, and in which languages.
pub(super) fn unit(word: &str) -> Option<(Unit, u16)> {
    Some(match word {
        "day" | "days" => (Unit::Day, EN),
        "tag" | "tage" | "tagen" => (Unit::Day, DE),
        "jour" | "jours" => (Unit::Day, FR),
        "dia" | "dias" => (Unit::Day, ES | PT),
        "giorno" | "giorni" => (Unit::Day, IT),
        "dag" | "dagen" => (Unit::Day, NL),
        "dzien" | "dni" => (Unit::Day, PL),
        "день" | "дня" | "дней" => (Unit::Day, RU),
        "week" | "weeks" => (Unit::Week, EN | NL),
        "woche" | "wochen" => (Unit::Week, DE),
        "semaine" | "semaines" => (Unit::Week, FR),
        "semana" | "semanas" => (Unit::Week, ES | PT),
        "settimana" | "settimane" => (Unit::Week, IT),
        "weken" => (Unit::Week, NL),
        "tydzien" | "tygodnie" | "tygodni" => (Unit::Week, PL),
        "неделю" | "недели" | "недель" => (Unit::Week, RU),
        "month" | "months" => (Unit::Month, EN),
        "monat" | "monate" | "monaten" => (Unit::Month, DE),
        "mois" => (Unit::Month, FR),
        "mes" | "meses" => (Unit::Month, ES | PT),
        "mese" | "mesi" => (Unit::Month, IT),
        "maand" | "maanden" => (Unit::Month, NL),
        "miesiac" | "miesiace" | "miesiecy" => (Unit::Month, PL),
        "месяц" | "месяца" | "месяцев" => (Unit::Month, RU),
        _ => return None,
    })
}

/// Languages in which a word before a span sets it ahead.
pub(super) fn future_before(word: &str) -> u16 {
    match word {
        "in" => EN | DE,
        "dans" => FR,
        "en" | "de" => ES,
        "tra" | "fra" => IT,
        "em" => PT,
        "over" => NL,
        "za" => PL,
        "через" => RU,
        _ => 0,
    }
}

/// Languages in which a word before a span sets it back.
pub(super) fn past_before(word: &str) -> u16 {
    match word {
        "vor" => DE,
        "hace" => ES,
        "ha" => PT,
        _ => 0,
    }
}

/// Languages in which a word behind a span sets it back.
pub(super) fn past_behind(word: &str) -> u16 {
    match word {
        "ago" => EN,
        "fa" => IT,
        "atras" => ES | PT,
        "geleden" => NL,
        "temu" => PL,
        "назад" => RU,
        _ => 0,
    }
}

/// 0 is Monday.
pub(super) fn weekday(word: &str) -> Option<i64> {
    Some(match word {
        "monday"
        | "montag"
        | "lundi"
        | "lunes"
        | "lunedi"
        | "segunda"
        | "maandag"
        | "poniedzialek"
        | "понедельник" => 0,
        "tuesday" | "dienstag" | "mardi" | "martes" | "martedi" | "terca" | "dinsdag"
        | "wtorek" | "вторник" => 1,
        "wednesday" | "mittwoch" | "mercredi" | "miercoles" | "mercoledi" | "quarta"
        | "woensdag" | "sroda" | "srode" | "среда" | "среду" => 2,
        "thursday" | "donnerstag" | "jeudi" | "jueves" | "giovedi" | "quinta" | "donderdag"
        | "czwartek" | "четверг" => 3,
        "friday" | "freitag" | "vendredi" | "viernes" | "venerdi" | "sexta" | "vrijdag"
        | "piatek" | "пятница" | "пятницу" => 4,
        "saturday" | "samstag" | "sonnabend" | "samedi" | "sabado" | "sabato" | "zaterdag"
        | "sobota" | "sobote" | "суббота" | "субботу" => 5,
        "sunday"
        | "sonntag"
        | "dimanche"
        | "domingo"
        | "domenica"
        | "zondag"
        | "niedziela"
        | "niedziele"
        | "воскресенье" => 6,
        _ => return None,
    })
}

/// Whether a word before a weekday sets it ahead or back.
pub(super) fn direction_before(word: &str) -> Option<bool> {
    Some(match word {
        "next" | "coming" | "this" | "nachsten" | "nachster" | "nachste" | "nachstem"
        | "kommenden" | "kommender" | "diesen" | "proximo" | "proxima" | "prossimo"
        | "prossima" | "volgende" | "aanstaande" | "komende" | "przyszly" | "przyszla"
        | "nastepny" | "nastepna" | "najblizszy" | "najblizsza" | "следующий" | "следующую"
        | "следующее" | "ближайший" | "ближайшую" | "ближайшее" => {
            true
        }
        "last" | "letzten" | "letzter" | "vergangenen" | "vorige" | "afgelopen" | "zeszly"
        | "zeszla" | "ubiegly" | "ubiegla" | "прошлый" | "прошлую" | "прошлое" => {
            false
        }
        _ => return None,
    })
}

/// Whether a word behind a weekday sets it ahead or back.
pub(super) fn direction_behind(word: &str) -> Option<bool> {
    Some(match word {
        "prochain" | "prochaine" | "proximo" | "proxima" | "prossimo" | "prossima" => true,
        "dernier" | "derniere" | "pasado" | "pasada" | "passado" | "passada" | "scorso"
        | "scorsa" => false,
        _ => return None,
    })
}
