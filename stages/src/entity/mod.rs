//! Entities: what a text names in a form of its own.
