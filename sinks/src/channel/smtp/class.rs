//! What a trouble means for the message (RFC 5321, RFC 3463, RFC 4954).
//!
//! A reply of 4xx is tried again, 5xx is final. Refused credentials, and a relay that refuses to talk, are the channel's
//! trouble. Only the answer to `RCPT` says something about the person, and only when it is judged as a hard bounce
//! ([`schemas::bounce`]): then nothing more is sent there.

use std::time::Duration;

use schemas::bounce::{self, Class, Said, Step};

use super::{
    super::{Failure, SendOutcome},
    connection::{Phase, Trouble},
};

/// Enhanced codes about who we are: no or wrong credentials (RFC 4954), a sender that is not ours to use (Exchange).
const NOT_US: [&str; 4] = ["5.7.8", "5.7.9", "5.7.60", "5.7.57"];
const MAX_WAIT: Duration = Duration::from_secs(3600);

pub(super) fn classed(trouble: &Trouble) -> SendOutcome {
    let detail = &trouble.detail;
    let retry = |failure| SendOutcome::RetryAfter {
        after: wait(detail),
        failure,
    };
    let Some(reply) = trouble.reply else {
        return match trouble.phase {
            Phase::Connecting => retry(Failure::channel("connect", detail)),
            Phase::Security => retry(Failure::channel("tls", detail)),
            Phase::Forbidden => SendOutcome::Permanent(Failure::channel("address", detail)),
            Phase::Greeting | Phase::Login | Phase::Before | Phase::Recipient => {
                retry(Failure::message("connection-lost", detail))
            }
            Phase::Content => SendOutcome::Unknown(Failure::message("connection-lost", detail)),
            Phase::Ours => SendOutcome::Permanent(Failure::message("address", detail)),
        };
    };
    let code = format!("smtp-{reply}");
    let status = bounce::status_within(detail);
    let is_ours = status
        .as_deref()
        .is_some_and(|status| NOT_US.contains(&status));
    match (trouble.phase, reply) {
        (Phase::Login, 500..) | (_, 530 | 535) => {
            SendOutcome::Permanent(Failure::channel(code, detail))
        }
        // A server that refuses to talk at all may talk later; 421 closes the connection.
        (Phase::Connecting | Phase::Greeting | Phase::Security | Phase::Login, _) | (_, 421) => {
            retry(Failure::channel(code, detail))
        }
        (_, 500..) if is_ours => SendOutcome::Permanent(Failure::channel(code, detail)),
        (Phase::Recipient, 500..) => {
            let verdict = bounce::judge(&Said {
                status: status.as_deref(),
                reply: Some(reply),
                words: detail,
                step: Some(Step::Recipient),
                is_final: true,
                ..Said::default()
            });
            SendOutcome::Permanent(if verdict.class == Class::Hard {
                Failure::recipient(code, detail)
            } else {
                Failure::message(code, detail)
            })
        }
        (_, 500..) => SendOutcome::Permanent(Failure::message(code, detail)),
        _ => retry(Failure::message(code, detail)),
    }
}

/// How long a server that greylists asks us to wait: "in 300 seconds", "in 5 minutes".
fn wait(detail: &str) -> Option<Duration> {
    let lower = detail.to_ascii_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    words.windows(3).find_map(|three| {
        let [lead, number, unit] = three else {
            return None;
        };
        if !matches!(*lead, "in" | "after" | "for") {
            return None;
        }
        let number: u64 = number.parse().ok()?;
        let seconds = if unit.starts_with("sec") {
            number
        } else if unit.starts_with("min") {
            number.checked_mul(60)?
        } else {
            return None;
        };
        Some(Duration::from_secs(seconds).min(MAX_WAIT))
    })
}

/// What failed, for a person who tests the channel.
pub(super) fn step(phase: Phase) -> &'static str {
    match phase {
        Phase::Connecting => "connecting",
        Phase::Forbidden => "looking up the relay",
        Phase::Greeting => "greeting (EHLO)",
        Phase::Security => "encrypting (TLS)",
        Phase::Login => "logging in (AUTH)",
        Phase::Before | Phase::Recipient | Phase::Content | Phase::Ours => "sending",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Scope;

    fn outcome(phase: Phase, reply: u16, detail: &str) -> (bool, Scope, Option<u64>) {
        let trouble = Trouble {
            phase,
            reply: Some(reply),
            detail: format!("permanent error ({reply}): {detail}"),
        };
        match classed(&trouble) {
            SendOutcome::Permanent(failure) => (false, failure.scope, None),
            SendOutcome::RetryAfter { after, failure } => {
                (true, failure.scope, after.map(|after| after.as_secs()))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn codes_and_places_decide() {
        use Phase::{Before, Content, Recipient};
        for (phase, reply, detail, expected) in [
            (
                Recipient,
                550,
                "5.1.1 no such user",
                (false, Scope::Recipient, None),
            ),
            (
                Recipient,
                550,
                "no such user here",
                (false, Scope::Recipient, None),
            ),
            (
                Recipient,
                556,
                "5.1.10 nullMX",
                (false, Scope::Recipient, None),
            ),
            (
                Recipient,
                550,
                "5.7.1 not by our policy",
                (false, Scope::Message, None),
            ),
            (
                Recipient,
                552,
                "5.2.2 mailbox full",
                (false, Scope::Message, None),
            ),
            (
                Content,
                550,
                "5.1.1 no such user",
                (false, Scope::Message, None),
            ),
            (Content, 552, "5.3.4 too big", (false, Scope::Message, None)),
            (
                Before,
                550,
                "5.7.60 not allowed to send as this sender",
                (false, Scope::Channel, None),
            ),
            (
                Before,
                530,
                "5.7.0 authentication required",
                (false, Scope::Channel, None),
            ),
            (
                Recipient,
                451,
                "4.7.1 Greylisted, come back in 300 seconds",
                (true, Scope::Message, Some(300)),
            ),
            (
                Recipient,
                450,
                "4.2.0 Greylisted for 5 minutes",
                (true, Scope::Message, Some(300)),
            ),
            (
                Recipient,
                450,
                "4.1.1 user unknown",
                (true, Scope::Message, None),
            ),
            (
                Recipient,
                452,
                "4.2.2 mailbox full",
                (true, Scope::Message, None),
            ),
        ] {
            assert_eq!(outcome(phase, reply, detail), expected, "{reply} {detail}");
        }
    }
}
