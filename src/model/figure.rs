//! The figures of an evaluation, by the names that people write.

use learn::measure::{Interval, Measures};

/// One figure of a model.
pub(super) struct Figure {
    /// What `--min` calls it.
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    /// Whether less is better: `--min` is then the most it may be.
    pub(super) is_cost: bool,
    decimals: usize,
    pub(super) of: fn(&Measures) -> Option<f64>,
    interval: fn(&Measures) -> Option<Interval>,
}

const fn gain(key: &'static str, title: &'static str, of: fn(&Measures) -> Option<f64>) -> Figure {
    Figure {
        key,
        title,
        is_cost: false,
        decimals: 4,
        of,
        interval: |_| None,
    }
}

const fn cost(key: &'static str, title: &'static str, of: fn(&Measures) -> Option<f64>) -> Figure {
    Figure {
        is_cost: true,
        ..gain(key, title, of)
    }
}

/// All of them, in the order of the table.
pub(super) const ALL: [Figure; 25] = [
    Figure {
        decimals: 0,
        ..gain("n", "texts", |all| Some(all.n as f64))
    },
    Figure {
        decimals: 0,
        ..cost("unanswered", "without an answer", |all| {
            Some(all.unanswered as f64)
        })
    },
    Figure {
        interval: |all| all.quality.accuracy_interval,
        ..gain("acc", "accuracy", |all| Some(all.quality.accuracy))
    },
    Figure {
        interval: |all| all.quality.macro_f1_interval,
        ..gain("f1", "macro-F1", |all| Some(all.quality.macro_f1))
    },
    gain("micro_f1", "micro-F1", |all| all.quality.micro_f1),
    gain("recall", "average recall", |all| {
        Some(all.quality.average_recall)
    }),
    cost("ece", "calibration error (ECE15)", |all| all.quality.ece15),
    cost("brier", "Brier score", |all| all.quality.brier),
    gain("acc90", "accuracy of the surest 90 %", |all| {
        all.quality.accuracy_at_90
    }),
    gain("in_scope", "taken for in scope", |all| {
        Some(all.quality.in_scope)
    }),
    Figure {
        decimals: 0,
        ..gain("oos_n", "texts out of scope", |all| {
            Some(all.scope.as_ref()?.n as f64)
        })
    },
    gain("oos_recall", "  recall at its threshold", |all| {
        Some(all.scope.as_ref()?.recall)
    }),
    gain("scope_acc", "  in-scope accuracy at it", |all| {
        Some(all.scope.as_ref()?.in_scope_accuracy)
    }),
    gain("all_acc", "  accuracy of all at it", |all| {
        Some(all.scope.as_ref()?.accuracy)
    }),
    gain("oos_recall90", "  recall, 90 % in scope right", |all| {
        all.scope.as_ref()?.recall_at_90_correct
    }),
    gain(
        "oos_answered90",
        "  recall, 90 % in scope answered",
        |all| all.scope.as_ref()?.recall_at_90_answered,
    ),
    gain("auroc", "  AUROC", |all| all.scope.as_ref()?.auroc),
    Figure {
        decimals: 0,
        ..gain("languages", "languages", |all| {
            Some(all.language_mean.as_ref()?.languages as f64)
        })
    },
    gain("lang_acc", "  mean accuracy", |all| {
        Some(all.language_mean.as_ref()?.accuracy)
    }),
    gain("lang_f1", "  mean macro-F1", |all| {
        Some(all.language_mean.as_ref()?.macro_f1)
    }),
    gain("lang_recall", "  mean average recall", |all| {
        Some(all.language_mean.as_ref()?.average_recall)
    }),
    Figure {
        decimals: 1,
        ..cost("p50_us", "µs a text, median", |all| {
            Some(all.speed?.p50_us)
        })
    },
    Figure {
        decimals: 1,
        ..cost("p99_us", "µs a text, 99 %", |all| Some(all.speed?.p99_us))
    },
    Figure {
        decimals: 0,
        ..gain("per_s", "texts a second, one thread", |all| {
            Some(all.speed?.texts_per_s)
        })
    },
    Figure {
        decimals: 2,
        ..cost("mb", "MB", |all| Some(all.size_bytes? as f64 / 1e6))
    },
];

impl Figure {
    /// For a table; what the model or the data does not give is a dash.
    pub(super) fn show(&self, measures: &Measures) -> String {
        let decimals = self.decimals;
        let Some(value) = (self.of)(measures) else {
            return "–".to_owned();
        };
        match (self.interval)(measures) {
            Some(Interval { low, high }) => format!("{value:.decimals$} ({low:.3}–{high:.3})"),
            None => format!("{value:.decimals$}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart() {
        let mut keys: Vec<&str> = ALL.iter().map(|figure| figure.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), ALL.len());
    }
}
