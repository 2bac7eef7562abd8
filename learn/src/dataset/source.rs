//! The bytes of a file, decompressed, while its checksum is taken.

use std::{
    fs::File,
    io::{self, Read},
};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

/// The name of standard input.
pub(super) const STDIN: &str = "-";

/// Reads a file; what comes out is decompressed, what is counted and hashed is the file.
pub(super) enum Source {
    Plain(Hashed),
    Gzip(Box<MultiGzDecoder<Hashed>>),
}

impl Source {
    pub(super) fn open(name: &str) -> io::Result<Self> {
        if name == STDIN {
            return Ok(Self::of(Box::new(io::stdin()), false));
        }
        Ok(Self::of(Box::new(File::open(name)?), name.ends_with(".gz")))
    }

    pub(super) fn of(inner: Box<dyn Read>, gzip: bool) -> Self {
        let hashed = Hashed {
            inner,
            hash: Sha256::new(),
            size_bytes: 0,
        };
        if gzip {
            Self::Gzip(Box::new(MultiGzDecoder::new(hashed)))
        } else {
            Self::Plain(hashed)
        }
    }

    /// SHA-256 and size of the whole file, also of what was not asked for.
    pub(super) fn finish(self) -> io::Result<(String, u64)> {
        let mut hashed = match self {
            Self::Plain(hashed) => hashed,
            Self::Gzip(decoder) => decoder.into_inner(),
        };
        io::copy(&mut hashed, &mut io::sink())?;
        Ok((crate::hex(&hashed.hash.finalize()), hashed.size_bytes))
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(hashed) => hashed.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
        }
    }
}

pub(super) struct Hashed {
    inner: Box<dyn Read>,
    hash: Sha256,
    size_bytes: u64,
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(bytes) = buffer.get(..read) {
            self.hash.update(bytes);
            self.size_bytes += bytes.len() as u64;
        }
        Ok(read)
    }
}
