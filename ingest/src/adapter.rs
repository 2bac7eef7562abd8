//! External adapters: programs in any language that publish a platform's updates to the broker.
//!
//! An adapter connects with its channel's id as the user and an API key of role `adapter` as the
//! password. It may publish to its own channel and hear the broker's acknowledgements, nothing else.
//! Its inbox lies under its own prefix: the usual `_INBOX.>` would let it listen to everyone's.

use nats::callout::Grant;
use schemas::{ChannelId, ChannelKind, ChannelStatus, Secret, TenantId};
use store::{Store, api_key, channel};

/// The role of keys that adapters hold.
pub const ROLE: &str = "adapter";

/// What the user may do; nothing when the key is unknown, revoked, of another role or of another
/// channel, when the channel is switched off, and when the store cannot be asked.
pub async fn authenticate(store: &Store, user: &str, password: &Secret) -> Option<Grant> {
    let wanted: ChannelId = user.parse().ok()?;
    let key = match api_key::find_by_token(store, password.expose()).await {
        Ok(key) => key?,
        Err(error) => {
            tracing::warn!(%error, "an adapter could not be authenticated");
            return None;
        }
    };
    if key.role != ROLE || key.channel_id != Some(wanted) || key.revoked_at.is_some() {
        return None;
    }
    match channel::get(store, key.tenant_id, wanted).await {
        Ok(channel) if channel.status == ChannelStatus::Inactive => None,
        Ok(channel) => Some(grant(key.tenant_id, channel.kind, wanted)),
        Err(error) => {
            tracing::warn!(%error, channel = %wanted, "an adapter's channel could not be read");
            None
        }
    }
}

/// The prefix an adapter must use for its inboxes.
#[must_use]
pub fn inbox_prefix(channel: ChannelId) -> String {
    format!("_INBOX.{}", channel.simple())
}

fn grant(tenant: TenantId, kind: ChannelKind, channel: ChannelId) -> Grant {
    Grant {
        publish: vec![schemas::subject::ingest(tenant, kind, channel, "*")],
        subscribe: vec![format!("{}.>", inbox_prefix(channel))],
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_adapter_reaches_its_own_channel_only() {
        let grant = grant(
            TenantId(Uuid::from_u128(1)),
            ChannelKind::Generic,
            ChannelId(Uuid::from_u128(2)),
        );
        assert_eq!(
            grant.publish,
            ["ingest.00000000000000000000000000000001.generic.00000000000000000000000000000002.*"]
        );
        assert_eq!(
            grant.subscribe,
            ["_INBOX.00000000000000000000000000000002.>"]
        );
    }
}
