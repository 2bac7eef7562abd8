//! What to do about a channel test that failed: where what is wrong stands, and where a right one is found.
//!
//! Goes by codes, never by the platform's words. Deliberately absent: advice where the platform only has to be given time.

use schemas::{
    ChannelKind,
    platform::{self, COMMON, Field},
};
use sinks::channel::{Failure, Misconfigured, Scope};

/// What cannot send as it is written.
pub(super) fn misconfigured(kind: ChannelKind, error: &Misconfigured) -> String {
    match error {
        Misconfigured::Missing(name) | Misconfigured::Invalid { name, .. } => {
            format!("{error}. {}", put_right(kind, name))
        }
        Misconfigured::Tls(_) => {
            format!("{error}. Look at the certificates of the system the hub runs on.")
        }
    }
}

/// Where a credential or setting is written, what it must be, and where it is found; `name` may be a part, `smtp.host`.
fn put_right(kind: ChannelKind, name: &str) -> String {
    let known = platform::of(kind);
    let first = name.split('.').next().unwrap_or(name);
    let of = |fields: &'static [Field]| fields.iter().find(|field| field.is(first));
    let (place, field) = if let Some(field) = of(known.credentials) {
        ("credentials", field)
    } else if let Some(field) = of(known.settings).or_else(|| of(COMMON)) {
        ("config.settings", field)
    } else {
        return "Look at the channel's credentials and settings.".to_owned();
    };
    format!(
        "Set `{name}` in the channel's `{place}`: {}. {}",
        field.form.wanted(),
        field.about
    )
}

/// What the platform refused, or why it was not reached.
pub(super) fn failed(kind: ChannelKind, failure: &Failure) -> Option<String> {
    match failure.code.as_str() {
        "connect" | "timeout" | "connection-lost" | "tls" | "address" | "api-base" | "answer" => {
            Some(reach(kind))
        }
        "rate" | "ratelimited" | "http-429" | "quota" | "database" => None,
        code if code.starts_with("http-5") => None,
        // The wrong answer at the right place is an address that leads elsewhere.
        "http-404" if kind != ChannelKind::Telegram => Some(reach(kind)),
        _ if failure.scope == Scope::Channel => credentials(kind),
        _ => None,
    }
}

fn reach(kind: ChannelKind) -> String {
    let known = platform::of(kind);
    let has = |name: &str| known.settings.iter().any(|field| field.is(name));
    let address = match kind {
        ChannelKind::Email => "`host`, `port` and `tls` of the mail server in `credentials`",
        ChannelKind::Generic => "`url` in `credentials`",
        _ if has("api_base") => "`api_base` in `config.settings`, if it is set",
        _ => "the channel's addresses",
    };
    format!("Check {address}, and whether the hub may call out to there.")
}

/// The credentials to compare with the platform's; none where there are none.
fn credentials(kind: ChannelKind) -> Option<String> {
    let known = platform::of(kind).credentials;
    let named: Vec<String> = known
        .iter()
        .map(|field| format!("`{}` ({})", field.name, field.about.trim_end_matches('.')))
        .collect();
    (!named.is_empty()).then(|| {
        format!(
            "Compare the channel's `credentials` with the platform's, and set them anew if they were withdrawn: {}.",
            named.join("; ")
        )
    })
}

/// What a mailbox refused.
pub(super) fn unread(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Gmail => {
            "Compare `client_id` and `client_secret` with Google's console, and ask for consent again for a new `refresh_token`"
        }
        _ => {
            "Check `imap` in the channel's `credentials`; many providers want a password made for an application, or `oauth`, and have to be told to let IMAP in"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_says_where_it_goes() {
        let told = misconfigured(ChannelKind::Telegram, &Misconfigured::Missing("bot_token"));
        assert!(
            told.starts_with(
                "`bot_token` is missing. Set `bot_token` in the channel's `credentials`"
            ),
            "{told}"
        );
        assert!(told.ends_with("The token BotFather gave."), "{told}");
        let told = misconfigured(ChannelKind::Email, &Misconfigured::Missing("smtp.password"));
        assert!(told.contains("Set `smtp.password`"), "{told}");
        let wrong = Misconfigured::Invalid {
            name: "api_base",
            problem: "must be an address",
        };
        let told = misconfigured(ChannelKind::Slack, &wrong);
        assert!(told.contains("`config.settings`"), "{told}");
    }

    #[test]
    fn every_kind_with_credentials_names_them() {
        for kind in ChannelKind::ALL {
            let told = failed(kind, &Failure::channel("http-401", "Unauthorized"));
            for field in platform::of(kind).credentials {
                let told = told.as_deref().unwrap_or_default();
                assert!(
                    told.contains(&format!("`{}`", field.name)),
                    "{kind}: {told}"
                );
            }
            let refused = failed(kind, &Failure::channel("connect", "connection refused"));
            assert!(
                refused.is_some_and(|told| told.starts_with("Check ")),
                "{kind}"
            );
            for wait in ["http-503", "rate", "http-429"] {
                assert_eq!(
                    failed(kind, &Failure::channel(wait, "")),
                    None,
                    "{kind} {wait}"
                );
            }
        }
    }
}
