//! The layers of a model, with weights from its folder.
//!
//! Invariants: every weight the layers have comes from the file, in the same shape; no tensor is broadcast, none left at
//! random. The mask goes into every pass, so that a text's outputs do not depend on what it shares a batch with, but
//! for the last digits of floating-point sums.
//!
//! Deliberately absent: the ready-made pipelines of rust-bert, whose `predict` sends no mask.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use rust_bert::{
    RustBertError,
    bert::{BertConfig, BertForSequenceClassification, BertForTokenClassification},
    distilbert::{DistilBertConfig, DistilBertForTokenClassification, DistilBertModelClassifier},
    roberta::{RobertaForSequenceClassification, RobertaForTokenClassification},
};
use serde_json::{Map, Value, json};
use tch::{Device, Kind as Number, TchError, Tensor, nn::VarStore};

use super::folder::{Architecture, CONFIG, Card, Folder, FolderError, Kind};

/// Why a model cannot be made of a folder.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("{CONFIG} fits no such model")]
    Config(#[source] serde_json::Error),
    #[error("the layers cannot be made")]
    Layers(#[source] RustBertError),
    #[error("the tokenizer cannot be made")]
    Tokenizer(#[source] RustBertError),
    #[error("the weights cannot be read")]
    Weights(#[source] TchError),
    #[error("the weights lack {0}")]
    Missing(String),
    #[error("{0} has another shape in the weights")]
    Shape(String),
    #[error("{CONFIG} allows {0} tokens, and model.json asks for more")]
    TooLong(usize),
    #[error("there is no graphics card that libtorch can use")]
    NoCard,
    #[error("the model does not answer: {0}")]
    Broken(&'static str),
    #[error("it finds names, and decides nothing")]
    Tags,
    #[error("its thread cannot be started")]
    Thread(#[source] std::io::Error),
}

/// Rows of equal length, as the layers want them: (rows, tokens) of 64-bit integers.
pub(super) struct Input {
    pub(super) ids: Tensor,
    /// 1 for a token, 0 for padding.
    pub(super) mask: Tensor,
    /// 0 for the text, 1 for what it is paired with.
    pub(super) segments: Tensor,
}

pub(super) struct Network {
    layers: Layers,
    /// Token ids from this on have no weights.
    pub(super) vocabulary: i64,
    pub(super) device: Device,
}

enum Layers {
    Bert(BertForSequenceClassification),
    BertTags(BertForTokenClassification),
    Distilbert(DistilBertModelClassifier),
    DistilbertTags(DistilBertForTokenClassification),
    Roberta(RobertaForSequenceClassification),
    RobertaTags(RobertaForTokenClassification),
}

impl Network {
    pub(super) fn load(folder: &Folder, device: Device) -> Result<Self, LoadError> {
        let card = &folder.card;
        let config = completed(folder.config()?, card);
        let store = VarStore::new(device);
        let tags = card.kind == Kind::Tags;
        let (layers, vocabulary, room) = match card.architecture {
            Architecture::Distilbert => {
                let config: DistilBertConfig =
                    serde_json::from_value(config).map_err(LoadError::Config)?;
                let layers = if tags {
                    DistilBertForTokenClassification::new(store.root(), &config)
                        .map(Layers::DistilbertTags)
                } else {
                    DistilBertModelClassifier::new(store.root(), &config).map(Layers::Distilbert)
                };
                (layers, config.vocab_size, config.max_position_embeddings)
            }
            Architecture::Bert => {
                let config: BertConfig =
                    serde_json::from_value(config).map_err(LoadError::Config)?;
                let layers = if tags {
                    BertForTokenClassification::new(store.root(), &config).map(Layers::BertTags)
                } else {
                    BertForSequenceClassification::new(store.root(), &config).map(Layers::Bert)
                };
                (layers, config.vocab_size, config.max_position_embeddings)
            }
            Architecture::Roberta | Architecture::XlmRoberta => {
                let config: BertConfig =
                    serde_json::from_value(config).map_err(LoadError::Config)?;
                let layers = if tags {
                    RobertaForTokenClassification::new(store.root(), &config)
                        .map(Layers::RobertaTags)
                } else {
                    RobertaForSequenceClassification::new(store.root(), &config)
                        .map(Layers::Roberta)
                };
                // Positions begin after the padding's.
                (
                    layers,
                    config.vocab_size,
                    config.max_position_embeddings - 2,
                )
            }
        };
        let room = usize::try_from(room).unwrap_or(0);
        if card.max_length > room {
            return Err(LoadError::TooLong(room));
        }
        let layers = layers.map_err(LoadError::Layers)?;
        fill(&store, &folder.weights())?;
        Ok(Self {
            layers,
            vocabulary,
            device,
        })
    }

    /// Logits: (rows, outputs), or (rows, tokens, outputs) for tags. rust-bert panics where libtorch refuses.
    pub(super) fn forward(&self, input: &Input) -> Result<Tensor, RustBertError> {
        let (ids, mask) = (Some(&input.ids), Some(&input.mask));
        let segments = Some(&input.segments);
        tch::no_grad(|| match &self.layers {
            Layers::Bert(layers) => Ok(layers
                .forward_t(ids, mask, segments, None, None, false)
                .logits),
            Layers::BertTags(layers) => Ok(layers
                .forward_t(ids, mask, segments, None, None, false)
                .logits),
            Layers::Distilbert(layers) => Ok(layers.forward_t(ids, mask, None, false)?.logits),
            Layers::DistilbertTags(layers) => Ok(layers.forward_t(ids, mask, None, false)?.logits),
            // Theirs is one segment only.
            Layers::Roberta(layers) => {
                Ok(layers.forward_t(ids, mask, None, None, None, false).logits)
            }
            Layers::RobertaTags(layers) => {
                Ok(layers.forward_t(ids, mask, None, None, None, false).logits)
            }
        })
    }
}

/// The configuration with what rust-bert insists on and today's files lack, and as many outputs as the card says.
fn completed(mut config: Map<String, Value>, card: &Card) -> Value {
    if card.architecture == Architecture::Distilbert {
        for (key, value) in [
            ("tie_weights_", json!(true)),
            ("sinusoidal_pos_embds", json!(false)),
            ("qa_dropout", json!(0.1)),
            ("seq_classif_dropout", json!(0.2)),
        ] {
            config.entry(key).or_insert(value);
        }
    }
    let outputs: Map<String, Value> = (0..card.outputs())
        .map(|place| (place.to_string(), json!(format!("LABEL_{place}"))))
        .collect();
    config.insert("id2label".to_owned(), outputs.into());
    // Not read, and not always of the type that rust-bert expects.
    config.remove("label2id");
    for wasteful in ["output_attentions", "output_hidden_states"] {
        config.insert(wasteful.to_owned(), json!(false));
    }
    config.into()
}

/// Puts the file's weights, whatever their precision, in the place of the random ones.
fn fill(store: &VarStore, weights: &Path) -> Result<(), LoadError> {
    let found: HashMap<String, Tensor> = Tensor::read_safetensors(weights)
        .map_err(LoadError::Weights)?
        .into_iter()
        .collect();
    // In order, so that what is wrong with a file is always the same.
    let variables: BTreeMap<String, Tensor> = store.variables().into_iter().collect();
    for (name, mut variable) in variables {
        let weight = found
            .get(&name)
            .ok_or_else(|| LoadError::Missing(name.clone()))?;
        if weight.size() != variable.size() {
            return Err(LoadError::Shape(name));
        }
        tch::no_grad(|| variable.f_copy_(&weight.to_kind(Number::Float)))
            .map_err(LoadError::Weights)?;
    }
    Ok(())
}
