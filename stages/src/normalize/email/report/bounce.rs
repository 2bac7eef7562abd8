//! Bounces in no standard's form: what mail servers write to people.
//!
//! Such a mail is known by who sent it or by what its subject says, and must then name an address or a code in its text.
//! Recipients are looked for above the returned mail, and the words that follow each are its diagnostic.

use std::sync::LazyLock;

use mail_parser::{Message as Mail, MimeHeaders, PartType};
use regex::Regex;
use schemas::bounce;

use super::{
    super::{charset, header},
    delivery::Fate,
    field,
};
use crate::text::prefix;

const MAX_TEXT_BYTES: usize = 32 * 1024;
const MAX_RECIPIENTS: usize = 20;
/// Lines of a recipient's diagnostic.
const MAX_LINES: usize = 12;

/// Subjects of bounces.
static SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)undeliver|delivery (status|failure|has failed|problem|notification|report|error|reports|incomplete)|mail (delivery|system error|could not)|",
        r"(mail|message|delivery)( delivery)? (failed|failure|error|delayed)|failure (notice|delivery)|returned (mail|to sender)|non.?deliver|could ?n.t be delivered|",
        r"delayed mail|(warning|notice): (message|mail|could not)|nondeliverable|error (occurred )?(while )?sending your|delivery to .* (failed|has been)|message (you sent )?(blocked|rejected)|",
        r"unzustellbar|nicht zugestellt|zustellung|non remis|échec de (la )?remise|no se (pudo|puede) entregar|devuelto|non recapitabile|mancat[oa] (recapito|consegna)|",
        r"falha na entrega|não (foi )?entreg|onbestelbaar|kunde inte levereras|kan ikke leveres|niedostarcz|nie dostarczon|nedoručiteln|не доставлен|недоставлен|",
        r"teslim edile|配信不能|送信できません|エラーメール|退信|無法傳送|반송|系统退信",
    ))
    .expect("the pattern is a constant, and a test compiles it")
});

/// Where the returned mail begins.
static RETURNED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?im)^[ \t>]*([-=*_+]{2,}.{0,12}(this is a copy|below this line|original message|returned message|unsent message|message header|headers? of|",
        r"original mail|undelivered message|received message|the header|message text|copy of|本メール|元のメール|エラー).*",
        r"|(original message|the original message|your message headers?|original mail) (follows|headers?|below|was).*|.{0,10}(return-path|received): .*|message headers follow.*)$",
    ))
    .expect("the pattern is a constant, and a test compiles it")
});

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"[A-Za-z0-9._%+/=?^~'!#$&*{}|`-]+@[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]"#)
        .expect("the pattern is a constant, and a test compiles it")
});

/// Names under which servers write.
const SERVERS: [&str; 8] = [
    "mailer-daemon",
    "postmaster",
    "post_master",
    "mailerdaemon",
    "mail-daemon",
    "mdaemon",
    "maildaemon",
    "mail.delivery.system",
];

/// That something failed, in the first words.
static FAILED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?im)^\s*error:|not (be )?deliver|undeliver|failed|returned to")
        .expect("the pattern is a constant, and a test compiles it")
});

/// That the mail waits still.
static DELAYED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(has|have) not yet been (delivered|completed)|will (continue|keep) (to )?(try|be attempted|retry)|delivery attempts will continue|you do not need to resend|delayed|still being retried|no action is required")
        .expect("the pattern is a constant, and a test compiles it")
});

/// The recipients that a bounce names; none when it is no bounce.
pub(super) fn recipients(mail: &Mail<'_>, text: &str, is_report: bool) -> Vec<Fate> {
    let own = text.trim();
    // Some put their words into a part that is neither plain nor a page.
    let other = if own.is_empty() { words(mail) } else { None };
    let text = prefix(other.as_deref().unwrap_or(own), MAX_TEXT_BYTES);
    if !is_report && !looks_like(mail, text) {
        return Vec::new();
    }
    let end = RETURNED
        .find(text)
        .map_or(text.len(), |found| found.start());
    let head = text.get(..end).unwrap_or(text);
    let failed: Vec<String> = header(mail, "X-Failed-Recipients")
        .unwrap_or_default()
        .split(',')
        .filter_map(field::address)
        .collect();
    let named = named(mail, head, &failed);
    let action = if DELAYED.is_match(head) && !head.contains(" failed") {
        "delayed"
    } else {
        "failed"
    };
    if named.is_empty() {
        // A code says enough that something was not delivered; or the subject does, which is why we are here.
        let coded = bounce::status_within(head).is_some() || bounce::reply(head).is_some();
        let subject = mail.subject().unwrap_or_default();
        return if coded || SUBJECT.is_match(subject) {
            vec![fate(None, head, head, action)]
        } else {
            Vec::new()
        };
    }
    named
        .into_iter()
        .map(|(address, said)| fate(Some(address), &said, head, action))
        .collect()
}

/// Who sends bounces: nobody (RFC 3834), or the server itself.
fn looks_like(mail: &Mail<'_>, text: &str) -> bool {
    // As written: some have no address.
    let from = header(mail, "From")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let server = SERVERS.iter().any(|name| from.contains(name));
    let given = |name: &str| header(mail, name).unwrap_or_default().to_ascii_lowercase();
    let nobody = given("Return-Path") == "<>";
    let subject = SUBJECT.is_match(mail.subject().unwrap_or_default());
    let answers = given("Auto-Submitted");
    let robot = from.contains("noreply") || from.contains("no-reply");
    !given("X-Failed-Recipients").is_empty()
        || answers.contains("failure")
        || (subject && (server || nobody || robot || answers.starts_with("auto-")))
        || (server && nobody)
        || (server && FAILED.is_match(prefix(text, 500)))
}

/// The text of the first part that has one.
fn words(mail: &Mail<'_>) -> Option<String> {
    let of_parts = mail.parts.iter().find_map(|part| {
        let text = match &part.body {
            PartType::Text(_) => charset::text(mail, part).into_owned(),
            PartType::Html(_) => crate::normalize::html::to_text(&charset::text(mail, part)),
            PartType::Message(_) | PartType::Multipart(_) => return None,
            _ if part
                .content_type()
                .is_some_and(|given| given.ctype() == "text") =>
            {
                String::from_utf8_lossy(&charset::contents(mail, part)?).into_owned()
            }
            _ => return None,
        };
        (!text.trim().is_empty()).then_some(text)
    });
    of_parts.or_else(|| {
        // Some do not know how to write MIME: what stands below the head, as it is.
        let raw = &mail.raw_message;
        let body = raw.get(usize::try_from(mail.root_part().raw_body_offset()).ok()?..)?;
        let body = body.get(..MAX_TEXT_BYTES).unwrap_or(body);
        Some(String::from_utf8_lossy(body).into_owned()).filter(|text| !text.trim().is_empty())
    })
}

/// The addresses named, with what is said after each.
fn named(mail: &Mail<'_>, head: &str, failed: &[String]) -> Vec<(String, String)> {
    let us: Vec<String> = [mail.to(), mail.from()]
        .into_iter()
        .flatten()
        .flat_map(|list| list.iter())
        .filter_map(|addr| Some(crate::text::address(addr.address()?).to_lowercase()))
        .collect();
    let lines: Vec<&str> = head.lines().collect();
    let mut found: Vec<(String, String)> = Vec::new();
    let mut heard = "";
    for (at, line) in lines.iter().enumerate() {
        if let Some(answer) = line.trim().strip_prefix("<<<") {
            heard = answer.trim();
        }
        let summary = summarised(line);
        let Some(address) = summary.clone().or_else(|| introduced(line)) else {
            continue;
        };
        let lower = address.to_lowercase();
        let known = found.iter().any(|(known, _)| known.to_lowercase() == lower);
        let wanted =
            failed.is_empty() || failed.iter().any(|failed| failed.to_lowercase() == lower);
        if us.contains(&lower) || known || !wanted || found.len() == MAX_RECIPIENTS {
            continue;
        }
        if summary.is_some() {
            // What it says is vague where a remote server said it better.
            let said = format!("{heard}\n{}", line.trim());
            heard = "";
            found.push((address, said.trim().to_owned()));
            continue;
        }
        let more = lines
            .iter()
            .skip(at + 1)
            .take(MAX_LINES)
            .take_while(|line| introduced(line).is_none() && summarised(line).is_none());
        let said: Vec<&str> = std::iter::once(line)
            .chain(more)
            .map(|line| line.trim())
            .collect();
        found.push((address, said.join("\n").trim().to_owned()));
    }
    for address in failed {
        let lower = address.to_lowercase();
        if !found.iter().any(|(known, _)| known.to_lowercase() == lower) {
            found.push((address.clone(), String::new()));
        }
    }
    if found.is_empty() {
        // Anywhere in a sentence, then.
        let other = ADDRESS
            .find_iter(head)
            .map(|found| crate::text::address(found.as_str()))
            .find(|address| {
                let lower = address.to_lowercase();
                let server = [
                    "postmaster@",
                    "mailer-daemon@",
                    "noreply@",
                    "abuse@",
                    "support@",
                ]
                .iter()
                .any(|name| lower.starts_with(name));
                !us.contains(&lower) && !server
            });
        found.extend(other.map(|address| (address, String::new())));
    }
    found
}

/// The address in sendmail's own summary of one recipient: `554 <bob@example.org>... Host unknown`.
fn summarised(line: &str) -> Option<String> {
    let (code, rest) = line.trim_start().split_at_checked(3)?;
    let bare = rest.trim_start().strip_prefix('<')?;
    if !matches!(code.as_bytes(), [b'4' | b'5', rest @ ..] if rest.iter().all(u8::is_ascii_digit)) {
        return None;
    }
    let found = ADDRESS.find(bare).filter(|found| found.start() == 0)?;
    let rest = bare.get(found.end()..)?;
    rest.starts_with(">...")
        .then(|| crate::text::address(found.as_str()))
}

/// The address with which a line begins.
fn introduced(line: &str) -> Option<String> {
    let bare = line.trim_start_matches([' ', '\t', '>', '<', '*', '-', '"', '\'', '(', '[']);
    let bare = [
        "to: ",
        "rcpt to:<",
        "rcpt to: <",
        "user ",
        "recipient: ",
        "recipient address: ",
        "address: ",
        "final-recipient: rfc822; ",
        "mailto:",
    ]
    .iter()
    .find_map(|lead| {
        let (start, rest) = bare.split_at_checked(lead.len())?;
        start.eq_ignore_ascii_case(lead).then_some(rest)
    })
    .unwrap_or(bare);
    let found = ADDRESS.find(bare).filter(|found| found.start() == 0)?;
    Some(crate::text::address(found.as_str()))
}

/// `said` is what was said of the recipient, `text` what was said at all.
fn fate(recipient: Option<String>, said: &str, text: &str, action: &str) -> Fate {
    let status = bounce::status_within(said).or_else(|| bounce::status_within(text));
    let reply = bounce::reply(said).or_else(|| bounce::reply(text));
    let said = if said.is_empty() { text } else { said };
    let mut fate = Fate {
        recipient,
        action: action.to_owned(),
        reply,
        diagnostic: Some(said.split_whitespace().collect::<Vec<_>>().join(" ")),
        ..Fate::default()
    };
    fate.judge(status, text);
    fate
}
