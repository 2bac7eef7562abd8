//! Who answers a task, and what is asked of whom at once.

use std::ptr;

use schemas::{Message, Task, TenantId};

use super::tenant::Tenant;
use crate::model::{Classifier, Document, Models, Prediction};

/// The model that comes with tidings for a task, where there is one.
pub(super) type Builtin = fn(Task) -> Option<&'static dyn Classifier>;

/// One message to be understood.
pub(super) struct Question<'a> {
    pub(super) message: &'a Message,
    pub(super) tenant: &'a Tenant,
    pub(super) id: TenantId,
    pub(super) document: Document<'a>,
}

/// What a model said about one message.
pub(super) struct Answer<'a> {
    pub(super) model: &'a dyn Classifier,
    pub(super) prediction: Prediction,
}

impl<'a> Question<'a> {
    /// Whom the tenant wants asked.
    fn model(
        &self,
        task: Task,
        models: &'a Models,
        builtin: Builtin,
    ) -> Option<&'a dyn Classifier> {
        if self.tenant.is_off(task) {
            return None;
        }
        if task == Task::Sentiment && self.tenant.asks_vader {
            return Some(&self.tenant.vader);
        }
        match models.get(self.id, task) {
            Some(model) => Some(&**model),
            None => builtin(task).map(|model| model as &dyn Classifier),
        }
    }
}

/// The answer to each question, in their order; none where nobody is asked, or nobody knows.
pub(super) fn ask<'a>(
    task: Task,
    questions: &'a [Question<'a>],
    models: &'a Models,
    builtin: Builtin,
) -> Vec<Option<Answer<'a>>> {
    let chosen: Vec<Option<&dyn Classifier>> = questions
        .iter()
        .map(|question| question.model(task, models, builtin))
        .collect();
    let mut answers: Vec<Option<Answer<'a>>> = questions.iter().map(|_| None).collect();
    ask_each(questions, &chosen, &mut answers);
    // Where the tenant's own model could not answer, the built-in one does.
    if let Some(builtin) = builtin(task) {
        let unanswered = chosen.iter().zip(&answers).map(|(chosen, answer)| {
            let failed = chosen.is_some_and(|chosen| !is_same(chosen, builtin)) && answer.is_none();
            failed.then_some(builtin as &dyn Classifier)
        });
        let unanswered: Vec<Option<&dyn Classifier>> = unanswered.collect();
        ask_each(questions, &unanswered, &mut answers);
    }
    answers
}

/// Asks each model once, with all the questions that are for it.
fn ask_each<'a>(
    questions: &'a [Question<'a>],
    models: &[Option<&'a dyn Classifier>],
    answers: &mut [Option<Answer<'a>>],
) {
    let mut batches: Vec<(&'a dyn Classifier, Vec<usize>)> = Vec::new();
    for (place, model) in models.iter().enumerate() {
        let Some(model) = *model else {
            continue;
        };
        match batches.iter_mut().find(|(asked, _)| is_same(*asked, model)) {
            Some((_, places)) => places.push(place),
            None => batches.push((model, vec![place])),
        }
    }
    for (model, places) in batches {
        let questions = places.iter().filter_map(|place| questions.get(*place));
        let documents: Vec<&Document<'_>> = questions.map(|question| &question.document).collect();
        for (place, prediction) in places.iter().zip(model.classify(&documents)) {
            if let Some(answer) = answers.get_mut(*place) {
                *answer = prediction.map(|prediction| Answer { model, prediction });
            }
        }
    }
}

fn is_same(one: &dyn Classifier, other: &dyn Classifier) -> bool {
    ptr::addr_eq(one, other)
}

impl Answer<'_> {
    /// The likeliest label, its probability, and whether it holds: the text is in scope and the probability, where each
    /// label stands for itself, reaches the label's threshold.
    pub(super) fn best(&self) -> Option<(&str, f32, bool)> {
        let (label, probability) = self.prediction.best()?;
        let name = self.model.labels().get(label)?;
        let holds = self.prediction.in_scope && self.reaches(label, probability);
        Some((name, bounded(probability), holds))
    }

    /// The probability of a label by its name, whatever the case; zero for one that the model does not know.
    pub(super) fn of(&self, name: &str) -> f32 {
        let place = |label: &String| label.eq_ignore_ascii_case(name);
        let place = self.model.labels().iter().position(place);
        let probability = place.and_then(|place| self.prediction.probabilities.get(place));
        probability.copied().map_or(0.0, bounded)
    }

    /// The labels that hold, the likeliest first: of one-of-many the best one, of many-of-many those that reach their
    /// threshold.
    pub(super) fn holding(&self) -> Vec<&str> {
        if self.model.thresholds().is_none() {
            let best = self.best().filter(|(_, _, holds)| *holds);
            return best.map(|(name, _, _)| name).into_iter().collect();
        }
        if !self.prediction.in_scope {
            return Vec::new();
        }
        let labels = self
            .model
            .labels()
            .iter()
            .zip(&self.prediction.probabilities);
        let mut holding: Vec<(&str, f32)> = labels
            .enumerate()
            .filter(|(label, (_, probability))| self.reaches(*label, **probability))
            .map(|(_, (name, probability))| (&**name, *probability))
            .collect();
        holding.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        holding.into_iter().map(|(name, _)| name).collect()
    }

    fn reaches(&self, label: usize, probability: f32) -> bool {
        self.model.thresholds().is_none_or(|thresholds| {
            let threshold = thresholds.get(label);
            threshold.is_some_and(|threshold| probability >= *threshold)
        })
    }
}

/// A probability, also where a service sent something else.
fn bounded(probability: f32) -> f32 {
    if probability.is_nan() {
        0.0
    } else {
        probability.clamp(0.0, 1.0)
    }
}
