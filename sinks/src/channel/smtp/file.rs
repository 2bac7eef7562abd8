//! The files that go with a mail: the hub's own, and those of others, fetched from where the message says they are.

use bytes::Bytes;
use egress::NotGot;
use reqwest::{Client, header::HeaderMap};
use schemas::Attachment;

use super::{
    super::{
        Failure, FileAt, SendOutcome,
        files::{self, OwnFile},
    },
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

/// Where files come from.
pub(super) struct Sources<'w> {
    pub(super) own: &'w files::Files,
    pub(super) client: &'w Client,
    pub(super) allow_private: bool,
}

impl Sources<'_> {
    /// Gets the files, as many as there is room for; the others are linked to.
    pub(super) async fn get(&self, attachments: &[Attachment]) -> Result<Files, SendOutcome> {
        let mut files = Files::default();
        let mut room = MAX_BYTES;
        for given in attachments {
            let got = match self.own.find(given).await? {
                Some(own) => self.read(given, own, room).await?,
                None => self.fetch(given, room).await?,
            };
            match got {
                Got::File(file) => {
                    room -= file.bytes.len().min(room);
                    files.enclosed.push(file);
                }
                Got::Link(name, url) => files.linked.push((name, url)),
            }
        }
        Ok(files)
    }

    async fn read(
        &self,
        given: &Attachment,
        own: OwnFile,
        room: usize,
    ) -> Result<Got, SendOutcome> {
        let name = own.name.clone().unwrap_or_else(|| "file".to_owned());
        if own.size_bytes > room as u64 {
            let url = given.url.as_deref().filter(|url| files::is_absolute(url));
            let url = url.ok_or_else(|| files::untaken("a mail carries files of up to 18 MiB"))?;
            return Ok(Got::Link(name, one_line(url)));
        }
        Ok(Got::File(File {
            name,
            bytes: self.own.read(&own).await?,
            content_type: own.content_type,
            content_id: content_id(given),
        }))
    }

    async fn fetch(&self, given: &Attachment, room: usize) -> Result<Got, SendOutcome> {
        let refused = |code: &str, detail: &str| {
            SendOutcome::Permanent(Failure::message(code, format!("an attachment: {detail}")))
        };
        let address = given
            .url
            .as_deref()
            .ok_or_else(|| refused("attachment", "has no address"))?;
        let at = FileAt::open(address).map_err(|_| refused("attachment", "not an address"))?;
        let name = name(given, &at);
        let headers = HeaderMap::new();
        match egress::get(self.client, at.url, headers, room, self.allow_private).await {
            Ok(got) => Ok(Got::File(File {
                name,
                content_type: given
                    .content_type
                    .clone()
                    .or(got.content_type)
                    .unwrap_or_else(|| "application/octet-stream".to_owned()),
                content_id: content_id(given),
                bytes: got.bytes,
            })),
            Err(NotGot::TooLarge(_)) => Ok(Got::Link(name, one_line(address))),
            Err(error) if error.is_transient() => Err(SendOutcome::RetryAfter {
                after: None,
                failure: Failure::message("attachment", error.to_string()),
            }),
            Err(error) => Err(refused("attachment", &error.to_string())),
        }
    }
}

/// What became of one attachment.
enum Got {
    File(File),
    /// Its name and address.
    Link(String, String),
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
