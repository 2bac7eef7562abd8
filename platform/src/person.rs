//! Somebody to play with: an id in each platform's own form.

use schemas::ChannelKind;

use crate::Person;

impl Person {
    /// Somebody invented, of this kind of channel.
    #[must_use]
    pub fn of(kind: ChannelKind) -> Self {
        let id = match kind {
            ChannelKind::Telegram => "700100200",
            ChannelKind::WhatsApp | ChannelKind::Vonage | ChannelKind::MessageBird => {
                "4915550001122"
            }
            ChannelKind::Slack => "U0PERSON01",
            ChannelKind::Discord => "300400500600700800",
            ChannelKind::Email | ChannelKind::Gmail => "mira@example.org",
            ChannelKind::Twilio => "+15550100300",
            ChannelKind::Messenger => "24001002003004005",
            ChannelKind::Instagram => "17001002003004005",
            ChannelKind::Line => "U0123456789abcdef0123456789abcdef",
            ChannelKind::Viber => "bWlyYSBva2Fmb3IgcGxheXM=",
            ChannelKind::Webchat | ChannelKind::Generic | ChannelKind::Sandbox => "mira",
        };
        Self {
            id: id.into(),
            name: "Mira Okafor".into(),
        }
    }
}
