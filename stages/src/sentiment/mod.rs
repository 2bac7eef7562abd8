//! Sentiment by a lexicon and rules.
