//! The OpenAPI document is the committed one; a change of the API is seen in a review.
//!
//! `TIDINGS_UPDATE_SNAPSHOTS=1 cargo test -p gateway --test openapi` writes it anew.

use std::path::Path;

#[test]
fn the_document_is_the_committed_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi.json");
    let mut now = gateway::openapi().to_pretty_json().expect("a document");
    now.push('\n');
    if std::env::var_os("TIDINGS_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &now).expect("tests/openapi.json can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("tests/openapi.json");
    assert!(
        committed == now,
        "the API is not the one in tests/openapi.json; look at the difference, then update it with \
         TIDINGS_UPDATE_SNAPSHOTS=1 cargo test -p gateway --test openapi"
    );
}
