//! What the pages say, by language: the contact's, else what its browser asks for, else English.

use axum::http::{HeaderMap, header};

pub(super) struct Words {
    /// BCP 47, for the page itself.
    pub(super) language: &'static str,
    pub(super) title: &'static str,
    pub(super) leave_campaign_why: &'static str,
    pub(super) leave_campaign: &'static str,
    pub(super) lists: &'static str,
    pub(super) save: &'static str,
    /// Beside a way to leave less.
    pub(super) leave_everything_why: &'static str,
    /// By itself.
    pub(super) leave_all_why: &'static str,
    pub(super) leave_everything: &'static str,
    pub(super) stopped: &'static str,
    pub(super) again: &'static str,
    pub(super) saved: &'static str,
    pub(super) back: &'static str,
    pub(super) left_campaign: &'static str,
    pub(super) left_everything: &'static str,
    pub(super) came_back: &'static str,
    pub(super) chosen: &'static str,
    pub(super) confirm_title: &'static str,
    /// With `{list}`.
    pub(super) confirm_list: &'static str,
    pub(super) confirm_any: &'static str,
    pub(super) confirm: &'static str,
    pub(super) thanks: &'static str,
    /// With `{list}`.
    pub(super) confirmed: &'static str,
    pub(super) no_link: &'static str,
    pub(super) no_link_why: &'static str,
    pub(super) later: &'static str,
    pub(super) later_why: &'static str,
    pub(super) unclear: &'static str,
    pub(super) unclear_why: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    title: "Your subscriptions",
    leave_campaign_why: "Do you want no more messages like the one you came from?",
    leave_campaign: "Unsubscribe",
    lists: "Or choose what you want to receive",
    save: "Save",
    leave_everything_why: "Or do you want none of the messages that we send to many people?",
    leave_all_why: "Do you want none of the messages that we send to many people any more?",
    leave_everything: "Unsubscribe from everything",
    stopped: "You have unsubscribed: we send you none of the messages that go to many people.",
    again: "Subscribe again",
    saved: "Done",
    back: "Back to your subscriptions",
    left_campaign: "You are unsubscribed from messages like this one. It can take a few minutes until the last one is stopped.",
    left_everything: "You are unsubscribed from everything. It can take a few minutes until the last message is stopped.",
    came_back: "You are subscribed again.",
    chosen: "Your choice is saved.",
    confirm_title: "Confirm your subscription",
    confirm_list: "Do you want to receive messages of “{list}”?",
    confirm_any: "Do you want to receive these messages?",
    confirm: "Yes, subscribe",
    thanks: "Thank you",
    confirmed: "You are subscribed to “{list}”.",
    no_link: "This link does not work",
    no_link_why: "Perhaps it was not copied as a whole. Open it from the message it came with.",
    later: "Please try again",
    later_why: "This could not be saved just now. Nothing was changed; try again in a minute.",
    unclear: "Nothing was changed",
    unclear_why: "Open the link from the message again and use the buttons of the page.",
};

const GERMAN: Words = Words {
    language: "de",
    title: "Ihre Abonnements",
    leave_campaign_why: "Möchten Sie keine Nachrichten wie die mehr, von der Sie kommen?",
    leave_campaign: "Abmelden",
    lists: "Oder wählen Sie, was Sie erhalten möchten",
    save: "Speichern",
    leave_everything_why: "Oder möchten Sie gar keine der Nachrichten, die wir an viele senden?",
    leave_all_why: "Möchten Sie keine der Nachrichten mehr, die wir an viele senden?",
    leave_everything: "Von allem abmelden",
    stopped: "Sie haben sich abgemeldet: Wir senden Ihnen keine Nachrichten, die an viele gehen.",
    again: "Wieder anmelden",
    saved: "Erledigt",
    back: "Zurück zu Ihren Abonnements",
    left_campaign: "Sie sind von Nachrichten wie dieser abgemeldet. Es kann ein paar Minuten dauern, bis die letzte aufgehalten ist.",
    left_everything: "Sie sind von allem abgemeldet. Es kann ein paar Minuten dauern, bis die letzte Nachricht aufgehalten ist.",
    came_back: "Sie sind wieder angemeldet.",
    chosen: "Ihre Wahl ist gespeichert.",
    confirm_title: "Anmeldung bestätigen",
    confirm_list: "Möchten Sie Nachrichten von „{list}“ erhalten?",
    confirm_any: "Möchten Sie diese Nachrichten erhalten?",
    confirm: "Ja, anmelden",
    thanks: "Danke",
    confirmed: "Sie sind für „{list}“ angemeldet.",
    no_link: "Dieser Link funktioniert nicht",
    no_link_why: "Vielleicht wurde er nicht ganz kopiert. Öffnen Sie ihn aus der Nachricht, mit der er kam.",
    later: "Bitte noch einmal versuchen",
    later_why: "Das konnte gerade nicht gespeichert werden. Es wurde nichts geändert; versuchen Sie es in einer Minute wieder.",
    unclear: "Es wurde nichts geändert",
    unclear_why: "Öffnen Sie den Link aus der Nachricht noch einmal und benutzen Sie die Knöpfe der Seite.",
};

const FRENCH: Words = Words {
    language: "fr",
    title: "Vos abonnements",
    leave_campaign_why: "Ne voulez-vous plus de messages comme celui dont vous venez ?",
    leave_campaign: "Se désabonner",
    lists: "Ou choisissez ce que vous voulez recevoir",
    save: "Enregistrer",
    leave_everything_why: "Ou ne voulez-vous aucun des messages que nous envoyons à plusieurs personnes ?",
    leave_all_why: "Ne voulez-vous plus aucun des messages que nous envoyons à plusieurs personnes ?",
    leave_everything: "Se désabonner de tout",
    stopped: "Vous êtes désabonné : nous ne vous envoyons aucun message destiné à plusieurs personnes.",
    again: "Se réabonner",
    saved: "C’est fait",
    back: "Retour à vos abonnements",
    left_campaign: "Vous êtes désabonné des messages comme celui-ci. Cela peut prendre quelques minutes.",
    left_everything: "Vous êtes désabonné de tout. Cela peut prendre quelques minutes.",
    came_back: "Vous êtes de nouveau abonné.",
    chosen: "Votre choix est enregistré.",
    confirm_title: "Confirmez votre abonnement",
    confirm_list: "Voulez-vous recevoir les messages de « {list} » ?",
    confirm_any: "Voulez-vous recevoir ces messages ?",
    confirm: "Oui, m’abonner",
    thanks: "Merci",
    confirmed: "Vous êtes abonné à « {list} ».",
    no_link: "Ce lien ne fonctionne pas",
    no_link_why: "Il n’a peut-être pas été copié en entier. Ouvrez-le depuis le message qui le contient.",
    later: "Veuillez réessayer",
    later_why: "L’enregistrement n’a pas été possible. Rien n’a changé ; réessayez dans une minute.",
    unclear: "Rien n’a changé",
    unclear_why: "Ouvrez de nouveau le lien du message et utilisez les boutons de la page.",
};

const SPANISH: Words = Words {
    language: "es",
    title: "Sus suscripciones",
    leave_campaign_why: "¿No quiere más mensajes como el que le trajo aquí?",
    leave_campaign: "Darse de baja",
    lists: "O elija lo que quiere recibir",
    save: "Guardar",
    leave_everything_why: "¿O no quiere ninguno de los mensajes que enviamos a muchas personas?",
    leave_all_why: "¿Ya no quiere ninguno de los mensajes que enviamos a muchas personas?",
    leave_everything: "Darse de baja de todo",
    stopped: "Se ha dado de baja: no le enviamos ningún mensaje dirigido a muchas personas.",
    again: "Suscribirse de nuevo",
    saved: "Hecho",
    back: "Volver a sus suscripciones",
    left_campaign: "Se ha dado de baja de mensajes como este. Puede tardar unos minutos.",
    left_everything: "Se ha dado de baja de todo. Puede tardar unos minutos.",
    came_back: "Está suscrito de nuevo.",
    chosen: "Su elección está guardada.",
    confirm_title: "Confirme su suscripción",
    confirm_list: "¿Quiere recibir los mensajes de «{list}»?",
    confirm_any: "¿Quiere recibir estos mensajes?",
    confirm: "Sí, suscribirme",
    thanks: "Gracias",
    confirmed: "Está suscrito a «{list}».",
    no_link: "Este enlace no funciona",
    no_link_why: "Quizá no se copió entero. Ábralo desde el mensaje en el que llegó.",
    later: "Inténtelo de nuevo",
    later_why: "No se pudo guardar ahora. No se ha cambiado nada; inténtelo dentro de un minuto.",
    unclear: "No se ha cambiado nada",
    unclear_why: "Abra de nuevo el enlace del mensaje y use los botones de la página.",
};

const ALL: [&Words; 4] = [&ENGLISH, &GERMAN, &FRENCH, &SPANISH];

/// Languages of a browser that are looked at.
const MOST: usize = 32;

impl Words {
    /// The words of a language (BCP 47), or of the one the browser likes best and there are words of.
    pub(super) fn asked(language: Option<&str>, headers: &HeaderMap) -> &'static Self {
        let accepted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let mut liked: Vec<(u16, &str)> =
            accepted.split(',').take(MOST).filter_map(liked).collect();
        // Stable: what is liked as much stays in its order.
        liked.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
        let liked = liked.into_iter().map(|(_, tag)| tag);
        language
            .into_iter()
            .chain(liked)
            .find_map(of)
            .unwrap_or(&ENGLISH)
    }
}

/// A language of `Accept-Language` and how much it is liked, in thousandths (RFC 9110, 12.4.2); none when it is not wanted.
fn liked(range: &str) -> Option<(u16, &str)> {
    let (tag, parameter) = range.split_once(';').unwrap_or((range, "q=1"));
    let quality = parameter.trim().strip_prefix(['q', 'Q'])?;
    let quality = quality.trim_start().strip_prefix('=')?.trim();
    let quality: f32 = quality.parse().ok().filter(|q| (0.0..=1.0).contains(q))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to 1000"
    )]
    let quality = (quality * 1000.0).round() as u16;
    (quality > 0).then_some((quality, tag))
}

fn of(tag: &str) -> Option<&'static Words> {
    let primary = tag.trim().split(['-', '_', ';']).next()?;
    ALL.into_iter()
        .find(|words| words.language.eq_ignore_ascii_case(primary))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_contacts_language_comes_first() {
        let headers = |value: &'static str| {
            HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(value))])
        };
        for (language, accepted, words) in [
            (None, "", "en"),
            (Some("de-AT"), "fr", "de"),
            (Some("ja"), "fr-CA;q=0.8, en;q=0.7", "fr"),
            (Some("ja"), "fr-CA;q=0.8, en", "en"),
            (None, "ja, es;q=0.5", "es"),
            (None, "en;q=0.1, de-CH ; q=0.9, fr;q=0.5", "de"),
            (None, "de;q=0, fr;q=x, es", "es"),
            (Some(""), "*", "en"),
        ] {
            let found = Words::asked(language, &headers(accepted));
            assert_eq!(found.language, words, "{language:?} {accepted}");
        }
    }

    #[test]
    fn lists_are_named_in_every_language() {
        for words in ALL {
            assert!(words.confirm_list.contains("{list}") && words.confirmed.contains("{list}"));
        }
    }
}
