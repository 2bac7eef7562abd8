//! Texts as sparse rows of weighted features, as [`stages::model::linear`] will see them.
//!
//! Invariant: a row here is what scoring computes: each block divided by its norm over all its features, also those that
//! the vocabulary does not have.

use std::collections::HashMap;

use stages::model::{
    Document,
    feature::{BLOCKS, Features, language_feature},
};

use super::Options;
use crate::dataset::Example;

/// The buckets that training texts fall into, and how much each weighs.
pub(super) struct Vocabulary {
    /// Ascending; a bucket's place here is its row number.
    pub(super) buckets: Vec<u32>,
    /// One for each bucket; all one when features are not weighted.
    pub(super) idf: Vec<f32>,
    /// Of every other bucket.
    pub(super) default_idf: f32,
    /// Row number + 1 of each bucket; 0: none.
    rows: Vec<u32>,
    mask: u32,
}

impl Vocabulary {
    pub(super) fn of(examples: &[Example], options: &Options) -> Self {
        let mask = (1u32 << options.bits) - 1;
        let counts = in_parts(examples, options.threads, |part| {
            let mut texts = vec![0u32; mask as usize + 1];
            let mut seen = vec![u32::MAX; mask as usize + 1];
            for (number, example) in (0u32..).zip(part) {
                for bucket in buckets(example, options, mask) {
                    let last = &mut seen[bucket as usize];
                    if *last != number {
                        *last = number;
                        texts[bucket as usize] += 1;
                    }
                }
            }
            texts
        });
        let mut texts = vec![0u32; mask as usize + 1];
        for part in counts {
            for (sum, count) in texts.iter_mut().zip(part) {
                *sum += count;
            }
        }
        let all = examples.len() as f32;
        let weigh = |texts: u32| {
            if options.idf {
                ((1.0 + all) / (1.0 + texts as f32)).ln() + 1.0
            } else {
                1.0
            }
        };
        let least = options.min_texts.max(1);
        let mut rows = vec![0; texts.len()];
        let (mut used, mut idf) = (Vec::new(), Vec::new());
        for ((bucket, count), row) in (0u32..).zip(&texts).zip(&mut rows) {
            if *count >= least {
                used.push(bucket);
                idf.push(weigh(*count));
                *row = used.len() as u32;
            }
        }
        Self {
            buckets: used,
            idf,
            default_idf: weigh(0),
            rows,
            mask,
        }
    }

    pub(super) fn row(&self, hash: u32) -> Option<usize> {
        let row = self.rows.get((hash & self.mask) as usize).copied()?;
        row.checked_sub(1).map(|row| row as usize)
    }

    /// The row of the feature "the language is this one".
    pub(super) fn language_row(&self, code: &str) -> Option<usize> {
        self.row(language_feature(code))
    }
}

fn buckets(example: &Example, options: &Options, mask: u32) -> Vec<u32> {
    let features = Features::of(&example.text);
    let blocks = (0..BLOCKS).filter(|block| options.block_weights[*block] > 0.0);
    let mut buckets: Vec<u32> = blocks
        .flat_map(|block| features.block(block))
        .map(|feature| feature.hash & mask)
        .collect();
    if options.uses_language
        && let Some(code) = &example.language
    {
        buckets.push(language_feature(code) & mask);
    }
    buckets
}

/// Sparse rows, one for each example.
pub(super) struct Matrix {
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f32>,
    /// How many columns there are.
    pub(super) width: usize,
}

impl Matrix {
    pub(super) fn of(vocabulary: &Vocabulary, examples: &[Example], options: &Options) -> Self {
        let parts = in_parts(examples, options.threads, |part| {
            part.iter()
                .map(|example| row(vocabulary, example, options))
                .collect::<Vec<_>>()
        });
        let mut matrix = Self {
            starts: vec![0],
            columns: Vec::new(),
            values: Vec::new(),
            width: vocabulary.buckets.len(),
        };
        for (column, value) in parts
            .into_iter()
            .flatten()
            .flat_map(|row| row.into_iter().map(Some).chain(std::iter::once(None)))
            .map(Option::unzip)
        {
            match (column, value) {
                (Some(column), Some(value)) => {
                    matrix.columns.push(column);
                    matrix.values.push(value);
                }
                _ => matrix.starts.push(matrix.columns.len()),
            }
        }
        matrix
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Columns and values of a row.
    pub(super) fn row(&self, row: usize) -> Row<'_> {
        let (start, end) = (self.starts[row], self.starts[row + 1]);
        Row {
            columns: &self.columns[start..end],
            values: &self.values[start..end],
        }
    }
}

/// One text.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) columns: &'a [u32],
    pub(super) values: &'a [f32],
}

impl Row<'_> {
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, f32)> {
        self.columns
            .iter()
            .zip(self.values)
            .map(|(column, value)| (*column as usize, *value))
    }

    pub(super) fn squared(&self) -> f32 {
        self.values.iter().map(|value| value * value).sum()
    }
}

fn row(vocabulary: &Vocabulary, example: &Example, options: &Options) -> Vec<(u32, f32)> {
    let document = Document::new(&example.text, example.language.as_deref());
    let mut sums: HashMap<u32, f32> = HashMap::new();
    for (block, share) in options
        .block_weights
        .iter()
        .enumerate()
        .filter(|(_, share)| **share > 0.0)
    {
        let features = document.features().block(block);
        let weigh = |hash: u32, weight: f32| {
            let row = vocabulary.row(hash);
            let idf = row
                .and_then(|row| vocabulary.idf.get(row).copied())
                .unwrap_or(vocabulary.default_idf);
            (row, weight * idf)
        };
        let norm = features
            .iter()
            .map(|feature| weigh(feature.hash, feature.weight).1.powi(2))
            .sum::<f32>()
            .sqrt();
        if norm > 0.0 {
            for feature in features {
                if let (Some(row), value) = weigh(feature.hash, feature.weight) {
                    *sums.entry(row as u32).or_default() += share * value / norm;
                }
            }
        }
    }
    let language = example
        .language
        .as_deref()
        .filter(|_| options.uses_language);
    if let Some(row) = language.and_then(|code| vocabulary.language_row(code)) {
        *sums.entry(row as u32).or_default() += 1.0;
    }
    let mut row: Vec<(u32, f32)> = sums.into_iter().collect();
    row.sort_unstable_by_key(|(column, _)| *column);
    row
}

/// Works on parts of the items side by side; the results in the order of the parts.
pub(super) fn in_parts<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&[T]) -> R + Sync,
) -> Vec<R> {
    let size = items.len().div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = items
            .chunks(size)
            .map(|part| scope.spawn(|| work(part)))
            .collect();
        parts
            .into_iter()
            .filter_map(|part| part.join().ok())
            .collect()
    })
}
