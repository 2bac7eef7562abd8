//! A labelled text as it leaves the hub: one JSON line, as `tidings train` reads it.

use serde::Serialize;

use crate::Task;

/// A row of a training file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LabelledText<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lang: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
}

impl<'a> LabelledText<'a> {
    /// `label` where there is one, `labels` where there are several or several could be.
    #[must_use]
    pub fn new(
        task: Task,
        text: &'a str,
        labels: &'a [String],
        lang: Option<&'a str>,
        channel: Option<&'a str>,
    ) -> Self {
        let (label, labels) = match labels {
            [label] if task != Task::Emotion => (Some(label.as_str()), None),
            several => (None, Some(several)),
        };
        Self {
            text,
            label,
            labels,
            lang,
            channel,
        }
    }

    /// The line with its line feed.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("strings and lists of strings serialize");
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_one_label_or_several() {
        let line = |task, labels: &[&str]| {
            let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
            let line = LabelledText::new(task, "a\nb", &labels, Some("de"), None).to_line();
            String::from_utf8(line).unwrap()
        };
        assert_eq!(
            line(Task::Intent, &["refund"]),
            "{\"text\":\"a\\nb\",\"label\":\"refund\",\"lang\":\"de\"}\n"
        );
        assert_eq!(
            line(Task::Intent, &["refund", "thanks"]),
            "{\"text\":\"a\\nb\",\"labels\":[\"refund\",\"thanks\"],\"lang\":\"de\"}\n"
        );
        assert_eq!(
            line(Task::Emotion, &["joy"]),
            "{\"text\":\"a\\nb\",\"labels\":[\"joy\"],\"lang\":\"de\"}\n"
        );
    }
}
