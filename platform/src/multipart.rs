//! `multipart/form-data` (RFC 7578), as the desk keeps it: an object of texts, and of what is to be known of files: their
//! name, type, size and SHA-256.
//!
//! As strict as servers are: a body that ends early, a part without a name, or a name twice is no form.

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The form, if the headers say that the body is one; `Err` says why it is none.
pub(crate) fn object(headers: &HeaderMap, body: &[u8]) -> Option<Result<Value, String>> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let boundary = kind.strip_prefix("multipart/form-data; boundary=")?;
    Some(parts(boundary.trim_matches('"'), body).map(Value::Object))
}

fn parts(boundary: &str, body: &[u8]) -> Result<Map<String, Value>, String> {
    if !(1..=70).contains(&boundary.len()) {
        return Err("a boundary has 1 to 70 characters".into());
    }
    let start = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut rest = body
        .strip_prefix(start.as_bytes())
        .ok_or("does not begin with its boundary")?;
    let mut fields = Map::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok(fields);
        }
        let part = rest.strip_prefix(b"\r\n").ok_or("a boundary goes on")?;
        let (part, after) = split(part, between.as_bytes()).ok_or("ends within a part")?;
        rest = after;
        let (head, content) = split(part, b"\r\n\r\n").ok_or("a part without a head")?;
        let head = std::str::from_utf8(head).map_err(|_| "a head that is no text")?;
        let (name, value) = field(head, content)?;
        if fields.insert(name.clone(), value).is_some() {
            return Err(format!("{name} is there twice"));
        }
    }
}

fn split<'b>(bytes: &'b [u8], at: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let found = bytes.windows(at.len()).position(|window| window == at)?;
    let (before, from) = bytes.split_at(found);
    Some((before, from.split_at(at.len()).1))
}

fn field(head: &str, content: &[u8]) -> Result<(String, Value), String> {
    let header = |name: &str| {
        head.split("\r\n").find_map(|line| {
            let (given, value) = line.split_once(": ")?;
            given.eq_ignore_ascii_case(name).then_some(value)
        })
    };
    let disposition = header("content-disposition").unwrap_or_default();
    let parameter = |name: &str| {
        let start = format!("; {name}=\"");
        let (_, from) = disposition.split_once(&start)?;
        Some(from.split_once('"')?.0.to_owned())
    };
    let name = parameter("name")
        .filter(|name| disposition.starts_with("form-data;") && !name.is_empty())
        .ok_or("a part without a name")?;
    let value = match parameter("filename") {
        Some(filename) => {
            let digest = Sha256::digest(content);
            let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({"filename": filename, "content_type": header("content-type"),
                "size_bytes": content.len(), "sha256": sha256})
        }
        None => String::from_utf8(content.to_vec())
            .map_err(|_| format!("{name} is no text"))?
            .into(),
    };
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Value, String> {
        let headers = HeaderMap::from_iter([(
            CONTENT_TYPE,
            "multipart/form-data; boundary=B".parse().unwrap(),
        )]);
        object(&headers, body.as_bytes()).unwrap()
    }

    #[test]
    fn forms_are_read_strictly() {
        let text = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\ny\r\n";
        let file = "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n.txt\"\r\n\
                    Content-Type: text/plain\r\n\r\nabc\r\n";
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(
            read(&format!("{text}{file}--B--\r\n")).unwrap(),
            json!({"a": "x\r\ny", "f": {"filename": "n.txt", "content_type": "text/plain",
                "size_bytes": 3, "sha256": abc}})
        );
        for wrong in [
            String::new(),
            text.to_owned(),
            format!("{text}{text}--B--"),
            format!("{text}--C--"),
            "--B\r\n\r\nx\r\n--B--".into(),
            text.replace("; name=\"a\"", "") + "--B--",
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
        assert!(object(&HeaderMap::new(), b"--B--").is_none());
    }
}
