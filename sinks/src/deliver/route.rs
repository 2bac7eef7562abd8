//! A channel as the deliverer sees it, made from what is stored about it.

use std::sync::Arc;

use schemas::{ChannelId, ChannelKind, ChannelStatus, TenantId};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::{Store, channel::ChannelRow};

use super::{
    chat::Chats,
    limit::ChatLimits,
    rate::{Gate, Limit},
};
use crate::channel::{Account, Misconfigured, Sender, Settings, build};

/// Calls side by side, for senders that take one message a call.
const DEFAULT_CONCURRENCY: usize = 16;
const MAX_CONCURRENCY: usize = 256;

/// What is done with a message that may have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// Send again: the other side knows the message id.
    Resend,
    /// Keep it as `unknown` until a person decides.
    Hold,
}

/// How a channel's messages leave.
pub struct Route {
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub kind: ChannelKind,
    /// Whom messages leave by, as limits name it: the host of the relay, or the kind.
    pub provider: String,
    pub status: ChannelStatus,
    pub on_unknown: OnUnknown,
    pub concurrency: usize,
    /// Of a campaign's calls, those to one domain of e-mail addresses.
    pub domain_concurrency: usize,
    pub gate: Arc<Gate>,
    pub(super) chats: Arc<Chats>,
    pub sender: Result<Arc<dyn Sender>, Misconfigured>,
    fingerprint: [u8; 32],
}

impl Route {
    /// Makes the route anew, or keeps the earlier one's connections and rate where they still fit.
    pub(super) fn make(
        row: &ChannelRow,
        credentials: Option<&Value>,
        settings: &Settings,
        store: &Store,
        earlier: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        let fingerprint = fingerprint(row, credentials);
        if let Some(earlier) = earlier
            && earlier.fingerprint == fingerprint
            && earlier.status == row.status
        {
            return Arc::clone(earlier);
        }
        let account = Account {
            tenant: row.tenant_id,
            channel: row.id,
            kind: row.kind,
            config: &row.config,
            credentials,
        };
        let limit = Limit::of(row.kind, &row.config);
        let chats = ChatLimits::read(row.kind, &row.config);
        let sender = limit
            .clone()
            .and(chats.clone())
            .and_then(|_| build(&account, settings, store))
            .inspect_err(|problem| {
                tracing::warn!(channel = %row.id, %problem, "the channel cannot send");
            });
        let limit = limit.unwrap_or(None);
        let gate = earlier
            .filter(|earlier| earlier.gate.limit() == limit)
            .map_or_else(
                || Arc::new(Gate::new(limit)),
                |earlier| Arc::clone(&earlier.gate),
            );
        let chats = chats.unwrap_or(ChatLimits::none(row.kind));
        let chats = earlier
            .filter(|earlier| earlier.chats.limits() == chats)
            .map_or_else(
                || Arc::new(Chats::new(chats)),
                |earlier| Arc::clone(&earlier.chats),
            );
        let concurrency = concurrency(&row.config);
        Arc::new(Self {
            tenant: row.tenant_id,
            channel: row.id,
            kind: row.kind,
            provider: provider(row.kind, credentials),
            status: row.status,
            on_unknown: on_unknown(
                &row.config,
                sender.as_ref().is_ok_and(|s| s.is_idempotent()),
            ),
            domain_concurrency: domain_concurrency(&row.config, concurrency),
            concurrency,
            gate,
            chats,
            sender,
            fingerprint,
        })
    }

    /// How many messages are claimed and sent at once: so few that a crash leaves few of them
    /// doubtful, and no more than half a second's worth of the channel's rate.
    #[must_use]
    pub fn wave(&self, sender: &dyn Sender) -> usize {
        let most = match self.on_unknown {
            OnUnknown::Resend => 256,
            OnUnknown::Hold => self.concurrency.saturating_mul(4).max(sender.batch_size()),
        };
        most.min(self.worth(0.5))
    }

    /// How many messages are taken at once: about two seconds' worth of the channel's rate, so that a
    /// planned stop does not wait for long.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.worth(2.0)
    }

    /// What may leave in so many seconds, at least one.
    fn worth(&self, seconds: f64) -> usize {
        let Some(limit) = self.gate.limit() else {
            return usize::MAX;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "above zero, and at most some millions"
        )]
        let worth = (limit.per_second * seconds) as usize;
        worth.max(1)
    }
}

fn provider(kind: ChannelKind, credentials: Option<&Value>) -> String {
    let relay = credentials
        .filter(|_| kind == ChannelKind::Email)
        .and_then(|credentials| credentials.pointer("/smtp/host")?.as_str())
        .and_then(schemas::campaign::provider);
    relay.unwrap_or_else(|| kind.name().to_owned())
}

fn on_unknown(config: &Value, idempotent: bool) -> OnUnknown {
    let setting = config
        .get("settings")
        .and_then(|settings| settings.get("on_unknown"))
        .and_then(Value::as_str);
    match setting {
        Some("resend") => OnUnknown::Resend,
        Some("hold") => OnUnknown::Hold,
        // Anything else is no wish; silence must not resend what cannot be told apart.
        _ if idempotent => OnUnknown::Resend,
        _ => OnUnknown::Hold,
    }
}

fn concurrency(config: &Value) -> usize {
    number(config, "concurrency")
        .unwrap_or(DEFAULT_CONCURRENCY)
        .clamp(1, MAX_CONCURRENCY)
}

/// Without the setting three quarters: one slow domain leaves some to the others.
fn domain_concurrency(config: &Value, concurrency: usize) -> usize {
    number(config, "concurrency_per_domain")
        .unwrap_or(concurrency - concurrency / 4)
        .clamp(1, concurrency)
}

fn number(config: &Value, setting: &str) -> Option<usize> {
    let number = config.get("settings")?.get(setting)?.as_u64()?;
    usize::try_from(number).ok()
}

/// Tells whether anything that sending needs has changed, without keeping the secrets.
fn fingerprint(row: &ChannelRow, credentials: Option<&Value>) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(row.kind.name());
    for part in [Some(&row.config), credentials] {
        let text = part.map(Value::to_string).unwrap_or_default();
        digest.update(text.len().to_le_bytes());
        digest.update(text);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn without_a_word_only_idempotent_senders_resend() {
        assert_eq!(on_unknown(&json!({}), true), OnUnknown::Resend);
        assert_eq!(on_unknown(&json!({}), false), OnUnknown::Hold);
        let of = |word| json!({"settings": {"on_unknown": word}});
        assert_eq!(on_unknown(&of("resend"), false), OnUnknown::Resend);
        assert_eq!(on_unknown(&of("hold"), true), OnUnknown::Hold);
        assert_eq!(on_unknown(&of("maybe"), false), OnUnknown::Hold);
    }

    #[test]
    fn mail_leaves_by_a_relay_and_the_rest_by_its_platform() {
        let relay = json!({"smtp": {"host": "SMTP.Example.org"}});
        let of = |kind, credentials: Option<&Value>| provider(kind, credentials);
        assert_eq!(of(ChannelKind::Email, Some(&relay)), "smtp.example.org");
        assert_eq!(of(ChannelKind::Twilio, Some(&relay)), "twilio");
        assert_eq!(of(ChannelKind::Email, None), "email");
        assert_eq!(of(ChannelKind::Email, Some(&json!({"smtp": 1}))), "email");
    }

    #[test]
    fn concurrency_is_bounded() {
        let of = |number: i64| concurrency(&json!({"settings": {"concurrency": number}}));
        assert_eq!(concurrency(&json!({})), DEFAULT_CONCURRENCY);
        assert_eq!((of(0), of(1), of(1000)), (1, 1, MAX_CONCURRENCY));
    }

    #[test]
    fn a_domain_leaves_calls_to_others_unless_told_not_to() {
        let without = |concurrency| domain_concurrency(&json!({}), concurrency);
        assert_eq!((without(16), without(4), without(1)), (12, 3, 1));
        let of = |number: i64| {
            domain_concurrency(&json!({"settings": {"concurrency_per_domain": number}}), 16)
        };
        assert_eq!((of(0), of(2), of(16), of(99)), (1, 2, 16, 16));
    }
}
