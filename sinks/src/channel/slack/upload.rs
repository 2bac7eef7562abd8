//! Files of the hub's own: uploaded in three steps, of which only the last shows them
//! (<https://docs.slack.dev/messaging/working-with-files/#upload>).
//!
//! A text that fits stands above the files as their comment; otherwise it is posted before them. Slack does not say under
//! which key the message with the files is known, so the file is asked for it once.

use reqwest::{Method, Url, header::CONTENT_TYPE};
use schemas::keys::slack::message_key;
use serde_json::{Map, Value, json};

use super::{
    super::{
        Failure, SendOutcome,
        files::{Loaded, OwnFile},
        http,
        upload::Upload,
    },
    At, Slack,
    call::{Answer, answer},
    partial,
};

/// <https://slack.com/help/articles/201330736-Add-files-to-Slack>
const MAX_BYTES: u64 = 1_000_000_000;
/// What makes a difference in a comment, where markup cannot be switched off.
const MARKUP: [char; 4] = ['*', '_', '~', '`'];

/// Whether a file can be uploaded.
pub(super) fn takes(whispers: bool) -> impl Fn(&str, &OwnFile) -> Result<(), String> {
    move |_, file| {
        if whispers {
            return Err("Slack shows files to a whole conversation or not at all".into());
        }
        if file.size_bytes > MAX_BYTES {
            return Err("Slack takes files of up to 1 GB".into());
        }
        Ok(())
    }
}

impl Slack {
    /// Uploads the files, then posts the texts and shows the files.
    pub(super) async fn share(
        &self,
        loaded: &Loaded<'_>,
        mut posts: Vec<Map<String, Value>>,
        at: &At<'_>,
    ) -> SendOutcome {
        let mut files = Vec::new();
        for file in loaded.own.iter().flatten() {
            match self.upload(file).await {
                Ok(id) => files.push(json!({ "id": id, "title": file.name })),
                Err(outcome) => return outcome,
            }
        }
        let comment = match posts.as_slice() {
            [only] => comment(only),
            _ => None,
        };
        if comment.is_some() {
            posts.clear();
        }
        let total = posts.len() + 1;
        let mut provider_ids = match self.post_all(&posts, at).await {
            Ok(keys) => keys,
            Err((0, outcome)) => return outcome,
            Err((done, _)) => return partial(done, total),
        };
        let first = files.first().and_then(|file| file.get("id")).cloned();
        let mut body = json!({ "files": files, "channel_id": at.channel });
        if let Some(fields) = body.as_object_mut() {
            fields.extend(
                at.thread
                    .map(|thread| ("thread_ts".to_owned(), thread.into())),
            );
            fields.extend(comment.map(|text| ("initial_comment".to_owned(), text.into())));
        }
        match self.call("files.completeUploadExternal", &body).await {
            Ok(_) => {
                let shown = self.shown(first.as_ref().and_then(Value::as_str), at.channel);
                provider_ids.extend(shown.await);
                SendOutcome::Accepted { provider_ids }
            }
            Err(outcome) if posts.is_empty() => mild(outcome),
            Err(_) => partial(posts.len(), total),
        }
    }

    /// Uploads one file, which nobody sees yet; its id.
    async fn upload(&self, file: &OwnFile) -> Result<String, SendOutcome> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("filename", file.name.as_deref().unwrap_or("file"))
            .append_pair("length", &file.size_bytes.to_string())
            .finish();
        let place = self.ask("files.getUploadURLExternal", form).await;
        let place = place.map_err(again)?;
        let word = |name: &str| place.get(name).and_then(Value::as_str);
        let url = word("upload_url").and_then(|url| Url::parse(url).ok());
        let (Some(id), Some(url)) = (word("file_id"), url.filter(|url| self.is_slacks(url))) else {
            let detail = "Slack gave no address to upload to";
            return Err(SendOutcome::Permanent(Failure::message("upload", detail)));
        };
        let request = self.client.request(Method::POST, url);
        let response = Upload::bare(file).send(request, &self.files, true).await?;
        let (status, after) = (response.status(), http::retry_after(&response));
        if status.is_success() {
            return Ok(id.to_owned());
        }
        let failure = Failure::message(http::code(status), "the upload was refused");
        Err(if status.is_server_error() || status.as_u16() == 429 {
            SendOutcome::RetryAfter { after, failure }
        } else {
            SendOutcome::Permanent(failure)
        })
    }

    /// A call by form: this method once took nothing else.
    async fn ask(&self, method: &str, form: String) -> Result<Value, SendOutcome> {
        let url = self.base.join(method).map_err(|_| {
            SendOutcome::Permanent(Failure::channel("api-base", "no address to build on"))
        })?;
        let request = self.client.post(url).bearer_auth(self.token.expose());
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = request.body(form).send().await;
        let response = response.map_err(|error| http::unanswered(error, true))?;
        let (status, after) = (response.status(), http::retry_after(&response));
        match answer(status, after, http::body(response).await.as_deref()) {
            Answer::Result(result) => Ok(result),
            Answer::Outcome(outcome) => Err(outcome),
        }
    }

    /// The key of the message that shows a file, if Slack knows it already.
    async fn shown(&self, file: Option<&str>, channel: &str) -> Option<String> {
        let path = format!("files.info?file={}", file?);
        let info = self.call(&path, &json!({})).await.ok()?;
        let shares = info.pointer("/file/shares")?.as_object()?;
        let ts = shares
            .values()
            .filter_map(|shares| shares.get(channel)?.as_array()?.last()?.get("ts")?.as_str())
            .next()?;
        Some(message_key(channel, ts))
    }
}

/// The text of a post that can stand above files as well as alone.
fn comment(post: &Map<String, Value>) -> Option<String> {
    let text = post.get("text")?.as_str()?;
    let is_plain = post.get("mrkdwn").and_then(Value::as_bool) == Some(false);
    let stands_alone = post.contains_key("blocks") || is_plain && text.contains(MARKUP);
    (!stands_alone).then(|| text.to_owned())
}

/// What became of a call that shows nothing to anybody: it can be made again.
fn again(outcome: SendOutcome) -> SendOutcome {
    match mild(outcome) {
        SendOutcome::Unknown(failure) => SendOutcome::RetryAfter {
            after: None,
            failure,
        },
        outcome => outcome,
    }
}

/// A token that may not upload is good for everything else.
fn mild(outcome: SendOutcome) -> SendOutcome {
    match outcome {
        SendOutcome::Permanent(failure) if failure.code == "missing-scope" => {
            SendOutcome::Permanent(Failure::message(failure.code, failure.detail))
        }
        outcome => outcome,
    }
}
