//! A tenant's rules and templates, compiled, and the cache that keeps them.
//!
//! The cache holds the snapshot a table was made of and compares by identity: a tenant whose
//! snapshot was not replaced is not compiled again. It decides nothing, so outcomes stay pure.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use minijinja::Value;
use schemas::{ChannelId, ChannelSnapshot, Snapshot, TenantId, TenantSnapshot, rule};

use super::{condition::Condition, template::Templates};

/// Compiled tables by tenant.
#[derive(Default)]
pub(super) struct Cache {
    made: RwLock<Made>,
}

#[derive(Default)]
struct Made {
    snapshot: Option<Arc<Snapshot>>,
    tables: HashMap<TenantId, (Arc<TenantSnapshot>, Arc<Table>)>,
}

impl Cache {
    /// The tenant's table; nothing for a tenant the snapshot does not know.
    pub(super) fn table(&self, snapshot: &Arc<Snapshot>, tenant: TenantId) -> Option<Arc<Table>> {
        let wanted = snapshot.tenants.get(&tenant)?;
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, table)) = made.tables.get(&tenant)
            && Arc::ptr_eq(of, wanted)
        {
            return Some(Arc::clone(table));
        }
        drop(made);
        let table = Arc::new(Table::compile(wanted));
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        let same = made
            .snapshot
            .as_ref()
            .is_some_and(|of| Arc::ptr_eq(of, snapshot));
        if !same {
            made.tables.retain(|tenant, (of, _)| {
                let now = snapshot.tenants.get(tenant);
                now.is_some_and(|now| Arc::ptr_eq(now, of))
            });
            made.snapshot = Some(Arc::clone(snapshot));
        }
        made.tables
            .insert(tenant, (Arc::clone(wanted), Arc::clone(&table)));
        Some(table)
    }
}

/// One tenant's channels.
pub(super) struct Table {
    channels: HashMap<ChannelId, Channel>,
    templates: Templates,
}

/// One channel's rules, those that are active and valid, in the order they run.
pub(super) struct Channel {
    pub(super) name: String,
    pub(super) auto_response_enabled: bool,
    pub(super) rules: Vec<Rule>,
}

pub(super) struct Rule {
    pub(super) name: String,
    pub(super) when: Condition,
    pub(super) then: Vec<Action>,
    pub(super) stop: bool,
}

pub(super) struct Action {
    pub(super) given: rule::Action,
    /// For an answer the name of its template, or why it has none.
    pub(super) template: Result<String, String>,
}

impl Table {
    fn compile(tenant: &TenantSnapshot) -> Self {
        let mut templates = Templates::default();
        let channels = tenant
            .channels
            .iter()
            .map(|(id, channel)| (*id, compile(*id, channel, tenant, &mut templates)))
            .collect();
        Self {
            channels,
            templates,
        }
    }

    pub(super) fn channel(&self, id: ChannelId) -> Option<&Channel> {
        self.channels.get(&id)
    }

    /// The text of a template; the error says why there is none, without quoting anything.
    pub(super) fn render(&self, template: &str, words: &Value) -> Result<String, String> {
        self.templates.render(template, words)
    }
}

fn compile(
    id: ChannelId,
    channel: &ChannelSnapshot,
    tenant: &TenantSnapshot,
    templates: &mut Templates,
) -> Channel {
    let mut given: Vec<&rule::Rule> = channel.rules.iter().filter(|rule| rule.is_active).collect();
    given.sort_by(|a, b| {
        b.priority
            .cmp(&a.priority)
            .then_with(|| a.name.cmp(&b.name))
    });
    let rules = given
        .into_iter()
        .enumerate()
        .filter_map(|(place, rule)| {
            let when = Condition::compile(&rule.when).ok()?;
            let then = rule.then.iter().enumerate().map(|(nth, action)| Action {
                template: add(templates, tenant, action, format!("{id}/{place}/{nth}")),
                given: action.clone(),
            });
            Some(Rule {
                name: rule.name.clone(),
                when,
                then: then.collect(),
                stop: rule.stop,
            })
        })
        .collect();
    Channel {
        name: channel.name.clone(),
        auto_response_enabled: channel.auto_response_enabled,
        rules,
    }
}

/// Compiles an answer's template under `name`.
fn add(
    templates: &mut Templates,
    tenant: &TenantSnapshot,
    action: &rule::Action,
    name: String,
) -> Result<String, String> {
    let source = match action {
        rule::Action::Reply(source) => source,
        rule::Action::ReplyTemplate(id) => match tenant.templates.get(id) {
            Some(template) => &template.content,
            None => return Err("its template does not exist".into()),
        },
        _ => return Err("it is no answer".into()),
    };
    templates.add(name, source)
}
