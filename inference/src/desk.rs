//! The desk between those who ask and the one thread that answers.
//!
//! Invariants: bounded; an asker waits until its deadline and no longer; what finds no room, comes too late or is left
//! unanswered is `None`, so that the asker turns to another model. One text is one question: batches are made of
//! whatever waits, whoever asked.
//!
//! Deliberately absent: what answers (`external`, `bert`).

use std::{
    sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    time::{Duration, Instant},
};

use stages::model::Document;
use tokio::sync::mpsc;

/// The most bytes of a text that a model is shown; no model here reads further.
const MAX_TEXT_BYTES: usize = 16 * 1024;

/// One text that waits for its answer. Dropped unanswered, its answer is `None`.
pub(crate) struct Question<A> {
    pub(crate) text: String,
    pub(crate) language: Option<String>,
    pub(crate) deadline: Instant,
    place: usize,
    answer: SyncSender<(usize, A)>,
}

impl<A> Question<A> {
    /// Whether somebody may still wait for the answer.
    pub(crate) fn is_wanted(&self) -> bool {
        Instant::now() < self.deadline
    }

    pub(crate) fn answer(self, answer: A) {
        // The channel holds an answer to every question of the asker; it is never full. Closed: nobody waits.
        drop(self.answer.try_send((self.place, answer)));
    }
}

/// Where askers leave their questions.
pub(crate) struct Desk<A> {
    /// Stands in metrics.
    name: String,
    capacity: usize,
    timeout: Duration,
    questions: mpsc::Sender<Question<A>>,
}

impl<A: Send> Desk<A> {
    /// `capacity` questions may wait; an asker waits `timeout` for all its answers. The thread that takes from the
    /// receiver should end when there are no more.
    pub(crate) fn new(
        name: String,
        capacity: usize,
        timeout: Duration,
    ) -> (Self, mpsc::Receiver<Question<A>>) {
        let (questions, receiver) = mpsc::channel(capacity.max(1));
        let desk = Self {
            name,
            capacity: capacity.max(1),
            timeout,
            questions,
        };
        (desk, receiver)
    }

    /// One answer for each document, in order. More than fit are asked one lot after the other, each with its own
    /// deadline; after a lot that was not answered in time the rest is not asked.
    pub(crate) fn ask(&self, documents: &[&Document<'_>]) -> Vec<Option<A>> {
        let mut answers = Vec::with_capacity(documents.len());
        let mut late = false;
        for lot in documents.chunks(self.capacity) {
            if late {
                self.count("late", lot.len());
                answers.extend(lot.iter().map(|_| None));
            } else {
                late = self.ask_lot(lot, &mut answers);
            }
        }
        answers
    }

    /// Whether the deadline passed before everything was answered.
    fn ask_lot(&self, lot: &[&Document<'_>], answers: &mut Vec<Option<A>>) -> bool {
        let deadline = Instant::now() + self.timeout;
        let (sender, receiver) = sync_channel(lot.len());
        let mut asked = 0;
        for (place, document) in lot.iter().enumerate() {
            let question = Question {
                text: bounded(document.text).to_owned(),
                language: document.language.map(str::to_owned),
                deadline,
                place,
                answer: sender.clone(),
            };
            asked += usize::from(self.questions.try_send(question).is_ok());
        }
        drop(sender);
        let mut found: Vec<Option<A>> = lot.iter().map(|_| None).collect();
        let (answered, late) = patiently(|| {
            let mut answered = 0;
            while answered < asked {
                let left = deadline.saturating_duration_since(Instant::now());
                match receiver.recv_timeout(left) {
                    Ok((place, answer)) => {
                        answered += 1;
                        if let Some(slot) = found.get_mut(place) {
                            *slot = Some(answer);
                        }
                    }
                    Err(RecvTimeoutError::Disconnected) => return (answered, false),
                    Err(RecvTimeoutError::Timeout) => return (answered, true),
                }
            }
            (answered, false)
        });
        answers.append(&mut found);
        self.count("answered", answered);
        self.count("overloaded", lot.len() - asked);
        self.count(if late { "late" } else { "unanswered" }, asked - answered);
        late
    }

    fn count(&self, outcome: &'static str, texts: usize) {
        if texts > 0 {
            metrics::counter!("tidings_inference_texts_total", "backend" => self.name.clone(), "outcome" => outcome)
                .increment(texts as u64);
        }
    }
}

/// The questions of the next batch, at most `most`: what is there, and what comes within `linger` while they are fewer
/// than `enough`. None when nobody can ask any more.
pub(crate) async fn gather<A>(
    questions: &mut mpsc::Receiver<Question<A>>,
    enough: usize,
    most: usize,
    linger: Duration,
) -> Option<Vec<Question<A>>> {
    let mut batch = vec![questions.recv().await?];
    let end = tokio::time::Instant::now() + linger;
    while batch.len() < enough {
        match tokio::time::timeout_at(end, questions.recv()).await {
            Ok(Some(question)) => batch.push(question),
            Ok(None) | Err(_) => break,
        }
    }
    while batch.len() < most {
        match questions.try_recv() {
            Ok(question) => batch.push(question),
            Err(_) => break,
        }
    }
    batch.retain(Question::is_wanted);
    Some(batch)
}

/// Waits without keeping the other tasks of a runtime's thread from running.
fn patiently<T>(wait: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(wait)
        }
        _ => wait(),
    }
}

/// The text's beginning.
fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk(capacity: usize, timeout_ms: u64) -> (Desk<usize>, mpsc::Receiver<Question<usize>>) {
        Desk::new("test".into(), capacity, Duration::from_millis(timeout_ms))
    }

    fn ask(desk: &Desk<usize>, texts: &[&str]) -> Vec<Option<usize>> {
        let documents: Vec<_> = texts.iter().map(|t| Document::new(t, None)).collect();
        desk.ask(&documents.iter().collect::<Vec<_>>())
    }

    /// Answers with the text's length; a text of no length is dropped.
    fn clerk(mut questions: mpsc::Receiver<Question<usize>>) -> std::thread::JoinHandle<()> {
        std::thread::spawn(move || {
            while let Some(question) = questions.blocking_recv() {
                match question.text.len() {
                    0 => drop(question),
                    length => question.answer(length),
                }
            }
        })
    }

    #[test]
    fn answers_come_in_order_and_what_is_dropped_is_none() {
        let (desk, questions) = desk(8, 10_000);
        let clerk = clerk(questions);
        assert_eq!(ask(&desk, &["ab", "", "abc"]), [Some(2), None, Some(3)]);
        drop(desk);
        clerk.join().unwrap();
    }

    #[test]
    fn more_than_fit_are_asked_in_lots() {
        let (desk, questions) = desk(2, 10_000);
        let clerk = clerk(questions);
        assert_eq!(
            ask(&desk, &["a", "ab", "abc", "abcd", "abcde"]),
            [Some(1), Some(2), Some(3), Some(4), Some(5)]
        );
        drop(desk);
        clerk.join().unwrap();
    }

    #[test]
    fn a_full_desk_answers_none_at_once() {
        let (desk, mut questions) = desk(2, 50);
        // Nobody takes these two away.
        assert_eq!(ask(&desk, &["a", "b"]), [None, None]);
        let began = Instant::now();
        assert_eq!(ask(&desk, &["c"]), [None]);
        assert!(began.elapsed() < Duration::from_millis(50));
        assert!(!questions.try_recv().unwrap().is_wanted());
    }

    #[test]
    fn nobody_waits_longer_than_the_deadline_even_for_many_lots() {
        let (desk, _questions) = desk(2, 50);
        let began = Instant::now();
        assert_eq!(ask(&desk, &["a"; 100]), [None; 100]);
        assert!(began.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "ä".repeat(MAX_TEXT_BYTES);
        assert_eq!(bounded(&long).len(), MAX_TEXT_BYTES);
        let odd = format!("x{long}");
        assert_eq!(bounded(&odd).len(), MAX_TEXT_BYTES - 1);
    }

    #[tokio::test]
    async fn a_batch_is_what_waits_and_is_still_wanted() {
        let (desk, mut questions) = desk(8, 0);
        assert_eq!(ask(&desk, &["late"]), [None]);
        let (answer, _answers) = sync_channel(8);
        for place in 0..5 {
            let question = Question {
                text: String::new(),
                language: None,
                deadline: Instant::now() + Duration::from_secs(60),
                place,
                answer: answer.clone(),
            };
            desk.questions.try_send(question).unwrap();
        }
        let places =
            |batch: Vec<Question<usize>>| batch.iter().map(|q| q.place).collect::<Vec<_>>();
        let first = gather(&mut questions, 2, 4, Duration::ZERO).await.unwrap();
        assert_eq!(places(first), [0, 1, 2]);
        let second = gather(&mut questions, 8, 8, Duration::from_millis(1))
            .await
            .unwrap();
        assert_eq!(places(second), [3, 4]);
        drop(desk);
        assert!(gather(&mut questions, 2, 4, Duration::ZERO).await.is_none());
    }
}
