//! A bar on a terminal that shows how far something is; nothing where standard error is none.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

/// How often it is drawn at most.
const EVERY: Duration = Duration::from_millis(100);
const WIDTH: u64 = 24;

pub(super) struct Bar {
    is_shown: bool,
    drawn: Option<Instant>,
}

impl Bar {
    pub(super) fn new() -> Self {
        Self {
            is_shown: std::io::stderr().is_terminal(),
            drawn: None,
        }
    }

    /// Shows `done` of `whole`, and a few words.
    pub(super) fn show(&mut self, done: u64, whole: u64, words: &str) {
        if self.drawn.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.drawn = Some(Instant::now());
        self.draw(&format!("{} {words}", bar(done, whole)));
    }

    /// Shows words alone, where nobody knows how much there is.
    pub(super) fn say(&mut self, words: &str) {
        if self.drawn.is_none_or(|at| at.elapsed() >= EVERY) {
            self.drawn = Some(Instant::now());
            self.draw(words);
        }
    }

    /// Takes it away.
    pub(super) fn clear(&mut self) {
        self.draw("");
        self.drawn = None;
    }

    fn draw(&self, line: &str) {
        if self.is_shown {
            let mut terminal = std::io::stderr().lock();
            // A terminal that went away takes nothing from the work.
            drop(write!(terminal, "\r\x1b[K{line}"));
            drop(terminal.flush());
        }
    }
}

fn bar(done: u64, whole: u64) -> String {
    let share = |of: u64| {
        done.min(whole)
            .saturating_mul(of)
            .checked_div(whole)
            .unwrap_or(of)
    };
    let full = share(WIDTH);
    let (full, empty) = (full, WIDTH - full);
    let repeat = |sign: &str, count: u64| sign.repeat(usize::try_from(count).unwrap_or(0));
    format!(
        "[{}{}] {:>3} %",
        repeat("#", full),
        repeat(" ", empty),
        share(100)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_at_the_end_and_never_fuller() {
        assert_eq!(bar(0, 10), format!("[{}]   0 %", " ".repeat(24)));
        assert_eq!(
            bar(5, 10),
            format!("[{}{}]  50 %", "#".repeat(12), " ".repeat(12))
        );
        assert_eq!(bar(11, 10), format!("[{}] 100 %", "#".repeat(24)));
        assert_eq!(bar(0, 0), format!("[{}] 100 %", "#".repeat(24)));
    }
}
