//! Texts as rows of token ids.

use rust_bert::{
    RustBertError,
    pipelines::common::{ModelType, TokenizerOption},
};
use rust_tokenizers::{Mask, tokenizer::TruncationStrategy};
use tch::{Device, Tensor};

use super::{
    folder::{Architecture, Folder},
    network::Input,
};

/// No token of a usual text is longer on average; what lies behind that would be cut anyway.
const MAX_CHARS_PER_TOKEN: usize = 16;

pub(super) struct Encoder {
    tokenizer: TokenizerOption,
    max_length: usize,
    pad: i64,
}

/// One row: a text, alone or paired.
pub(super) struct Encoding {
    pub(super) ids: Vec<i64>,
    segments: Vec<i64>,
    /// For each token of the text: its place there, in characters; none for special tokens and what is paired.
    pub(super) tokens: Vec<Option<Token>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) begin: usize,
    pub(super) end: usize,
    /// Whether the word began with an earlier token.
    pub(super) goes_on: bool,
}

impl Encoder {
    pub(super) fn open(folder: &Folder) -> Result<Self, RustBertError> {
        let card = &folder.card;
        let files: Vec<String> = folder
            .vocabulary()
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        let kind = match card.architecture {
            Architecture::Bert => ModelType::Bert,
            Architecture::Distilbert => ModelType::DistilBert,
            Architecture::Roberta => ModelType::Roberta,
            Architecture::XlmRoberta => ModelType::XLMRoberta,
        };
        let vocabulary = files.first().map_or("", String::as_str);
        let merges = files.get(1).map(String::as_str);
        let tokenizer =
            TokenizerOption::from_file(kind, vocabulary, merges, card.lower_case, None, None)?;
        Ok(Self {
            pad: tokenizer.get_pad_id().unwrap_or(0),
            tokenizer,
            max_length: card.max_length,
        })
    }

    pub(super) fn max_length(&self) -> usize {
        self.max_length
    }

    /// The text's beginning, and all of what it is paired with. The tokenizers panic where the latter alone is too
    /// long.
    pub(super) fn encode(&self, text: &str, paired: Option<&str>) -> Encoding {
        let most = self.max_length * MAX_CHARS_PER_TOKEN;
        let end = text.char_indices().nth(most).map(|(end, _)| end);
        let text = end.and_then(|end| text.get(..end)).unwrap_or(text);
        let strategy = TruncationStrategy::OnlyFirst;
        let row = self
            .tokenizer
            .encode_pair(text, paired, self.max_length, &strategy, 0);
        let special = row.special_tokens_mask.iter().map(|special| *special != 0);
        let second = row.segment_ids.iter().map(|segment| *segment != 0);
        let tokens = row
            .token_offsets
            .iter()
            .zip(&row.mask)
            .zip(special.zip(second))
            .map(|((offset, mask), (special, second))| {
                let offset = (*offset).filter(|_| !special && !second)?;
                Some(Token {
                    begin: usize::try_from(offset.begin).ok()?,
                    end: usize::try_from(offset.end).ok()?,
                    goes_on: *mask == Mask::Continuation,
                })
            })
            .collect();
        Encoding {
            tokens,
            segments: row.segment_ids.into_iter().map(i64::from).collect(),
            ids: row.token_ids,
        }
    }

    /// Rows side by side, padded to the longest.
    pub(super) fn input(&self, rows: &[&Encoding], device: Device) -> Input {
        let longest = rows.iter().map(|row| row.ids.len()).max().unwrap_or(0);
        let size = rows.len() * longest;
        let mut ids = Vec::with_capacity(size);
        let mut mask = Vec::with_capacity(size);
        let mut segments = Vec::with_capacity(size);
        for row in rows {
            let padding = longest - row.ids.len();
            ids.extend(&row.ids);
            ids.extend(std::iter::repeat_n(self.pad, padding));
            mask.extend(std::iter::repeat_n(1_i64, row.ids.len()));
            mask.extend(std::iter::repeat_n(0_i64, padding));
            segments.extend(&row.segments);
            segments.extend(std::iter::repeat_n(0_i64, padding));
        }
        let shape = [rows.len() as i64, longest as i64];
        let tensor = |numbers: &[i64]| Tensor::from_slice(numbers).view(shape).to(device);
        Input {
            ids: tensor(&ids),
            mask: tensor(&mask),
            segments: tensor(&segments),
        }
    }
}

#[cfg(test)]
impl Encoding {
    /// A row of which only the places of its tokens matter.
    pub(super) fn of_tokens(tokens: Vec<Option<Token>>) -> Self {
        Self {
            ids: vec![0; tokens.len()],
            segments: vec![0; tokens.len()],
            tokens,
        }
    }
}
