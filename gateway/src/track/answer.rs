//! What is answered: a pixel, a redirect, a page.
//!
//! Invariant: nothing of it is kept by caches, found by search engines or told to the next site: an address here is a
//! person's.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

/// A transparent GIF of one pixel.
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\
    \x01\x00\x01\x00\x00\x02\x02D\x01\x00;";
const STYLE: &str = include_str!("../../page/preference.css");
/// Nothing is loaded but the hub's own style sheet, and forms go to the hub alone.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) fn pixel() -> Response {
    let mut response = Response::new(Body::from(Bytes::from_static(PIXEL)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-cache, must-revalidate, private, max-age=0"),
    );
    // Mail in a browser may demand that images say so.
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("cross-origin"),
    );
    discreet(headers);
    response
}

/// Leads on to a url, if it is one of the web.
pub(super) fn redirect(url: &str) -> Option<Response> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location(url)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    discreet(headers);
    Some(response)
}

/// A url as a header may carry it: what is not ASCII is escaped (RFC 3986, 2.1); control characters make it none.
fn location(url: &str) -> Option<HeaderValue> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme)?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    if url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return HeaderValue::from_str(url).ok();
    }
    let mut escaped = String::with_capacity(url.len() + 32);
    for char in url.chars() {
        let mut bytes = [0; 4];
        match char {
            _ if char.is_control() => return None,
            _ if char.is_ascii_graphic() => escaped.push(char),
            _ => {
                for byte in char.encode_utf8(&mut bytes).bytes() {
                    escaped.push_str(&format!("%{byte:02X}"));
                }
            }
        }
    }
    HeaderValue::from_str(&escaped).ok()
}

pub(super) fn page(status: StatusCode, html: String) -> Response {
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    }
    discreet(headers);
    response
}

fn discreet(headers: &mut HeaderMap) {
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(
        "x-robots-tag",
        HeaderValue::from_static("noindex, nofollow"),
    );
}

pub(super) async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, STYLE).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_web_is_led_to() {
        for (url, leads) in [
            (
                "https://example.org/?a=1#b",
                Some("https://example.org/?a=1#b"),
            ),
            ("HTTP://example.org", Some("HTTP://example.org")),
            (
                "https://example.org/ü?q=ä b",
                Some("https://example.org/%C3%BC?q=%C3%A4%20b"),
            ),
            ("javascript:alert(1)", None),
            ("javascript://example.org/%0aalert(1)", None),
            ("data:text/html,x", None),
            ("//example.org/", None),
            ("/t/p/x", None),
            ("https://example.org/\r\nSet-Cookie: a=b", None),
            ("https://example.org/\u{7f}", None),
            ("", None),
        ] {
            let found = location(url);
            let found = found.as_ref().map(|value| value.to_str().unwrap());
            assert_eq!(found, leads, "{url:?}");
        }
    }

    #[test]
    fn the_pixel_is_a_gif() {
        assert!(PIXEL.starts_with(b"GIF89a") && PIXEL.ends_with(b";"));
        assert_eq!(PIXEL.len(), 43);
    }
}
