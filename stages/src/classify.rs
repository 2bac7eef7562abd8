//! What a message means: intent, mood, entities, topics, category and priority.
//!
//! Each task is asked of the tenant's model, where it has one, and of the built-in one otherwise, or when the tenant's
//! cannot answer; the model's id in the message says who did. A task that is `off`, or has no model, stays unanswered:
//! nothing is guessed. Entities come with an intent, and stay away with it. All models see the same [`Document`], and
//! each sees the whole batch at once.
//!
//! Invariants: what a message gets depends on the message, its tenant's settings and the models alone, whatever batch it
//! comes in; no model makes a number that is none. A message without words, or not in the sender's own, gets a priority
//! and nothing else. Deliberately absent: the models ([`crate::model`]), and the language, which a stage before found.

mod answer;
mod fill;
mod tenant;

use std::sync::Arc;

use schemas::{Envelope, Outcome, Task, subject::stage};

use self::{
    answer::{Builtin, Question, ask},
    fill::Understood,
    tenant::Tenant,
};
use crate::{
    Cx, Stage,
    compiled::Cache,
    language, model,
    model::{Classifier, Document},
    not_normalized,
};

/// The stage.
pub struct Classify {
    tenants: Cache<Tenant>,
    /// For tenants that the snapshot does not know.
    plain: Arc<Tenant>,
    builtin: Builtin,
}

impl Default for Classify {
    fn default() -> Self {
        Self {
            tenants: Cache::default(),
            plain: Arc::default(),
            builtin: |task| model::builtin::get(task).map(|model| model as &dyn Classifier),
        }
    }
}

impl Classify {
    fn tenant(&self, cx: &Cx, envelope: &Envelope) -> Arc<Tenant> {
        let known = |snapshot: &schemas::TenantSnapshot| Tenant::compile(&snapshot.understanding);
        let tenant = self.tenants.get(&cx.snapshot, envelope.tenant, known);
        tenant.unwrap_or_else(|| Arc::clone(&self.plain))
    }
}

impl Stage for Classify {
    fn name(&self) -> &'static str {
        stage::CLASSIFY
    }

    fn apply(&self, cx: &Cx, envelope: Envelope) -> Outcome {
        self.apply_all(cx, vec![envelope])
            .pop()
            .unwrap_or_else(not_normalized)
    }

    fn apply_all(&self, cx: &Cx, mut envelopes: Vec<Envelope>) -> Vec<Outcome> {
        let tenants: Vec<Arc<Tenant>> = envelopes
            .iter()
            .map(|envelope| self.tenant(cx, envelope))
            .collect();
        let mut understood = self.understand(cx, &envelopes, &tenants);
        for ((envelope, tenant), understood) in
            envelopes.iter_mut().zip(&tenants).zip(&mut understood)
        {
            if let Some(message) = envelope.message_mut() {
                let guess = understood
                    .take()
                    .and_then(|understood| understood.fill(message));
                fill::priority(message, tenant, guess);
            }
        }
        envelopes
            .into_iter()
            .map(|envelope| match envelope.message() {
                Some(_) => Outcome::Next(Box::new(envelope)),
                None => not_normalized(),
            })
            .collect()
    }
}

impl Classify {
    /// What is understood of each envelope's message; nothing where there is nothing to understand.
    fn understand(
        &self,
        cx: &Cx,
        envelopes: &[Envelope],
        tenants: &[Arc<Tenant>],
    ) -> Vec<Option<Understood>> {
        let questions: Vec<(usize, Question<'_>)> = envelopes
            .iter()
            .zip(tenants)
            .enumerate()
            .filter_map(|(place, (envelope, tenant))| {
                let message = envelope.message()?;
                let text = &*message.content.text;
                if !language::speaks(message) || text.trim().is_empty() {
                    return None;
                }
                let language = message.language.as_ref().map(|language| &*language.code);
                let question = Question {
                    message,
                    tenant,
                    id: envelope.tenant,
                    document: Document::new(text, language.filter(|code| *code != "und")),
                };
                Some((place, question))
            })
            .collect();
        let (places, questions): (Vec<usize>, Vec<Question<'_>>) = questions.into_iter().unzip();
        let answers = |task: Task| ask(task, &questions, &cx.models, self.builtin);
        let mut intents = answers(Task::Intent).into_iter();
        let mut sentiments = answers(Task::Sentiment).into_iter();
        let mut emotions = answers(Task::Emotion).into_iter();
        let mut topics = answers(Task::Topic).into_iter();
        let mut priorities = answers(Task::Priority).into_iter();

        let mut understood: Vec<Option<Understood>> = envelopes.iter().map(|_| None).collect();
        for (place, question) in places.into_iter().zip(&questions) {
            let all = Understood::of(
                question,
                intents.next().flatten(),
                (sentiments.next().flatten(), emotions.next().flatten()),
                topics.next().flatten(),
                priorities.next().flatten(),
            );
            if let Some(slot) = understood.get_mut(place) {
                *slot = Some(all);
            }
        }
        understood
    }
}

#[cfg(test)]
mod tests;
