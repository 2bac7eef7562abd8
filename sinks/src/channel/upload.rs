//! Bodies that carry files: forms (RFC 7578) and bare bytes, read while they are written.
//!
//! Invariants: the length of a body is known before it begins; of each file there are a few chunks in memory at most; a body
//! that was not handed over to its last byte was taken by nobody, so its loss is no doubt about what became of the message.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::{
    Body, RequestBuilder, Response,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use serde_json::{Map, Value};

use super::{
    Failure, SendOutcome,
    files::{FileStream, Files, OwnFile, exactly},
    http,
};

/// How long a call with files may take in all.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A stretch of a body.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Bytes(Bytes),
    File(OwnFile),
}

impl Piece {
    fn size_bytes(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(file) => file.size_bytes,
        }
    }
}

/// A body with files in it.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    content_type: String,
    pieces: Vec<Piece>,
}

/// `multipart/form-data` while it is written.
#[derive(Debug)]
pub(super) struct Form {
    boundary: String,
    pieces: Vec<Piece>,
}

impl Form {
    pub(super) fn new() -> Self {
        Self {
            boundary: format!("tidings-{}", uuid::Uuid::new_v4().simple()),
            pieces: Vec::new(),
        }
    }

    /// Fields as forms have them: texts as they are, everything else as JSON.
    pub(super) fn of(fields: &Map<String, Value>) -> Self {
        let mut form = Self::new();
        for (name, value) in fields {
            match value {
                Value::String(text) => form.text(name, text),
                other => form.text(name, &other.to_string()),
            }
        }
        form
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        let head = self.head(name, "");
        self.push(format!("{head}\r\n{value}\r\n"));
    }

    pub(super) fn json(&mut self, name: &str, value: &Value) {
        let head = self.head(name, "");
        self.push(format!(
            "{head}Content-Type: application/json\r\n\r\n{value}\r\n"
        ));
    }

    pub(super) fn file(&mut self, name: &str, file: &OwnFile) {
        let named = quoted(file.name.as_deref().unwrap_or("file"));
        let head = self.head(name, &format!("; filename=\"{named}\""));
        let kind = header(&file.content_type);
        self.push(format!("{head}Content-Type: {kind}\r\n\r\n"));
        self.pieces.push(Piece::File(file.clone()));
        self.push("\r\n".into());
    }

    pub(super) fn finish(mut self) -> Upload {
        self.push(format!("--{}--\r\n", self.boundary));
        Upload {
            content_type: format!("multipart/form-data; boundary={}", self.boundary),
            pieces: self.pieces,
        }
    }

    fn head(&self, name: &str, more: &str) -> String {
        let (boundary, name) = (&self.boundary, quoted(name));
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n")
    }

    fn push(&mut self, text: String) {
        self.pieces.push(Piece::Bytes(text.into()));
    }
}

/// As the form encoding of browsers has it
/// (<https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>).
fn quoted(text: &str) -> String {
    text.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A media type that may stand in a header.
fn header(kind: &str) -> &str {
    let fits = !kind.is_empty() && kind.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if fits {
        kind
    } else {
        "application/octet-stream"
    }
}

impl Upload {
    /// A file and nothing else.
    pub(super) fn bare(file: &OwnFile) -> Self {
        Self {
            content_type: header(&file.content_type).to_owned(),
            pieces: vec![Piece::File(file.clone())],
        }
    }

    /// Makes the call. `again`: the same call once more is harmless.
    pub(super) async fn send(
        self,
        request: RequestBuilder,
        files: &Files,
        again: bool,
    ) -> Result<Response, SendOutcome> {
        let total: u64 = self.pieces.iter().map(Piece::size_bytes).sum();
        let written = Arc::new(AtomicU64::new(0));
        let (counted, files) = (Arc::clone(&written), files.clone());
        let body = futures::stream::iter(self.pieces)
            .then(move |piece| open(files.clone(), piece))
            .try_flatten()
            .inspect_ok(move |chunk: &Bytes| {
                counted.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            });
        let answered = request
            .header(CONTENT_TYPE, self.content_type)
            .header(CONTENT_LENGTH, total)
            .timeout(TIMEOUT)
            .body(Body::wrap_stream(body))
            .send()
            .await;
        answered.map_err(|error| {
            if error.is_connect() || written.load(Ordering::Relaxed) >= total {
                return http::unanswered(error, again);
            }
            SendOutcome::RetryAfter {
                after: None,
                failure: Failure::message("upload", "the files were not handed over to the end"),
            }
        })
    }
}

async fn open(files: Files, piece: Piece) -> std::io::Result<FileStream> {
    Ok(match piece {
        Piece::Bytes(bytes) => futures::stream::iter([Ok(bytes)]).boxed(),
        Piece::File(file) => {
            let opened = files.open(file.id).await;
            exactly(opened.map_err(std::io::Error::other)?, file.size_bytes)
        }
    })
}
