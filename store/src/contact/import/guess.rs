//! Whether the next rows of a file are about people nobody knew.
//!
//! Most files are so from end to end, or not at all. To look nobody up saves a quarter of the work of a batch; to be wrong costs at
//! most the work of one. So a wrong guess is made again only after 1, 2, 4, … batches in which nobody was known.

use super::batch::Way;

/// Most batches that are looked up before it is tried again.
const MAX_WAIT: u32 = 64;

/// Kept from batch to batch of one import.
#[derive(Clone, Debug)]
pub(super) struct Guess {
    /// Batches without anybody known that are still waited for.
    wait: u32,
    /// The same, after the next wrong guess.
    next: u32,
}

impl Default for Guess {
    fn default() -> Self {
        Self { wait: 0, next: 1 }
    }
}

impl Guess {
    pub(super) fn way(&self) -> Way {
        match self.wait {
            0 => Way::New,
            _ => Way::Copied,
        }
    }

    pub(super) fn was_wrong(&mut self) {
        self.wait = self.next;
        self.next = (self.next * 2).min(MAX_WAIT);
    }

    /// A batch was written this way, and so many were known.
    pub(super) fn found(&mut self, way: Way, known: u64) {
        match (way, known) {
            (Way::New, _) => self.next = 1,
            (Way::Copied | Way::Inserted, 0) => self.wait = self.wait.saturating_sub(1),
            (Way::Copied | Way::Inserted, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_guess_is_made_less_and_less_often() {
        let mut guess = Guess::default();
        assert_eq!(guess.way(), Way::New);
        for waits in [1, 2, 4] {
            guess.was_wrong();
            for _ in 0..waits {
                assert_eq!(guess.way(), Way::Copied);
                guess.found(Way::Copied, 7);
                assert_eq!(guess.way(), Way::Copied, "somebody was known");
                guess.found(Way::Copied, 0);
            }
            assert_eq!(guess.way(), Way::New);
        }
        guess.found(Way::New, 0);
        guess.was_wrong();
        guess.found(Way::Inserted, 0);
        assert_eq!(guess.way(), Way::New);
    }
}
