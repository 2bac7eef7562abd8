//! Pure steps from a raw event to an understood, routed message.
//!
//! Invariants: synchronous; no I/O, no clock, no randomness; the same envelope and snapshot give the
//! same outcome, byte for byte, whether the steps run fused or apart, now or in a replay. "Now" is
//! [`Envelope::received_at`]. No input makes a step panic.
//!
//! Deliberately absent: reading and publishing (`nats`, the worker), storing (`sinks`), and what
//! lets messages in (`ingest`).

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod classify;
mod compiled;
mod decision;
pub mod entity;
mod hash;
pub mod intent;
pub mod language;
pub mod model;
pub mod normalize;
pub mod priority;
pub mod route;
pub mod sentiment;
mod text;
pub mod topic;
mod word;

use std::sync::Arc;

use schemas::{Backend, DeadReason, Envelope, Outcome, Snapshot, subject::stage};

pub use decision::decision;

/// What the stages may know besides the envelope.
#[derive(Clone, Debug, Default)]
pub struct Cx {
    pub snapshot: Arc<Snapshot>,
    /// The models that tenants use instead of the built-in ones.
    pub models: Arc<model::Models>,
}

/// One step. It maps one envelope to at most one.
///
/// A new stage is one file here, one line in [`build`], a folder of goldens, and its place in the
/// configuration. `apply_all` must give what `apply` gives for each envelope, in order; a stage with
/// a model overrides it to see a batch at once.
pub trait Stage: Send + Sync {
    /// One of [`stage::ALL`], or `fused`.
    fn name(&self) -> &'static str;

    /// `Next` passes it on, `Drop` ends it on purpose, `Dead` sends it to the dead letters.
    fn apply(&self, cx: &Cx, envelope: Envelope) -> Outcome;

    fn apply_all(&self, cx: &Cx, envelopes: Vec<Envelope>) -> Vec<Outcome> {
        envelopes
            .into_iter()
            .map(|envelope| self.apply(cx, envelope))
            .collect()
    }
}

/// Stages one after another in one process; itself a stage.
pub struct Fused(pub Vec<Box<dyn Stage>>);

impl Stage for Fused {
    fn name(&self) -> &'static str {
        "fused"
    }

    fn apply(&self, cx: &Cx, envelope: Envelope) -> Outcome {
        let mut envelope = envelope;
        for stage in &self.0 {
            match stage.apply(cx, envelope) {
                Outcome::Next(next) => envelope = *next,
                end => return end,
            }
        }
        Outcome::Next(Box::new(envelope))
    }

    fn apply_all(&self, cx: &Cx, envelopes: Vec<Envelope>) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = envelopes
            .into_iter()
            .map(|envelope| Outcome::Next(Box::new(envelope)))
            .collect();
        for stage in &self.0 {
            let (mut places, mut going) = (Vec::new(), Vec::new());
            let mut ended = Vec::with_capacity(outcomes.len());
            for (place, outcome) in outcomes.into_iter().enumerate() {
                match outcome {
                    Outcome::Next(envelope) => {
                        places.push(place);
                        going.push(*envelope);
                        ended.push(None);
                    }
                    end => ended.push(Some(end)),
                }
            }
            for (place, outcome) in places.into_iter().zip(stage.apply_all(cx, going)) {
                if let Some(slot) = ended.get_mut(place) {
                    *slot = Some(outcome);
                }
            }
            outcomes = ended.into_iter().flatten().collect();
        }
        outcomes
    }
}

/// A name that is no stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown stage `{0}`; known are normalize, language, classify, route")]
pub struct UnknownStage(pub String);

/// The hub's own settings, as far as stages follow them.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Who finds the language where a tenant's settings do not say.
    pub language: Backend,
}

/// The stages of these names, in this order, with the settings as they come.
///
/// # Errors
/// [`UnknownStage`] names the first that does not exist.
pub fn build(names: &[&str]) -> Result<Fused, UnknownStage> {
    build_with(names, &Settings::default())
}

/// The stages of these names, in this order.
///
/// # Errors
/// [`UnknownStage`] names the first that does not exist.
pub fn build_with(names: &[&str], settings: &Settings) -> Result<Fused, UnknownStage> {
    names
        .iter()
        .map(|name| -> Result<Box<dyn Stage>, UnknownStage> {
            match *name {
                stage::NORMALIZE => Ok(Box::new(normalize::Normalize)),
                stage::LANGUAGE => Ok(Box::new(language::DetectLanguage::by(
                    settings.language.clone(),
                ))),
                stage::CLASSIFY => Ok(Box::new(classify::Classify::default())),
                stage::ROUTE => Ok(Box::new(route::Route::default())),
                unknown => Err(UnknownStage(unknown.to_owned())),
            }
        })
        .collect::<Result<_, _>>()
        .map(Fused)
}

/// The answer of every later stage to an envelope that `normalize` has not seen.
fn not_normalized() -> Outcome {
    Outcome::Dead(DeadReason::new(
        "not-normalized",
        "the envelope still holds the platform's bytes",
    ))
}
