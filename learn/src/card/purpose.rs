//! What models of a task are for, and what they are not.

use schemas::Task;

pub(super) fn intended(task: Task) -> &'static str {
    match task {
        Task::Language => {
            "Telling the language a message is written in, so that rules, replies and other models can follow it."
        }
        Task::Sentiment => {
            "Seeing whether a message sounds content or not, to sort a queue or to watch a trend over many messages."
        }
        Task::Emotion => {
            "Seeing which emotions a message's words express, to sort a queue or to watch a trend over many messages."
        }
        Task::Intent => {
            "Telling what a customer writes for, so that rules can tag, prioritise, route or answer."
        }
        Task::Topic => {
            "Telling what a message is about, so that it finds its people and can be counted."
        }
        Task::Priority => "Proposing how soon a message wants an answer.",
    }
}

pub(super) fn misuse(task: Task) -> &'static str {
    match task {
        Task::Language => {
            "To conclude a person's origin, nationality or residence from a language."
        }
        Task::Sentiment | Task::Emotion => {
            "To conclude what a person feels or is: it reads words. Not to judge or rank employees, applicants or \
             customers, not on health, credit, insurance or law, and not to notice emergencies or self-harm."
        }
        Task::Intent | Task::Topic => {
            "To decide alone what cannot be taken back: a payment, a cancellation, a refusal, anything of health or law. \
             Not to notice emergencies."
        }
        Task::Priority => {
            "To let messages of low priority go unread, or to decide about the people who wrote them. Not to notice \
             emergencies."
        }
    }
}
