//! A tenant's rules and templates, compiled.

use std::collections::HashMap;

use minijinja::Value;
use schemas::{ChannelId, ChannelSnapshot, TenantSnapshot, rule};

use super::{condition::Condition, template::Templates};

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
    pub(super) fn compile(tenant: &TenantSnapshot) -> Self {
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
