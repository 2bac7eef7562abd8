//! Placeholder until the stages compile.
fn main() {}
