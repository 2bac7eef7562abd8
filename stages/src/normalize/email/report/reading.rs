//! Message disposition notifications: that a mail was shown (RFC 8098).

use schemas::TrackKind;
use serde_json::Map;

use super::{Report, field, ours::Ours};

pub(super) fn read(body: &str, ours: &Ours<'_>) -> Report {
    let groups = field::groups(body);
    let get = |name: &str| groups.iter().find_map(|group| group.get(name));
    // `manual-action/MDN-sent-manually; displayed/error`
    let disposition = get("disposition")
        .and_then(|value| value.rsplit(';').next())
        .and_then(|value| value.split('/').next())
        .map(|value| value.trim().to_ascii_lowercase())
        .unwrap_or_default();
    let mut said = Map::new();
    said.insert("type".into(), "disposition-notification".into());
    said.insert("disposition".into(), disposition.as_str().into());
    let recipient = groups
        .iter()
        .find_map(|group| group.address("final-recipient"));
    if let Some(recipient) = recipient {
        said.insert("recipient".into(), recipient.into());
    }
    let (event, news) = match disposition.as_str() {
        "displayed" => ("read", ours.news(TrackKind::Read)),
        "deleted" => ("deleted_unread", None),
        "dispatched" | "processed" => ("processed", None),
        "failed" | "denied" => ("not_told", None),
        _ => ("report", None),
    };
    Report {
        event,
        said,
        news: news.into_iter().collect(),
        is_for_us_alone: false,
    }
}
