//! The files that go with a mail, fetched from where the message says they are.

use bytes::Bytes;
use egress::NotGot;
use reqwest::{Client, header::HeaderMap};
use schemas::Attachment;

use super::{
    super::{Failure, FileAt, SendOutcome},
    address::one_line,
};

/// The most that all files of a mail may have; with base64 about what large providers take in (25 MB).
const MAX_BYTES: usize = 18 * 1024 * 1024;

/// A file to be sent.
pub(super) struct File {
    pub(super) name: String,
    pub(super) content_type: String,
    /// How the page names it, when it stands within.
    pub(super) content_id: Option<String>,
    pub(super) bytes: Bytes,
}

/// What became of the attachments.
#[derive(Default)]
pub(super) struct Files {
    pub(super) enclosed: Vec<File>,
    /// Names and addresses of those that are too large and are linked to instead.
    pub(super) linked: Vec<(String, String)>,
}

/// Fetches the files, as many as there is room for.
pub(super) async fn fetch(
    client: &Client,
    attachments: &[Attachment],
    allow_private: bool,
) -> Result<Files, SendOutcome> {
    let mut files = Files::default();
    let mut room = MAX_BYTES;
    for attachment in attachments {
        let refused = |code: &str, detail: &str| {
            SendOutcome::Permanent(Failure::message(code, format!("an attachment: {detail}")))
        };
        let address = attachment
            .url
            .as_deref()
            .ok_or_else(|| refused("attachment", "has no address"))?;
        let at = FileAt::open(address).map_err(|_| refused("attachment", "not an address"))?;
        let name = name(attachment, &at);
        match egress::get(client, at.url, HeaderMap::new(), room, allow_private).await {
            Ok(got) => {
                room -= got.bytes.len().min(room);
                files.enclosed.push(File {
                    name,
                    content_type: attachment
                        .content_type
                        .clone()
                        .or(got.content_type)
                        .unwrap_or_else(|| "application/octet-stream".to_owned()),
                    content_id: content_id(attachment),
                    bytes: got.bytes,
                });
            }
            Err(NotGot::TooLarge(_)) => files.linked.push((name, one_line(address))),
            Err(error) if error.is_transient() => {
                return Err(SendOutcome::RetryAfter {
                    after: None,
                    failure: Failure::message("attachment", error.to_string()),
                });
            }
            Err(error) => return Err(refused("attachment", &error.to_string())),
        }
    }
    Ok(files)
}

fn name(attachment: &Attachment, at: &FileAt) -> String {
    let last = at.url.path_segments().and_then(|mut path| path.next_back());
    [attachment.name.as_deref(), last, Some(&attachment.kind)]
        .into_iter()
        .flatten()
        .map(one_line)
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| "file".to_owned())
}

/// Of a file that stands within the page.
fn content_id(attachment: &Attachment) -> Option<String> {
    let inline = attachment.metadata.get("inline")?.as_bool() == Some(true);
    let id = attachment.metadata.get("content_id")?.as_str()?;
    let id = id.trim_matches(['<', '>']);
    let fits = !id.is_empty()
        && id.len() <= 200
        && id
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>'));
    (inline && fits).then(|| id.to_owned())
}
