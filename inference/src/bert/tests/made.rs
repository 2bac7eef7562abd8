//! Model folders with made-up weights: what a tenant would download, small.

use std::{fmt::Write, path::Path};

use rust_bert::{
    bert::{BertConfig, BertForSequenceClassification, BertForTokenClassification},
    distilbert::{DistilBertConfig, DistilBertModelClassifier},
    roberta::RobertaForSequenceClassification,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tch::{Device, Tensor, nn::VarStore};

/// The size of a model.
#[derive(Clone, Copy)]
pub(crate) struct Geometry {
    pub(crate) width: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) vocabulary: usize,
    pub(crate) positions: usize,
}

/// Writes a folder. `card` is its `model.json` less the files; the weights are random, but always the same for a seed.
/// `tune` may change them by name.
pub(crate) fn folder(
    dir: &Path,
    card: &Value,
    geometry: Geometry,
    seed: u64,
    tune: impl Fn(&str, &mut Tensor),
) {
    let architecture = card["architecture"].as_str().unwrap();
    let outputs = match &card["zero_shot"] {
        Value::Null => card["labels"].as_array().unwrap().len(),
        zero_shot => usize::try_from(zero_shot["outputs"].as_u64().unwrap()).unwrap(),
    };
    let config = config(architecture, geometry, outputs);
    write_json(&dir.join("config.json"), &config);
    let mut files = vec!["config.json", "model.safetensors"];
    files.extend(vocabulary(dir, architecture, geometry.vocabulary));
    let store = VarStore::new(Device::Cpu);
    let tags = card["kind"] == "tags";
    // The layers may go; the store keeps their weights.
    match architecture {
        "distilbert" => {
            let mut config = config;
            config["tie_weights_"] = json!(true);
            let config: DistilBertConfig = serde_json::from_value(config).unwrap();
            drop(DistilBertModelClassifier::new(store.root(), &config).unwrap());
        }
        "bert" if tags => {
            let config: BertConfig = serde_json::from_value(config).unwrap();
            drop(BertForTokenClassification::new(store.root(), &config).unwrap());
        }
        "bert" => {
            let config: BertConfig = serde_json::from_value(config).unwrap();
            drop(BertForSequenceClassification::new(store.root(), &config).unwrap());
        }
        _ => {
            let config: BertConfig = serde_json::from_value(config).unwrap();
            drop(RobertaForSequenceClassification::new(store.root(), &config).unwrap());
        }
    }
    for (name, mut weight) in store.variables() {
        tch::no_grad(|| {
            weight.copy_(&made_up(&name, &weight.size(), seed));
            tune(&name, &mut weight);
        });
    }
    store.save(dir.join("model.safetensors")).unwrap();
    seal(dir, card, &files);
}

/// Not by libtorch's generator, which all threads share. The numbers of a row have a variance of one in sum, so that
/// differences between texts reach the outputs.
fn made_up(name: &str, size: &[i64], seed: u64) -> Tensor {
    if size.len() < 2 {
        let value = if name.ends_with("LayerNorm.weight") || name.contains("layer_norm.weight") {
            1.0
        } else {
            0.0
        };
        return Tensor::full(size, value, (tch::Kind::Float, Device::Cpu));
    }
    let mut state = name.bytes().fold(seed | 1, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let width = (3.0 / size.last().map_or(1.0, |columns| *columns as f32)).sqrt();
    let count = usize::try_from(size.iter().product::<i64>()).unwrap();
    let numbers: Vec<f32> = (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 40) as f32 / 8_388_608.0 - 1.0) * width
        })
        .collect();
    Tensor::from_slice(&numbers).view(size)
}

/// Writes `model.json`, with the files as they are now.
pub(crate) fn seal(dir: &Path, card: &Value, files: &[&str]) {
    let mut card = card.clone();
    for name in files {
        let digest = Sha256::digest(std::fs::read(dir.join(name)).unwrap());
        let mut text = String::new();
        for byte in digest {
            write!(text, "{byte:02x}").unwrap();
        }
        card["files"][*name] = json!(text);
    }
    write_json(&dir.join("model.json"), &card);
}

fn write_json(file: &Path, value: &Value) {
    std::fs::write(file, serde_json::to_vec(value).unwrap()).unwrap();
}

/// As the files of today are: `DistilBERT`'s lacks what rust-bert asks for.
fn config(architecture: &str, geometry: Geometry, outputs: usize) -> Value {
    let id2label: Value = (0..outputs)
        .map(|place| (place.to_string(), json!(format!("LABEL_{place}"))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let Geometry {
        width,
        layers,
        heads,
        vocabulary,
        positions,
    } = geometry;
    match architecture {
        "distilbert" => json!({
            "activation": "gelu", "attention_dropout": 0.1, "dim": width, "dropout": 0.1, "hidden_dim": width * 4,
            "initializer_range": 0.02, "max_position_embeddings": positions, "n_heads": heads, "n_layers": layers,
            "qa_dropout": 0.1, "seq_classif_dropout": 0.2, "sinusoidal_pos_embds": false, "vocab_size": vocabulary,
            "id2label": id2label,
        }),
        _ => json!({
            "hidden_act": "gelu", "attention_probs_dropout_prob": 0.1, "hidden_dropout_prob": 0.1,
            "hidden_size": width, "initializer_range": 0.02, "intermediate_size": width * 4,
            "max_position_embeddings": positions, "num_attention_heads": heads, "num_hidden_layers": layers,
            "type_vocab_size": if architecture == "bert" { 2 } else { 1 }, "vocab_size": vocabulary,
            "id2label": id2label,
        }),
    }
}

/// Letters, and pieces that make words of them.
fn vocabulary(dir: &Path, architecture: &str, size: usize) -> Vec<&'static str> {
    let letters = || ('a'..='z').map(String::from);
    match architecture {
        "roberta" => {
            let mut words: Vec<String> = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
                .map(String::from)
                .into();
            words.extend(letters());
            words.extend(letters().map(|letter| format!("Ġ{letter}")));
            words.extend(["Ġ", "Ġth", "Ġthe"].map(String::from));
            let vocabulary: serde_json::Map<String, Value> = words
                .into_iter()
                .enumerate()
                .map(|(id, word)| (word, json!(id)))
                .collect();
            write_json(&dir.join("vocab.json"), &vocabulary.into());
            let pairs: String = letters().map(|letter| format!("Ġ {letter}\n")).collect();
            let merges = format!("#version: 0.2\n{pairs}Ġt h\nĠth e\n");
            std::fs::write(dir.join("merges.txt"), merges).unwrap();
            vec!["vocab.json", "merges.txt"]
        }
        "xlm-roberta" => {
            let mut pieces: Vec<String> = ["<unk>", "<s>", "</s>", "\u{2581}"]
                .map(String::from)
                .into();
            pieces.extend(letters());
            pieces.push("\u{2581}the".to_owned());
            let model: Vec<u8> = pieces.iter().flat_map(|text| piece(text)).collect();
            std::fs::write(dir.join("sentencepiece.bpe.model"), model).unwrap();
            vec!["sentencepiece.bpe.model"]
        }
        _ => {
            let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(String::from);
            let mut words: Vec<String> = special.into();
            words.extend(["the", "day", "was", "good", "!", ","].map(String::from));
            words.extend(letters());
            words.extend(letters().map(|letter| format!("##{letter}")));
            let made = (words.len()..size).map(|id| format!("word{id}"));
            words.extend(made);
            std::fs::write(dir.join("vocab.txt"), words.join("\n") + "\n").unwrap();
            vec!["vocab.txt"]
        }
    }
}

/// A `SentencePiece` of `sentencepiece_model.proto`: its text, and a score by its length.
fn piece(text: &str) -> Vec<u8> {
    let mut message = vec![0x0a, u8::try_from(text.len()).unwrap()];
    message.extend(text.as_bytes());
    message.push(0x15);
    message.extend((text.len() as f32 - 10.0).to_le_bytes());
    let mut field = vec![0x0a, u8::try_from(message.len()).unwrap()];
    field.extend(message);
    field
}
