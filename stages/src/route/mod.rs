//! Rules: tags, priority, assignment, automatic answers, and what is dropped.
//!
//! Rules of a channel run from the highest priority to the lowest. An answer is a new message with
//! an id derived from its cause and its rule, so that a redelivery answers once.
//!
//! Invariants: nothing is answered that may not be ([`guard`]); patterns and templates are compiled
//! once for a tenant's snapshot, never for a message; a rule that cannot be compiled never applies,
//! a template that fails gives no answer, and `metadata.routing_notes` says so. Deliberately absent:
//! conditions on the past (first message, frequency), which would need a memory.

mod condition;
pub mod guard;
mod reply;
mod table;
mod template;

use schemas::{DropReason, Envelope, Message, Outbound, Outcome, rule::Action, subject::stage};

use self::table::{Rule, Table};
use crate::{Cx, Stage, compiled::Cache, not_normalized};

/// Answers to one message.
pub const MAX_REPLIES: usize = 5;
/// Tags of one message.
pub const MAX_TAGS: usize = 32;
const MAX_NOTES: usize = 16;

/// The stage.
#[derive(Default)]
pub struct Route {
    tables: Cache<Table>,
}

impl Stage for Route {
    fn name(&self) -> &'static str {
        stage::ROUTE
    }

    fn apply(&self, cx: &Cx, mut envelope: Envelope) -> Outcome {
        if envelope.message().is_none() {
            return not_normalized();
        }
        let Some(table) = self
            .tables
            .get(&cx.snapshot, envelope.tenant, Table::compile)
        else {
            return Outcome::Next(Box::new(envelope));
        };
        match run(&table, &mut envelope) {
            Some(dropped) => Outcome::Drop(dropped),
            None => Outcome::Next(Box::new(envelope)),
        }
    }
}

/// Runs the channel's rules over the message.
fn run(table: &Table, envelope: &mut Envelope) -> Option<DropReason> {
    let channel = table.channel(envelope.channel)?;
    let mut decided = Decided::default();
    let message = envelope.message()?;
    for rule in &channel.rules {
        if !rule.when.holds(message, envelope.received_at) {
            continue;
        }
        if rule
            .then
            .iter()
            .any(|action| matches!(action.given, Action::Drop))
        {
            return Some(DropReason::new("rule", rule.name.clone()));
        }
        decided.rules.push(rule.name.clone());
        decided.apply(table, channel, rule, envelope, message);
        if rule.stop {
            break;
        }
    }
    decided.write(envelope);
    None
}

/// What the rules so far want.
#[derive(Default)]
struct Decided {
    rules: Vec<String>,
    tags: Vec<String>,
    priority: Option<schemas::Priority>,
    assign: Option<String>,
    replies: Vec<Outbound>,
    notes: Vec<String>,
}

impl Decided {
    fn apply(
        &mut self,
        table: &Table,
        channel: &table::Channel,
        rule: &Rule,
        envelope: &Envelope,
        message: &Message,
    ) {
        let mut answers = 0;
        for action in &rule.then {
            match &action.given {
                Action::Tag(tag) => self.tags.push(tag.clone()),
                Action::Priority(priority) => {
                    self.priority.get_or_insert(*priority);
                }
                // An edit does not undo what people have done with the conversation since.
                Action::Assign(agent) if message.edited_at.is_none() => {
                    self.assign.get_or_insert_with(|| agent.clone());
                }
                Action::Reply(_) | Action::ReplyTemplate(_) => {
                    answers += 1;
                    match self.answer(table, channel, rule, action, answers, envelope, message) {
                        Ok(reply) => self.replies.push(reply),
                        Err(why) => self.notes.push(format!("{}: {why}", rule.name)),
                    }
                }
                Action::Assign(_) | Action::Drop => {}
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all that an answer is made of")]
    fn answer(
        &self,
        table: &Table,
        channel: &table::Channel,
        rule: &Rule,
        action: &table::Action,
        nth: usize,
        envelope: &Envelope,
        message: &Message,
    ) -> Result<Outbound, String> {
        if !channel.auto_response_enabled {
            return Err("not answered: the channel's automatic answers are off".into());
        }
        if let Some(why) = guard::unanswerable(message) {
            return Err(format!("not answered: {why}"));
        }
        if self.replies.len() >= MAX_REPLIES {
            return Err("not answered: too many answers already".into());
        }
        let template = action.template.as_ref().map_err(Clone::clone)?;
        let text = table.render(template, &reply::words(message, &channel.name))?;
        let reply = reply::outbound(envelope, message, rule, nth, &channel.name, text);
        if self
            .replies
            .iter()
            .any(|other| other.message.id == reply.message.id)
        {
            return Err("not answered: another rule has the same name".into());
        }
        Ok(reply)
    }

    fn write(self, envelope: &mut Envelope) {
        envelope.replies = self.replies;
        let Some(message) = envelope.message_mut() else {
            return;
        };
        for tag in self.tags {
            if message.tags.len() < MAX_TAGS && !message.tags.contains(&tag) {
                message.tags.push(tag);
            }
        }
        if let Some(priority) = self.priority {
            message.priority = priority;
        }
        message.routing.rules = self.rules;
        message.routing.assign = self.assign;
        if !self.notes.is_empty() {
            let notes: Vec<String> = self.notes.into_iter().take(MAX_NOTES).collect();
            message
                .metadata
                .insert("routing_notes".into(), notes.into());
        }
    }
}
