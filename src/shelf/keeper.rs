//! What the gateway asks of those who understand messages: a model's file, and what settings may say.

use bytes::Bytes;
use futures::future::BoxFuture;
use gateway::{ModelKeeper, ModelRead, SettingRefused, StorageDown};
use schemas::{TenantId, Understanding};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use stages::model::{Classifier as _, linear::Linear, tdm::MAX_BYTES};
use store::model::object_key;

use super::{cache::hex, check, objects::Objects};

/// Most bytes of the measures that are kept beside the file; more are left in the file alone.
const MAX_METRICS_BYTES: usize = 64 * 1024;

/// Longest card.
const MAX_CARD_BYTES: usize = 64 * 1024;

/// Reads models' files and keeps them in the object storage.
pub(crate) struct Keeper {
    objects: Objects,
}

impl Keeper {
    pub(crate) fn new(objects: Objects) -> Self {
        Self { objects }
    }
}

/// Reads a model's file to its end.
///
/// # Errors
/// What is wrong with it, for people.
pub(super) fn read(file: &Bytes) -> Result<ModelRead, String> {
    let model = Linear::load(file.clone()).map_err(|error| error.to_string())?;
    check::labels(model.task(), model.labels())?;
    let metrics = model.metrics();
    let fits = metrics.to_string().len() <= MAX_METRICS_BYTES;
    Ok(ModelRead {
        id: model.id().to_owned(),
        task: model.task(),
        sha256: hex(&Sha256::digest(file)),
        labels: model.labels().to_vec(),
        card: card(&model),
        metrics: if fits { metrics } else { Value::Null },
    })
}

/// The card a trainer put into the file, or what the file says of itself.
fn card(model: &Linear) -> String {
    let provenance = model.provenance();
    if let Some(card) = provenance.get("card").and_then(Value::as_str)
        && card.len() <= MAX_CARD_BYTES
    {
        return card.to_owned();
    }
    let kind = match model.thresholds() {
        None => "one of many",
        Some(_) => "many of many",
    };
    let mut card = format!(
        "# {}\n\n- task: {}, {kind}\n- labels: {}\n- size: {} bytes, {} rows\n- knows what it does not know: {}\n",
        model.id(),
        model.task().name(),
        model.labels().len(),
        model.size_bytes(),
        model.rows(),
        if model.scope().is_some() { "yes" } else { "no" },
    );
    for (title, value) in [("Measures", model.metrics()), ("Provenance", provenance)] {
        let text = serde_json::to_string_pretty(&value).unwrap_or_default();
        if !value.is_null() && card.len() + text.len() <= MAX_CARD_BYTES {
            card.push_str(&format!("\n## {title}\n\n```json\n{text}\n```\n"));
        }
    }
    card
}

impl ModelKeeper for Keeper {
    fn check(&self, settings: &Understanding) -> Result<(), SettingRefused> {
        check::settings(settings)
    }

    fn inspect(&self, file: Bytes) -> BoxFuture<'_, Result<ModelRead, String>> {
        Box::pin(async move {
            tokio::task::spawn_blocking(move || read(&file))
                .await
                .unwrap_or_else(|_| Err("it could not be read".to_owned()))
        })
    }

    fn put(
        &self,
        tenant: TenantId,
        id: String,
        file: Bytes,
    ) -> BoxFuture<'_, Result<(), StorageDown>> {
        Box::pin(async move { told(self.objects.put(&object_key(tenant, &id), file).await) })
    }

    fn get(
        &self,
        tenant: TenantId,
        id: String,
    ) -> BoxFuture<'_, Result<Option<Bytes>, StorageDown>> {
        Box::pin(async move {
            let key = object_key(tenant, &id);
            told(self.objects.get(&key, MAX_BYTES).await)
        })
    }

    fn delete(&self, tenant: TenantId, id: String) -> BoxFuture<'_, Result<(), StorageDown>> {
        Box::pin(async move { told(self.objects.delete(&object_key(tenant, &id)).await) })
    }
}

fn told<T>(done: anyhow::Result<T>) -> Result<T, StorageDown> {
    done.map_err(|error| {
        tracing::error!(error = format!("{error:#}"), "the object storage failed");
        StorageDown
    })
}
