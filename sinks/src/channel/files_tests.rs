//! A source of files for tests of senders, and the tests of files and uploads.

use std::collections::HashMap;

use axum::{Router, body::Bytes as Got, http::HeaderMap, routing};
use serde_json::json;
use uuid::Uuid;

use super::{
    super::{
        Settings,
        tests::{outbound, word},
        upload::{Form, Upload},
    },
    *,
};

/// Files by their ids, of the tenant that test accounts have.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    files: HashMap<Uuid, (OwnFile, Bytes)>,
    /// Fewer bytes come than were promised.
    breaks: bool,
}

const TENANT: TenantId = TenantId(Uuid::from_u128(0x7E));

impl Kept {
    /// File number `id`.
    pub(crate) fn with(mut self, id: u128, content_type: &str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let file = OwnFile {
            id: MediaId(Uuid::from_u128(id)),
            name: None,
            content_type: content_type.into(),
            size_bytes: bytes.len() as u64,
        };
        self.files.insert(file.id.0, (file, bytes));
        self
    }

    pub(crate) fn breaking(mut self) -> Self {
        self.breaks = true;
        self
    }

    /// What channels of a hub with these files are built with.
    pub(crate) fn settings(self) -> Settings {
        Settings {
            allow_private_urls: true,
            files: Some(Arc::new(self)),
        }
    }

    fn files(self) -> Files {
        Files {
            tenant: TENANT,
            source: Some(Arc::new(self)),
        }
    }
}

#[async_trait]
impl FileSource for Kept {
    async fn find(&self, tenant: TenantId, url: &str) -> Result<Option<OwnFile>, NoFile> {
        let Some((_, id)) = url.split_once("media/").filter(|_| tenant == TENANT) else {
            return Ok(None);
        };
        let id: MediaId = id.parse().map_err(|_| NoFile::Gone)?;
        let (file, _) = self.files.get(&id.0).ok_or(NoFile::Gone)?;
        Ok(Some(file.clone()))
    }

    async fn open(&self, tenant: TenantId, id: MediaId) -> Result<FileStream, NoFile> {
        assert_eq!(tenant, TENANT);
        let (_, bytes) = self.files.get(&id.0).ok_or(NoFile::Gone)?;
        let end = bytes.len() - usize::from(self.breaks);
        let chunks: Vec<_> = bytes
            .slice(..end)
            .chunks(1000)
            .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
            .collect();
        Ok(futures::stream::iter(chunks).boxed())
    }
}

/// An attachment that is file number `id`, at `before` and `media/<id>`.
pub(crate) fn own(kind: &str, name: Option<&str>, before: &str, id: u128) -> Attachment {
    Attachment {
        kind: kind.into(),
        name: name.map(str::to_owned),
        url: Some(format!("{before}media/{}", Uuid::from_u128(id))),
        ..Attachment::default()
    }
}

fn small(_: &str, file: &OwnFile) -> Result<(), String> {
    if file.size_bytes < 5 {
        Ok(())
    } else {
        Err("too large here".into())
    }
}

#[tokio::test]
async fn what_is_not_taken_is_linked_to_if_it_can_be() {
    let kept = Kept::default()
        .with(1, "image/png", "1234")
        .with(2, "application/pdf", "12345");
    let files = kept.files();
    let mut message = *outbound(1).message;
    let foreign = Attachment {
        kind: "image".into(),
        url: Some("https://other.example/x.png".into()),
        ..Attachment::default()
    };
    let hub = "https://hub.example/";
    message.content.attachments = vec![
        own("image", None, "/", 1),
        own("file", Some("a_b\n.pdf"), hub, 2),
        foreign.clone(),
    ];
    let loaded = files.load(&message, small).await.unwrap();
    let own_of = |loaded: &Loaded<'_>| -> Vec<Option<String>> {
        let name = |own: &Option<OwnFile>| own.as_ref().and_then(|file| file.name.clone());
        loaded.own.iter().map(name).collect()
    };
    assert_eq!(own_of(&loaded), [Some("image.png".into()), None]);
    assert_eq!(loaded.message.content.attachments.len(), 2);
    let address = format!("{hub}media/{}", Uuid::from_u128(2));
    let said = &loaded.message.content.text;
    assert_eq!(*said, format!("hello\n\na_b .pdf: {address}"));

    message.content.format = Format::Markdown;
    let loaded = files.load(&message, small).await.unwrap();
    let said = &loaded.message.content.text;
    assert_eq!(*said, format!("hello\n\na\\_b \\.pdf\\: <{address}>"));

    message.content.attachments = vec![own("file", None, "/", 2)];
    let refused = files.load(&message, small).await.unwrap_err();
    assert_eq!(word(&refused), "permanent file-not-taken");
    message.content.attachments = vec![own("file", None, "/", 9)];
    let refused = files.load(&message, small).await.unwrap_err();
    assert_eq!(word(&refused), "permanent no-file");

    // Another tenant's channel sees an address like any other.
    let others = Files {
        tenant: TenantId(Uuid::from_u128(1)),
        ..files
    };
    let loaded = others.load(&message, small).await.unwrap();
    assert!(!loaded.has_own());
    assert_eq!(loaded.message.content.attachments.len(), 1);
}

/// A server that answers what it got.
async fn echo() -> String {
    let app = Router::new().route(
        "/",
        routing::post(|headers: HeaderMap, body: Got| async move {
            let header = |name: &str| {
                headers
                    .get(name)
                    .map(|value| value.to_str().unwrap().to_owned())
            };
            axum::Json(
                json!({"type": header("content-type"), "length": header("content-length"),
                "body": String::from_utf8_lossy(&body)}),
            )
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

#[tokio::test]
async fn a_form_is_written_as_browsers_do() {
    let url = echo().await;
    let files = Kept::default().with(1, "image/png", "1234").files();
    let mut file = files
        .find(&own("image", None, "/", 1))
        .await
        .unwrap()
        .unwrap();
    file.name = Some("\"a\"\r\n.png".into());
    let mut form = Form::of(json!({"a": "ü", "b": [1]}).as_object().unwrap());
    form.json("c", &json!({}));
    form.file("f", &file);
    let request = egress::client(true).unwrap().post(&url);
    let answer = form.finish().send(request, &files, false).await.unwrap();
    let got: serde_json::Value = answer.json().await.unwrap();
    let kind = got["type"].as_str().unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let body = got["body"].as_str().unwrap();
    assert_eq!(got["length"], body.len().to_string());
    let part = "Content-Disposition: form-data; name=";
    assert_eq!(
        body.replace(boundary, "B"),
        format!(
            "--B\r\n{part}\"a\"\r\n\r\nü\r\n--B\r\n{part}\"b\"\r\n\r\n[1]\r\n\
             --B\r\n{part}\"c\"\r\nContent-Type: application/json\r\n\r\n{{}}\r\n\
             --B\r\n{part}\"f\"; filename=\"%22a%22%0D%0A.png\"\r\nContent-Type: image/png\r\n\r\n1234\r\n--B--\r\n"
        )
    );
}

#[tokio::test]
async fn what_was_not_handed_over_whole_is_tried_again() {
    let url = echo().await;
    let files = Kept::default()
        .with(1, "text/plain", vec![b'x'; 300_000])
        .breaking()
        .files();
    let file = files
        .find(&own("file", None, "/", 1))
        .await
        .unwrap()
        .unwrap();
    let request = egress::client(true).unwrap().post(&url);
    let broken = Upload::bare(&file).send(request, &files, false).await;
    assert_eq!(word(&broken.unwrap_err()), "retry upload");
    assert_eq!(files.read(&file).await, Err(NoFile::Away));
}
