//! News: what a platform says that is no message, as tracking events.

use schemas::{About, Envelope, MessageId, Timestamp, TrackContext, TrackEvent, TrackKind};

use super::tidy::{MAX_ID_BYTES, MAX_LINE_BYTES};
use crate::text::clean_line;

/// What a platform says about messages we sent or addresses we write to.
pub(crate) struct News {
    pub(crate) kind: TrackKind,
    /// [`About::Sent`] needs `provider_id`; [`About::Message`] is not for updates.
    pub(crate) about: About,
    /// The platform's id of the message we sent.
    pub(crate) provider_id: Option<String>,
    /// The platform's time.
    pub(crate) at: Timestamp,
    /// A code or a reason; never content or addresses.
    pub(crate) detail: Option<String>,
}

impl News {
    /// What became of a message we sent.
    pub(crate) fn receipt(kind: TrackKind, provider_id: impl Into<String>, at: Timestamp) -> Self {
        Self {
            kind,
            about: About::Sent,
            provider_id: Some(provider_id.into()),
            at,
            detail: None,
        }
    }

    /// What an address wants, or can no longer.
    pub(crate) fn address(kind: TrackKind, address: impl Into<String>, at: Timestamp) -> Self {
        Self {
            kind,
            about: About::Address(address.into()),
            provider_id: None,
            at,
            detail: None,
        }
    }

    /// All that was sent in the update's conversation up to `at`.
    pub(crate) fn watermark(kind: TrackKind, at: Timestamp) -> Self {
        Self {
            kind,
            about: About::Conversation,
            provider_id: None,
            at,
            detail: None,
        }
    }

    pub(crate) fn because(self, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }
}

/// The tracking events of an update's news. Their ids come of what they say, so an update that comes twice says it once.
pub(super) fn track(envelope: &Envelope, news: Vec<News>) -> Vec<TrackEvent> {
    news.into_iter()
        .map(|news| {
            let provider_id = news.provider_id.map(|id| clean_line(id, MAX_ID_BYTES));
            let about = match news.about {
                About::Address(address) => About::Address(clean_line(address, MAX_ID_BYTES)),
                other => other,
            };
            // The same update is the same event, however often it comes and whatever time it is taken to have.
            let (message, occurrence) = match (&about, &provider_id) {
                (About::Sent, Some(id)) => {
                    let told = envelope.message.to_string();
                    (MessageId::sent(envelope.channel, id), told)
                }
                (About::Address(address), _) => (envelope.message, address.clone()),
                _ => (envelope.message, String::new()),
            };
            TrackEvent {
                id: TrackEvent::derive_id(message, news.kind, &occurrence),
                tenant: envelope.tenant,
                channel: envelope.channel,
                conversation: envelope.conversation,
                message,
                context: if about == About::Sent || about == About::Conversation {
                    TrackContext::Message
                } else {
                    TrackContext::Inbound
                },
                kind: news.kind,
                at: news.at,
                provider_id,
                detail: news.detail.map(|detail| clean_line(detail, MAX_LINE_BYTES)),
                about,
            }
        })
        .collect()
}
