//! Key phrases of a text.
