//! Extractors whose refusals are problem details.
//!
//! They carry axum's names, so that utoipa recognises them in a handler's arguments.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use schemas::invisible::is_blank;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::Value;
use serde_path_to_error::Segment;
use tokio::time::timeout;

use crate::{
    hub::Hub,
    problem::{ApiError, misfit},
};

/// A JSON body, within the limit of the settings.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Hub>> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, hub: &Arc<Hub>) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Send the body with `Content-Type: application/json`.",
            ));
        }
        let bytes = body(request.into_body(), hub.settings.body_limit_bytes).await?;
        // Serde would take a list for an object without names.
        if bytes
            .trim_ascii_start()
            .first()
            .is_some_and(|byte| *byte == b'[')
        {
            return Err(ApiError::invalid("", "The body must be an object."));
        }
        read(&bytes).map(Self)
    }
}

/// The value in a body. What is refused says where it is and what is expected there; what was there is not repeated: it may be
/// a secret in the wrong place.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let broken = |error: &serde_json::Error| {
        ApiError::bad_request(if bytes.trim_ascii().is_empty() {
            "The body is empty. Send a JSON object.".to_owned()
        } else if error.is_eof() {
            let (line, column) = (error.line(), error.column());
            format!("The body is not JSON: it breaks off in line {line}, column {column}.")
        } else {
            format!("The body is not JSON: {error}.")
        })
    };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = pointer(error.path());
        match error.inner() {
            inner if inner.is_data() => refused(place, &inner.to_string()),
            // A number where one of several names should be is called a fault of the syntax.
            _ if serde_json::from_slice::<IgnoredAny>(bytes).is_ok() => {
                ApiError::invalid(place, misfit::FORM)
            }
            inner => broken(inner),
        }
    })?;
    json.end().map_err(|error| broken(&error))?;
    Ok(value)
}

/// A path as JSON Pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                let key: String = key.chars().take(64).collect();
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            // What is inside has no place of its own.
            Segment::Enum { .. } | Segment::Unknown => break,
        }
    }
    pointer
}

/// A value within a body that was read, as what it must be.
///
/// # Errors
/// When it is not; `place` is where it stands.
pub(crate) fn part<T: DeserializeOwned>(place: &str, value: Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let place = format!("{place}{}", pointer(error.path()));
        refused(place, &error.inner().to_string())
    })
}

fn refused(mut place: String, said: &str) -> ApiError {
    let said = said.split(" at line ").next().unwrap_or(said);
    if let Some(name) = said.strip_prefix("missing field `") {
        place = format!("{place}/{}", name.trim_end_matches('`'));
        return ApiError::invalid(place, "This is missing.");
    }
    ApiError::invalid(place, misfit::sentence(said))
}

/// Who holds the other end of the connection: a proxy, where there is one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peer(pub(crate) Option<IpAddr>);

impl FromRequestParts<Arc<Hub>> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Hub>) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or_default())
    }
}

/// `application/json`, or another type that is JSON (`application/…+json`).
fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
    else {
        return false;
    };
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(20);
/// What is read of a body that is too large before it is refused: a client that is still sending
/// would see a broken connection instead of the refusal.
const DISCARD: usize = 16 * 1024 * 1024;

/// Reads a body of at most `limit` bytes.
pub(crate) async fn body(mut body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let read = async {
        let mut first: Option<Bytes> = None;
        let mut rest = BytesMut::new();
        let mut size = 0usize;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else {
                continue;
            };
            size += data.len();
            if size > limit || announced > limit {
                first = None;
                rest.clear();
                if size > limit.saturating_add(DISCARD) {
                    break;
                }
            } else if first.is_none() && rest.is_empty() {
                first = Some(data);
            } else {
                if let Some(first) = first.take() {
                    rest.reserve(announced.max(first.len() + data.len()));
                    rest.extend_from_slice(&first);
                }
                rest.extend_from_slice(&data);
            }
        }
        Ok::<_, axum::Error>((first.unwrap_or_else(|| rest.freeze()), size))
    };
    match timeout(ARRIVAL, read).await {
        Ok(Ok((_, size))) if size > limit || announced > limit => Err(ApiError::too_large(limit)),
        Ok(Ok((bytes, _))) => Ok(bytes),
        Ok(Err(_)) => Err(ApiError::bad_request(
            "The body broke off before its end. Send it again.",
        )),
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "too-slow",
            "The body did not arrive in time. Send it again.",
        )),
    }
}

/// The query string.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|rejection| ApiError::bad_request(misfit::query(&rejection.body_text())))
    }
}

/// The variable parts of the path.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        axum::extract::Path::<T>::from_request_parts(parts, state)
            .await
            .map(|path| Self(path.0))
            .map_err(|rejection| ApiError::bad_request(misfit::path(&rejection.body_text())))
    }
}

/// For a field of a patch that cannot be emptied: absent is `None`, null is refused.
pub(crate) fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// For a field of a patch: absent is `None`, null is `Some(None)`.
pub(crate) fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// A name as people see it: without blanks around it, and empty where there is nothing else.
fn seen(name: String) -> String {
    match name.trim() {
        shown if is_blank(shown) => String::new(),
        shown if shown.len() == name.len() => name,
        shown => shown.to_owned(),
    }
}

/// For a name. One of blanks alone is empty, which [`crate::route::text`] refuses.
pub(crate) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(seen)
}

/// The same, where there need not be one.
pub(crate) fn optional_name<'de, D>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    Ok(Option::<String>::deserialize(deserializer)?.map(seen))
}

/// The same, in a patch that cannot empty it: as [`present`].
pub(crate) fn present_name<'de, D>(deserializer: D) -> Result<Option<String>, D::Error>
where
    D: Deserializer<'de>,
{
    name(deserializer).map(Some)
}

/// The same, in a patch that can: as [`given`].
pub(crate) fn given_name<'de, D>(deserializer: D) -> Result<Option<Option<String>>, D::Error>
where
    D: Deserializer<'de>,
{
    optional_name(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    fn chunks(sizes: &[usize]) -> Body {
        let chunks: Vec<_> = sizes
            .iter()
            .map(|size| Ok::<_, std::convert::Infallible>(Bytes::from(vec![b'x'; *size])))
            .collect();
        Body::from_stream(stream::iter(chunks))
    }

    #[tokio::test]
    async fn bodies_end_at_their_limit() {
        assert_eq!(body(chunks(&[]), 10).await.unwrap().len(), 0);
        assert_eq!(body(chunks(&[4]), 10).await.unwrap().len(), 4);
        assert_eq!(body(chunks(&[4, 5, 1]), 10).await.unwrap().len(), 10);
        assert_eq!(
            body(chunks(&[4, 5, 2]), 10).await.unwrap_err().status(),
            413
        );
        assert_eq!(
            body(Body::from("x".repeat(11)), 10)
                .await
                .unwrap_err()
                .status(),
            413
        );
        // One that does not end is not read to its end.
        let endless = stream::repeat_with(|| {
            Ok::<_, std::convert::Infallible>(Bytes::from(vec![0; 1 << 16]))
        });
        assert_eq!(
            body(Body::from_stream(endless), 10)
                .await
                .unwrap_err()
                .status(),
            413
        );
    }

    #[test]
    fn refusals_say_where_and_what_and_repeat_nothing() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Inner {
            #[serde(rename = "n")]
            _n: u8,
        }
        #[derive(Debug, Deserialize)]
        enum Choice {
            One,
        }
        #[derive(Debug, Deserialize)]
        struct Outer {
            #[serde(rename = "list")]
            _list: Vec<Inner>,
            #[serde(rename = "choice", default)]
            _choice: Option<Choice>,
        }
        for (body, status, place, said) in [
            (
                r#"{"list":[{"n":1},{"n":"hunter2, expected x"}]}"#,
                422,
                "/list/1/n",
                "must be a whole number from 0 to 255, not a string",
            ),
            (
                r#"{"list":[{"n":700}]}"#,
                422,
                "/list/0/n",
                "must be a whole number from 0 to 255.",
            ),
            (r#"{"list":[{}]}"#, 422, "/list/0/n", "This is missing."),
            (
                r#"{"list":{"a":"hunter2"}}"#,
                422,
                "/list",
                "must be a list, not an object",
            ),
            (
                r#"{"list":[{"n":1,"m":2}]}"#,
                422,
                "/list/0/m",
                "Unknown field `m`, expected `n`.",
            ),
            (
                r#"{"list":[],"choice":5}"#,
                422,
                "/choice",
                "not of the documented form",
            ),
            (r#"{"list":[],"choice":}"#, 400, "", "not JSON"),
            (
                r#"{"list":[]"#,
                400,
                "",
                "it breaks off in line 1, column 10",
            ),
            (" ", 400, "", "The body is empty"),
            (r#"{"list":[]} x"#, 400, "", "not JSON"),
        ] {
            let error = read::<Outer>(body.as_bytes()).unwrap_err();
            assert_eq!(error.status().as_u16(), status, "{body}");
            assert_eq!(
                error.places().join(" "),
                place,
                "{body}: {}",
                error.detail()
            );
            assert!(error.detail().contains(said), "{body}: {}", error.detail());
            assert!(!error.detail().contains("hunter2"), "{}", error.detail());
        }
    }

    #[test]
    fn json_is_known_by_its_type() {
        let of = |kind: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
            is_json(&headers)
        };
        assert!(of("application/json"));
        assert!(of("Application/JSON; charset=utf-8"));
        assert!(of("application/merge-patch+json"));
        assert!(!of("text/plain"));
        assert!(!of("application/jsonx"));
        assert!(!is_json(&HeaderMap::new()));
    }
}
