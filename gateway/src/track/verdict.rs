//! Who opened or clicked: a person, or a machine on its way to one.
//!
//! A verdict has a code, which is kept beside it; `docs/tracking.md` lists them. An image fetched by a proxy of Apple, Gmail
//! or Yahoo is a machine's: Apple's fetches every mail whether it is read or not, and of the others it cannot be told
//! (<https://www.apple.com/legal/privacy/data/en/mail-privacy-protection/>,
//! <https://support.google.com/mail/answer/145919>).
//!
//! Deliberately absent: lists of addresses, which age by the week; and how soon after it was sent a message is opened, for
//! a token does not say when that was.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use regex::Regex;

/// A code that says why it was a machine.
pub(super) type Code = &'static str;

/// Only the headers were asked for.
pub(super) const HEAD: Code = "head";
/// Fetched ahead, in case somebody looks (`Sec-Purpose`, `Purpose`).
pub(super) const PREFETCH: Code = "prefetch";
/// No program says so little, but Apple's proxy.
pub(super) const APPLE: Code = "apple-mpp";
/// The program does not say what it is.
pub(super) const NAMELESS: Code = "no-agent";
/// Several links of a message within seconds.
pub(super) const BURST: Code = "burst";

/// What Mail Privacy Protection calls itself.
const APPLE_AGENT: &str = "Mozilla/5.0";

/// What is found in the names of programs; the first that fits says which code.
const AGENTS: [(Code, &str); 4] = [
    (
        "image-proxy",
        r"GoogleImageProxy|ggpht\.com|YahooMailProxy|YahooCacheSystem|Mail\.RU_Bot|YandexImageResizer|ProtonMailImageProxy|OutlookImageProxy|ImageProxy",
    ),
    (
        "scanner",
        r"BingPreview|SafeLinks|Barracuda|Proofpoint|urldefense|Mimecast|FireEye|Trellix|McAfee|Symantec|MessageLabs|Sophos|TrendMicro|Trend Micro|Forcepoint|IronPort|Fortinet|FortiGuard|Bitdefender|Kaspersky|ESET|Avast|VirusTotal|urlscan|Microsoft Office (?:Existence|Protocol) Discovery|Cloudmark|Vade|Hornetsecurity|SpamExperts|Zscaler|PaloAlto|Expanse|CensysInspect",
    ),
    (
        "preview",
        r"Slackbot|Slack-ImgProxy|^WhatsApp/|TelegramBot|Twitterbot|facebookexternalhit|facebookcatalog|LinkedInBot|Discordbot|SkypeUriPreview|MicrosoftPreview|Iframely|Embedly|redditbot|Pinterestbot|vkShare|Viberbot|Mattermost|Applebot",
    ),
    (
        "robot",
        r"^curl/|^Wget/|python-requests|python-urllib|aiohttp|python-httpx|Go-http-client|Apache-HttpClient|^Java/|libwww-perl|node-fetch|axios/|undici|Scrapy|HeadlessChrome|PhantomJS|Puppeteer|Playwright|Selenium|HTTrack|Googlebot|bingbot|(?:bot|crawler|spider)(?:[/;),+]|$)",
    ),
];

/// All of them in one, which is what nearly every person's program is asked once; then each.
static PATTERNS: LazyLock<(Regex, Vec<(Code, Regex)>)> = LazyLock::new(|| {
    let pattern = |text: &str| {
        Regex::new(&format!("(?i-u){text}")).expect("a pattern of a test's table compiles")
    };
    let all: Vec<&str> = AGENTS.iter().map(|(_, text)| *text).collect();
    let each = AGENTS.iter().map(|(code, text)| (*code, pattern(text)));
    (pattern(&format!("(?:{})", all.join("|"))), each.collect())
});

/// Why a request is a machine's; none for a person's, as far as it can be told from one alone.
pub(super) fn machine(headers: &HeaderMap, agent: &str, is_head: bool) -> Option<Code> {
    if is_head {
        return Some(HEAD);
    }
    if is_ahead(headers) {
        return Some(PREFETCH);
    }
    let agent = agent.trim();
    if agent.is_empty() {
        return Some(NAMELESS);
    }
    if agent == APPLE_AGENT {
        return Some(APPLE);
    }
    let (any, each) = &*PATTERNS;
    if !any.is_match(agent) {
        return None;
    }
    each.iter()
        .find(|(_, pattern)| pattern.is_match(agent))
        .map(|(code, _)| *code)
}

/// Whether a browser fetches what nobody has asked for yet
/// (<https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Purpose>).
fn is_ahead(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"]
        .into_iter()
        .filter_map(|name| headers.get(name)?.to_str().ok())
        .any(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("prefetch") || value.contains("prerender") || value == "preview"
        })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

    #[test]
    fn programs_are_told_from_people() {
        let none = HeaderMap::new();
        for (agent, code) in [
            (CHROME, None),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
                None,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
                None,
            ),
            ("Mozilla/4.0 (compatible; ms-office; MSOffice 16)", None),
            (
                "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)",
                None,
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0",
                None,
            ),
            // A telephone by that name.
            (
                "Mozilla/5.0 (Linux; Android 12; CUBOT NOTE 20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36",
                None,
            ),
            ("Mozilla/5.0", Some("apple-mpp")),
            ("", Some("no-agent")),
            (
                "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
                Some("image-proxy"),
            ),
            (
                "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
                Some("image-proxy"),
            ),
            (
                "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b",
                Some("scanner"),
            ),
            ("Barracuda Sentinel (EE)", Some("scanner")),
            ("Microsoft Office Existence Discovery", Some("scanner")),
            (
                "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
                Some("preview"),
            ),
            ("WhatsApp/2.24.20.89 A", Some("preview")),
            ("TelegramBot (like TwitterBot)", Some("preview")),
            ("curl/8.10.1", Some("robot")),
            ("python-requests/2.32.3", Some("robot")),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/130.0.0.0 Safari/537.36",
                Some("robot"),
            ),
            (
                "Mozilla/5.0 (compatible; SomeBot/2.1; +https://example.org/bot)",
                Some("robot"),
            ),
        ] {
            assert_eq!(machine(&none, agent, false), code, "{agent}");
        }
    }

    #[test]
    fn asking_ahead_or_for_headers_alone_is_a_machines() {
        assert_eq!(machine(&HeaderMap::new(), CHROME, true), Some(HEAD));
        for (name, value, code) in [
            ("sec-purpose", "prefetch;prerender", Some(PREFETCH)),
            ("purpose", "prefetch", Some(PREFETCH)),
            ("x-moz", "prefetch", Some(PREFETCH)),
            ("sec-purpose", "", None),
            ("sec-fetch-dest", "document", None),
        ] {
            let headers = HeaderMap::from_iter([(
                axum::http::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )]);
            assert_eq!(machine(&headers, CHROME, false), code, "{name}: {value}");
        }
    }
}
