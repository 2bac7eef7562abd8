//! Subjects, streams and stage names, spelled once.

use crate::{CampaignId, ChannelId, ChannelKind, TenantId, TrackContext, TrackKind};

pub mod stream {
    pub const INGEST: &str = "INGEST";
    pub const PIPE: &str = "PIPE";
    pub const CONV: &str = "CONV";
    pub const OUT: &str = "OUT";
    pub const BULK: &str = "BULK";
    pub const TRACK: &str = "TRACK";
    pub const SCHED: &str = "SCHED";
    pub const DLQ: &str = "DLQ";
    pub const ADVISORY: &str = "ADVISORY";
}

pub mod stage {
    pub const NORMALIZE: &str = "normalize";
    pub const LANGUAGE: &str = "language";
    pub const CLASSIFY: &str = "classify";
    pub const ROUTE: &str = "route";
    /// The order in which they run.
    pub const ALL: [&str; 4] = [NORMALIZE, LANGUAGE, CLASSIFY, ROUTE];
}

/// In the place of a stage's name: messages with files to be fetched, as they came in.
pub const MEDIA: &str = "media";

/// Core subject on which a change of channels, rules, templates or keys is announced.
pub const CONFIG_CHANGED: &str = "hub.config.changed";

/// Core subjects on which it is told how far the imports of contacts are.
pub const IMPORTS_PROGRESS: &str = "import.progress.*";

/// Where it is told of a tenant's.
#[must_use]
pub fn import_progress(tenant: TenantId) -> String {
    format!("import.progress.{}", tenant.simple())
}

/// Core subjects on which the pollers of channels are told that there is something to fetch.
pub const POLL_NUDGES: &str = "poll.nudge.*";

/// Where the poller of a channel is told so.
#[must_use]
pub fn nudge(channel: ChannelId) -> String {
    format!("poll.nudge.{}", channel.simple())
}

/// The channel of such a subject.
#[must_use]
pub fn nudged_channel(subject: &str) -> Option<ChannelId> {
    subject.strip_prefix("poll.nudge.")?.parse().ok()
}

/// What external adapters publish to.
#[must_use]
pub fn ingest(tenant: TenantId, kind: ChannelKind, channel: ChannelId, token: &str) -> String {
    format!(
        "ingest.{}.{kind}.{}.{token}",
        tenant.simple(),
        channel.simple()
    )
}

/// Where the broker stores it, and where the gateway publishes.
#[must_use]
pub fn inbound(partition: u32, tenant: TenantId, kind: ChannelKind, channel: ChannelId) -> String {
    format!(
        "in.{partition}.{}.{kind}.{}",
        tenant.simple(),
        channel.simple()
    )
}

/// Between stages that run apart.
#[must_use]
pub fn pipe(stage: &str, partition: u32, tenant: TenantId) -> String {
    format!("pipe.{stage}.{partition}.{}", tenant.simple())
}

/// Understood and routed messages.
#[must_use]
pub fn conversation(partition: u32, tenant: TenantId) -> String {
    format!("conv.{partition}.{}", tenant.simple())
}

/// Messages to be sent.
#[must_use]
pub fn outbound(kind: ChannelKind, channel: ChannelId, tenant: TenantId) -> String {
    format!("out.{kind}.{}.{}", channel.simple(), tenant.simple())
}

/// A campaign's chunks to be sent.
#[must_use]
pub fn bulk(kind: ChannelKind, channel: ChannelId, campaign: CampaignId, number: i32) -> String {
    format!(
        "bulk.{kind}.{}.{}.{number}",
        channel.simple(),
        campaign.simple()
    )
}

/// All chunks of a campaign, whatever channel they are for.
#[must_use]
pub fn bulk_of(campaign: CampaignId) -> String {
    format!("bulk.*.*.{}.*", campaign.simple())
}

/// Core subject on which it is told that a campaign's status changed.
#[must_use]
pub fn campaign_changed(campaign: CampaignId) -> String {
    format!("hub.campaign.{}", campaign.simple())
}

/// All of them.
pub const CAMPAIGNS_CHANGED: &str = "hub.campaign.*";

/// Core subject of a campaign's progress, for those who watch.
#[must_use]
pub fn campaign_progress(tenant: TenantId) -> String {
    format!("live.track.{}.campaign.progress", tenant.simple())
}

/// What became of them.
#[must_use]
pub fn track(tenant: TenantId, context: TrackContext, kind: TrackKind) -> String {
    format!(
        "track.{}.{}.{}",
        tenant.simple(),
        context.name(),
        kind.name()
    )
}

/// The parts of an inbound subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inbound {
    pub partition: u32,
    pub tenant: TenantId,
    pub kind: ChannelKind,
    pub channel: ChannelId,
}

impl Inbound {
    /// Parses `in.<p>.<tenant>.<kind>.<channel>`.
    #[must_use]
    pub fn parse(subject: &str) -> Option<Self> {
        let mut tokens = subject.split('.');
        if tokens.next()? != "in" {
            return None;
        }
        let parsed = Self {
            partition: tokens.next()?.parse().ok()?,
            tenant: tokens.next()?.parse().ok()?,
            kind: tokens.next()?.parse().ok()?,
            channel: tokens.next()?.parse().ok()?,
        };
        tokens.next().is_none().then_some(parsed)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_nudge_names_its_channel() {
        let channel = ChannelId(Uuid::from_u128(2));
        assert_eq!(
            nudge(channel),
            "poll.nudge.00000000000000000000000000000002"
        );
        assert_eq!(nudged_channel(&nudge(channel)), Some(channel));
        assert_eq!(nudged_channel("poll.nudge.x"), None);
        assert_eq!(nudged_channel("hub.config.changed"), None);
    }

    #[test]
    fn inbound_round_trip() {
        let (tenant, channel) = (TenantId(Uuid::from_u128(1)), ChannelId(Uuid::from_u128(2)));
        let subject = inbound(7, tenant, ChannelKind::Email, channel);
        assert_eq!(
            subject,
            "in.7.00000000000000000000000000000001.email.00000000000000000000000000000002"
        );
        assert_eq!(
            Inbound::parse(&subject),
            Some(Inbound {
                partition: 7,
                tenant,
                kind: ChannelKind::Email,
                channel
            })
        );
        assert_eq!(Inbound::parse("in.7.x.email.y"), None);
        assert_eq!(Inbound::parse("conv.7.x"), None);
    }
}
