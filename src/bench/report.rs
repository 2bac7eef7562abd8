//! What a bench prints: lines for people, one line of JSON for scripts.

use std::io::Write;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::usage::ByProcess;

/// Percentiles in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) p99_9: f64,
    pub(crate) max: f64,
}

impl Percentiles {
    /// From a histogram of microseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "microseconds of a bench fit a double exactly"
        )]
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Self {
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            p99_9: at(0.999),
            max: at(1.0),
        }
    }
}

/// The last line of a bench.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) bench: &'static str,
    pub(crate) messages: u64,
    pub(crate) refused: u64,
    pub(crate) seconds: f64,
    /// From the first request to the last row, so a backlog counts.
    pub(crate) messages_per_s: f64,
    /// Request sent to answer read, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) accepted_ms: Option<Percentiles>,
    /// Request sent to row committed in Postgres, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) visible_ms: Option<Percentiles>,
    /// CPU microseconds per message by process.
    pub(crate) cpu_us_per_message: std::collections::BTreeMap<String, f64>,
    pub(crate) rss_mb: std::collections::BTreeMap<String, f64>,
    pub(crate) peak_rss_mb: f64,
}

impl Report {
    /// Fills the parts every bench has.
    pub(crate) fn of(
        bench: &'static str,
        messages: u64,
        refused: u64,
        seconds: f64,
        usage: &ByProcess,
        peak_rss_mb: f64,
    ) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "message counts of a bench fit a double exactly"
        )]
        let count = messages.max(1) as f64;
        Self {
            bench,
            messages,
            refused,
            seconds,
            messages_per_s: count / seconds,
            accepted_ms: None,
            visible_ms: None,
            cpu_us_per_message: usage
                .iter()
                .map(|(name, usage)| (name.clone(), usage.cpu_seconds * 1e6 / count))
                .collect(),
            rss_mb: usage
                .iter()
                .map(|(name, usage)| (name.clone(), usage.rss_mb))
                .collect(),
            peak_rss_mb,
        }
    }

    /// Prints the report; `json` leaves out the lines for people.
    pub(crate) fn print(&self, json: bool) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if !json {
            writeln!(
                out,
                "{:>12.0} messages/s  ({} in {:.1} s, {} refused)",
                self.messages_per_s, self.messages, self.seconds, self.refused
            )?;
            for (what, times) in [
                ("accepted", &self.accepted_ms),
                ("visible", &self.visible_ms),
            ] {
                if let Some(times) = times {
                    writeln!(
                        out,
                        "{what:>12}  p50 {:.2}  p95 {:.2}  p99 {:.2}  p99.9 {:.2}  max {:.2} ms",
                        times.p50, times.p95, times.p99, times.p99_9, times.max
                    )?;
                }
            }
            for (name, us) in &self.cpu_us_per_message {
                let rss = self.rss_mb.get(name).copied().unwrap_or_default();
                writeln!(out, "{name:>12}  {us:.1} µs CPU a message, {rss:.0} MB")?;
            }
        }
        writeln!(out, "{}", serde_json::to_string(self)?)?;
        Ok(())
    }
}
