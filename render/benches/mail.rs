//! What a mail costs: `cargo bench -p render --bench mail`.

fn main() {}
