//! Transformers from a folder, by rust-bert and libtorch: sequence classification, zero-shot classification, names.
//!
//! Invariants: a folder is verified, loaded and tried before anything is asked of it; each model has one thread of its
//! own behind a bounded desk. The answers to a text differ between batches by the last digits of floating-point sums
//! (less than 1e-5) and no more.
//!
//! Deliberately absent: downloads; formats other than safetensors; training.

mod encoding;
mod folder;
mod head;
mod network;
mod worker;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    time::Duration,
};

use schemas::Task;
use stages::model::{Classifier, Document, Prediction};

use self::{
    encoding::Encoder,
    folder::{Folder, Kind},
    head::{Choice, Head, Tags},
    network::Network,
    worker::Model,
};
pub use self::{folder::FolderError, network::LoadError};
use crate::{
    backend::{BertSettings, Device},
    desk::Desk,
    tag::{Span, Tagger},
};

/// Texts that may wait: some seconds' worth of work.
const CAPACITY: usize = 256;

/// What a folder turned out to hold.
#[derive(Clone)]
pub enum Opened {
    Classifier(Task, Arc<dyn Classifier>),
    Tagger(Arc<dyn Tagger>),
}

/// Loads, verifies and tries the model of a folder, and starts its thread. Takes seconds; blocks.
///
/// # Errors
/// Whatever keeps the folder from being a model that answers.
pub fn open(settings: &BertSettings) -> Result<Opened, LoadError> {
    let folder = Folder::open(&settings.dir)?;
    let loaded = catch_unwind(AssertUnwindSafe(|| match folder.card.kind {
        Kind::Tags => tagger(&folder, settings),
        _ => classifier(&folder, settings),
    }));
    loaded.unwrap_or(Err(LoadError::Broken("libtorch refuses its shape")))
}

/// A model for a measurement, and its task: patient, on the processor, with one thread.
///
/// # Errors
/// As [`open`]; also where the folder's model decides nothing.
pub fn open_dir(dir: &Path) -> Result<(Task, Arc<dyn Classifier>), LoadError> {
    let settings = BertSettings {
        dir: dir.to_owned(),
        device: Device::Cpu,
        threads: 1,
        max_batch: 16,
        timeout_ms: 600_000,
    };
    match open(&settings)? {
        Opened::Classifier(task, model) => Ok((task, model)),
        Opened::Tagger(_) => Err(LoadError::Tags),
    }
}

/// Changes whenever the folder's model does; none where it cannot be read.
pub(crate) fn fingerprint(dir: &Path) -> Option<String> {
    folder::fingerprint(dir).ok()
}

struct Bert {
    id: String,
    labels: Vec<String>,
    thresholds: Option<Vec<f32>>,
    desk: Desk<Prediction>,
}

impl Classifier for Bert {
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
        self.desk.ask(documents)
    }
}

struct BertTagger {
    id: String,
    desk: Desk<Vec<Span>>,
}

impl Tagger for BertTagger {
    fn id(&self) -> &str {
        &self.id
    }

    fn tag(&self, documents: &[&Document<'_>]) -> Vec<Option<Vec<Span>>> {
        self.desk.ask(documents)
    }
}

fn classifier(folder: &Folder, settings: &BertSettings) -> Result<Opened, LoadError> {
    let card = &folder.card;
    let choice = Choice::of(card);
    let thresholds = choice.many().then(|| match card.thresholds.as_slice() {
        [] => vec![0.5; card.labels.len()],
        given => given.to_vec(),
    });
    let bert = Bert {
        id: format!("bert:{}", card.id),
        labels: card.labels.clone(),
        thresholds,
        desk: start(load(folder, choice, settings)?, folder, settings)?,
    };
    let task = card.task.ok_or(LoadError::Tags)?;
    Ok(Opened::Classifier(task, Arc::new(bert)))
}

fn tagger(folder: &Folder, settings: &BertSettings) -> Result<Opened, LoadError> {
    let tags = Tags::of(&folder.card);
    let tagger = BertTagger {
        id: format!("bert:{}", folder.card.id),
        desk: start(load(folder, tags, settings)?, folder, settings)?,
    };
    Ok(Opened::Tagger(Arc::new(tagger)))
}

fn load<H: Head>(folder: &Folder, head: H, settings: &BertSettings) -> Result<Model<H>, LoadError> {
    let device = match settings.device {
        Device::Cpu => tch::Device::Cpu,
        Device::Cuda if tch::Cuda::is_available() => tch::Device::Cuda(0),
        Device::Cuda => return Err(LoadError::NoCard),
    };
    tch::set_num_threads(i32::from(settings.threads));
    let model = Model {
        encoder: Encoder::open(folder).map_err(LoadError::Tokenizer)?,
        network: Network::load(folder, device)?,
        hypotheses: folder.card.hypotheses(),
        outputs: folder.card.outputs(),
        tags: folder.card.kind == Kind::Tags,
        head,
    };
    model.warm_up()?;
    Ok(model)
}

fn start<H: Head>(
    model: Model<H>,
    folder: &Folder,
    settings: &BertSettings,
) -> Result<Desk<H::Answer>, LoadError> {
    let id = format!("bert:{}", folder.card.id);
    let timeout = Duration::from_millis(settings.timeout_ms);
    let (desk, questions) = Desk::new(id.clone(), CAPACITY, timeout);
    let waiting = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(LoadError::Thread)?;
    let (threads, max_batch) = (settings.threads, settings.max_batch);
    std::thread::Builder::new()
        .name("bert".to_owned())
        .spawn(move || worker::run(&model, questions, &waiting, threads, max_batch, &id))
        .map_err(LoadError::Thread)?;
    Ok(desk)
}

#[cfg(test)]
mod tests;
