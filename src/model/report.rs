//! What a training found out, for people.

use std::fmt::{self, Write};

use learn::{dataset::Dataset, train::JudgedBy};

use super::{
    figure,
    table::Table,
    train::{Outcome, calibration},
};

/// Labels and conflicts that are shown; the card and the JSON have more.
const MAX_LABELS: usize = 20;
const MAX_CONFLICTS: usize = 5;
/// Characters of a text that are shown.
const MAX_TEXT: usize = 60;

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        trained(out, self)?;
        labels(out, self)?;
        conflicts(out, self)?;
        measured(out, self)?;
        suspects(out, self)
    }
}

fn trained(out: &mut dyn Write, outcome: &Outcome) -> fmt::Result {
    let found = &outcome.inspection;
    writeln!(
        out,
        "data         {} rows, {} labels; {} rows repeat a text, {} texts have labels that exclude each other, {} rows \
         have no label, {} no word",
        found.rows,
        found.labels.len(),
        found.duplicates,
        found.conflicting,
        found.unlabelled,
        found.wordless
    )?;
    if let Some(leakage) = &outcome.leakage {
        writeln!(
            out,
            "dev          {} rows, {} of them with a training text ({} labelled otherwise there)",
            leakage.dev_rows, leakage.shared, leakage.conflicting
        )?;
        if !leakage.unknown_labels.is_empty() {
            writeln!(
                out,
                "             not in training: {}",
                leakage.unknown_labels.join(", ")
            )?;
        }
    }
    let report = &outcome.report;
    write!(
        out,
        "trained      {:.1} s, C {}, {} features, {}",
        outcome.seconds,
        report.c,
        report.features,
        calibration(&report.calibration)
    )?;
    if let Some(scope) = report.scope {
        write!(out, ", in scope from {:.4} on", scope.threshold)?;
    }
    writeln!(out)?;
    for (c, score) in &report.tried {
        writeln!(out, "             C {c}: {score:.4}")?;
    }
    writeln!(
        out,
        "model        {}, {:.2} MB, in {}",
        outcome.id,
        outcome.size_bytes as f64 / 1e6,
        outcome.output
    )
}

fn measured(out: &mut dyn Write, outcome: &Outcome) -> fmt::Result {
    let judged = match outcome.report.judged_by {
        JudgedBy::Dev => "measured on the dev texts",
        JudgedBy::OutOfFold => "measured out of fold, on texts that were left out in turn",
    };
    writeln!(out, "\n{judged}")?;
    let mut table = Table::default();
    for figure in &figure::ALL {
        if (figure.of)(&outcome.measures).is_some() {
            table.row([
                figure.key.to_owned(),
                figure.title.to_owned(),
                figure.show(&outcome.measures),
            ]);
        }
    }
    out.write_str(&table.print(2))
}

fn labels(out: &mut dyn Write, outcome: &Outcome) -> fmt::Result {
    writeln!(out, "\nlabels")?;
    let mut table = Table::default();
    for (label, count) in outcome.inspection.labels.iter().take(MAX_LABELS) {
        table.row([format!("  {label}"), count.to_string()]);
    }
    out.write_str(&table.print(1))?;
    match outcome.inspection.labels.get(MAX_LABELS..) {
        Some([.., (_, least)]) => {
            let more = outcome.inspection.labels.len() - MAX_LABELS;
            writeln!(out, "  … and {more} more, down to {least} rows")
        }
        _ => Ok(()),
    }
}

fn conflicts(out: &mut dyn Write, outcome: &Outcome) -> fmt::Result {
    let found = &outcome.inspection;
    if found.conflicts.is_empty() {
        return Ok(());
    }
    writeln!(out, "\ntexts with labels that exclude each other")?;
    let mut table = Table::default();
    for conflict in found.conflicts.iter().take(MAX_CONFLICTS) {
        let rows: Vec<String> = conflict
            .rows
            .iter()
            .zip(&conflict.labels)
            .map(|(row, labels)| format!("{} {}", place(&outcome.data, *row), labels.join("+")))
            .collect();
        table.row([format!("  {}", short(&conflict.text)), rows.join(", ")]);
    }
    out.write_str(&table.print(2))?;
    match found.conflicting.saturating_sub(MAX_CONFLICTS) {
        0 => Ok(()),
        more => writeln!(out, "  … and {more} more"),
    }
}

fn suspects(out: &mut dyn Write, outcome: &Outcome) -> fmt::Result {
    if outcome.suspects.is_empty() {
        return writeln!(out, "\nno label is suspicious");
    }
    let data = outcome.dev.as_ref().unwrap_or(&outcome.data);
    writeln!(out, "\nthe most suspicious labels")?;
    let mut table = Table::default();
    table.row(["  row", "given", "suggested", "text"]);
    for suspect in &outcome.suspects {
        let text = data
            .examples
            .get(suspect.row)
            .map_or("", |example| &example.text);
        table.row([
            format!("  {}", place(data, suspect.row)),
            format!("{} {:.2}", suspect.given, suspect.given_probability),
            format!("{} {:.2}", suspect.suggested, suspect.suggested_probability),
            short(text),
        ]);
    }
    out.write_str(&table.print(4))
}

/// File and row, counted from 1.
fn place(data: &Dataset, row: usize) -> String {
    match data.locate(row) {
        Some((file, row)) => {
            let name = file.name.rsplit(['/', '\\']).next().unwrap_or(&file.name);
            format!("{name}:{row}")
        }
        None => row.to_string(),
    }
}

fn short(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_TEXT + 1)
        .collect();
    match plain.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", plain.get(..end).unwrap_or_default()),
        None => plain,
    }
}
