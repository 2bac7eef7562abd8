//! `tidings train`, `eval` and `classify` as people call them: no hub, no broker, no database.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fmt::Write as _,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A folder in which commands run.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn get(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(name)).unwrap()
    }

    fn run(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tidings"))
            .args(args)
            .current_dir(self.path())
            // Settings that no hub would start with: models do not read them.
            .env("TIDINGS__NO__SUCH", "key")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        // A command that reads nothing closes the pipe, which is no failure.
        let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// What a command prints that must succeed.
    fn prints(&self, args: &[&str]) -> String {
        let output = self.run(args, "");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.prints(args)).unwrap()
    }

    /// The line a command ends with that must fail, and its exit code.
    fn fails(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args, "");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.stdout.is_empty() || output.status.code() == Some(1));
        (output.status.code().unwrap(), error.trim_end().to_owned())
    }

    /// Three intents with words of their own, in every combination with words of all.
    fn with_intents() -> Self {
        let desk = Self::new();
        let before = [
            "please",
            "hello,",
            "hi there,",
            "good morning",
            "quick question:",
        ];
        let after = [
            "",
            "today",
            "now",
            "thanks",
            "as soon as you can",
            "for my order",
        ];
        let intents = [
            (
                "refund",
                ["give me my money back", "I want a refund", "reimburse me"],
            ),
            (
                "delivery",
                [
                    "where is the parcel",
                    "track the shipment",
                    "has it been delivered",
                ],
            ),
            (
                "account",
                [
                    "I forgot the password",
                    "I cannot log in",
                    "the login is broken",
                ],
            ),
        ];
        let (mut train, mut dev) = (String::new(), String::from("text,label,channel\n"));
        for (number, before) in before.iter().enumerate() {
            for after in after {
                for (label, phrases) in &intents {
                    for phrase in phrases {
                        let text = format!("{before} {phrase} {after}");
                        if number == 4 {
                            writeln!(dev, "\"{text}\",{label},chat").unwrap();
                        } else {
                            writeln!(train, r#"{{"text": "{text}", "label": "{label}"}}"#).unwrap();
                        }
                    }
                }
            }
        }
        for text in [
            "what is the meaning of life",
            "sing a song",
            "how tall is that mountain",
        ] {
            writeln!(dev, "{text},oos,email").unwrap();
        }
        desk.put("train.jsonl", &train);
        desk.put("dev.csv", &dev);
        desk
    }
}

const TRAIN: [&str; 9] = [
    "train",
    "--task",
    "intent",
    "--data",
    "train.jsonl",
    "--dev",
    "dev.csv",
    "-o",
    "m.tdm",
];

#[test]
fn a_model_is_trained_measured_and_asked() {
    let desk = Desk::with_intents();
    let mut train = TRAIN.to_vec();
    train.extend(["--card", "m.md", "--licence", "train.jsonl=CC0", "--json"]);
    let trained = desk.json(&train);
    assert_eq!(trained["inspection"]["rows"], 216);
    assert_eq!(trained["leakage"]["shared"], 0);
    let id = trained["model"].as_str().unwrap();
    assert!(id.starts_with("intent-"), "{id}");

    let card = String::from_utf8(desk.get("m.md")).unwrap();
    assert!(card.starts_with(&format!("# {id}\n")), "{card}");
    assert!(
        card.contains("| train.jsonl | 216 | training | CC0 |"),
        "{card}"
    );
    assert!(!card.contains("parcel"), "a card quotes no text: {card}");

    let evaluated = desk.json(&["eval", "m.tdm", "--data", "dev.csv", "--json"]);
    let measures = &evaluated["models"][0]["measures"];
    assert_eq!(measures["model"], id);
    assert_eq!(
        (&measures["n"], &measures["quality"]["n"]),
        (&57.into(), &54.into())
    );
    assert!(
        measures["quality"]["accuracy"].as_f64().unwrap() > 0.95,
        "{measures}"
    );
    assert!(
        measures["scope"]["auroc"].as_f64().unwrap() > 0.9,
        "{measures}"
    );
    assert!(measures["speed"]["texts_per_s"].as_f64().unwrap() > 0.0);
    let same = trained["measures"]["quality"]["accuracy"].as_f64().unwrap();
    assert!((same - measures["quality"]["accuracy"].as_f64().unwrap()).abs() < 0.03);

    let ask = ["classify", "my money back!", "--model", "m.tdm"];
    let answer = desk.prints(&ask);
    assert!(
        answer.starts_with(&format!("intent ({id})\n* ")),
        "{answer}"
    );
    assert!(
        answer.lines().nth(1).unwrap().ends_with("refund"),
        "{answer}"
    );
}

#[test]
fn the_same_data_gives_the_same_model() {
    let desk = Desk::with_intents();
    let with = |more: [&'static str; 4]| {
        let mut args = TRAIN[..7].to_vec();
        args.extend(more);
        desk.prints(&args);
    };
    with(["-o", "a.tdm", "--threads", "1"]);
    with(["-o", "b.tdm", "--threads", "3"]);
    with(["-o", "c.tdm", "--seed", "2"]);
    assert_eq!(desk.get("a.tdm"), desk.get("b.tdm"));
    assert_ne!(desk.get("a.tdm"), desk.get("c.tdm"));
}

#[test]
fn training_says_what_is_wrong_with_the_data() {
    let desk = Desk::with_intents();
    let mut train = String::from_utf8(desk.get("train.jsonl")).unwrap();
    train.push_str("{\"text\": \"Please I want a refund  today\", \"label\": \"account\"}\n");
    train.push_str("{\"text\": \"quick question: I want a refund now\", \"label\": \"refund\"}\n");
    desk.put("train.jsonl", &train);
    let mut dev = String::from_utf8(desk.get("dev.csv")).unwrap();
    dev.push_str("I want a refund: give me my money back,account,chat\nwho are you,bot,chat\n");
    desk.put("dev.csv", &dev);
    let report = desk.prints(&TRAIN);
    for part in [
        "218 rows, 3 labels; 1 rows repeat a text, 1 texts have labels that exclude each other",
        "59 rows, 1 of them with a training text (0 labelled otherwise there)",
        "not in training: bot\n",
        "train.jsonl:11 refund, train.jsonl:217 account",
        "measured on the dev texts",
    ] {
        assert!(report.contains(part), "{part} is not in\n{report}");
    }
    let worst = report
        .split("the most suspicious labels")
        .nth(1)
        .expect(&report);
    assert!(
        worst.contains("dev.csv:58") && worst.contains("I want a refund: give me my money back")
    );
}

#[test]
fn many_labels_at_once() {
    let desk = Desk::new();
    let mut rows = String::new();
    for number in 0..60 {
        let (joy, fear) = (number % 2 == 0, number % 3 == 0);
        let mut words = vec!["it", "was"];
        let mut labels = Vec::new();
        if joy {
            words.push("wonderful");
            labels.push("\"joy\"");
        }
        if fear {
            words.push("terrifying");
            labels.push("\"fear\"");
        }
        let number = number.to_string();
        words.push(&number);
        let (text, labels) = (words.join(" "), labels.join(", "));
        writeln!(
            rows,
            r#"{{"text": "{text}", "labels": [{labels}], "lang": "en"}}"#
        )
        .unwrap();
    }
    desk.put("emotion.jsonl", &rows);
    let report = desk.prints(&[
        "train",
        "--task",
        "emotion",
        "--data",
        "emotion.jsonl",
        "-o",
        "e.tdm",
    ]);
    assert!(report.contains("measured out of fold"), "{report}");
    assert!(report.contains("micro-F1"), "{report}");
    let evaluated = desk.json(&["eval", "e.tdm", "--data", "emotion.jsonl", "--json"]);
    let measures = &evaluated["models"][0]["measures"];
    assert_eq!(measures["many"], true);
    assert!(
        measures["quality"]["macro_f1"].as_f64().unwrap() > 0.9,
        "{measures}"
    );
}

#[test]
fn models_stand_side_by_side_and_are_held_to_bounds() {
    let desk = Desk::with_intents();
    desk.prints(&TRAIN);
    let eval = |bounds: &'static str| ["eval", "m.tdm", "--data", "dev.csv", "--min", bounds];
    let table = desk.prints(&eval("acc=0.9,ece=0.5"));
    assert!(table.contains("accuracy"), "{table}");
    let (code, error) = desk.fails(&eval("acc=1.1"));
    assert_eq!(code, 1);
    assert!(error.ends_with(", less than 1.1"), "{error}");

    let by = [
        "eval",
        "m.tdm,m.tdm",
        "--data",
        "dev.csv",
        "--by",
        "channel,length,label,language",
    ];
    let table = desk.prints(&by);
    for part in [
        "by channel",
        "3-5 words",
        "delivery",
        "by language: the data does not",
    ] {
        assert!(table.contains(part), "{part} is not in\n{table}");
    }
    let widths: Vec<usize> = table
        .lines()
        .take(4)
        .map(|line| line.chars().count())
        .collect();
    assert!(widths.iter().all(|width| *width == widths[0]), "{table}");

    desk.put(
        "lid.tsv",
        "deu\tWo ist denn mein Paket geblieben?\nfra\tOù est donc mon colis?\n",
    );
    let found = desk.json(&["eval", "builtin:whatlang", "--data", "lid.tsv", "--json"]);
    assert_eq!(found["models"][0]["measures"]["quality"]["accuracy"], 1.0);
    assert_eq!(
        found["models"][0]["measures"]["quality"]["ece15"],
        Value::Null
    );
}

#[test]
fn a_stream_is_answered_line_by_line() {
    let desk = Desk::with_intents();
    desk.prints(&TRAIN);
    let lines = |args: &[&str], input: &str| -> Vec<Value> {
        let output = desk.run(args, input);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let answers = lines(
        &["classify", "--model", "m.tdm"],
        "where is the parcel\n\nI forgot the password",
    );
    assert_eq!(answers.len(), 3);
    assert_eq!(answers[0]["labels"][0]["label"], "delivery");
    assert_eq!(answers[2]["text"], "I forgot the password");
    assert_eq!(answers[2]["labels"][0]["label"], "account");

    let whole = lines(
        &["classify"],
        "Wo ist denn mein Paket geblieben? Ich warte seit Tagen.\n",
    );
    assert_eq!(whole[0]["language"]["code"], "de");
    assert_eq!(
        whole[0]["priority"].as_str().map(str::is_empty),
        Some(false)
    );
    let given = lines(&["classify", "--language", "fr"], "merci\n");
    assert_eq!(given[0]["language"]["code"], "fr");
}

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
