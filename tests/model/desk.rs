//! A folder of data in which the commands are called.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A folder in which commands run.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    pub(crate) fn get(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(name)).unwrap()
    }

    pub(crate) fn run(&self, args: &[&str], input: &str) -> Output {
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
    pub(crate) fn prints(&self, args: &[&str]) -> String {
        let output = self.run(args, "");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.prints(args)).unwrap()
    }

    /// The line a command ends with that must fail, and its exit code.
    pub(crate) fn fails(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args, "");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.stdout.is_empty() || output.status.code() == Some(1));
        (output.status.code().unwrap(), error.trim_end().to_owned())
    }

    /// Three intents with words of their own, in every combination with words of all.
    pub(crate) fn with_intents() -> Self {
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
