//! What the stages know about tenants: loaded by a worker, replaced as a whole on a change.

use std::{collections::HashMap, sync::Arc};

use crate::{ChannelId, ChannelKind, TemplateId, TenantId, Understanding, rule::Rule};

/// All tenants a worker serves.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub tenants: HashMap<TenantId, Arc<TenantSnapshot>>,
}

impl Snapshot {
    #[must_use]
    pub fn channel(&self, tenant: TenantId, channel: ChannelId) -> Option<&ChannelSnapshot> {
        self.tenants.get(&tenant)?.channels.get(&channel)
    }
}

/// One tenant's channels and templates.
#[derive(Clone, Debug, Default)]
pub struct TenantSnapshot {
    pub channels: HashMap<ChannelId, ChannelSnapshot>,
    pub templates: HashMap<TemplateId, Template>,
    pub understanding: Understanding,
}

/// What the stages need of a channel; no credentials.
#[derive(Clone, Debug)]
pub struct ChannelSnapshot {
    pub kind: ChannelKind,
    pub name: String,
    /// Rules answer automatically only when this is set.
    pub auto_response_enabled: bool,
    /// Highest priority first, then by name.
    pub rules: Vec<Rule>,
}

/// A stored reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pub name: String,
    /// minijinja source.
    pub content: String,
}
