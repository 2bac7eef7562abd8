//! tch as rust-bert knows it, and as libtorch is today.

pub use real::*;
