//! The line with which every mail lets its reader go.

use crate::page::PREFERENCES;

/// "Unsubscribe", by primary language.
const WORDS: [(&str, &str); 16] = [
    ("ar", "إلغاء الاشتراك"),
    ("cs", "Odhlásit odběr"),
    ("da", "Afmeld"),
    ("de", "Abmelden"),
    ("es", "Darse de baja"),
    ("fi", "Peruuta tilaus"),
    ("fr", "Se désabonner"),
    ("hi", "सदस्यता समाप्त करें"),
    ("it", "Annulla l’iscrizione"),
    ("ja", "配信停止"),
    ("nl", "Uitschrijven"),
    ("pl", "Wypisz się"),
    ("pt", "Cancelar inscrição"),
    ("ru", "Отписаться"),
    ("sv", "Avsluta prenumerationen"),
    ("uk", "Відписатися"),
];

fn word(language: Option<&str>) -> &'static str {
    let primary = language
        .and_then(|language| language.split(['-', '_']).next())
        .unwrap_or_default();
    WORDS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(primary))
        .map_or("Unsubscribe", |(_, word)| *word)
}

pub(super) fn html(language: Option<&str>) -> String {
    format!(
        "<p style=\"margin:24px 0 0;font-size:12px;color:#666666;text-align:center\"><a href=\"{PREFERENCES}\" style=\"color:#666666\">{}</a></p>",
        word(language)
    )
}

pub(crate) fn plain(language: Option<&str>) -> String {
    format!("\n\n-- \n{}: {PREFERENCES}\n", word(language))
}
