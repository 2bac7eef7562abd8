//! Models that need threads or the network: transformers (`bert`) and services over HTTP (`external`).
