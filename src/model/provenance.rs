//! What a model was made of, as its file and its card tell it.
//!
//! Invariant: nothing of where files lie or are written, so that the same data gives the same bytes everywhere.

use anyhow::bail;
use learn::{
    card::Licence,
    dataset::{DataFile, Dataset},
    train::Regularization,
};
use serde_json::json;

use super::train::{C, TrainOptions};

/// The command that gives the same model: without where it is written and what does not change it, with the files'
/// names alone, so that the same data gives the same bytes wherever it lies.
pub(super) fn command(options: &TrainOptions, data: &Dataset, dev: Option<&Dataset>) -> String {
    let joined = |data: &Dataset| {
        let names: Vec<&str> = data.files.iter().map(base).collect();
        names.join(",")
    };
    let mut words = vec![
        "tidings".to_owned(),
        "train".to_owned(),
        "--task".to_owned(),
        options.task.name().to_owned(),
        "--data".to_owned(),
        joined(data),
    ];
    if let Some(dev) = dev {
        words.extend(["--dev".to_owned(), joined(dev)]);
    }
    match options.c {
        Some(C(Regularization::Fixed(c))) => words.extend(["--c".to_owned(), c.to_string()]),
        Some(C(Regularization::CrossValidated)) => {
            words.extend(["--c".to_owned(), "auto".to_owned()])
        }
        None => {}
    }
    let sizes = [
        ("--bits", options.bits.map(u32::from)),
        ("--dim", options.dim.map(u32::from)),
        ("--min-texts", options.min_texts),
    ];
    for (name, value) in sizes {
        words.extend(
            value
                .into_iter()
                .flat_map(|value| [name.to_owned(), value.to_string()]),
        );
    }
    if let Some(blocks) = &options.blocks {
        let blocks: Vec<String> = blocks.0.iter().map(f32::to_string).collect();
        words.extend(["--blocks".to_owned(), blocks.join(",")]);
    }
    if let Some(least) = options.least_probability {
        words.extend(["--least-probability".to_owned(), least.to_string()]);
    }
    words.extend(["--seed".to_owned(), options.seed.to_string()]);
    words.extend(["-o".to_owned(), format!("{}.tdm", options.task.name())]);
    let plain = |word: &String| {
        word.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.,/=:".contains(c))
    };
    let quoted: Vec<String> = words
        .iter()
        .map(|word| match plain(word) {
            true => word.clone(),
            false => format!("'{}'", word.replace('\'', "'\\''")),
        })
        .collect();
    quoted.join(" ")
}

fn base(file: &DataFile) -> &str {
    file.name.rsplit(['/', '\\']).next().unwrap_or(&file.name)
}

pub(super) fn files(data: &Dataset) -> Vec<serde_json::Value> {
    data.files
        .iter()
        .map(|file| json!({ "name": base(file), "sha256": file.sha256, "size_bytes": file.size_bytes, "rows": file.rows }))
        .collect()
}

/// A file's terms begin with its name; what names no file is said of all.
pub(super) fn licences(
    given: &[String],
    data: &Dataset,
    dev: Option<&Dataset>,
) -> anyhow::Result<Vec<Licence>> {
    let all = || {
        data.files
            .iter()
            .chain(dev.map_or(&[][..], |dev| &dev.files))
    };
    given
        .iter()
        .map(|text| {
            let named = text
                .split_once('=')
                .filter(|(file, _)| !file.contains(char::is_whitespace));
            let (file, terms) = match named {
                Some((file, terms)) => (Some(file), terms),
                None => (None, text.as_str()),
            };
            if let Some(file) = file
                && !all().any(|known| known.name == file || base(known) == file)
            {
                bail!("--licence {text}: `{file}` is none of the files that are read");
            }
            let file = file.map(|file| file.rsplit(['/', '\\']).next().unwrap_or(file).to_owned());
            Ok(Licence {
                file,
                terms: terms.to_owned(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(names: &[&str]) -> Dataset {
        let file = |name: &&str| DataFile {
            name: (*name).to_owned(),
            sha256: String::new(),
            size_bytes: 0,
            rows: 1,
        };
        Dataset {
            files: names.iter().map(file).collect(),
            ..Dataset::default()
        }
    }

    #[test]
    fn terms_are_of_one_file_or_of_all() {
        let data = data(&["a/b.csv"]);
        let found = licences(
            &["b.csv=CC BY".into(), "mine, all of it".into()],
            &data,
            None,
        )
        .unwrap();
        assert_eq!(found[0].file.as_deref(), Some("b.csv"));
        assert_eq!(
            (&found[1].file, &*found[1].terms),
            (&None, "mine, all of it")
        );
        let error = licences(&["c.csv=CC BY".into()], &data, None).unwrap_err();
        assert!(
            error.to_string().contains("is none of the files"),
            "{error}"
        );
    }
}
