//! The language of a text.
//!
//! The built-in way is [`Native`]: scripts, and a linear model for what they leave open. The tenant's languages are all
//! that can be answered. Where a message is a word or two, the languages of the conversation's earlier messages count as
//! well. A tenant's own model, or whatlang, can answer instead.
//!
//! A text without words has no language: it is absent. One whose language is unsure is [`UND`], with the probability of
//! the likeliest. Links, addresses, mentions, commands and numbers are no words.
//!
//! Invariants: the answer depends on the message, its context, the tenant's settings and the models alone; the context
//! changes nothing where there are more than a few words. Deliberately absent: remembering what was spoken (the worker).

pub mod iso;
mod native;
mod sample;
mod script;
mod tenant;
mod trigrams;

use std::{ptr, sync::Arc};

use schemas::{Backend, Envelope, Language, Message, MessageType, Outcome, Task, subject::stage};

pub use self::native::{Native, native};
use self::{
    sample::Sample,
    tenant::{By, Tenant},
};
use crate::{
    Cx, Stage,
    compiled::Cache,
    model::{Classifier, Document},
    not_normalized,
};

/// The code of a language that is unsure, in place of both codes.
pub const UND: &str = "und";

/// The stage.
pub struct DetectLanguage {
    /// Who answers where a tenant's settings do not say.
    usual: Backend,
    tenants: Cache<Tenant>,
    /// For tenants that the snapshot does not know.
    plain: Arc<Tenant>,
}

impl Default for DetectLanguage {
    fn default() -> Self {
        Self::by(Backend::Builtin)
    }
}

impl DetectLanguage {
    /// With the backend of tenants whose settings name none: `builtin`, `whatlang` or `off`.
    #[must_use]
    pub fn by(usual: Backend) -> Self {
        Self {
            plain: Arc::new(Tenant::compile(&schemas::Understanding::default(), &usual)),
            tenants: Cache::default(),
            usual,
        }
    }

    fn tenant(&self, cx: &Cx, envelope: &Envelope) -> Arc<Tenant> {
        let tenant = self.tenants.get(&cx.snapshot, envelope.tenant, |tenant| {
            Tenant::compile(&tenant.understanding, &self.usual)
        });
        tenant.unwrap_or_else(|| Arc::clone(&self.plain))
    }
}

impl Stage for DetectLanguage {
    fn name(&self) -> &'static str {
        stage::LANGUAGE
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
        let samples: Vec<Option<Sample>> = envelopes.iter().map(sample).collect();
        let own = own(cx, &envelopes, &tenants, &samples);
        let found: Vec<Option<Language>> = envelopes
            .iter()
            .zip(&tenants)
            .zip(&samples)
            .zip(own)
            .map(|(((envelope, tenant), sample), own)| {
                let spoken = &envelope.context.spoken;
                own.or_else(|| tenant.detect(sample.as_ref()?, spoken))
            })
            .collect();
        for (envelope, found) in envelopes.iter_mut().zip(found) {
            if let Some(message) = envelope.message_mut() {
                message.language = found;
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

/// What is looked at of an envelope's message; none when there are no words, or not the sender's own.
fn sample(envelope: &Envelope) -> Option<Sample> {
    let message = envelope.message().filter(|message| speaks(message))?;
    Sample::of(&message.content.text)
}

/// The texts that are for one model, and the places of their envelopes.
struct Batch<'a> {
    model: &'a dyn Classifier,
    texts: Vec<(usize, Document<'a>)>,
}

/// What tenants' own models say, each asked once with all that is for it.
fn own(
    cx: &Cx,
    envelopes: &[Envelope],
    tenants: &[Arc<Tenant>],
    samples: &[Option<Sample>],
) -> Vec<Option<Language>> {
    let mut found: Vec<Option<Language>> = envelopes.iter().map(|_| None).collect();
    let mut batches: Vec<Batch<'_>> = Vec::new();
    for (place, ((envelope, tenant), sample)) in
        envelopes.iter().zip(tenants).zip(samples).enumerate()
    {
        let (By::Own(_), Some(sample)) = (&tenant.by, sample) else {
            continue;
        };
        let Some(model) = cx.models.get(envelope.tenant, Task::Language) else {
            continue;
        };
        let text = (place, Document::new(&sample.text, None));
        match batches
            .iter_mut()
            .find(|batch| ptr::addr_eq(batch.model, &**model))
        {
            Some(batch) => batch.texts.push(text),
            None => batches.push(Batch {
                model: &**model,
                texts: vec![text],
            }),
        }
    }
    for Batch { model, texts } in batches {
        let documents: Vec<&Document<'_>> = texts.iter().map(|(_, document)| document).collect();
        for ((place, _), prediction) in texts.iter().zip(model.classify(&documents)) {
            if let (Some(slot), Some(tenant)) = (found.get_mut(*place), tenants.get(*place)) {
                *slot = prediction.map(|prediction| tenant.own(model, prediction));
            }
        }
    }
    found
}

/// Whether the text is the sender's own words.
pub(crate) fn speaks(message: &Message) -> bool {
    !matches!(
        message.message_type,
        MessageType::Command
            | MessageType::Callback
            | MessageType::Event
            | MessageType::Reaction
            | MessageType::Unsupported
    )
}

/// A language by any of its codes.
fn language(code: &str, confidence: f32, model: &str) -> Language {
    Language {
        code: iso::canonical(code).to_owned(),
        iso639_3: iso::iso639_3(code).unwrap_or_default().to_owned(),
        confidence,
        model: model.to_owned(),
    }
}

/// No language is likely enough; `confidence` is that of the likeliest.
fn unsure(confidence: f32, model: &str) -> Language {
    Language {
        code: UND.to_owned(),
        iso639_3: UND.to_owned(),
        confidence,
        model: model.to_owned(),
    }
}

#[cfg(test)]
mod tests;
