//! Any other model, behind an address: HTTP and JSON, described in `docs/inference.md`.
//!
//! Invariants: whatever goes wrong, the texts concerned have no answer and the asker turns to another model; nobody
//! waits longer than the timeout; a service that fails is left alone for a while (`breaker`). Requests, their number
//! and the answers are bounded. Logs say that the service changed from well to ill or back, and never content.
//!
//! Deliberately absent: retries. A text is asked about once; the built-in model answers faster than a second try.

mod breaker;
mod settings;
mod wire;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode, Url, redirect};
use schemas::{Secret, Task};
use stages::model::{Classifier, Document, Prediction};
use tokio::sync::{Semaphore, mpsc};

use self::breaker::{Breaker, Change};
pub use self::settings::{Misconfigured, Settings};
use crate::desk::{Desk, Question, gather};

/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// Requests under way at a time.
const IN_FLIGHT: usize = 4;
/// How long a text waits for others to go with it.
const LINGER: Duration = Duration::from_millis(3);
/// Texts that may wait.
const CAPACITY: usize = 1024;

/// A model behind an address.
pub struct External {
    id: String,
    labels: Arc<[String]>,
    thresholds: Option<Vec<f32>>,
    breaker: Arc<Breaker>,
    desk: Desk<Prediction>,
}

impl External {
    /// Starts the thread that talks to the service; nothing is asked yet.
    ///
    /// # Errors
    /// When the settings cannot be meant, or a thread cannot be had.
    pub fn open(name: &str, settings: &Settings) -> Result<Self, Misconfigured> {
        settings.check()?;
        let id = format!("external:{name}");
        let labels: Arc<[String]> = settings.labels.clone().into();
        let breaker = Arc::new(Breaker::new(
            settings.failures,
            Duration::from_millis(settings.pause_ms),
        ));
        let (desk, questions) = Desk::new(
            id.clone(),
            CAPACITY,
            Duration::from_millis(settings.timeout_ms),
        );
        let service = Arc::new(Service {
            id: id.clone(),
            url: settings.url()?,
            model: settings.model.clone().unwrap_or_else(|| name.to_owned()),
            task: settings.task,
            labels: Arc::clone(&labels),
            many: settings.many,
            token: settings.token()?,
            client: client()?,
            breaker: Arc::clone(&breaker),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Misconfigured::Thread)?;
        let max_batch = settings.max_batch;
        std::thread::Builder::new()
            .name(format!("external-{name}"))
            .spawn(move || runtime.block_on(serve(service, questions, max_batch)))
            .map_err(Misconfigured::Thread)?;
        Ok(Self {
            id,
            thresholds: settings
                .many
                .then(|| vec![settings.threshold; labels.len()]),
            labels,
            breaker,
            desk,
        })
    }
}

impl Classifier for External {
    fn id(&self) -> &str {
        &self.id
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn thresholds(&self) -> Option<&[f32]> {
        self.thresholds.as_deref()
    }

    fn classify(&self, documents: &[&Document<'_>]) -> Vec<Option<Prediction>> {
        if self.breaker.is_open(Instant::now()) {
            return documents.iter().map(|_| None).collect();
        }
        self.desk.ask(documents)
    }
}

/// A service for a measurement: patient, and never left alone. The id is `external:` and the address's host.
///
/// # Errors
/// As [`External::open`].
pub fn open_url(
    url: &str,
    task: Task,
    labels: Vec<String>,
    many: bool,
) -> Result<Arc<dyn Classifier>, Misconfigured> {
    let settings = Settings::patient(url, task, labels, many);
    let host = settings.url()?.host_str().unwrap_or_default().to_owned();
    Ok(Arc::new(External::open(&host, &settings)?))
}

/// No redirects, no proxy; the time is bounded by each request.
fn client() -> Result<Client, Misconfigured> {
    if rustls::crypto::CryptoProvider::get_default().is_none()
        && rustls::crypto::ring::default_provider()
            .install_default()
            .is_err()
    {
        tracing::debug!("another thread installed the crypto provider first");
    }
    Client::builder()
        .user_agent(concat!("tidings/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .pool_idle_timeout(Duration::from_secs(20))
        .tcp_nodelay(true)
        .build()
        .map_err(Misconfigured::Client)
}

/// What the thread knows.
struct Service {
    id: String,
    url: Url,
    model: String,
    task: Task,
    labels: Arc<[String]>,
    many: bool,
    token: Option<Secret>,
    client: Client,
    breaker: Arc<Breaker>,
}

/// A request without a usable answer; the word stands in logs and metrics.
struct Failure(String);

/// Until nobody can ask any more.
async fn serve(
    service: Arc<Service>,
    mut questions: mpsc::Receiver<Question<Prediction>>,
    max_batch: usize,
) {
    let room = Arc::new(Semaphore::new(IN_FLIGHT));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let Some(batch) = gather(&mut questions, max_batch, max_batch, LINGER).await else {
            return;
        };
        if batch.is_empty() || !service.breaker.admits(Instant::now()) {
            continue;
        }
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            service.answer(batch).await;
            drop(permit);
        });
    }
}

impl Service {
    async fn answer(&self, batch: Vec<Question<Prediction>>) {
        let began = Instant::now();
        let answer = self.ask(&batch).await;
        metrics::histogram!("tidings_inference_seconds", "backend" => self.id.clone())
            .record(began.elapsed().as_secs_f64());
        let change = self.breaker.note(Instant::now(), answer.is_ok());
        match (&answer, change) {
            (Err(failure), Some(Change::Opened)) => {
                tracing::warn!(backend = %self.id, reason = %failure.0, "the service fails; it is left alone for a while");
            }
            (_, Some(Change::Closed)) => {
                tracing::info!(backend = %self.id, "the service answers again");
            }
            _ => {}
        }
        match answer {
            Ok(predictions) => {
                for (question, said) in batch.into_iter().zip(predictions) {
                    if let Some(prediction) =
                        said.and_then(|said| said.prediction(&self.labels, self.many))
                    {
                        question.answer(prediction);
                    }
                }
            }
            Err(Failure(reason)) => {
                metrics::counter!("tidings_inference_failures_total", "backend" => self.id.clone(), "reason" => reason)
                    .increment(1);
            }
        }
    }

    async fn ask(
        &self,
        batch: &[Question<Prediction>],
    ) -> Result<Vec<Option<wire::Said>>, Failure> {
        let request = wire::Request {
            model: &self.model,
            task: self.task.name(),
            texts: batch
                .iter()
                .map(|question| wire::Text {
                    text: &question.text,
                    language: question.language.as_deref(),
                })
                .collect(),
        };
        let deadline = batch.iter().map(|question| question.deadline).max();
        let left = deadline
            .unwrap_or_else(Instant::now)
            .saturating_duration_since(Instant::now());
        let mut post = self
            .client
            .post(self.url.clone())
            .timeout(left)
            .json(&request);
        if let Some(token) = &self.token {
            post = post.bearer_auth(token.expose());
        }
        let mut response = post.send().await.map_err(|error| Failure::of(&error))?;
        if response.status() != StatusCode::OK {
            return Err(Failure(format!("http-{}", response.status().as_u16())));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| Failure::of(&error))?
        {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(Failure("too-long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        let answer: wire::Answer =
            serde_json::from_slice(&body).map_err(|_| Failure("malformed".to_owned()))?;
        if answer.predictions.len() != batch.len() {
            return Err(Failure("miscounted".to_owned()));
        }
        Ok(answer.predictions)
    }
}

impl Failure {
    fn of(error: &reqwest::Error) -> Self {
        let word = if error.is_timeout() {
            "timeout"
        } else if error.is_connect() {
            "connect"
        } else {
            "connection-lost"
        };
        Self(word.to_owned())
    }
}

#[cfg(test)]
mod tests;
