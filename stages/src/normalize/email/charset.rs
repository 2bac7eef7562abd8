//! The characters of a part that says the wrong charset, or none.
//!
//! A part is decoded as it says. Where that cannot be true another reading is taken: UTF-8 that is valid and called
//! ASCII or Latin, ISO-2022-JP by its escapes, and Windows-1252 for what is called UTF-8 and is not.

use std::borrow::Cow;

use mail_parser::{
    Encoding, Message as Mail, MessagePart, MimeHeaders, PartType,
    decoders::{
        base64::base64_decode, charsets::map::charset_decoder,
        quoted_printable::quoted_printable_decode,
    },
};

/// The text of a text part.
pub(super) fn text<'a>(mail: &Mail<'_>, part: &'a MessagePart<'_>) -> Cow<'a, str> {
    let (PartType::Text(decoded) | PartType::Html(decoded)) = &part.body else {
        return "".into();
    };
    if part.is_encoding_problem
        && let Some(bytes) = contents(mail, part)
    {
        let decode = label(part).and_then(|label| charset_decoder(label.as_bytes()));
        let read = decode.map_or_else(
            || String::from_utf8_lossy(&bytes).into_owned(),
            |decode| decode(&bytes),
        );
        return guessed(&bytes, &read).unwrap_or(read).into();
    }
    if decoded.is_ascii() && !decoded.contains('\u{1b}') {
        return decoded.as_ref().into();
    }
    let label = label(part);
    let doubtful = matches!(
        label.as_deref(),
        None | Some(
            "utf-8"
                | "utf8"
                | "us-ascii"
                | "ascii"
                | "iso-8859-1"
                | "latin1"
                | "windows-1252"
                | "cp1252"
        )
    );
    if !doubtful {
        return decoded.as_ref().into();
    }
    match contents(mail, part) {
        Some(bytes) => guessed(&bytes, decoded).map_or_else(|| decoded.as_ref().into(), Cow::Owned),
        None => decoded.as_ref().into(),
    }
}

/// The charset that a part says it has, when anybody knows it.
fn label(part: &MessagePart<'_>) -> Option<String> {
    part.content_type()
        .and_then(|given| given.attribute("charset"))
        .map(|label| label.trim().to_ascii_lowercase())
        .filter(|label| charset_decoder(label.as_bytes()).is_some())
}

/// What bytes of a doubtful charset say, when that is something else than what was read.
fn guessed(bytes: &[u8], read: &str) -> Option<String> {
    let as_charset = |name: &[u8]| charset_decoder(name).map(|decode| decode(bytes));
    if bytes
        .windows(3)
        .any(|three| matches!(three, b"\x1b$B" | b"\x1b$@"))
    {
        return as_charset(b"iso-2022-jp");
    }
    if let Ok(valid) = std::str::from_utf8(bytes) {
        return (valid != read).then(|| valid.to_owned());
    }
    let lossy = String::from_utf8_lossy(bytes);
    let broken = lossy.matches('\u{fffd}').count();
    let whole = lossy
        .chars()
        .filter(|c| !c.is_ascii() && *c != '\u{fffd}')
        .count();
    // UTF-8 with a few damaged places stays UTF-8.
    if whole > broken {
        Some(lossy.into_owned())
    } else {
        as_charset(b"windows-1252")
    }
}

/// A part's bytes, its transfer encoding undone and its charset left alone.
pub(super) fn contents<'a>(mail: &'a Mail<'_>, part: &'a MessagePart<'_>) -> Option<Cow<'a, [u8]>> {
    if let PartType::Binary(bytes) | PartType::InlineBinary(bytes) = &part.body {
        return Some(bytes.as_ref().into());
    }
    if matches!(part.body, PartType::Multipart(_)) {
        return None;
    }
    let place = |offset: u32| usize::try_from(offset).ok();
    let written = mail
        .raw_message
        .get(place(part.offset_body)?..place(part.offset_end)?)?;
    let said = part
        .content_transfer_encoding()
        .map(str::to_ascii_lowercase);
    Some(match (part.encoding, said.as_deref()) {
        (Encoding::QuotedPrintable, _) => quoted_printable_decode(written)
            .unwrap_or_else(|| unquoted(written))
            .into(),
        (Encoding::Base64, _) => base64_decode(written)
            .or_else(|| base64_decode(&sifted(written)))
            .map_or(written.into(), Cow::Owned),
        (Encoding::None, Some("quoted-printable")) if part.is_encoding_problem => {
            unquoted(written).into()
        }
        (Encoding::None, Some("base64")) if part.is_encoding_problem => {
            base64_decode(&sifted(written)).map_or(written.into(), Cow::Owned)
        }
        (Encoding::None, _) => written.into(),
    })
}

/// Base64 without what does not belong to it.
fn sifted(written: &[u8]) -> Vec<u8> {
    written
        .iter()
        .copied()
        .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        .collect()
}

/// Quoted-printable that is damaged: what is no escape stands for itself.
fn unquoted(written: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut out = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'=' {
            out.push(*first);
            continue;
        }
        if let [b'\r', b'\n', next @ ..] | [b'\n', next @ ..] = after {
            rest = next;
        } else if let [high, low, next @ ..] = after
            && let (Some(high), Some(low)) = (digit(high), digit(low))
        {
            out.push((high << 4) | low);
            rest = next;
        } else {
            out.push(b'=');
        }
    }
    out
}
