//! What was refused: the sender's name, the recipient's, or the content.
//!
//! Mail servers tell it each in their way: Postfix in brackets behind the reply, Exim before it, qmail in a sentence, sendmail
//! and Courier by the session's transcript.

use std::sync::LazyLock;

use regex::RegexSet;

use super::prefix;

/// The step of a session that was answered with a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Sender,
    Recipient,
    Content,
}

const STEPS: [(Step, &str); 3] = [
    (
        Step::Content,
        r"in reply to (end of )?data|after (sending |end of )?data|(command|phase|stage|state).{0,5}\b(data|eom)\b|\bdata (command|phase|stage)|our final data|failed after i sent the message|pipelined end of data|end-of-data|message content|\[(end_of_)?data\]|\(state 1[78]\)",
    ),
    (
        Step::Recipient,
        r"(in reply to|after|in response to|reply to|like our|at|during) \(?rcpt|does(n't| not) like recipient|smtp:rcpt|\[rcpt_to\]|(command|phase|stage|state).{0,5}\brcpt\b|rcpt to (command|failed)|while sending rcpt|error while sending recipient|following addresses had delivery problems|recipient was (rejected|refused)|rejected (the )?recipient|refused to accept.{0,20}recipient|recipient refused|\(state 1[46]\)|\brcpt to:? ?<[^>]*> ?(failed|said|error|:)",
    ),
    (
        Step::Sender,
        r"(in reply to|after|in response to|reply to|like our|at|during) \(?mail (from|command)|sender was rejected|\[mail_from\]|smtp:mail\b|mail from (command|failed)|server rejected mail from",
    ),
];

static SAID: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new(STEPS.iter().map(|(_, pattern)| format!("(?is){pattern}")))
        .expect("the patterns are constants, and a test compiles them")
});

/// The step by what stands closest to the refusal: its own words, the recipient's paragraph, the transcript, the report.
pub(super) fn find(words: &str, text: &str, recipient: Option<&str>) -> Option<Step> {
    let words = prefix(words);
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    named(&flat(words))
        .or_else(|| named(&flat(paragraph(text, recipient?)?)))
        .or_else(|| transcript(words, text))
        .or_else(|| named(&flat(prefix(text))))
}

fn named(text: &str) -> Option<Step> {
    let found = SAID.matches(text).iter().next()?;
    STEPS.get(found).map(|(step, _)| *step)
}

/// From where the recipient is named to the next empty line.
fn paragraph<'a>(text: &'a str, recipient: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(recipient)?;
    let end = rest
        .find("\n\n")
        .or_else(|| rest.find("\r\n\r\n"))
        .unwrap_or(rest.len());
    rest.get(..end).map(prefix)
}

/// The command (`>>>`) that the refusal (`<<<`) answered: the refusal that has these words, else the first.
fn transcript(words: &str, text: &str) -> Option<Step> {
    let (mut command, mut first) = (None, None);
    let words = words.to_lowercase();
    for line in prefix(text).lines() {
        let line = line.trim();
        // InterScan turns the arrows and says in words which is which.
        let sent = line
            .strip_prefix(">>>")
            .or_else(|| line.strip_prefix("Sent <<<"));
        let answer = line
            .strip_prefix("<<<")
            .or_else(|| line.strip_prefix("Received >>>"));
        if let Some(said) = sent {
            command = step_of(said);
        } else if let Some(answer) = answer {
            let answer = answer.trim().to_lowercase();
            if !answer.starts_with(['4', '5']) {
                continue;
            }
            if words.contains(&answer) || answer.contains(words.trim()) {
                return command;
            }
            first = first.or(command);
        }
    }
    first
}

fn step_of(command: &str) -> Option<Step> {
    let command = command.trim().to_ascii_lowercase();
    [
        ("rcpt", Step::Recipient),
        ("mail", Step::Sender),
        ("data", Step::Content),
        (".", Step::Content),
        ("bdat", Step::Content),
    ]
    .into_iter()
    .find_map(|(begin, step)| command.starts_with(begin).then_some(step))
}
