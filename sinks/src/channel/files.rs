//! Files of the hub's own, as senders read them.
//!
//! An attachment whose address is the hub's own names a file in the hub's object storage. Senders whose platform takes
//! uploads give it the bytes, so neither the hub nor the file needs a public address; what a platform does not take becomes a
//! line of the text that leads to it. All other attachments go as they always did: by address, or by the platform's handle.
//!
//! Invariants: a sender reads files of its own tenant only; what is read is a stream, or bounded.
//! Deliberately absent: fetching files of others, and where the hub keeps its own ([`FileSource`] is told that).

use std::{borrow::Cow, fmt, io, sync::Arc};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use schemas::{Attachment, Format, MediaId, Message, TenantId};

use super::{Failure, SendOutcome};

/// A file's bytes, from its beginning.
pub type FileStream = BoxStream<'static, io::Result<Bytes>>;

/// A file that the hub keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFile {
    pub id: MediaId,
    pub name: Option<String>,
    /// As found in the file.
    pub content_type: String,
    pub size_bytes: u64,
}

/// Why a file of the hub's own is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoFile {
    #[error("the hub has no such file")]
    Gone,
    /// Later it may be.
    #[error("the hub's files cannot be read now")]
    Away,
}

impl From<NoFile> for SendOutcome {
    fn from(none: NoFile) -> Self {
        match none {
            NoFile::Gone => Self::Permanent(Failure::message("no-file", none.to_string())),
            NoFile::Away => Self::RetryAfter {
                after: None,
                failure: Failure::message("file", none.to_string()),
            },
        }
    }
}

/// Where the hub keeps its files: told by who puts the hub together.
#[async_trait]
pub trait FileSource: fmt::Debug + Send + Sync + 'static {
    /// The file that an address names; none when it is not an address of the hub's own, or one of another tenant's files.
    async fn find(&self, tenant: TenantId, url: &str) -> Result<Option<OwnFile>, NoFile>;

    /// Its bytes.
    async fn open(&self, tenant: TenantId, id: MediaId) -> Result<FileStream, NoFile>;
}

/// The files that one channel may read: its tenant's.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) tenant: TenantId,
    pub(super) source: Option<Arc<dyn FileSource>>,
}

/// A message, and which of its attachments are files of the hub's own.
#[derive(Debug)]
pub(super) struct Loaded<'m> {
    pub(super) message: Cow<'m, Message>,
    /// As many as attachments.
    pub(super) own: Vec<Option<OwnFile>>,
}

impl Loaded<'_> {
    pub(super) fn has_own(&self) -> bool {
        self.own.iter().any(Option::is_some)
    }
}

impl Files {
    /// The file of the hub's own that an attachment is, under the attachment's name.
    pub(super) async fn find(&self, given: &Attachment) -> Result<Option<OwnFile>, NoFile> {
        let (Some(source), Some(url), None) = (&self.source, &given.url, &given.platform_id) else {
            return Ok(None);
        };
        let found = source.find(self.tenant, url).await?;
        Ok(found.map(|mut file| {
            let name = given.name.clone().or(file.name.take());
            file.name = Some(name_of(name.as_deref(), &given.kind, &file.content_type));
            file
        }))
    }

    /// Finds the message's own files. One that `takes` refuses, saying why, becomes a line that leads to it; where its
    /// address leads nobody but the hub, the message cannot be sent.
    pub(super) async fn load<'m>(
        &self,
        message: &'m Message,
        takes: impl Fn(&str, &OwnFile) -> Result<(), String>,
    ) -> Result<Loaded<'m>, SendOutcome> {
        let attachments = &message.content.attachments;
        let (mut kept, mut own, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for given in attachments {
            let found = self.find(given).await?;
            match found
                .as_ref()
                .map_or(Ok(()), |file| takes(&given.kind, file))
            {
                Ok(()) => {
                    kept.push(given);
                    own.push(found);
                }
                Err(why) => lines.push(link(given, message.content.format, &why)?),
            }
        }
        if lines.is_empty() {
            let message = Cow::Borrowed(message);
            return Ok(Loaded { message, own });
        }
        let attachments = kept.into_iter().cloned().collect();
        let mut message = message.clone();
        let content = &mut message.content;
        content.attachments = attachments;
        if !content.text.is_empty() {
            content.text.push_str("\n\n");
        }
        content.text.push_str(&lines.join("\n"));
        Ok(Loaded {
            message: Cow::Owned(message),
            own,
        })
    }

    pub(super) async fn open(&self, id: MediaId) -> Result<FileStream, NoFile> {
        let source = self.source.as_ref().ok_or(NoFile::Gone)?;
        source.open(self.tenant, id).await
    }

    /// The whole of a file, whose size the caller has looked at.
    pub(super) async fn read(&self, file: &OwnFile) -> Result<Bytes, NoFile> {
        let size = usize::try_from(file.size_bytes).map_err(|_| NoFile::Gone)?;
        let mut stream = exactly(self.open(file.id).await?, file.size_bytes);
        let mut read = BytesMut::with_capacity(size);
        while let Some(chunk) = stream.next().await {
            read.extend_from_slice(&chunk.map_err(|_| NoFile::Away)?);
        }
        Ok(read.freeze())
    }
}

/// The bytes, with an error where they are fewer or more than was said.
pub(super) fn exactly(stream: FileStream, size_bytes: u64) -> FileStream {
    futures::stream::try_unfold((stream, size_bytes), |(mut stream, left)| async move {
        let wrong = || io::Error::from(io::ErrorKind::UnexpectedEof);
        match stream.try_next().await? {
            None if left == 0 => Ok(None),
            None => Err(wrong()),
            Some(chunk) => {
                let left = left.checked_sub(chunk.len() as u64).ok_or_else(wrong)?;
                Ok(Some((chunk, (stream, left))))
            }
        }
    })
    .boxed()
}

/// Whether people can follow an address.
pub(super) fn is_absolute(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// Why a file that is neither taken nor linked to cannot be sent.
pub(super) fn untaken(why: &str) -> SendOutcome {
    let detail = format!("{why}; and without `gateway.public_url` nothing leads to the file");
    SendOutcome::Permanent(Failure::message("file-not-taken", detail))
}

fn link(given: &Attachment, format: Format, why: &str) -> Result<String, SendOutcome> {
    let url = given.url.as_deref().filter(|url| is_absolute(url));
    let url = url.ok_or_else(|| untaken(why))?;
    let name = given.name.as_deref().map(one_line).unwrap_or_default();
    let named = if name.is_empty() {
        String::new()
    } else {
        format!("{name}: ")
    };
    Ok(match format {
        Format::Plain => format!("{named}{url}"),
        Format::Markdown => {
            let plain = |c: char| c.is_alphanumeric() || c.is_whitespace();
            let mut escaped = String::with_capacity(named.len());
            for c in named.chars() {
                if c.is_ascii() && !plain(c) {
                    escaped.push('\\');
                }
                escaped.push(c);
            }
            format!("{escaped}<{url}>")
        }
    })
}

fn one_line(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    line.trim().to_owned()
}

/// A name that fits a form's header, with an ending by which platforms know what the file is.
fn name_of(name: Option<&str>, kind: &str, content_type: &str) -> String {
    const MAX_CHARS: usize = 200;
    let given = name.map(one_line).unwrap_or_default();
    if !given.is_empty() {
        return given.chars().take(MAX_CHARS).collect();
    }
    let ending = match content_type {
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "image/gif" => ".gif",
        "image/webp" => ".webp",
        "video/mp4" => ".mp4",
        "audio/ogg" => ".ogg",
        "audio/mpeg" => ".mp3",
        "audio/m4a" | "audio/mp4" => ".m4a",
        "application/pdf" => ".pdf",
        "text/plain" => ".txt",
        _ => "",
    };
    let kind = if kind.is_empty() { "file" } else { kind };
    format!("{}{ending}", one_line(kind))
}

#[cfg(test)]
#[path = "files_tests.rs"]
pub(crate) mod tests;
