//! `tidings train`, `eval` and `classify` as people call them: no hub, no broker, no database.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod desk;
mod mistake;

use std::fmt::Write as _;

use serde_json::Value;

use self::desk::Desk;

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
