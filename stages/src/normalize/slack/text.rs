//! Slack's mrkdwn as people read it (<https://docs.slack.dev/messaging/formatting-message-text/>).
//!
//! What stands between `<` and `>` is a link or a mention; `&amp;`, `&lt;` and `&gt;` stand for themselves. Signs of emphasis
//! stay: they are as readable as what was typed. Deliberately absent: names of people and channels that Slack does not give.

/// A text without Slack's escapes, and the ids of the people it mentions.
pub(super) fn readable(markup: &str) -> (String, Vec<String>) {
    let mut out = String::with_capacity(markup.len());
    let mut people = Vec::new();
    let mut rest = markup;
    while let Some((before, after)) = rest.split_once('<') {
        unescape(before, &mut out);
        // A literal `<` is always escaped; one that opens nothing stays as it is.
        let Some((inside, next)) = after.split_once('>') else {
            out.push('<');
            rest = after;
            continue;
        };
        reference(inside, &mut out, &mut people);
        rest = next;
    }
    unescape(rest, &mut out);
    (out, people)
}

/// What stands between angle brackets.
fn reference(inside: &str, out: &mut String, people: &mut Vec<String>) {
    let (target, label) = match inside.split_once('|') {
        Some((target, label)) => (target, Some(label).filter(|label| !label.is_empty())),
        None => (inside, None),
    };
    let mut mark = |sign: char, name: &str| {
        if !name.starts_with(sign) {
            out.push(sign);
        }
        unescape(name, out);
    };
    if let Some(person) = target.strip_prefix('@') {
        if !people.iter().any(|known| known == person) {
            people.push(person.to_owned());
        }
        mark('@', label.unwrap_or(person));
    } else if let Some(channel) = target.strip_prefix('#') {
        mark('#', label.unwrap_or(channel));
    } else if let Some(group) = target.strip_prefix("!subteam^") {
        mark('@', label.unwrap_or(group));
    } else if let Some(command) = target.strip_prefix('!') {
        match label {
            // `<!date^…|fallback>`: the fallback is what it says.
            Some(label) if command.starts_with("date^") => unescape(label, out),
            _ => mark('@', label.unwrap_or(command)),
        }
    } else {
        let bare = ["mailto:", "tel:"]
            .into_iter()
            .find_map(|scheme| target.strip_prefix(scheme))
            .unwrap_or(target);
        unescape(label.unwrap_or(bare), out);
    }
}

fn unescape(text: &str, out: &mut String) {
    const ESCAPES: [(&str, char); 3] = [("amp;", '&'), ("lt;", '<'), ("gt;", '>')];
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let known = ESCAPES
            .into_iter()
            .find_map(|(name, stands_for)| Some((after.strip_prefix(name)?, stands_for)));
        let (next, stands_for) = known.unwrap_or((after, '&'));
        out.push(stands_for);
        rest = next;
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn references_read_as_people_see_them() {
        for (markup, expected) in [
            ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
            ("<@U1> and <@U2|ann>", "@U1 and @ann"),
            ("<#C1|general> <#C2> <#C3|>", "#general #C2 #C3"),
            (
                "<!here> <!channel> <!everyone|everyone>",
                "@here @channel @everyone",
            ),
            ("<!subteam^S1> <!subteam^S2|@devs>", "@S1 @devs"),
            ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
            (
                "<https://x.example/?a=1&amp;b=2>",
                "https://x.example/?a=1&b=2",
            ),
            ("see <https://x.example|the &lt;page&gt;>", "see the <page>"),
            (
                "<mailto:a@b.example|a@b.example> <tel:+4930>",
                "a@b.example +4930",
            ),
            ("1 < 2 &nbsp; & *b*", "1 < 2 &nbsp; & *b*"),
        ] {
            assert_eq!(readable(markup).0, expected, "{markup}");
        }
        assert_eq!(readable("<@U1> <@U2|b> <@U1>").1, ["U1", "U2"]);
    }

    proptest! {
        #[test]
        fn any_text_has_a_reading(markup in "[<>&|@#!a;-]{0,40}|.{0,40}") {
            let (text, _) = readable(&markup);
            prop_assert!(text.len() <= markup.len() + 40);
        }
    }
}
