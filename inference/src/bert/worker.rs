//! The thread that owns a model.
//!
//! Invariants: one thread computes, one batch after the other; what nobody waits for any more is not computed; a text
//! the tokenizer cannot take costs no other text its answer, a batch that libtorch refuses no other batch.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use tch::{Device, Kind as Number, Tensor};
use tokio::sync::mpsc;

use super::{
    encoding::{Encoder, Encoding},
    head::{Head, Passed},
    network::{LoadError, Network},
};
use crate::desk::{Question, gather};

/// How long a text waits for others to share its batch.
const LINGER: Duration = Duration::from_millis(3);
/// So many batches are sorted by length together, so that rows of a batch are about as long as one another.
const SORTED_BATCHES: usize = 4;

pub(super) struct Model<H> {
    pub(super) encoder: Encoder,
    pub(super) network: Network,
    /// What a text is paired with, one row for each; none: it goes alone.
    pub(super) hypotheses: Vec<String>,
    /// Numbers for a row, or for a token.
    pub(super) outputs: usize,
    pub(super) tags: bool,
    pub(super) head: H,
}

impl<H: Head> Model<H> {
    /// Two texts, short and long, through everything: what answers them will answer others, and libtorch has made what
    /// it makes once.
    pub(super) fn warm_up(&self) -> Result<(), LoadError> {
        let long = "word ".repeat(self.encoder.max_length());
        for text in ["a", long.as_str()] {
            let rows = self.rows(text).ok_or(LoadError::Broken(
                "its tokenizer or a hypothesis is unusable",
            ))?;
            let passed = self
                .pass(&rows.iter().collect::<Vec<_>>())
                .ok_or(LoadError::Broken("libtorch refuses a text"))?;
            self.answer(text, &rows, &passed)
                .ok_or(LoadError::Broken("its outputs are no numbers"))?;
        }
        Ok(())
    }

    fn rows(&self, text: &str) -> Option<Vec<Encoding>> {
        let encoded = catch_unwind(AssertUnwindSafe(|| {
            if self.hypotheses.is_empty() {
                vec![self.encoder.encode(text, None)]
            } else {
                let paired = |hypothesis: &String| self.encoder.encode(text, Some(hypothesis));
                self.hypotheses.iter().map(paired).collect()
            }
        }));
        let has_weights = |row: &Encoding| {
            let known = 0..self.network.vocabulary;
            row.ids.iter().all(|id| known.contains(id))
        };
        encoded.ok().filter(|rows| rows.iter().all(has_weights))
    }

    /// The logits of each row.
    fn pass(&self, rows: &[&Encoding]) -> Option<Vec<Vec<f32>>> {
        let passed = catch_unwind(AssertUnwindSafe(|| {
            let input = self.encoder.input(rows, self.network.device);
            let logits = self.network.forward(&input).ok()?;
            let logits = logits.to_device(Device::Cpu).to_kind(Number::Float);
            flat(&logits)
        }));
        let logits = passed.ok().flatten()?;
        let longest = rows.iter().map(|row| row.ids.len()).max()?;
        let stride = if self.tags {
            longest * self.outputs
        } else {
            self.outputs
        };
        if logits.len() != stride * rows.len() {
            return None;
        }
        let of_row = |(row, logits): (&&Encoding, &[f32])| {
            let length = if self.tags {
                row.ids.len() * self.outputs
            } else {
                stride
            };
            logits.get(..length).map(<[f32]>::to_vec)
        };
        rows.iter().zip(logits.chunks(stride)).map(of_row).collect()
    }

    fn answer(&self, text: &str, rows: &[Encoding], logits: &[Vec<f32>]) -> Option<H::Answer> {
        let passed: Vec<Passed<'_>> = rows
            .iter()
            .zip(logits)
            .map(|(encoding, logits)| Passed { encoding, logits })
            .collect();
        self.head.answer(text, &passed)
    }
}

fn flat(logits: &Tensor) -> Option<Vec<f32>> {
    Vec::<f32>::try_from(logits.contiguous().view(-1)).ok()
}

/// A text on its way.
struct Job<A> {
    question: Question<A>,
    rows: Vec<Encoding>,
    /// One for each row that has passed.
    logits: Vec<Option<Vec<f32>>>,
}

/// Answers until nobody can ask any more.
pub(super) fn run<H: Head>(
    model: &Model<H>,
    mut questions: mpsc::Receiver<Question<H::Answer>>,
    waiting: &tokio::runtime::Runtime,
    threads: u16,
    max_batch: usize,
    id: &str,
) {
    tch::set_num_threads(i32::from(threads));
    let most = max_batch * SORTED_BATCHES;
    while let Some(batch) = waiting.block_on(gather(&mut questions, max_batch, most, LINGER)) {
        let began = Instant::now();
        let count = batch.len();
        answer(model, batch, max_batch, id);
        if count > 0 {
            metrics::histogram!("tidings_inference_seconds", "backend" => id.to_owned())
                .record(began.elapsed().as_secs_f64());
        }
    }
}

fn answer<H: Head>(model: &Model<H>, batch: Vec<Question<H::Answer>>, max_batch: usize, id: &str) {
    let mut jobs: Vec<Option<Job<H::Answer>>> = Vec::with_capacity(batch.len());
    for question in batch {
        match model.rows(&question.text) {
            Some(rows) => jobs.push(Some(Job {
                question,
                logits: rows.iter().map(|_| None).collect(),
                rows,
            })),
            None => count_failure(id, "tokenizer"),
        }
    }
    let mut order: Vec<(usize, usize, usize)> = Vec::new();
    for (place, job) in jobs.iter().enumerate() {
        let rows = job.iter().flat_map(|job| job.rows.iter().enumerate());
        order.extend(rows.map(|(row, encoding)| (encoding.ids.len(), place, row)));
    }
    order.sort_unstable();
    for chunk in order.chunks(max_batch) {
        pass(model, &mut jobs, chunk, id);
    }
}

/// One pass through the layers, and the answers that are complete after it.
fn pass<H: Head>(
    model: &Model<H>,
    jobs: &mut [Option<Job<H::Answer>>],
    chunk: &[(usize, usize, usize)],
    id: &str,
) {
    let wanted: Vec<(usize, usize, &Encoding)> = chunk
        .iter()
        .filter_map(|(_, place, row)| {
            let job = jobs.get(*place)?.as_ref()?;
            let encoding = job.rows.get(*row)?;
            job.question.is_wanted().then_some((*place, *row, encoding))
        })
        .collect();
    if wanted.is_empty() {
        return;
    }
    let rows: Vec<&Encoding> = wanted.iter().map(|(_, _, encoding)| *encoding).collect();
    let Some(passed) = model.pass(&rows) else {
        return count_failure(id, "libtorch");
    };
    let places: Vec<(usize, usize)> = wanted
        .iter()
        .map(|(place, row, _)| (*place, *row))
        .collect();
    for ((place, row), logits) in places.into_iter().zip(passed) {
        let Some(slot) = jobs.get_mut(place) else {
            continue;
        };
        let Some(job) = slot else { continue };
        if let Some(of_row) = job.logits.get_mut(row) {
            *of_row = Some(logits);
        }
        if job.logits.iter().any(Option::is_none) {
            continue;
        }
        let Some(job) = slot.take() else { continue };
        let logits: Vec<Vec<f32>> = job.logits.into_iter().flatten().collect();
        if let Some(answer) = model.answer(&job.question.text, &job.rows, &logits) {
            job.question.answer(answer);
        }
    }
}

fn count_failure(id: &str, reason: &'static str) {
    metrics::counter!("tidings_inference_failures_total", "backend" => id.to_owned(), "reason" => reason)
        .increment(1);
}
