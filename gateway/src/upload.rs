//! A file that comes in and is not held: the body itself, or the first file of a form, piece by piece.
//!
//! Invariants: never more than the limit is passed on; a sender that pauses too long is let go; UTF-16 leaves as UTF-8.

use std::{collections::VecDeque, time::Duration};

use axum::{
    body::{Body, BodyDataStream},
    http::{HeaderMap, StatusCode, header},
};
use bytes::Bytes;
use futures::StreamExt as _;
use ingest::contact::text::Transcoder;
use multer::{Field, Multipart};
use tokio::time::timeout;

use crate::problem::ApiError;

/// How long a sender may pause.
const PAUSE: Duration = Duration::from_secs(30);
/// What is read of a file that is refused: a client that is still sending would see a broken connection instead of the refusal.
const DISCARD: u64 = 16 * 1024 * 1024;
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A file on its way.
pub(crate) struct Upload {
    source: Source,
    limit: u64,
    /// Bytes that came.
    came: u64,
    transcoder: Transcoder,
    /// Looked at already, and still to be passed on.
    ahead: VecDeque<Bytes>,
    is_over: bool,
    /// As its sender calls it.
    pub(crate) name: Option<String>,
}

enum Source {
    Body(BodyDataStream),
    Form {
        field: Box<Field<'static>>,
        /// Ends the field when it is dropped.
        _form: Multipart<'static>,
    },
}

impl Upload {
    /// Of a request.
    ///
    /// # Errors
    /// When it says that it is too large, or is a form without a file.
    pub(crate) async fn of(headers: &HeaderMap, body: Body, limit: u64) -> Result<Self, ApiError> {
        let announced = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let kind = headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        let mut upload = Self {
            source: Source::Body(body.into_data_stream()),
            limit,
            came: 0,
            transcoder: Transcoder::default(),
            ahead: VecDeque::new(),
            is_over: false,
            name: None,
        };
        if announced.is_some_and(|length| length > limit) {
            upload.discard().await;
            return Err(too_large(limit));
        }
        if kind
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("multipart/")
        {
            let boundary = multer::parse_boundary(kind).map_err(|_| {
                ApiError::bad_request("The form's boundary is not in its Content-Type.")
            })?;
            upload = upload.file_of(&boundary).await?;
        }
        Ok(upload)
    }

    /// The first part of a form that has a file's name, or is called `file`.
    async fn file_of(self, boundary: &str) -> Result<Self, ApiError> {
        let Source::Body(body) = self.source else {
            return Ok(self);
        };
        let mut form = Multipart::new(body, boundary);
        loop {
            let next = timeout(PAUSE, form.next_field())
                .await
                .map_err(|_| too_slow())?;
            let Some(field) = next.map_err(|_| broke_off())? else {
                return Err(ApiError::bad_request(
                    "The form has no file. Send one as the part `file`.",
                ));
            };
            if field.file_name().is_some() || field.name() == Some("file") {
                return Ok(Self {
                    name: field.file_name().map(str::to_owned),
                    source: Source::Form {
                        field: Box::new(field),
                        _form: form,
                    },
                    ..self
                });
            }
        }
    }

    /// The file's beginning: so much of it, or all there is. It will be passed on all the same.
    pub(crate) async fn begin(&mut self, length: usize) -> Result<Vec<u8>, ApiError> {
        let mut begin = Vec::new();
        let mut seen = VecDeque::new();
        while begin.len() < length
            && let Some(piece) = self.next().await?
        {
            begin.extend_from_slice(&piece);
            seen.push_back(piece);
        }
        seen.append(&mut self.ahead);
        self.ahead = seen;
        Ok(begin)
    }

    /// The next piece; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            if let Some(piece) = self.ahead.pop_front() {
                return Ok(Some(piece));
            }
            if self.is_over {
                return Ok(None);
            }
            let piece = match timeout(PAUSE, self.source.next()).await {
                Ok(Ok(Some(raw))) => {
                    self.came += raw.len() as u64;
                    if self.came > self.limit {
                        self.discard().await;
                        return Err(too_large(self.limit));
                    }
                    self.transcoder.push(&raw)
                }
                Ok(Ok(None)) => {
                    self.is_over = true;
                    self.transcoder.finish()
                }
                Ok(Err(())) => return Err(broke_off()),
                Err(_) => return Err(too_slow()),
            };
            if !piece.is_empty() {
                return Ok(Some(piece.into()));
            }
        }
    }

    /// Reads on for a while, for nothing.
    pub(crate) async fn discard(&mut self) {
        let mut left = DISCARD;
        let all = async {
            while let Ok(Some(piece)) = self.source.next().await {
                left = left.saturating_sub(piece.len() as u64);
                if left == 0 {
                    break;
                }
            }
        };
        // Whoever sends slower hears it when the connection ends.
        drop(timeout(PATIENCE, all).await);
    }
}

impl Source {
    async fn next(&mut self) -> Result<Option<Bytes>, ()> {
        match self {
            Self::Body(body) => body.next().await.transpose().map_err(drop),
            Self::Form { field, .. } => field.chunk().await.map_err(drop),
        }
    }
}

fn too_large(limit: u64) -> ApiError {
    ApiError::too_large(usize::try_from(limit).unwrap_or(usize::MAX))
}

fn broke_off() -> ApiError {
    ApiError::bad_request("The file broke off before its end. Send it again.")
}

fn too_slow() -> ApiError {
    ApiError::new(
        StatusCode::REQUEST_TIMEOUT,
        "too-slow",
        "Nothing of the file came for half a minute. Send it again.",
    )
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    async fn whole(upload: &mut Upload) -> Result<Vec<u8>, ApiError> {
        let mut all = Vec::new();
        while let Some(piece) = upload.next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    fn headers(kind: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))])
    }

    #[tokio::test]
    async fn a_body_and_a_form_bring_the_same() {
        let plain = Body::from("\u{feff}email\nann@example.org\n");
        let mut upload = Upload::of(&headers("text/csv"), plain, 100).await.unwrap();
        assert_eq!(upload.begin(3).await.unwrap(), b"email\nann@example.org\n");
        assert_eq!(
            whole(&mut upload).await.unwrap(),
            b"email\nann@example.org\n"
        );
        let form = "--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhi\r\n\
            --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"c.csv\"\r\n\
            Content-Type: text/csv\r\n\r\nemail\nann@example.org\n\r\n--x--\r\n";
        let kind = headers("multipart/form-data; boundary=x");
        let mut upload = Upload::of(&kind, Body::from(form), 1000).await.unwrap();
        assert_eq!(upload.name.as_deref(), Some("c.csv"));
        assert_eq!(
            whole(&mut upload).await.unwrap(),
            b"email\nann@example.org\n"
        );
        let none =
            Body::from("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhi\r\n--x--\r\n");
        let refused = Upload::of(&kind, none, 1000).await.err().unwrap();
        assert_eq!(refused.status(), 400);
        let cut = Body::from("--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhi");
        let mut upload = Upload::of(&kind, cut, 1000).await.unwrap();
        assert_eq!(whole(&mut upload).await.unwrap_err().status(), 400);
    }

    #[tokio::test]
    async fn a_file_ends_at_its_limit() {
        let mut upload = Upload::of(&headers("text/csv"), Body::from("email\n"), 6)
            .await
            .unwrap();
        assert_eq!(whole(&mut upload).await.unwrap().len(), 6);
        let mut upload = Upload::of(&headers("text/csv"), Body::from("email\n"), 5)
            .await
            .unwrap();
        assert_eq!(whole(&mut upload).await.unwrap_err().status(), 413);
        let mut announced = headers("text/csv");
        announced.insert(header::CONTENT_LENGTH, HeaderValue::from_static("6"));
        let refused = Upload::of(&announced, Body::from("email\n"), 5)
            .await
            .err()
            .unwrap();
        assert_eq!(refused.status(), 413);
    }
}
