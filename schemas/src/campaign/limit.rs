//! A tenant's limits for all that its campaigns send.
//!
//! Pure. Deliberately absent: how a rate is kept, and how those who send share it (`sinks`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ChannelKind, address::email};

/// Most providers, and most domains, that have a limit of their own.
pub const MAX_LIMITS: usize = 1000;
/// In [`Limits::domains`]: every single domain that is not named.
pub const EVERY_DOMAIN: &str = "*";
/// Longest name of a host (RFC 1035).
const MAX_NAME: usize = 253;
/// Messages a second that a limit or a campaign's pace may be; the slowest is one in a little less than three hours.
pub const RATES: std::ops::RangeInclusive<f64> = 0.0001..=100_000.0;

/// How much may leave in a second, over all campaigns of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Over all campaigns and channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.0001, maximum = 100_000.0)]
    pub per_second: Option<f64>,
    /// Over all channels that send through a provider: for e-mail the host of the relay, else the kind of the channel.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub providers: BTreeMap<String, f64>,
    /// To a domain of e-mail addresses; `*` to every single one that is not named.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub domains: BTreeMap<String, f64>,
}

/// A limit that cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitWrong {
    /// JSON Pointer (RFC 6901).
    pub pointer: String,
    /// A sentence for people, without a stop.
    pub problem: String,
}

impl Limits {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.per_second.is_none() && self.providers.is_empty() && self.domains.is_empty()
    }

    /// The most messages a second to a domain, in the form that [`email::domain`] gives.
    #[must_use]
    pub fn of_domain(&self, domain: &str) -> Option<f64> {
        let named = self.domains.get(domain);
        named.or_else(|| self.domains.get(EVERY_DOMAIN)).copied()
    }

    /// The limits with every name in the one form there is of it.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn checked(self) -> Result<Self, Vec<LimitWrong>> {
        let mut wrong = Vec::new();
        let mut say = |pointer: String, problem: &str| {
            wrong.push(LimitWrong {
                pointer,
                problem: problem.to_owned(),
            });
        };
        if self.per_second.is_some_and(|rate| !is_rate(rate)) {
            say("/per_second".to_owned(), NO_RATE);
        }
        let mut named = |place: &str,
                         given: BTreeMap<String, f64>,
                         form: fn(&str) -> Option<String>,
                         no_name: &str| {
            if given.len() > MAX_LIMITS {
                say(format!("/{place}"), "has more than 1000 limits");
            }
            let mut checked = BTreeMap::new();
            for (name, rate) in given.into_iter().take(MAX_LIMITS) {
                let pointer = format!("/{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                if !is_rate(rate) {
                    say(pointer.clone(), NO_RATE);
                }
                match form(&name) {
                    None => say(pointer, no_name),
                    Some(form) if checked.contains_key(&form) => {
                        say(pointer, "names what another of them names");
                    }
                    Some(form) => {
                        checked.insert(form, rate);
                    }
                }
            }
            checked
        };
        let providers = named(
            "providers",
            self.providers,
            provider,
            "is neither the host of a relay nor a kind of channel",
        );
        let domains = named(
            "domains",
            self.domains,
            domain,
            "is neither a domain nor `*`",
        );
        if wrong.is_empty() {
            Ok(Self {
                per_second: self.per_second,
                providers,
                domains,
            })
        } else {
            Err(wrong)
        }
    }
}

const NO_RATE: &str = "must be from 0.0001 to 100000 messages a second";

fn is_rate(rate: f64) -> bool {
    RATES.contains(&rate)
}

/// The one form of a provider's name.
#[must_use]
pub fn provider(name: &str) -> Option<String> {
    let name = name.trim().trim_end_matches('.').to_lowercase();
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    (name.parse::<ChannelKind>().is_ok() || is_address || is_host(&name)).then_some(name)
}

fn domain(name: &str) -> Option<String> {
    let name = name.trim();
    if name == EVERY_DOMAIN {
        return Some(name.to_owned());
    }
    is_host(name).then(|| email::domain(name))
}

/// A host's name by its form: labels, and two of them unless it is this machine.
fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| {
                c.is_alphanumeric()
                    || c == '-'
                    || c == '_'
                    || (!c.is_ascii() && !c.is_whitespace() && !c.is_control())
            })
    };
    (1..=MAX_NAME).contains(&name.len())
        && name.split('.').all(is_label)
        && (name.contains('.') || name == "localhost")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wrong(limits: Value) -> Vec<(String, String)> {
        let limits: Limits = serde_json::from_value(limits).unwrap();
        let wrong = limits.checked().err().unwrap_or_default();
        wrong
            .into_iter()
            .map(|wrong| (wrong.pointer, wrong.problem))
            .collect()
    }

    #[test]
    fn names_have_one_form() {
        let limits: Limits = serde_json::from_value(json!({
            "per_second": 50, "providers": {"SMTP.Example.org.": 10, "twilio": 5, "127.0.0.1": 1, "localhost": 2},
            "domains": {"*": 2, "Gmail.COM": 20, "xn--bcher-kva.example": 1}
        }))
        .unwrap();
        let limits = limits.checked().unwrap();
        let providers: Vec<&str> = limits.providers.keys().map(String::as_str).collect();
        assert_eq!(
            providers,
            ["127.0.0.1", "localhost", "smtp.example.org", "twilio"]
        );
        assert_eq!(limits.of_domain("gmail.com"), Some(20.0));
        assert_eq!(limits.of_domain("bücher.example"), Some(1.0));
        assert_eq!(limits.of_domain("elsewhere.example"), Some(2.0));
        assert!(!limits.is_empty() && Limits::default().is_empty());
        assert_eq!(Limits::default().of_domain("gmail.com"), None);
    }

    #[test]
    fn what_cannot_be_kept_is_said_all_at_once() {
        let said = wrong(json!({
            "per_second": 0, "providers": {"a b": 1, "x.example": -1, "X.example": 2},
            "domains": {"a/b": 1e9, "**": 1, "gmail": 1}
        }));
        let places: Vec<&str> = said.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(
            places,
            [
                "/per_second",
                "/providers/a b",
                "/providers/x.example",
                "/providers/x.example",
                "/domains/**",
                "/domains/a~1b",
                "/domains/a~1b",
                "/domains/gmail",
            ]
        );
        assert!(
            said.iter()
                .any(|(_, problem)| problem.contains("another of them"))
        );
        let many: BTreeMap<String, f64> = (0..1001)
            .map(|at| (format!("d{at}.example"), 1.0))
            .collect();
        assert_eq!(wrong(json!({"domains": many}))[0].0, "/domains");
        assert!(wrong(json!({"per_second": 0.0001, "domains": {"*": 100_000}})).is_empty());
        let (slowest, fastest) = RATES.into_inner();
        assert!(NO_RATE.contains(&format!("{slowest} to {fastest} ")));
    }
}
