//! Fetching a file from an address in a message.

use bytes::{Bytes, BytesMut};
use reqwest::{
    Client, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, LOCATION},
};

use crate::guard::{self, Forbidden};

/// Redirects that are followed.
const MAX_HOPS: usize = 5;

/// A fetched file.
#[derive(Clone, Debug)]
pub struct Got {
    /// As the server says; not to be believed.
    pub content_type: Option<String>,
    pub bytes: Bytes,
}

/// Why a file was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum NotGot {
    #[error("the address is not allowed: {0}")]
    Forbidden(#[from] Forbidden),
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    #[error("more than {MAX_HOPS} redirects, or one that leads nowhere")]
    Redirects,
    /// The server's answer.
    #[error("HTTP {0}")]
    Status(StatusCode),
    #[error("no answer")]
    Unanswered(#[source] reqwest::Error),
}

impl NotGot {
    /// Whether another try may fare better.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unanswered(_) => true,
            Self::Status(status) => {
                status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
            }
            Self::Forbidden(_) | Self::TooLarge(_) | Self::Redirects => false,
        }
    }
}

/// Fetches, with `headers` for the first host only: they may hold credentials. `client` must be [`crate::client`]'s.
///
/// # Errors
/// [`NotGot`].
pub async fn get(
    client: &Client,
    url: Url,
    headers: HeaderMap,
    max_bytes: usize,
    allow_private: bool,
) -> Result<Got, NotGot> {
    let first = url.origin();
    let mut url = url;
    for _ in 0..=MAX_HOPS {
        guard::check(&url, allow_private)?;
        let mut request = client.get(url.clone());
        if url.origin() == first {
            request = request.headers(headers.clone());
        }
        let mut response = request
            .send()
            .await
            .map_err(|error| NotGot::Unanswered(error.without_url()))?;
        let status = response.status();
        if status.is_redirection() {
            url = response
                .headers()
                .get(LOCATION)
                .and_then(|to| to.to_str().ok())
                .and_then(|to| url.join(to).ok())
                .ok_or(NotGot::Redirects)?;
            continue;
        }
        if !status.is_success() {
            return Err(NotGot::Status(status));
        }
        let content_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .map(str::to_owned);
        let announced = response.content_length().unwrap_or(0);
        if announced > max_bytes as u64 {
            return Err(NotGot::TooLarge(max_bytes));
        }
        let mut bytes = BytesMut::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| NotGot::Unanswered(error.without_url()))?
        {
            if bytes.len() + chunk.len() > max_bytes {
                return Err(NotGot::TooLarge(max_bytes));
            }
            bytes.extend_from_slice(&chunk);
        }
        return Ok(Got {
            content_type,
            bytes: bytes.freeze(),
        });
    }
    Err(NotGot::Redirects)
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::HeaderMap as Given, response::Redirect, routing};

    use super::*;

    async fn serve() -> u16 {
        let app = Router::new()
            .route("/file", routing::get(|| async { "four" }))
            .route(
                "/auth",
                routing::get(|headers: Given| async move {
                    headers.get("authorization").map_or("none", |_| "some")
                }),
            )
            .route(
                "/once",
                routing::get(|| async { Redirect::temporary("/file") }),
            )
            .route(
                "/loop",
                routing::get(|| async { Redirect::temporary("/loop") }),
            )
            .route(
                "/inside",
                routing::get(|| async { Redirect::temporary("ftp://127.0.0.1/x") }),
            );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        port
    }

    #[tokio::test]
    async fn redirects_are_followed_checked_and_counted() {
        let port = serve().await;
        let client = crate::client(true).unwrap();
        let fetch = async |path: &str, max, allow| {
            let url = Url::parse(&format!("http://127.0.0.1:{port}{path}")).unwrap();
            get(&client, url, HeaderMap::new(), max, allow).await
        };
        assert_eq!(fetch("/once", 4, true).await.unwrap().bytes, "four");
        assert!(matches!(
            fetch("/file", 3, true).await,
            Err(NotGot::TooLarge(3))
        ));
        assert!(matches!(
            fetch("/loop", 9, true).await,
            Err(NotGot::Redirects)
        ));
        assert!(matches!(
            fetch("/inside", 9, true).await,
            Err(NotGot::Forbidden(Forbidden::Form))
        ));
        assert!(matches!(
            fetch("/file", 9, false).await,
            Err(NotGot::Forbidden(Forbidden::Private))
        ));
        assert!(matches!(
            fetch("/none", 9, true).await,
            Err(NotGot::Status(_))
        ));
    }
}
