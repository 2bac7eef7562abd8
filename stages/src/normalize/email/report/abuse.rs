//! Feedback reports: people who called our mail unwanted (RFC 5965).

use mail_parser::{Message as Mail, PartType};
use schemas::TrackKind;
use serde_json::Map;

use super::{Report, field, original::Original, ours::Ours};
use crate::{normalize::News, text::address};

/// Reports that are no complaint: authentication failures (RFC 6591), and what was found to be wanted after all.
const NO_COMPLAINTS: [&str; 4] = ["auth-failure", "not-spam", "dmarc", "opt-out-list"];

/// Whether this is what Outlook.com sends of mail that its users call junk.
pub(super) fn is_junk_report(mail: &Mail<'_>) -> bool {
    let from = mail
        .from()
        .and_then(|from| from.first()?.address())
        .unwrap_or_default();
    let returns = mail
        .parts
        .iter()
        .any(|part| matches!(part.body, PartType::Message(_)));
    from.eq_ignore_ascii_case("staff@hotmail.com")
        && mail
            .subject()
            .is_some_and(|subject| subject.starts_with("complaint about message from"))
        && returns
}

pub(super) fn read(body: &str, original: &Original, ours: &Ours<'_>) -> Report {
    let groups = field::groups(body);
    let get = |name: &str| groups.iter().find_map(|group| group.get(name));
    let kind = get("feedback-type").unwrap_or("abuse").to_ascii_lowercase();
    let mut said = Map::new();
    said.insert("type".into(), "feedback-report".into());
    said.insert("feedback_type".into(), kind.as_str().into());
    for (field, name) in [
        ("user-agent", "user_agent"),
        ("source-ip", "source_ip"),
        ("reporting-mta", "reporting_mta"),
        ("arrival-date", "arrival_date"),
    ] {
        if let Some(value) = get(field) {
            said.insert(name.into(), value.into());
        }
    }
    let complainer = ["original-rcpt-to", "removal-recipient"]
        .into_iter()
        .find_map(|name| groups.iter().find_map(|group| group.address(name)))
        .or_else(|| original.to.first().map(|to| address(to)));
    if let Some(complainer) = &complainer {
        said.insert("recipient".into(), complainer.as_str().into());
    }
    if NO_COMPLAINTS.contains(&kind.as_str()) {
        return Report {
            event: "feedback",
            said,
            news: Vec::new(),
            is_for_us_alone: false,
        };
    }
    let because = |news: News| news.because(kind.clone());
    let of_message = ours.news(TrackKind::Complained).map(because);
    let of_address = complainer
        .map(|address| News::address(TrackKind::Complained, address, ours.at()))
        .map(because);
    Report {
        event: "complained",
        said,
        news: of_message.into_iter().chain(of_address).collect(),
        is_for_us_alone: false,
    }
}
