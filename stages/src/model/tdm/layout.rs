//! The container: header, table, and sections with their checksums.

use bytes::Bytes;

use super::{FORMAT, MAX_BYTES, MAX_HEADS, TdmError, ensure};
use crate::model::feature;

const MAGIC: [u8; 4] = *b"TDM1";
const HEADER: usize = 32;
const ENTRY: usize = 24;
/// Where the header keeps the checksum of itself and the table.
const CHECKSUM: std::ops::Range<usize> = 12..16;
/// Sections begin at multiples of this: a cache line.
const ALIGNMENT: usize = 64;
/// Manifest, notes, index, idf, and four of each head.
const MAX_SECTIONS: usize = 4 + 4 * MAX_HEADS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Manifest = 1,
    Notes = 2,
    Index = 3,
    Idf = 4,
    Rows = 5,
    Scales = 6,
    Bias = 7,
    Output = 8,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Manifest,
        Self::Notes,
        Self::Index,
        Self::Idf,
        Self::Rows,
        Self::Scales,
        Self::Bias,
        Self::Output,
    ];

    fn of(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u16 == number)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Notes => "notes",
            Self::Index => "index",
            Self::Idf => "idf",
            Self::Rows => "rows",
            Self::Scales => "scales",
            Self::Bias => "bias",
            Self::Output => "output",
        }
    }
}

/// The sections of a file, each taken once.
pub(super) struct Sections(Vec<(Kind, u16, Bytes)>);

impl Sections {
    /// Takes a file apart; the sections share its memory.
    pub(super) fn read(file: &Bytes) -> Result<Self, TdmError> {
        if file.len() > MAX_BYTES {
            return Err(TdmError::TooLong);
        }
        if !file.starts_with(&MAGIC) {
            return Err(TdmError::NotAModel);
        }
        let (format, features) = (u16_at(file, 4)?, u16_at(file, 6)?);
        if format != FORMAT {
            return Err(TdmError::Format(format));
        }
        let count = u32_at(file, 8)? as usize;
        ensure(
            (1..=MAX_SECTIONS).contains(&count),
            "table",
            "has too many sections",
        )?;
        let table_end = HEADER + count * ENTRY;
        let head = file.get(..table_end).ok_or(TdmError::Length)?;
        if u32_at(file, CHECKSUM.start)? != head_checksum(head) {
            return Err(TdmError::Checksum("header"));
        }
        // Only now, for a broken file is no file of another version.
        if features != feature::VERSION {
            return Err(TdmError::Features(features));
        }
        if u64_at(file, 16)? != file.len() as u64 {
            return Err(TdmError::Length);
        }
        ensure(
            u64_at(file, 24)? == 0,
            "header",
            "has bytes that mean nothing",
        )?;

        let mut sections: Vec<(Kind, u16, Bytes)> = Vec::with_capacity(count);
        let mut end = table_end;
        for entry in (HEADER..table_end).step_by(ENTRY) {
            let kind = Kind::of(u16_at(file, entry)?).ok_or(TdmError::Malformed {
                section: "table",
                flaw: "has a section of an unknown kind",
            })?;
            let part = u16_at(file, entry + 2)?;
            let ordered = sections
                .last()
                .is_none_or(|(last, number, _)| (*last, *number) < (kind, part));
            ensure(ordered, "table", "is out of order")?;
            let begin = end.next_multiple_of(ALIGNMENT);
            let (offset, length) = (u64_at(file, entry + 8)?, u64_at(file, entry + 16)?);
            ensure(
                offset == begin as u64,
                "table",
                "has a section out of its place",
            )?;
            let length = usize::try_from(length).map_err(|_| TdmError::Length)?;
            let gap = file.get(end..begin).ok_or(TdmError::Length)?;
            ensure(
                gap.iter().all(|byte| *byte == 0),
                "table",
                "leaves gaps that are not zero",
            )?;
            end = begin.checked_add(length).ok_or(TdmError::Length)?;
            let bytes = file.get(begin..end).ok_or(TdmError::Length)?;
            if u32_at(file, entry + 4)? != crc32fast::hash(bytes) {
                return Err(TdmError::Checksum(kind.name()));
            }
            sections.push((kind, part, file.slice(begin..end)));
        }
        if end != file.len() {
            return Err(TdmError::Length);
        }
        Ok(Self(sections))
    }

    /// Takes a section out, when there is one.
    pub(super) fn take(&mut self, kind: Kind, part: usize) -> Option<Bytes> {
        let place = self
            .0
            .iter()
            .position(|(found, number, _)| *found == kind && usize::from(*number) == part)?;
        Some(self.0.remove(place).2)
    }

    pub(super) fn need(&mut self, kind: Kind, part: usize) -> Result<Bytes, TdmError> {
        self.take(kind, part).ok_or(TdmError::Malformed {
            section: kind.name(),
            flaw: "is missing",
        })
    }

    /// Nothing may be left over.
    pub(super) fn finish(self) -> Result<(), TdmError> {
        ensure(
            self.0.is_empty(),
            "table",
            "has sections that the manifest does not speak of",
        )
    }
}

/// Puts a file together. The sections must be in the order of kind and part.
pub(super) fn assemble(sections: &[(Kind, u16, Vec<u8>)]) -> Result<Vec<u8>, TdmError> {
    let table_end = HEADER + sections.len() * ENTRY;
    let length = sections.iter().fold(table_end, |end, (_, _, bytes)| {
        end.next_multiple_of(ALIGNMENT) + bytes.len()
    });
    if length > MAX_BYTES {
        return Err(TdmError::TooLong);
    }
    let mut file = Vec::with_capacity(length);
    file.extend_from_slice(&MAGIC);
    file.extend_from_slice(&FORMAT.to_le_bytes());
    file.extend_from_slice(&feature::VERSION.to_le_bytes());
    file.extend_from_slice(&(sections.len() as u32).to_le_bytes());
    file.extend_from_slice(&[0; 4]);
    file.extend_from_slice(&(length as u64).to_le_bytes());
    file.extend_from_slice(&[0; 8]);
    let mut end = table_end;
    for (kind, part, bytes) in sections {
        let begin = end.next_multiple_of(ALIGNMENT);
        file.extend_from_slice(&(*kind as u16).to_le_bytes());
        file.extend_from_slice(&part.to_le_bytes());
        file.extend_from_slice(&crc32fast::hash(bytes).to_le_bytes());
        file.extend_from_slice(&(begin as u64).to_le_bytes());
        file.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        end = begin + bytes.len();
    }
    let checksum = head_checksum(&file).to_le_bytes();
    if let Some(field) = file.get_mut(CHECKSUM) {
        field.copy_from_slice(&checksum);
    }
    for (_, _, bytes) in sections {
        file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
        file.extend_from_slice(bytes);
    }
    Ok(file)
}

/// Of header and table, with zeros where the checksum itself stands.
fn head_checksum(head: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head.get(..CHECKSUM.start).unwrap_or_default());
    hasher.update(&[0; 4]);
    hasher.update(head.get(CHECKSUM.end..).unwrap_or_default());
    hasher.finalize()
}

fn array_at<const N: usize>(file: &[u8], at: usize) -> Result<[u8; N], TdmError> {
    file.get(at..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .ok_or(TdmError::Length)
}

fn u16_at(file: &[u8], at: usize) -> Result<u16, TdmError> {
    array_at(file, at).map(u16::from_le_bytes)
}

fn u32_at(file: &[u8], at: usize) -> Result<u32, TdmError> {
    array_at(file, at).map(u32::from_le_bytes)
}

fn u64_at(file: &[u8], at: usize) -> Result<u64, TdmError> {
    array_at(file, at).map(u64::from_le_bytes)
}
