//! Priority: how soon a message needs an answer.
