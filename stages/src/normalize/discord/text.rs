//! Discord's references as people read them (<https://docs.discord.com/developers/reference#message-formatting>).
//!
//! Signs of Markdown stay: they are as readable as what was typed. Deliberately absent: names of roles and channels that
//! Discord does not send along.

use schemas::Timestamp;
use serde_json::Value;

use super::super::look::{first, list, text};

/// A text with names in place of references. `message` holds the people it mentions.
pub(super) fn readable(content: &str, message: &Value) -> String {
    let mut out = String::with_capacity(content.len());
    let mut rest = content;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let inside = after.split_once('>');
        match inside.and_then(|(inside, next)| Some((reference(inside, message)?, next))) {
            Some((read, next)) => {
                out.push_str(&read);
                rest = next;
            }
            None => {
                out.push('<');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn reference(inside: &str, message: &Value) -> Option<String> {
    if let Some(role) = inside.strip_prefix("@&") {
        return is_id(role).then(|| format!("@{role}"));
    }
    if let Some(user) = inside.strip_prefix("@!").or(inside.strip_prefix('@')) {
        let known = list(message, "/mentions")
            .iter()
            .find(|mention| text(mention, "/id") == Some(user))
            .and_then(name);
        return is_id(user).then(|| format!("@{}", known.unwrap_or(user)));
    }
    if let Some(channel) = inside.strip_prefix('#') {
        let known = list(message, "/mention_channels")
            .iter()
            .find(|mention| text(mention, "/id") == Some(channel))
            .and_then(|mention| text(mention, "/name"));
        return is_id(channel).then(|| format!("#{}", known.unwrap_or(channel)));
    }
    if let Some(command) = inside.strip_prefix('/') {
        let (name, id) = command.rsplit_once(':')?;
        return is_id(id).then(|| format!("/{name}"));
    }
    if let Some(time) = inside.strip_prefix("t:") {
        let seconds = time.split_once(':').map_or(time, |(seconds, _)| seconds);
        return moment(seconds.parse().ok()?);
    }
    let emoji = inside.strip_prefix('a').unwrap_or(inside).strip_prefix(':');
    if let Some((name, id)) = emoji.and_then(|emoji| emoji.rsplit_once(':')) {
        return is_id(id).then(|| format!(":{name}:"));
    }
    // `<https://…>` is an address that shall not be looked at.
    let is_address = inside.starts_with("https://") || inside.starts_with("http://");
    is_address.then(|| inside.to_owned())
}

/// How a person is called: in the guild, else in general.
pub(super) fn name(user: &Value) -> Option<&str> {
    first(user, &["/member/nick", "/global_name", "/username"])
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// A point in time, to the minute, which is what most of Discord's styles show.
fn moment(seconds: i64) -> Option<String> {
    let at = Timestamp(seconds.checked_mul(1_000_000)?).to_string();
    let (day, time) = at.split_once('T')?;
    let minutes = time.get(..5)?;
    Some(format!("{day} {minutes} UTC"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn references_read_as_people_see_them() {
        let message = json!({
            "mentions": [
                {"id": "5", "username": "mira", "global_name": "Mira H", "member": {"nick": "Captain"}},
                {"id": "6", "username": "tom", "global_name": null}],
            "mention_channels": [{"id": "8", "name": "orders"}],
        });
        for (content, expected) in [
            ("<@5> <@!6> <@7>", "@Captain @tom @7"),
            ("<#8> <#9> <@&10>", "#orders #9 @10"),
            ("<:lamp:123> <a:wave:124>", ":lamp: :wave:"),
            ("</order status:99>", "/order status"),
            (
                "at <t:1790000000:R> or <t:1790000000>",
                "at 2026-09-21 14:13 UTC or 2026-09-21 14:13 UTC",
            ),
            ("<https://x.example>", "https://x.example"),
            ("1 < 2 > 1 <b> <@x> <:a:b> <", "1 < 2 > 1 <b> <@x> <:a:b> <"),
        ] {
            assert_eq!(readable(content, &message), expected, "{content}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_reading(content in "[<>@!#:/t&a0-9]{0,40}|.{0,40}") {
            let read = readable(&content, &Value::Null);
            prop_assert!(read.len() <= content.len() + 200);
        }
    }
}
