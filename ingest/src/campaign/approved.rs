//! Which channels of a campaign send words and which an approved message, before it starts. Pure.
//!
//! WhatsApp takes text only from those who wrote within the last 24 hours
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages#customer-service-windows>),
//! so a campaign without an approved message would fail for almost everybody there: it does not start, unless it says that
//! it is meant so (`free_text`).
//!
//! Invariant: what is left in the wordings is what some channel sends. A name that only unsent words read is no name that
//! a contact must have a value for.

use schemas::{
    ChannelKind,
    campaign::{PlannedChannel, Wording},
};

use super::start::NotReady;

/// Says what the channels lack, and takes away what none of them sends. With `free_text` WhatsApp needs no approved message.
pub(super) fn sort(
    free_text: bool,
    channels: &[PlannedChannel],
    wordings: &mut Vec<Wording>,
    missing: &mut Vec<NotReady>,
) {
    // What is missing already is said elsewhere.
    if channels.is_empty() || wordings.is_empty() {
        return;
    }
    let has_words = wordings.iter().any(Wording::has_words);
    let approved = |kind: ChannelKind| {
        let templates = wordings.iter().filter_map(|w| w.platform.as_ref());
        let (fit, other): (Vec<_>, Vec<_>) = templates.partition(|template| template.fits(kind));
        (!fit.is_empty(), other)
    };
    let (mut words_sent, mut approved_sent) = (false, false);
    for channel in channels {
        let (fits, others) = approved(channel.kind);
        if fits {
            approved_sent = true;
            for other in others {
                let reason = format!(
                    "“{}” cannot be sent by channel {} of type {}, as it is to be for some languages. Name approved templates \
                     of one platform.",
                    other.name, channel.id, channel.kind
                );
                missing.push(NotReady::new("platform_template", reason));
            }
            continue;
        }
        if channel.kind == ChannelKind::WhatsApp && !free_text {
            let reason = "WhatsApp takes text only for contacts who wrote within the last 24 hours. Name a template that it has \
                approved (platform_template, here or in the template), choose channels without WhatsApp (channel_ids), or \
                set free_text if it is meant for those alone.";
            missing.push(NotReady::new("platform_template", reason));
        }
        match channel.kind {
            ChannelKind::Sandbox if !has_words => approved_sent = true,
            kind if !has_words => {
                let reason = format!(
                    "Channel {} of type {kind} needs a text: the approved template is not for it. Give content, or a \
                     template with a text.",
                    channel.id
                );
                missing.push(NotReady::new("content", reason));
            }
            _ => words_sent = true,
        }
    }
    for wording in wordings.iter_mut() {
        if !approved_sent {
            wording.platform = None;
        }
        if !words_sent && approved_sent {
            (wording.subject, wording.html) = (None, None);
            wording.text.clear();
        }
    }
    wordings.retain(|wording| {
        wording.language.is_none() || wording.has_words() || wording.platform.is_some()
    });
}

#[cfg(test)]
mod tests {
    use schemas::{ChannelId, PlatformTemplate};
    use uuid::Uuid;

    use super::*;

    fn wording(language: Option<&str>, text: &str, platform: Option<&str>) -> Wording {
        Wording {
            language: language.map(str::to_owned),
            text: text.into(),
            platform: platform.map(|name| PlatformTemplate {
                name: name.into(),
                language: "en".into(),
                ..PlatformTemplate::default()
            }),
            ..Wording::default()
        }
    }

    /// What is left of the wordings, as language, whether there are words, and the approved message; and what is missing.
    fn sorted(
        free_text: bool,
        kinds: &[ChannelKind],
        mut wordings: Vec<Wording>,
    ) -> (Vec<String>, Vec<&'static str>) {
        let channels: Vec<PlannedChannel> = kinds
            .iter()
            .map(|kind| PlannedChannel {
                id: ChannelId(Uuid::nil()),
                kind: *kind,
            })
            .collect();
        let mut missing = Vec::new();
        sort(free_text, &channels, &mut wordings, &mut missing);
        let left = wordings.iter().map(|wording| {
            let language = wording.language.as_deref().unwrap_or("*");
            let platform = wording.platform.as_ref();
            let platform = platform.map_or("-", |platform| &platform.name);
            format!("{language} {} {platform}", wording.text)
        });
        (
            left.collect(),
            missing.iter().map(|missing| missing.field).collect(),
        )
    }

    #[test]
    fn only_what_is_sent_is_left() {
        use ChannelKind::{Email, Sandbox, Twilio, WhatsApp};
        let both = || {
            vec![
                wording(None, "Hello", Some("sale")),
                wording(Some("de"), "", Some("sale")),
                wording(Some("fr"), "Bonjour", None),
            ]
        };
        let left = |kinds: &[ChannelKind]| {
            let (left, missing) = sorted(false, kinds, both());
            assert!(missing.is_empty(), "{missing:?}");
            left
        };
        assert_eq!(left(&[WhatsApp]), ["*  sale", "de  sale"]);
        assert_eq!(left(&[Email]), ["* Hello -", "fr Bonjour -"]);
        assert_eq!(left(&[Twilio, Sandbox]), ["* Hello -", "fr Bonjour -"]);
        assert_eq!(
            left(&[Email, WhatsApp]),
            ["* Hello sale", "de  sale", "fr Bonjour -"]
        );
        let alone = vec![wording(None, "", Some("sale"))];
        assert_eq!(
            sorted(false, &[Sandbox], alone),
            (vec!["*  sale".into()], vec![])
        );
    }

    #[test]
    fn what_a_channel_lacks_is_said() {
        use ChannelKind::{Email, Twilio, WhatsApp};
        let words = || vec![wording(None, "Hello", None)];
        assert_eq!(sorted(false, &[WhatsApp], words()).1, ["platform_template"]);
        assert!(sorted(true, &[WhatsApp], words()).1.is_empty());
        assert!(sorted(false, &[Email], words()).1.is_empty());
        let approved = || vec![wording(None, "", Some("sale"))];
        assert_eq!(sorted(false, &[WhatsApp, Email], approved()).1, ["content"]);
        assert_eq!(sorted(false, &[Twilio], approved()).1, ["content"]);
        let mixed = vec![
            wording(None, "", Some("sale")),
            wording(Some("de"), "", Some("HX0123")),
        ];
        assert_eq!(sorted(false, &[WhatsApp], mixed).1, ["platform_template"]);
    }
}
