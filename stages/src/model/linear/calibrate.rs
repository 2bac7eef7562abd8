//! From margins to a prediction.

use super::super::{
    Prediction, float, kernel,
    tdm::{Calibration, Manifest, ScopeKind},
};

/// A logarithm of a prior further from zero is as good as certain.
const MAX_PRIOR: f32 = 1e6;
/// A part of the highest probability that is none: e^-700.
const LOWEST: f64 = -700.0;

/// The labels that may be given, at least one of them; as many as there are labels.
pub(super) struct Allowed(Vec<bool>);

impl Allowed {
    /// A label past the end is not allowed.
    pub(super) fn of(allowed: &[bool], labels: usize) -> Self {
        let mut allowed = allowed.to_vec();
        allowed.resize(labels, false);
        Self(allowed)
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.0.contains(&true)
    }

    pub(super) fn is_one(&self) -> bool {
        self.0.iter().filter(|allowed| **allowed).count() == 1
    }
}

/// Whether a prediction depends on how the allowed labels compare with each other, and on nothing else.
pub(super) fn is_relative(manifest: &Manifest) -> bool {
    let scope = manifest.scope.map(|scope| scope.kind);
    matches!(manifest.calibration, Calibration::OneOfMany { .. })
        && matches!(scope, None | Some(ScopeKind::Probability))
}

/// The answer when no label is allowed.
pub(super) fn nothing(labels: usize) -> Prediction {
    Prediction {
        probabilities: vec![0.0; labels],
        in_scope: false,
        scope_score: 0.0,
    }
}

/// One calibration, as something that can be compiled for several machines.
pub(super) struct Calibrate<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) margins: &'a [f32],
    /// The labels that say "out of scope".
    pub(super) outside: &'a [usize],
    pub(super) allowed: Option<Allowed>,
    pub(super) log_prior: Option<&'a [f32]>,
}

impl pulp::NullaryFnOnce for Calibrate<'_> {
    type Output = Prediction;

    #[inline(always)]
    fn call(self) -> Prediction {
        let mut probabilities = match &self.manifest.calibration {
            Calibration::OneOfMany { temperature } => {
                let mut scores = self.scores(*temperature);
                self.add_prior(&mut scores);
                softmax(&mut scores);
                scores
            }
            Calibration::ManyOfMany { labels } => {
                let each = self.margins.iter().zip(labels);
                let score = each.map(|(margin, platt)| {
                    f64::from(platt.a) * f64::from(*margin) + f64::from(platt.b)
                });
                let mut scores: Vec<f64> = score.collect();
                self.add_prior(&mut scores);
                for score in &mut scores {
                    *score = float::sigmoid(score.clamp(LOWEST, -LOWEST));
                }
                scores
            }
        };
        self.only_allowed(&mut probabilities, 0.0);
        let probabilities: Vec<f32> = probabilities.iter().map(|p| *p as f32).collect();
        let scope_score = match self.manifest.scope.map(|scope| scope.kind) {
            None | Some(ScopeKind::Probability) => self.highest_inside(&probabilities),
            Some(kind) => self.scope_score(kind),
        };
        let scope = self.manifest.scope;
        let known = scope.is_none_or(|scope| scope_score >= scope.threshold);
        let mut prediction = Prediction {
            probabilities,
            in_scope: known,
            scope_score,
        };
        let best = prediction.best().map(|(label, _)| label);
        prediction.in_scope &= best.is_none_or(|best| !self.outside.contains(&best));
        prediction
    }
}

impl Calibrate<'_> {
    /// The margins over the temperature; minus infinity for what is not allowed.
    #[inline(always)]
    fn scores(&self, temperature: f32) -> Vec<f64> {
        let factor = 1.0 / f64::from(temperature);
        let scores = self
            .margins
            .iter()
            .map(|margin| f64::from(*margin) * factor);
        let mut scores: Vec<f64> = scores.collect();
        self.only_allowed(&mut scores, f64::NEG_INFINITY);
        scores
    }

    #[inline(always)]
    fn add_prior(&self, scores: &mut [f64]) {
        for (score, prior) in scores.iter_mut().zip(self.log_prior.unwrap_or_default()) {
            if !prior.is_nan() {
                *score += f64::from(prior.clamp(-MAX_PRIOR, MAX_PRIOR));
            }
        }
    }

    #[inline(always)]
    fn only_allowed<T: Copy>(&self, values: &mut [T], otherwise: T) {
        if let Some(Allowed(allowed)) = &self.allowed {
            for (value, allowed) in values.iter_mut().zip(allowed) {
                if !allowed {
                    *value = otherwise;
                }
            }
        }
    }

    /// The highest value of a label that does not say "out of scope", if there is one.
    fn highest_inside(&self, values: &[f32]) -> f32 {
        let mut inside = values.to_vec();
        let mut label = 0..;
        inside.retain(|_| {
            label
                .next()
                .is_some_and(|label| !self.outside.contains(&label))
        });
        highest(if inside.is_empty() { values } else { &inside })
    }

    fn scope_score(&self, kind: ScopeKind) -> f32 {
        if kind == ScopeKind::Margin && self.allowed.is_none() {
            return self.highest_inside(self.margins);
        }
        let mut margins = self.margins.to_vec();
        if let Some(Allowed(allowed)) = &self.allowed {
            let mut allowed = allowed.iter();
            margins.retain(|_| allowed.next() == Some(&true));
        }
        match kind {
            ScopeKind::Probability | ScopeKind::Margin => highest(&margins),
            ScopeKind::Spread => {
                let wide: Vec<f64> = margins.iter().map(|margin| f64::from(*margin)).collect();
                highest(&margins) - (kernel::sum(&wide) / wide.len() as f64) as f32
            }
            ScopeKind::Energy => {
                let temperature = match self.manifest.calibration {
                    Calibration::OneOfMany { temperature } => temperature,
                    Calibration::ManyOfMany { .. } => 1.0,
                };
                let mut scores = self.scores(temperature);
                let (highest, sum) = exponentials(&mut scores);
                (highest + float::ln(sum)) as f32
            }
        }
    }
}

/// Makes scores probabilities that are proportional to their exponentials and add up to 1.
#[inline(always)]
fn softmax(scores: &mut [f64]) {
    let (_, sum) = exponentials(scores);
    let factor = 1.0 / sum;
    for score in scores {
        *score *= factor;
    }
}

/// Makes scores their exponentials in parts of the highest; the highest score, and the sum.
#[inline(always)]
fn exponentials(scores: &mut [f64]) -> (f64, f64) {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for score in scores.iter_mut() {
        *score = float::exp((*score - highest).max(LOWEST));
    }
    (highest, kernel::sum(scores))
}

#[inline(always)]
fn highest(values: &[f32]) -> f32 {
    values.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}
