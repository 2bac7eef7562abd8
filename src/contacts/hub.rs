//! The hub that is asked.

use std::{fmt, time::Duration};

use anyhow::{Context, anyhow};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use super::Target;
use crate::{bench, config::Config};

/// How long the hub may be silent.
const SILENCE: Duration = Duration::from_secs(120);

pub(super) struct Hub {
    http: Client,
    url: String,
    key: String,
}

impl Hub {
    pub(super) async fn find(config: &Config, target: Target) -> anyhow::Result<Self> {
        let (url, key) = match target.dir {
            Some(dir) => {
                let ready = bench::hub::Hub::at(&dir).await?.ready;
                (ready.url, ready.key)
            }
            None => {
                let public = config.gateway.public_url.clone();
                let local = || format!("http://{}", config.gateway.listen);
                let key = target.key.context(
                    "there is no key: name the folder of a hub with --dir, or give an API key with --key or TIDINGS_KEY",
                )?;
                (target.url.or(public).unwrap_or_else(local), key)
            }
        };
        Ok(Self {
            http: Client::builder()
                .connect_timeout(Duration::from_secs(10))
                .read_timeout(SILENCE)
                .build()?,
            url: url.trim_end_matches('/').to_owned(),
            key,
        })
    }

    pub(super) fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<RequestBuilder> {
        let url = Url::parse_with_params(&format!("{}/api/v1{path}", self.url), query)
            .with_context(|| format!("{} is no address of a hub", self.url))?;
        Ok(self.http.request(method, url).bearer_auth(&self.key))
    }

    /// Sends a request; what the hub says where it refuses is the error.
    ///
    /// # Errors
    /// [`Away`] where it may be asked again.
    pub(super) async fn answer(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let answer = self.sent(request).await?;
        match answer.status().is_success() {
            true => Ok(answer),
            false => Err(refusal(answer).await),
        }
    }

    /// Asks, without sending anything, whether the hub would take what is about to be sent there: one that refuses while a long
    /// body is on its way hangs up, and nobody reads why.
    pub(super) async fn ask_to_send(&self, request: RequestBuilder) -> anyhow::Result<()> {
        let answer = self.sent(request).await?;
        match answer.status() {
            // Nothing is no file.
            StatusCode::UNPROCESSABLE_ENTITY => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(refusal(answer).await),
        }
    }

    async fn sent(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let answer = request.send().await.map_err(reqwest::Error::without_url);
        answer.with_context(|| Away(format!("no answer from {}", self.url)))
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.answer(self.request(Method::GET, path, &[])?).await?;
        Ok(answer.json().await?)
    }

    /// The id of what is listed at `path` by this name, or with this id.
    ///
    /// # Errors
    /// [`Unknown`] where there is none.
    pub(super) async fn named(&self, path: &str, what: &str, name: &str) -> anyhow::Result<String> {
        let mut cursor: Option<String> = None;
        let mut others: Vec<String> = Vec::new();
        loop {
            let mut query = vec![("limit", "200".to_owned())];
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            let request = self.request(Method::GET, path, &query)?;
            let answer = self.answer(request).await?;
            let next = answer.headers().get("x-next-cursor").cloned();
            let page: Vec<Value> = answer.json().await?;
            for one in &page {
                let text = |field: &str| one.get(field).and_then(Value::as_str);
                if let Some(id) = text("id")
                    && (text("name") == Some(name) || id == name)
                {
                    return Ok(id.to_owned());
                }
                others.extend(text("name").map(str::to_owned));
            }
            others = nearest(name, others);
            cursor = match next {
                Some(next) => Some(next.to_str()?.to_owned()),
                None => {
                    let (what, name) = (what.to_owned(), name.to_owned());
                    return Err(Unknown { what, name, others }.into());
                }
            };
        }
    }
}

async fn refusal(answer: Response) -> anyhow::Error {
    let status = answer.status();
    let problem: Value = answer.json().await.unwrap_or_default();
    let told = match problem.get("detail").and_then(Value::as_str) {
        Some(detail) => format!("{detail} ({status})"),
        None => format!("the hub answered {status}"),
    };
    match status.is_server_error() {
        true => Away(told).into(),
        false => anyhow!(told),
    }
}

/// The hub does not answer, or cannot now.
#[derive(Debug)]
pub(super) struct Away(String);

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Away {}

/// There is nothing of this name.
#[derive(Debug)]
pub(super) struct Unknown {
    what: String,
    name: String,
    /// The nearest of those that are there.
    others: Vec<String>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, name, others } = self;
        write!(f, "there is no {what} `{name}`; there is ")?;
        match others.as_slice() {
            [] => write!(f, "no {what} yet"),
            others => write!(f, "`{}`", others.join("`, `")),
        }
    }
}

impl std::error::Error for Unknown {}

/// Names that are shown, at most.
const NEAREST: usize = 3;

fn nearest(name: &str, mut others: Vec<String>) -> Vec<String> {
    let name = name.to_lowercase();
    others.sort_by_cached_key(|other| {
        let other = other.to_lowercase();
        // One that has the word in it is meant, however long it is.
        let has = other.contains(&name) || name.contains(&other);
        (!has, strsim::damerau_levenshtein(&name, &other))
    });
    others.truncate(NEAREST);
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_are_told() {
        let names = ["Customers", "Newsletter 2026", "news", "Staff", "newt"];
        let near = |name: &str| nearest(name, names.map(str::to_owned).to_vec());
        assert_eq!(near("News"), ["news", "Newsletter 2026", "newt"]);
        assert_eq!(
            near("costumers").first().map(String::as_str),
            Some("Customers")
        );
        let unknown = |others: &[&str]| Unknown {
            what: "list".into(),
            name: "olds".into(),
            others: others.iter().map(|other| (*other).to_owned()).collect(),
        };
        assert_eq!(
            unknown(&["news"]).to_string(),
            "there is no list `olds`; there is `news`"
        );
        assert_eq!(
            unknown(&[]).to_string(),
            "there is no list `olds`; there is no list yet"
        );
    }
}
