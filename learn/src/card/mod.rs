//! The model card: what a model is for, what it was made of, how good it is (Mitchell et al.: Model Cards for Model
//! Reporting, 2019), in Markdown.
//!
//! Invariants: the same facts give the same text; no training text is in it, only where it stands, for cards are
//! published and customers' messages are not. Deliberately absent: finding the facts.

mod purpose;

use std::fmt::{self, Write};

use schemas::Task;

use crate::{
    dataset::{DataFile, Dataset},
    inspect::{Inspection, Leakage},
    measure::{Interval, Measures, Quality},
    suspect::Suspect,
};

/// Labels, slices and the like that a table shows before it says how many more there are.
const MAX_ROWS: usize = 200;

/// Everything a card tells.
pub struct Card<'a> {
    pub task: Task,
    /// The model's id.
    pub model: &'a str,
    pub size_bytes: usize,
    /// As it was called, so that it can be called again.
    pub command: &'a str,
    pub data: &'a Dataset,
    /// None: measured out of fold.
    pub dev: Option<&'a Dataset>,
    /// Who allows what: of a file, by its name, or of all.
    pub licences: &'a [Licence],
    /// Paragraphs of the one who trained it.
    pub notes: &'a [String],
    /// Name and value: seed, C, calibration and what else was chosen.
    pub choices: &'a [(String, String)],
    pub inspection: &'a Inspection,
    pub leakage: Option<&'a Leakage>,
    pub measures: &'a Measures,
    pub suspects: &'a [Suspect],
}

/// Under which terms data may be used.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Licence {
    /// A data file's name, or its end behind a slash; none: every file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    pub terms: String,
}

impl Licence {
    fn covers(&self, file: &DataFile) -> bool {
        self.file.as_ref().is_none_or(|name| {
            let before = file.name.strip_suffix(name.as_str());
            before.is_some_and(|before| before.is_empty() || before.ends_with(['/', '\\']))
        })
    }
}

impl fmt::Display for Card<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(out)?;
        self.purpose(out)?;
        self.data(out)?;
        self.training(out)?;
        self.quality(out)?;
        self.doubts(out)
    }
}

impl Card<'_> {
    fn head(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "# {}\n", self.model)?;
        let kind = if self.measures.many {
            "any number of its labels can hold"
        } else {
            "one of its labels holds"
        };
        writeln!(
            out,
            "A model for the task `{}`; {kind}. It is one file of {:.2} MB; its name ends in the first digits of its SHA-256.\n",
            self.task.name(),
            self.size_bytes as f64 / 1e6,
        )?;
        for note in self.notes {
            writeln!(out, "{note}\n")?;
        }
        Ok(())
    }

    fn purpose(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(
            out,
            "## What it is for\n\n{}\n",
            purpose::intended(self.task)
        )?;
        writeln!(
            out,
            "## What it must not be used for\n\n{}\n",
            purpose::misuse(self.task)
        )?;
        writeln!(
            out,
            "It has learnt from the texts below and knows nothing else: on texts of another kind, trade or language its \
             figures do not hold. Measure it on your own first.\n"
        )
    }

    fn data(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "## Data\n")?;
        writeln!(
            out,
            "| file | rows | used for | terms | SHA-256 |\n|---|---:|---|---|---|"
        )?;
        let dev = self.dev.map_or(&[][..], |dev| &dev.files);
        let all = self.data.files.iter().map(|file| (file, "training"));
        for (file, used) in all.chain(dev.iter().map(|file| (file, "dev"))) {
            let terms: Vec<String> = self
                .licences
                .iter()
                .filter(|licence| licence.covers(file))
                .map(|licence| cell(&licence.terms))
                .collect();
            let terms = match terms.is_empty() {
                true => "not stated".to_owned(),
                false => terms.join("; "),
            };
            let name = file.name.rsplit(['/', '\\']).next().unwrap_or(&file.name);
            writeln!(
                out,
                "| {} | {} | {used} | {terms} | `{}` |",
                cell(name),
                file.rows,
                file.sha256
            )?;
        }
        let found = self.inspection;
        writeln!(
            out,
            "\n{} rows, {} of them with the text of an earlier one; {} texts occur with labels that exclude each other; \
             {} rows have no label, {} no word.",
            found.rows, found.duplicates, found.conflicting, found.unlabelled, found.wordless
        )?;
        if let Some(leakage) = self.leakage {
            writeln!(
                out,
                "Of {} dev rows {} have the text of a training row.",
                leakage.dev_rows, leakage.shared
            )?;
        }
        writeln!(out, "\n| label | rows |\n|---|---:|")?;
        for (label, count) in found.labels.iter().take(MAX_ROWS) {
            writeln!(out, "| {} | {count} |", cell(label))?;
        }
        more(out, found.labels.len())
    }

    fn training(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(
            out,
            "## Training\n\n```sh\n{}\n```\n\n| | |\n|---|---|",
            self.command
        )?;
        for (name, value) in self.choices {
            writeln!(out, "| {} | {} |", cell(name), cell(value))?;
        }
        writeln!(out)
    }

    fn quality(&self, out: &mut dyn Write) -> fmt::Result {
        let measured = match self.dev {
            Some(_) => {
                "Measured on the dev files, which it was calibrated on and has not learnt from."
            }
            None => "Measured out of fold: each text by a model that has not learnt from it.",
        };
        writeln!(
            out,
            "## How good it is\n\n{measured} Figures are shares, 0 to 1.\n"
        )?;
        writeln!(out, "| | |\n|---|---:|")?;
        for (name, value) in figures(self.measures) {
            writeln!(out, "| {name} | {value} |")?;
        }
        writeln!(out)?;
        for (by, slices) in &self.measures.slices {
            writeln!(
                out,
                "| {by} | texts | accuracy | macro-F1 | ECE15 |\n|---|---:|---:|---:|---:|"
            )?;
            for slice in slices.iter().take(MAX_ROWS) {
                let quality = &slice.quality;
                writeln!(
                    out,
                    "| {} | {} | {:.3} | {:.3} | {} |",
                    cell(&slice.name),
                    quality.n,
                    quality.accuracy,
                    quality.macro_f1,
                    optional(quality.ece15)
                )?;
            }
            more(out, slices.len())?;
        }
        writeln!(
            out,
            "| label | texts | precision | recall | F1 |\n|---|---:|---:|---:|---:|"
        )?;
        for label in self.measures.labels.iter().take(MAX_ROWS) {
            writeln!(
                out,
                "| {} | {} | {:.3} | {:.3} | {:.3} |",
                cell(&label.label),
                label.n,
                label.precision,
                label.recall,
                label.f1
            )?;
        }
        more(out, self.measures.labels.len())
    }

    fn doubts(&self, out: &mut dyn Write) -> fmt::Result {
        writeln!(out, "## Labels to look at\n")?;
        if self.suspects.is_empty() {
            return writeln!(out, "None stood out.");
        }
        writeln!(
            out,
            "A model that has not seen these rows is surer of another label than it usually is when it is right.\n\n\
             | row | given | suggested |\n|---|---|---|"
        )?;
        for suspect in self.suspects {
            let place = match self.dev.unwrap_or(self.data).locate(suspect.row) {
                Some((file, row)) => {
                    let name = file.name.rsplit(['/', '\\']).next().unwrap_or(&file.name);
                    format!("{} {row}", cell(name))
                }
                None => suspect.row.to_string(),
            };
            writeln!(
                out,
                "| {place} | {} {:.2} | {} {:.2} |",
                cell(&suspect.given),
                suspect.given_probability,
                cell(&suspect.suggested),
                suspect.suggested_probability
            )?;
        }
        Ok(())
    }
}

/// The names and values that stand for a model, in the order in which people ask for them.
fn figures(measures: &Measures) -> Vec<(&'static str, String)> {
    let quality: &Quality = &measures.quality;
    let with = |value: f64, interval: Option<Interval>| match interval {
        Some(Interval { low, high }) => format!("{value:.4} ({low:.4} to {high:.4})"),
        None => format!("{value:.4}"),
    };
    let mut rows = vec![
        ("texts", measures.n.to_string()),
        (
            "accuracy",
            with(quality.accuracy, quality.accuracy_interval),
        ),
        (
            "macro-F1",
            with(quality.macro_f1, quality.macro_f1_interval),
        ),
        ("average recall", format!("{:.4}", quality.average_recall)),
    ];
    let mut push = |name, value: Option<f64>| {
        if let Some(value) = value {
            rows.push((name, format!("{value:.4}")));
        }
    };
    push("micro-F1", quality.micro_f1);
    push("calibration error (ECE15)", quality.ece15);
    push("Brier score", quality.brier);
    push("accuracy of the surest 90 %", quality.accuracy_at_90);
    if let Some(scope) = &measures.scope {
        push(
            "out of scope: recall at the model's threshold",
            Some(scope.recall),
        );
        push(
            "out of scope: recall with 90 % in scope right",
            scope.recall_at_90_correct,
        );
        push(
            "out of scope: recall with 90 % in scope answered",
            scope.recall_at_90_answered,
        );
        push("out of scope: AUROC", scope.auroc);
    }
    if let Some(mean) = &measures.language_mean {
        push("mean accuracy over languages", Some(mean.accuracy));
        push("mean macro-F1 over languages", Some(mean.macro_f1));
    }
    rows
}

/// After a table: what it left out.
fn more(out: &mut dyn Write, rows: usize) -> fmt::Result {
    match rows.saturating_sub(MAX_ROWS) {
        0 => writeln!(out),
        more => writeln!(out, "\nAnd {more} more.\n"),
    }
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

/// What others wrote, so that it stays within its cell.
fn cell(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .flat_map(|c| match c {
            '|' | '<' | '`' | '\\' => vec!['\\', c],
            c => vec![c],
        })
        .collect()
}

#[cfg(test)]
mod tests;
