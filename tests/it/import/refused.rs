//! What the command line says where a file is not read in, or not all of it.

use super::Hub;
use crate::command::tidings;

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_says_what_is_wrong_before_anything_is_sent() {
    let hub = Hub::start().await;
    let file = hub.dir().join("people.csv");
    std::fs::write(&file, "Mail,Name\nann@example.org,Ann\nbob,Bob\n").unwrap();
    let file = file.to_str().unwrap();
    let refused: [(&[&str], &str); 6] = [
        (&["nowhere.csv"], "reading nowhere.csv: No such file"),
        (&["/"], "/ is a folder"),
        (
            &[file, "--map", "Mail=email", "--map", "Mail=name"],
            "--map says twice what the column `Mail` is",
        ),
        (
            &[file, "--errors", "/nowhere/errors.csv"],
            "writing /nowhere/errors.csv",
        ),
        (
            &[file, "--delimiter", "x"],
            "`delimiter` is one of , ; | and tab. (400 Bad Request)",
        ),
        (
            &[file, "--map", "Mail=pigeon"],
            "which is no field, no kind of address",
        ),
    ];
    for (args, says) in refused {
        let (said, code) = tidings(&hub, &[&["contacts", "import"], args].concat()).await;
        assert!(said.contains(says), "{args:?}: {said}");
        assert_eq!(code, 1, "{said}");
    }
    let early = [
        "contacts",
        "import",
        "nowhere.csv",
        "--list",
        "new",
        "--create-lists",
    ];
    assert_eq!(tidings(&hub, &early).await.1, 1);
    let lists = hub.get("/api/v1/lists").await;
    assert_eq!(lists, serde_json::json!([]), "made for no file");
    // What is wrong with rows is in a file.
    let errors = hub.dir().join("errors.csv");
    let to = errors.to_str().unwrap();
    let some = [
        "contacts",
        "import",
        file,
        "--map",
        "Mail=email",
        "--errors",
        to,
    ];
    let (said, code) = tidings(&hub, &some).await;
    assert!(said.contains("2 rows: 1 created"), "{said}");
    assert_eq!(code, 3, "{said}");
    assert_eq!(
        std::fs::read_to_string(errors).unwrap(),
        "line,column,reason\r\n3,\"Mail\",\"not an e-mail address\"\r\n"
    );
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_taken_is_no_broken_pipe() {
    let hub = Hub::start_with(&[], &[("TIDINGS__CONTACTS__MAX_IMPORT_BYTES", "1000000")]).await;
    let file = hub.dir().join("large.csv");
    std::fs::write(&file, format!("email\n{}", "x\n".repeat(5_000_000))).unwrap();
    let file = file.to_str().unwrap();
    let (said, code) = tidings(&hub, &["contacts", "import", file]).await;
    assert!(said.contains("(413 Payload Too Large)"), "{said}");
    assert_eq!(code, 1);
    // Who may not send is told so before anything is sent.
    let done = tokio::process::Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(["contacts", "import", file, "--key", "tdk_x", "--url"])
        .arg(&hub.url)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("(401 Unauthorized)"), "{said}");
    assert_eq!(done.status.code(), Some(1));
    hub.done().await;
}
