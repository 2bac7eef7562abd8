//! Words by which people steer what is sent to them by SMS: stop, start, help
//! (<https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out>, CTIA Messaging Principles 5.2.1).
//!
//! Only a message that is such a word and nothing else counts. A message stays a message: what it wants is told beside it
//! in [`News`], and a wish to stop is marked so that no rule answers it. Deliberately absent: sentences ("please stop
//! writing to me") are for the model of intents.

use schemas::{Message, MessageType, TrackKind};

use super::{AUTOMATIC, News};

/// What a word wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Stop,
    Start,
    Help,
}

/// Words that mean nothing else anywhere.
const STOP: [&str; 7] = [
    "stop",
    "stopp",
    "stopall",
    "stop all",
    "unsubscribe",
    "optout",
    "opt out",
];
/// Words that mean it in an SMS alone: elsewhere one may answer a question with them.
const SMS_STOP: [&str; 29] = [
    "cancel",
    "end",
    "quit",
    "revoke",
    "opt-out",
    // German
    "abmelden",
    "abbestellen",
    "austragen",
    // French
    "arret",
    "arrêt",
    "arreter",
    "arrêter",
    "desabonner",
    "désabonner",
    "desinscrire",
    "désinscrire",
    // Spanish
    "baja",
    "alto",
    "parar",
    "cancelar",
    // Portuguese
    "sair",
    "pare",
    "remover",
    // Italian
    "ferma",
    "fermare",
    "cancella",
    "disiscrivi",
    // Dutch
    "afmelden",
    "uitschrijven",
];
const START: [&str; 6] = ["start", "unstop", "optin", "opt in", "alta", "iniciar"];
const HELP: [&str; 8] = [
    "help", "info", "hilfe", "aide", "ayuda", "ajuda", "aiuto", "hulp",
];

/// The keyword that a text is; `sms` where the words of SMS hold.
pub(super) fn of(text: &str, sms: bool) -> Option<Keyword> {
    let word = text.trim_matches(|c: char| !c.is_alphanumeric());
    if word.is_empty() || word.len() > 24 {
        return None;
    }
    let word = word.to_lowercase();
    let word = word.as_str();
    if STOP.contains(&word) || sms && SMS_STOP.contains(&word) {
        Some(Keyword::Stop)
    } else if START.contains(&word) {
        Some(Keyword::Start)
    } else if HELP.contains(&word) {
        Some(Keyword::Help)
    } else {
        None
    }
}

/// Notes what a message wants and says it; `told` is what the platform itself made of it.
pub(super) fn note(message: &mut Message, told: Option<Keyword>, sms: bool) -> Vec<News> {
    let plain = message.message_type == MessageType::Text && message.content.attachments.is_empty();
    let own = || of(&message.content.text, sms).filter(|_| plain);
    let Some(keyword) = told.or_else(own) else {
        return Vec::new();
    };
    let (name, kind) = match keyword {
        Keyword::Stop => ("stop", Some(TrackKind::Unsubscribed)),
        Keyword::Start => ("start", Some(TrackKind::Resubscribed)),
        Keyword::Help => ("help", None),
    };
    message.metadata.insert("keyword".into(), name.into());
    if keyword == Keyword::Stop {
        message.metadata.insert(AUTOMATIC.into(), "opt-out".into());
    }
    kind.map(|kind| News::address(kind, message.sender.id.clone(), message.created_at))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_only_alone() {
        for (text, sms, keyword) in [
            ("STOP", true, Some(Keyword::Stop)),
            (" Stop! ", true, Some(Keyword::Stop)),
            ("\u{ab}arrêt\u{bb}.", true, Some(Keyword::Stop)),
            ("Baja", true, Some(Keyword::Stop)),
            ("QUIT", true, Some(Keyword::Stop)),
            ("Cancel", false, None),
            ("STOP", false, Some(Keyword::Stop)),
            ("Unstop", true, Some(Keyword::Start)),
            ("Hilfe?", true, Some(Keyword::Help)),
            ("YES", true, None),
            ("Please stop", true, None),
            ("stop it", true, None),
            ("stopping", true, None),
            ("", true, None),
            ("!!!", true, None),
        ] {
            assert_eq!(of(text, sms), keyword, "{text}");
        }
    }
}
