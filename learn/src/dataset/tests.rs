use std::io::Write;

use super::*;

fn rows(kind: Kind, text: &str) -> Vec<Example> {
    parse("data", kind, text.as_bytes()).unwrap().examples
}

fn refused(kind: Kind, bytes: &[u8]) -> String {
    parse("data", kind, bytes).unwrap_err().to_string()
}

#[test]
fn json_lines_have_one_label_or_many() {
    let examples = rows(
        Kind::JsonLines,
        concat!(
            "\u{feff}{\"text\": \"Cafe\u{301}\", \"label\": \" order \", \"other\": {\"x\": 1}}\r\n",
            "\n",
            "{\"text\": \"a\", \"labels\": [\"b\", \"c\", \"b\"], \"annotated\": [\"b\", \"c\", \"d\"], \"lang\": \"eng\"}\n",
            "{\"text\": \"a\", \"labels\": [], \"language\": \"de\", \"lang\": \"x\", \"channel\": \"email\"}",
        ),
    );
    assert_eq!(examples[0].text, "Caf\u{e9}");
    assert_eq!(examples[0].labels, ["order"]);
    assert_eq!(examples[1].labels, ["b", "c"]);
    assert!(examples[1].judged("d") && !examples[1].judged("e") && examples[0].judged("e"));
    assert_eq!(examples[1].language.as_deref(), Some("eng"));
    assert!(examples[2].labels.is_empty());
    assert_eq!(examples[2].language.as_deref(), Some("de"));
    assert_eq!(examples[2].channel.as_deref(), Some("email"));
}

#[test]
fn csv_is_read_by_its_header() {
    let examples = rows(
        Kind::Csv,
        "channel,Text,labels,lang\nchat,\"one, \"\"two\"\"\nthree\",a|b,en\n,four,,\n",
    );
    assert_eq!(examples[0].text, "one, \"two\"\nthree");
    assert_eq!(examples[0].labels, ["a", "b"]);
    assert_eq!(examples[0].channel.as_deref(), Some("chat"));
    assert_eq!(examples[1].labels, Vec::<String>::new());
    assert_eq!(examples[1].language, None);
}

#[test]
fn tsv_is_label_and_text() {
    let examples = rows(Kind::Tsv, "eng\tone \"two\tthree\n\nfra\tquatre\n");
    assert_eq!(examples[0].text, "one \"two\tthree");
    assert_eq!(examples[1].labels, ["fra"]);
}

#[test]
fn errors_name_the_file_the_line_and_the_reason() {
    let good = "{\"text\": \"a\", \"label\": \"b\"}\n";
    for (bad, reason) in [
        ("{\"text\": \"a\"}", "has neither `label` nor `labels`"),
        (
            "{\"text\": \"a\", \"label\": \"b\", \"labels\": []}",
            "has both",
        ),
        ("{\"text\": \"a\", \"label\": \" \"}", "a label is empty"),
        (
            "{\"text\": \"a\", \"label\": \"b\\u0000\"}",
            "a control character",
        ),
        ("{\"label\": \"b\"}", "missing field `text`"),
        (
            "{\"text\": \"a\", \"labels\": [\"b\"], \"annotated\": [\"c\"]}",
            "has the label `b`, which is not among `annotated`",
        ),
        ("nonsense", "is no row of JSON"),
    ] {
        let error = refused(Kind::JsonLines, format!("{good}\n{bad}\n").as_bytes());
        assert!(error.starts_with("data:3: "), "{error}");
        assert!(error.contains(reason), "{error}");
    }
    assert_eq!(refused(Kind::JsonLines, b"\xff"), "data:1: is not UTF-8");
    assert_eq!(
        refused(Kind::Tsv, b"a\tb\nno tab\n"),
        "data:2: has no tab between label and text"
    );
    assert_eq!(
        refused(Kind::Csv, b"body,label\na,b\n"),
        "data:1: the header has no column `text`"
    );
    assert_eq!(
        refused(Kind::Csv, b"text\na\n"),
        "data:1: the header has no column `label`"
    );
    assert!(refused(Kind::Csv, b"text,label\na,b\nc\n").starts_with("data:3: is no row of CSV"));
    assert_eq!(
        refused(Kind::Csv, b"text,label\n\xff,b\n"),
        "data:2: is not UTF-8"
    );
    assert_eq!(refused(Kind::JsonLines, b"\n\n"), "data: has no row");
}

#[test]
fn rows_are_bounded() {
    let long = "x".repeat(MAX_LINE_BYTES);
    for kind in [Kind::JsonLines, Kind::Tsv] {
        assert_eq!(
            refused(kind, format!("a\t{long}").as_bytes()),
            format!("data:1: longer than {MAX_LINE_BYTES} bytes")
        );
    }
    let open_quote = format!("text,label\na,b\n\"{}", "x\n".repeat(MAX_LINE_BYTES));
    let error = refused(Kind::Csv, open_quote.as_bytes());
    assert!(
        error.ends_with(&format!("longer than {MAX_LINE_BYTES} bytes")),
        "{error}"
    );
    let many = format!("text,label\n{}", "some text,b\n".repeat(500_000));
    assert_eq!(rows(Kind::Csv, &many).len(), 500_000);
}

#[test]
fn files_follow_one_another_and_are_known_by_their_hash() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("a.tsv");
    std::fs::write(&plain, "x\tone\n").unwrap();
    let packed = folder.path().join("b.jsonl.gz");
    let mut encoder = flate2::write::GzEncoder::new(
        std::fs::File::create(&packed).unwrap(),
        flate2::Compression::fast(),
    );
    encoder
        .write_all(b"{\"text\": \"two\", \"label\": \"y\"}\n")
        .unwrap();
    encoder.finish().unwrap();

    let both = format!("{}, {}", plain.display(), packed.display());
    let dataset = read(&both).unwrap();
    let texts: Vec<_> = dataset
        .examples
        .iter()
        .map(|example| &*example.text)
        .collect();
    assert_eq!(texts, ["one", "two"]);
    assert!(!dataset.is_many());
    let located = dataset
        .locate(1)
        .map(|(file, row)| (file.name.ends_with("b.jsonl.gz"), row));
    assert_eq!(located, Some((true, 1)));
    assert_eq!(dataset.locate(2), None);
    assert_eq!(dataset.files[0].rows, 1);
    assert_eq!(dataset.files[0].size_bytes, 6);
    assert_eq!(
        dataset.files[0].sha256,
        "dd35e73f2ff2f585d7d4a41635a8d923b10ae8ae92fb6356cf5bcefaad6339b5"
    );
    assert_eq!(
        dataset.files[1].size_bytes,
        std::fs::metadata(&packed).unwrap().len()
    );

    let absent = folder.path().join("c.csv");
    let error = read(&absent.display().to_string()).unwrap_err();
    assert!(
        std::error::Error::source(&error).is_none(),
        "it is said once"
    );
    let error = error.to_string();
    assert!(
        error.contains("c.csv: cannot be read: No such file"),
        "{error}"
    );
    let error = read("data.parquet").unwrap_err().to_string();
    assert!(error.contains("is none of .jsonl, .csv, .tsv"), "{error}");
    assert!(matches!(read(" ,"), Err(DatasetError::NoFile)));
}
