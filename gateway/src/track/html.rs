//! The pages, as HTML that needs no script: one column, labels on everything, buttons large enough for a thumb.

use schemas::{Membership, campaign::Unsubscribe};
use store::preference::{Preferences, PreferredList};

use super::word::Words;

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(char),
        }
    }
    escaped
}

fn page(words: &Words, title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex, nofollow\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<link rel=\"stylesheet\" href=\"/t/page.css\">\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n",
        words.language,
        title = escape(title),
    )
}

/// Something to be read.
pub(super) fn notice(words: &Words, title: &str, text: &str) -> String {
    page(words, title, &format!("<p>{}</p>\n", escape(text)))
}

/// That something was done, and the way back to the page of preferences.
pub(super) fn done(words: &Words, text: &str) -> String {
    let body = format!(
        "<p role=\"status\">{}</p>\n<p><a href=\"?\">{}</a></p>\n",
        escape(text),
        escape(words.back)
    );
    page(words, words.saved, &body)
}

pub(super) fn confirm(words: &Words, list: Option<&str>) -> String {
    let asked = match list {
        Some(name) => words.confirm_list.replace("{list}", name),
        None => words.confirm_any.to_owned(),
    };
    let body = format!(
        "<p>{}</p>\n<form method=\"post\">\n{}</form>\n",
        escape(&asked),
        button("confirm", words.confirm, true)
    );
    page(words, words.confirm_title, &body)
}

fn button(action: &str, label: &str, is_main: bool) -> String {
    let class = if is_main { " class=\"main\"" } else { "" };
    format!(
        "<button type=\"submit\" name=\"action\" value=\"{action}\"{class}>{}</button>\n",
        escape(label)
    )
}

/// What is known of a contact; nothing while the database is away.
pub(super) fn preferences(words: &Words, known: Option<&Preferences>) -> String {
    let mut body = String::new();
    let leaves_all = known.is_some_and(|known| known.unsubscribe == Unsubscribe::Everything);
    if known.is_some_and(|known| known.is_stopped) {
        body.push_str(&format!(
            "<p role=\"status\">{}</p>\n<form method=\"post\">\n{}</form>\n",
            escape(words.stopped),
            button("again", words.again, true)
        ));
    } else if leaves_all {
        body.push_str(&leave_everything(words, true));
    } else {
        body.push_str(&format!(
            "<form method=\"post\">\n<p>{}</p>\n{}</form>\n",
            escape(words.leave_campaign_why),
            button("campaign", words.leave_campaign, true)
        ));
    }
    let lists = known
        .map(|known| known.lists.as_slice())
        .unwrap_or_default();
    if !lists.is_empty() {
        body.push_str(&format!(
            "<form method=\"post\">\n<fieldset>\n<legend>{}</legend>\n",
            escape(words.lists)
        ));
        for list in lists {
            body.push_str(&choice(list));
        }
        body.push_str(&format!(
            "</fieldset>\n{}</form>\n",
            button("lists", words.save, false)
        ));
    }
    if !leaves_all && !known.is_some_and(|known| known.is_stopped) {
        body.push_str(&leave_everything(words, false));
    }
    page(words, words.title, &body)
}

fn leave_everything(words: &Words, is_main: bool) -> String {
    let why = if is_main {
        words.leave_all_why
    } else {
        words.leave_everything_why
    };
    format!(
        "<form method=\"post\">\n<p>{}</p>\n{}</form>\n",
        escape(why),
        button("everything", words.leave_everything, is_main)
    )
}

/// A list that one is on, or left, to be ticked or not.
fn choice(list: &PreferredList) -> String {
    let is_on = list.status != Membership::Unsubscribed;
    let (name, checked) = match is_on {
        true => ("shown", " checked"),
        false => ("left", ""),
    };
    let description = match &list.description {
        Some(text) => format!("<small>{}</small>", escape(text)),
        None => String::new(),
    };
    format!(
        "<input type=\"hidden\" name=\"{name}\" value=\"{id}\">\n\
         <label><input type=\"checkbox\" name=\"list\" value=\"{id}\"{checked}> <span>{}{description}</span></label>\n",
        escape(&list.name),
        id = list.id,
    )
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use schemas::ListId;
    use uuid::Uuid;

    use super::*;

    fn list(number: u128, name: &str, status: Membership) -> PreferredList {
        PreferredList {
            id: ListId(Uuid::from_u128(number)),
            name: name.into(),
            description: Some("a & b".into()),
            status,
            is_of_campaign: false,
        }
    }

    #[test]
    fn pages_show_text_as_text_and_need_no_script() {
        let words = Words::asked(None, &HeaderMap::new());
        let known = Preferences {
            language: None,
            is_stopped: false,
            unsubscribe: Unsubscribe::List,
            lists: vec![
                list(1, "<script>alert('x')</script>", Membership::Confirmed),
                list(2, "\"News\"", Membership::Unsubscribed),
            ],
        };
        let html = preferences(words, Some(&known));
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("&lt;script&gt;") && html.contains("a &amp; b"));
        assert_eq!(html.matches(" checked").count(), 1);
        for action in ["campaign", "lists", "everything"] {
            assert!(html.contains(&format!("value=\"{action}\"")), "{action}");
        }
        assert!(!html.contains("value=\"again\""));
        assert!(!html.to_lowercase().contains("method=\"get\""));
        assert!(!html.contains("class=\"\""));
        let all = Preferences {
            unsubscribe: Unsubscribe::Everything,
            ..known
        };
        let html = preferences(words, Some(&all));
        assert!(!html.contains("value=\"campaign\""));
        assert_eq!(html.matches("value=\"everything\"").count(), 1);
        assert!(
            html.contains("value=\"everything\" class=\"main\"")
                && html.contains("value=\"lists\"")
        );
        let stopped = Preferences {
            is_stopped: true,
            ..Preferences::default()
        };
        let html = preferences(words, Some(&stopped));
        assert!(html.contains("value=\"again\"") && !html.contains("value=\"everything\""));
        let html = preferences(words, None);
        assert!(html.contains("value=\"campaign\"") && html.contains("value=\"everything\""));
        assert!(confirm(words, Some("<b>")).contains("&lt;b&gt;"));
    }
}
