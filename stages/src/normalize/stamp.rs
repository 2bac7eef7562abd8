//! Times as SMS platforms write them, into the hub's.

use schemas::Timestamp;

/// RFC 3339, or `2020-01-01 12:00:00` with or without `+0000` behind it, which is UTC.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let parse = |text: &str| serde_json::from_value(text.into()).ok();
    parse(text.trim()).or_else(|| {
        let (date, rest) = text.trim().split_once([' ', 'T'])?;
        let (time, zone) = rest.split_at_checked(8)?;
        match zone.trim() {
            "" | "Z" | "+0000" | "+00:00" => parse(&format!("{date}T{time}Z")),
            zone => {
                let (hours, minutes) = zone.split_at_checked(3)?;
                parse(&format!("{date}T{time}{hours}:{minutes}"))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_writing_is_one_time() {
        let noon = Timestamp::from_seconds(1_577_880_000);
        for text in [
            "2020-01-01T12:00:00.000Z",
            "2020-01-01T13:00:00+01:00",
            "2020-01-01 12:00:00",
            "2020-01-01 12:00:00 +0000",
            "2020-01-01T12:00:00+0000",
            "2020-01-01 13:00:00 +0100",
        ] {
            assert_eq!(read(text), Some(noon), "{text}");
        }
        for odd in [
            "",
            "noon",
            "2020-01-01",
            "2020-01-01 1",
            "2020-13-01 12:00:00",
            "2020-01-01 12:00:00 ä0",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
