//! What Amazon SNS has to be asked before and after its requests are taken: the certificate they are signed with, and that
//! a subscription is wanted.
//!
//! Invariants: nothing is asked but what [`ingest::sns`] allows for the channel's topic, through the guard; whatever is posted,
//! at most one certificate is fetched at a time, one of an unknown address no more often than every [`REST`], and
//! [`MAX_KEYS`] are remembered; who waits does so for [`PATIENCE`] at most, which is less than SNS waits for an answer (15 s).
//! What cannot be asked now is answered with 503, after which SNS tries again; after a 401 it does not.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ingest::{channel::Account, sns::Client};
use serde_json::{Map, Value};
use tokio::{
    sync::{Mutex, OnceCell},
    time::timeout,
};
use url::Url;

use crate::{bounded::Bounded, problem::ApiError};

const PATIENCE: Duration = Duration::from_secs(10);
/// How long a certificate is believed.
const GOOD_FOR: Duration = Duration::from_secs(24 * 3600);
/// How long a certificate that was not had is not asked for again.
const REST: Duration = Duration::from_secs(10);
const MAX_KEYS: usize = 64;

/// A certificate's key, as [`ingest::sns::key`] gives it; none where it was not had.
#[derive(Clone)]
struct Known {
    key: Option<String>,
    at: Instant,
}

impl Known {
    fn is_fresh(&self) -> bool {
        let good_for = if self.key.is_some() { GOOD_FOR } else { REST };
        self.at.elapsed() < good_for
    }
}

pub(crate) struct Sns {
    /// In place of `https://sns.REGION.amazonaws.com`; the operator's, so it may be private.
    base: Option<Url>,
    client: OnceCell<Client>,
    keys: Bounded<String, Known>,
    fetching: Mutex<()>,
}

impl Sns {
    pub(crate) fn new(base: Option<&str>) -> Self {
        Self {
            base: base.and_then(|base| base.parse().ok()),
            client: OnceCell::new(),
            keys: Bounded::new(MAX_KEYS),
            fetching: Mutex::new(()),
        }
    }

    /// The keys that a request to the account is checked with, by the address of their certificate; null where none is
    /// needed.
    pub(crate) async fn keys(
        &self,
        account: &Account<'_>,
        body: &[u8],
    ) -> Result<Arc<Value>, ApiError> {
        let Some(url) = ingest::sns::certificate(account, body) else {
            return Ok(Arc::default());
        };
        let found = timeout(PATIENCE, self.key(&url)).await;
        let key = found
            .ok()
            .flatten()
            .ok_or_else(|| ApiError::unavailable(10))?;
        let keys = Map::from_iter([(url.to_string(), Value::from(key))]);
        Ok(Arc::new(Value::Object(keys)))
    }

    async fn key(&self, url: &Url) -> Option<String> {
        let name = url.to_string();
        let known = || self.keys.get(&name).filter(Known::is_fresh);
        if let Some(known) = known() {
            return known.key;
        }
        let _turn = self.fetching.lock().await;
        // Whoever went first may have fetched it.
        if let Some(known) = known() {
            return known.key;
        }
        let client = self.client().await?;
        let fetched = ingest::sns::key(client, self.place(url), self.base.is_some()).await;
        let key = match fetched {
            Ok(key) => Some(key),
            Err(error) => {
                tracing::warn!(%error, "a certificate of Amazon SNS was not fetched");
                // An old one is better than none: SNS has it for years.
                self.keys.get(&name).and_then(|known| known.key)
            }
        };
        let at = Instant::now();
        self.keys.insert(
            name,
            Known {
                key: key.clone(),
                at,
            },
        );
        key
    }

    /// Confirms the subscription that a verified request asks for; does nothing for any other.
    pub(crate) async fn confirm(&self, account: &Account<'_>, body: &[u8]) -> Result<(), ApiError> {
        let Some(url) = ingest::sns::confirmation(account, body) else {
            return Ok(());
        };
        let later = || ApiError::unavailable(10);
        let client = self.client().await.ok_or_else(later)?;
        let asked = ingest::sns::confirm(client, self.place(&url), self.base.is_some());
        match timeout(PATIENCE, asked).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a subscription to Amazon SNS was not confirmed");
                Err(later())
            }
            Err(_) => Err(later()),
        }
    }

    async fn client(&self) -> Option<&Client> {
        let made = async || ingest::sns::client(self.base.is_some());
        match self.client.get_or_try_init(made).await {
            Ok(client) => Some(client),
            Err(error) => {
                tracing::error!(%error, "Amazon SNS cannot be asked here");
                None
            }
        }
    }

    /// Where an address of SNS is asked.
    fn place(&self, url: &Url) -> Url {
        let Some(base) = &self.base else {
            return url.clone();
        };
        let mut place = base.clone();
        place.set_path(url.path());
        place.set_query(url.query());
        place
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::{Router, routing};
    use schemas::ChannelKind;
    use serde_json::json;

    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:mail";
    const CERTIFICATE: &str = include_str!("../../platform/src/ses/certificate.pem");

    /// An SNS that counts what it is asked, and has one certificate.
    async fn fake() -> (Sns, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let app = Router::new()
            .route(
                "/SimpleNotificationService-1.pem",
                routing::get(async || CERTIFICATE),
            )
            .route(
                "/SimpleNotificationService-2.pem",
                routing::get(async || {
                    axum::response::Redirect::to("/SimpleNotificationService-1.pem")
                }),
            )
            .route("/", routing::get(async || "confirmed"))
            .layer(axum::middleware::map_request(move |request| {
                count.fetch_add(1, Ordering::SeqCst);
                std::future::ready::<axum::extract::Request>(request)
            }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (Sns::new(Some(&base)), asked)
    }

    fn account(settings: &Value) -> Account<'_> {
        Account {
            kind: ChannelKind::Email,
            credentials: &Value::Null,
            settings,
            public_keys: &Value::Null,
        }
    }

    fn request(certificate: &str, topic: &str) -> Vec<u8> {
        json!({
            "Type": "SubscriptionConfirmation", "MessageId": "1", "TopicArn": topic, "Message": "m", "Token": "t",
            "Timestamp": "2025-01-08T10:30:00.000Z", "SignatureVersion": "2", "Signature": format!("{}==", "A".repeat(342)),
            "SigningCertURL": format!("https://sns.eu-west-1.amazonaws.com/{certificate}"),
            "SubscribeURL": format!("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token=t"),
        })
        .to_string()
        .into_bytes()
    }

    #[tokio::test]
    async fn a_certificate_is_fetched_once() {
        let (sns, asked) = fake().await;
        let settings = json!({"sns_topic_arn": TOPIC});
        let account = account(&settings);
        let body = request("SimpleNotificationService-1.pem", TOPIC);
        let all = futures::future::join_all((0..20).map(|_| sns.keys(&account, &body))).await;
        for keys in all {
            let keys = keys.unwrap();
            let keys = keys.as_object().unwrap();
            let (url, key) = keys.iter().next().unwrap();
            assert!(url.starts_with("https://sns.eu-west-1.amazonaws.com/"));
            assert!(key.as_str().unwrap().len() > 300);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_is_not_had_is_not_asked_for_at_once_again() {
        let (sns, asked) = fake().await;
        let settings = json!({"sns_topic_arn": TOPIC});
        let account = account(&settings);
        // There is none; and a redirect is none.
        for (name, times) in [
            ("SimpleNotificationService-0.pem", 1),
            ("SimpleNotificationService-2.pem", 2),
        ] {
            let body = request(name, TOPIC);
            for _ in 0..3 {
                assert!(sns.keys(&account, &body).await.is_err(), "{name}");
            }
            assert_eq!(asked.load(Ordering::SeqCst), times, "{name}");
        }
    }

    #[tokio::test]
    async fn for_what_cannot_be_a_signature_nothing_is_asked() {
        let (sns, asked) = fake().await;
        let settings = json!({"sns_topic_arn": TOPIC});
        let account = account(&settings);
        let body = request("SimpleNotificationService-1.pem", TOPIC);
        for (name, value) in [
            ("SignatureVersion", "3"),
            ("Signature", ""),
            ("Signature", "AA=="),
            ("Signature", "no base64"),
        ] {
            let mut odd: Value = serde_json::from_slice(&body).unwrap();
            odd[name] = value.into();
            let keys = sns.keys(&account, odd.to_string().as_bytes()).await;
            assert!(keys.unwrap().is_null(), "{name}: {value}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn of_other_topics_nothing_is_asked() {
        let (sns, asked) = fake().await;
        let settings = json!({"sns_topic_arn": TOPIC});
        let account = account(&settings);
        let other = request(
            "SimpleNotificationService-1.pem",
            "arn:aws:sns:eu-west-1:1:other",
        );
        assert!(sns.keys(&account, &other).await.unwrap().is_null());
        assert!(sns.confirm(&account, &other).await.is_ok());
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        let ours = request("SimpleNotificationService-1.pem", TOPIC);
        assert!(sns.confirm(&account, &ours).await.is_ok());
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}
