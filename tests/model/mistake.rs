//! What is said to who calls the commands wrongly.

use crate::desk::Desk;

#[test]
fn mistakes_are_one_line_with_a_way_out() {
    let desk = Desk::with_intents();
    desk.put(
        "bad.jsonl",
        "{\"text\": \"a\", \"label\": \"b\"}\n{\"text\": \"a\"}\n",
    );
    desk.put("one.jsonl", "{\"text\": \"a\", \"label\": \"b\"}\n");
    desk.put(
        "wordless.jsonl",
        "{\"text\": \"\", \"label\": \"a\"}\n{\"text\": \"?!\", \"label\": \"b\"}\n",
    );
    desk.put("m.tdm", "no model");
    for (args, part) in [
        (
            &[
                "train",
                "--task",
                "intent",
                "--data",
                "bad.jsonl",
                "-o",
                "x.tdm",
            ][..],
            "bad.jsonl:2: has neither `label` nor `labels`",
        ),
        (
            &[
                "train",
                "--task",
                "intent",
                "--data",
                "absent.csv",
                "-o",
                "x.tdm",
            ],
            "absent.csv: cannot be read",
        ),
        (
            &[
                "train", "--task", "intent", "--data", "a.xls", "-o", "x.tdm",
            ],
            "is none of .jsonl, .csv, .tsv",
        ),
        (
            &[
                "train",
                "--task",
                "intent",
                "--data",
                "one.jsonl",
                "-o",
                "x.tdm",
            ],
            "at least two labels",
        ),
        (
            &[
                "train",
                "--task",
                "intent",
                "--data",
                "train.jsonl",
                "-o",
                "no/x.tdm",
            ],
            "there is no such folder",
        ),
        (
            &[
                "train",
                "--task",
                "intent",
                "--data",
                "train.jsonl",
                "-o",
                "train.jsonl",
            ],
            "would be written over",
        ),
        (
            &[
                "train",
                "--task",
                "intent",
                "--data",
                "wordless.jsonl",
                "-o",
                "x.tdm",
            ],
            "no text has a letter or digit",
        ),
        (
            &["eval", "m.tdm", "--data", "dev.csv"],
            "m.tdm: cannot be used: not a model file",
        ),
        (
            &["eval", "model", "--data", "dev.csv"],
            "give a file ending in .tdm",
        ),
        (
            &["eval", "builtin:magic", "--data", "dev.csv"],
            "built in are language",
        ),
        (
            &[
                "eval",
                "builtin:whatlang",
                "--data",
                "dev.csv",
                "--labels",
                "deu",
            ],
            "has one of --labels",
        ),
        (
            &[
                "eval",
                "external:http://127.0.0.1:1/",
                "--task",
                "intent",
                "--data",
                "dev.csv",
            ],
            "answers none of the texts",
        ),
        (
            &["classify", "hi", "--region", "Germany"],
            "write one like DE",
        ),
        (
            &["classify", "hi", "--language", "German"],
            "write one like de",
        ),
    ] {
        let (code, error) = desk.fails(args);
        assert_eq!(code, 2, "{args:?}: {error}");
        assert!(
            error.starts_with("error: ") && error.contains(part),
            "{args:?}: {error}"
        );
        assert_eq!(
            error.lines().filter(|line| !line.ends_with('…')).count(),
            1,
            "{error}"
        );
    }
    let (code, error) = desk.fails(&["eval", "m.tdm", "--data", "dev.csv", "--min", "goodness=1"]);
    assert_eq!(code, 2);
    assert!(error.contains("figures are n, "), "{error}");
    assert!(!desk.path().join("x.tdm").exists());
}
