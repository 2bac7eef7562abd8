//! Pages of lists: a JSON array, and where the next page is in `Link` (RFC 8288) and `X-Next-Cursor`.

use axum::{
    Json,
    http::{HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use store::{Cursor, Page};

use crate::problem::ApiError;

/// Rows of a page when the request does not say.
pub(crate) const DEFAULT_LIMIT: u32 = 50;
/// Most rows of a page.
pub(crate) const MAX_LIMIT: u32 = 200;

pub(crate) const NEXT_CURSOR: &str = "x-next-cursor";

/// The limit of a request, within its bounds.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, ApiError> {
    match asked {
        None => Ok(DEFAULT_LIMIT),
        Some(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        Some(_) => Err(ApiError::bad_request(format!(
            "`limit` must be from 1 to {MAX_LIMIT}."
        ))),
    }
}

/// The cursor of a request.
pub(crate) fn cursor(asked: Option<&str>) -> Result<Option<Cursor>, ApiError> {
    asked.map(str::parse).transpose().map_err(|_| {
        ApiError::bad_request(
            "`cursor` must be one that this API answered. Leave it out to begin anew.",
        )
    })
}

/// A page of what was found, each row as `out` has it answered.
pub(crate) fn of<R, T: Serialize>(uri: &Uri, found: Page<R>, out: impl FnMut(R) -> T) -> Response {
    let items: Vec<T> = found.items.into_iter().map(out).collect();
    answer(uri, &items, found.next)
}

/// A page as it is answered: items, or what they are in.
pub(crate) fn answer<T: Serialize + ?Sized>(uri: &Uri, page: &T, next: Option<Cursor>) -> Response {
    let mut response = Json(page).into_response();
    if let Some(next) = next {
        let next = next.to_string();
        let headers = response.headers_mut();
        let link = format!("<{}>; rel=\"next\"", next_address(uri, &next));
        if let (Ok(link), Ok(next)) = (HeaderValue::try_from(link), HeaderValue::try_from(next)) {
            headers.insert(header::LINK, link);
            headers.insert(NEXT_CURSOR, next);
        }
    }
    response
}

/// A page of a list that goes on before a number.
pub(crate) fn numbered<T: Serialize>(items: &[T], next: Option<u64>) -> Response {
    let mut response = Json(items).into_response();
    if let Some(next) = next {
        response
            .headers_mut()
            .insert(NEXT_CURSOR, HeaderValue::from(next));
    }
    response
}

/// The same address with another `cursor`.
fn next_address(uri: &Uri, cursor: &str) -> String {
    let kept = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some("cursor"));
    let mut address = format!("{}?cursor={cursor}", uri.path());
    for pair in kept {
        address.push('&');
        address.push_str(pair);
    }
    address
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_next_address_keeps_the_filters() {
        let uri: Uri = "/api/v1/conversations?status=active&cursor=0-aa&limit=5"
            .parse()
            .unwrap();
        assert_eq!(
            next_address(&uri, "1-bb"),
            "/api/v1/conversations?cursor=1-bb&status=active&limit=5"
        );
        let uri: Uri = "/api/v1/conversations".parse().unwrap();
        assert_eq!(
            next_address(&uri, "1-bb"),
            "/api/v1/conversations?cursor=1-bb"
        );
    }

    #[test]
    fn cursors_and_limits_are_checked() {
        let given = Cursor {
            position: 77,
            id: Uuid::from_u128(9),
        };
        assert_eq!(cursor(Some(&given.to_string())).unwrap(), Some(given));
        assert_eq!(cursor(None).unwrap(), None);
        assert_eq!(cursor(Some("'; drop")).unwrap_err().status(), 400);
        assert_eq!(limit(None).unwrap(), DEFAULT_LIMIT);
        assert_eq!(limit(Some(0)).unwrap_err().status(), 400);
        assert_eq!(limit(Some(201)).unwrap_err().status(), 400);
    }

    #[test]
    fn the_last_page_has_no_link() {
        let uri: Uri = "/x".parse().unwrap();
        let last = answer(&uri, &[1, 2], None);
        assert!(last.headers().get(header::LINK).is_none());
        let next = Cursor {
            position: 1,
            id: Uuid::from_u128(9),
        };
        let more = answer(&uri, &[1, 2], Some(next));
        assert_eq!(
            more.headers()[header::LINK],
            format!("</x?cursor={next}>; rel=\"next\"")
        );
        assert_eq!(more.headers()[NEXT_CURSOR], next.to_string());
    }
}
