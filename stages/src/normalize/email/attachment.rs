//! The files of a mail: what is said of them, and their bytes.
//!
//! An attachment's `platform_id` says where in the mail it stands: `part:N` is the N-th part, the mail itself being the
//! first with 0, and `uu:N:M` the M-th uuencoded file in the text of that part. [`part`] finds the bytes by it.

use mail_parser::{Message as Mail, MessageParser, MessagePart, MimeHeaders, PartType};
use schemas::{Attachment, Message};
use serde_json::Map;

use super::{body::Words, charset, uuencode};
use crate::normalize::MAX_ATTACHMENTS;

pub(super) fn list(message: &mut Message, mail: &Mail<'_>, words: &Words) {
    let attachments = &mut message.content.attachments;
    for id in mail.attachments.iter().take(MAX_ATTACHMENTS + 1) {
        if let Some(part) = mail.part(*id).filter(|_| words.rescued != Some(*id)) {
            attachments.push(described(mail, *id, part));
        }
    }
    for (id, at, name, size) in words.enclosed.iter().take(MAX_ATTACHMENTS) {
        attachments.push(Attachment {
            kind: "file".to_owned(),
            name: Some(name.clone()),
            size_bytes: u64::try_from(*size).ok(),
            platform_id: Some(format!("uu:{id}:{at}")),
            ..Attachment::default()
        });
    }
}

fn described(mail: &Mail<'_>, id: u32, part: &MessagePart<'_>) -> Attachment {
    let nested = match &part.body {
        PartType::Message(nested) => Some(nested),
        _ => None,
    };
    let content_type = part
        .content_type()
        .map(|given| {
            let subtype = given.subtype().unwrap_or("octet-stream");
            format!("{}/{subtype}", given.ctype()).to_ascii_lowercase()
        })
        .or_else(|| nested.map(|_| "message/rfc822".to_owned()));
    let mut metadata = Map::new();
    let content_id = part.content_id().map(|id| id.trim_matches(['<', '>', ' ']));
    if let Some(id) = content_id {
        metadata.insert("content_id".into(), id.into());
    }
    let inline = match part.content_disposition() {
        Some(disposition) => disposition.ctype().eq_ignore_ascii_case("inline"),
        None => content_id.is_some(),
    };
    if inline {
        metadata.insert("inline".into(), true.into());
    }
    if let Some(subject) = nested.and_then(|nested| nested.subject()) {
        metadata.insert("subject".into(), subject.into());
    }
    let kind = match content_type
        .as_deref()
        .and_then(|name| name.split('/').next())
    {
        Some("image") => "image",
        Some("audio") => "audio",
        Some("video") => "video",
        _ => "file",
    };
    let size = charset::contents(mail, part).map_or(part.len(), |bytes| bytes.len());
    Attachment {
        kind: kind.to_owned(),
        name: part.attachment_name().and_then(file_name),
        content_type,
        size_bytes: u64::try_from(size).ok(),
        platform_id: Some(format!("part:{id}")),
        metadata,
        ..Attachment::default()
    }
}

/// A file's name without the folders that some programs leave before it.
fn file_name(name: &str) -> Option<String> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name).trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The bytes of an attachment of a mail, by its `platform_id`; transfer encodings are undone, charsets left alone.
#[must_use]
pub fn part(mail: &[u8], platform_id: &str) -> Option<Vec<u8>> {
    let mail = MessageParser::default().parse(mail)?;
    if let Some(place) = platform_id.strip_prefix("uu:") {
        let (id, at) = place.split_once(':')?;
        let part = mail.part(id.parse().ok()?)?;
        let text = charset::text(&mail, part);
        let (_, files) = uuencode::split(&text);
        return files
            .into_iter()
            .nth(at.parse().ok()?)
            .map(|file| file.bytes);
    }
    let id: u32 = platform_id.strip_prefix("part:")?.parse().ok()?;
    if !mail.attachments.contains(&id) {
        return None;
    }
    charset::contents(&mail, mail.part(id)?).map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "From: a@b.c\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
        --x\r\nContent-Type: text/plain\r\n\r\nSee:\r\nbegin 644 a.txt\r\n#8V%T\r\n`\r\nend\r\n\r\n\
        --x\r\nContent-Type: text/csv; charset=iso-8859-1; name=t.csv\r\nContent-Transfer-Encoding: quoted-printable\r\n\
        Content-Disposition: attachment\r\n\r\na;=E4\r\n\
        --x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBO\r\nRw==\r\n\
        --x\r\nContent-Type: message/rfc822\r\n\r\nSubject: within\r\n\r\nhello\r\n--x--\r\n";

    #[test]
    fn bytes_are_found_where_the_attachment_says() {
        let found = |id: &str| part(MAIL.as_bytes(), id);
        assert_eq!(found("part:2").as_deref(), Some(&b"a;\xe4"[..]));
        assert_eq!(found("part:3").as_deref(), Some(&b"\x89PNG"[..]));
        assert_eq!(
            found("part:4").as_deref(),
            Some(&b"Subject: within\r\n\r\nhello"[..])
        );
        assert_eq!(found("uu:1:0").as_deref(), Some(&b"cat"[..]));
        for nowhere in [
            "part:0", "part:1", "part:9", "uu:1:1", "uu:9:0", "part:", "", "uu:x",
        ] {
            assert_eq!(found(nowhere), None, "{nowhere}");
        }
        assert_eq!(part(b"", "part:1"), None);
    }
}
