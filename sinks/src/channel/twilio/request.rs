//! From a message to the calls that send it, as forms of `POST …/Messages.json`
//! (<https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource>).

use schemas::{Attachment, Outbound, PlatformTemplate, sms::SmsSize};
use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use super::super::{
    Failure,
    pool::Pool,
    text::{Dialect, Limit, Unit, listed, parts, sms_size},
    words,
};

/// Longest body, and most files of one message.
const MAX_TEXT: Limit = Limit {
    max: 1600,
    unit: Unit::Utf16,
};
const MAX_FILES: usize = 10;
/// A message that would need more calls is refused: it is no conversation any more.
const MAX_CALLS: usize = 20;

/// What a channel sends with.
pub(super) struct Origin {
    pub(super) pool: Pool,
    pub(super) service: Option<String>,
    pub(super) status_callback: Option<String>,
}

/// Names and values of one call.
pub(super) type Form = Vec<(&'static str, String)>;

/// The forms that send a message, in order; at least one.
pub(super) fn forms(outbound: &Outbound, origin: &Origin) -> Result<Vec<Form>, Failure> {
    let to = to(outbound)?;
    let base = base(outbound, origin, to)?;
    let content = &outbound.message.content;
    if let Some(template) = &content.template {
        let mut form = base;
        form.extend(templated(template)?);
        return Ok(vec![form]);
    }
    let whatsapp = to.starts_with("whatsapp:");
    let (mut files, mut lines, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for attachment in &content.attachments {
        match attachment.kind.as_str() {
            "location" if whatsapp => places.push(place(attachment)?),
            "location" => lines.push(words::place(attachment)?),
            "contact" if attachment.url.is_none() => lines.push(words::contact(attachment)?),
            _ => files.push(words::url(attachment)?.to_owned()),
        }
    }
    if !content.buttons.is_empty() {
        lines.push(listed(&content.buttons));
    }
    let mut written = content.clone();
    written.text = words::join(&written.text, lines);
    let dialect = if whatsapp {
        Dialect::WhatsApp
    } else {
        Dialect::Plain
    };
    let mut forms: Vec<Form> = parts(&written, dialect, MAX_TEXT)
        .into_iter()
        .map(|part| [base.clone(), vec![("Body", part)]].concat())
        .collect();
    // WhatsApp shows one file a message; the first goes with the text.
    let each = if whatsapp { 1 } else { MAX_FILES };
    for (index, files) in files.chunks(each).enumerate() {
        let media = files.iter().map(|url| ("MediaUrl", url.clone()));
        match forms.first_mut() {
            Some(first) if index == 0 => first.extend(media),
            _ => forms.push(base.iter().cloned().chain(media).collect()),
        }
    }
    forms.extend(places.into_iter().map(|(action, label)| {
        let place = vec![("Body", label), ("PersistentAction", action)];
        [base.clone(), place].concat()
    }));
    match forms.len() {
        0 => Err(Failure::message("empty", "neither text nor attachments")),
        1..=MAX_CALLS => Ok(forms),
        calls => Err(Failure::message(
            "too-long",
            format!("would take {calls} calls; {MAX_CALLS} is the limit"),
        )),
    }
}

/// The size of what leaves as SMS: not what goes by another channel, has files (MMS), or is a template of Twilio's.
pub(super) fn size(forms: &[Form]) -> Option<SmsSize> {
    let texts = forms.iter().filter_map(|form| {
        let field = |wanted: &str| form.iter().find(|(name, _)| *name == wanted);
        let (_, to) = field("To")?;
        let is_sms = channel(to).is_none() && field("MediaUrl").is_none();
        field("Body").filter(|_| is_sms)
    });
    sms_size(texts.map(|(_, text)| text.as_str()))
}

/// A form as it is posted.
pub(super) fn encode(form: &Form) -> String {
    Serializer::new(String::new()).extend_pairs(form).finish()
}

/// Whom it goes to: a number with its country, a short code, or an address with its channel.
fn to(outbound: &Outbound) -> Result<&str, Failure> {
    let message = &outbound.message;
    let to = match message.recipient.id.trim() {
        "" => message.platform_conversation_id.trim(),
        id => id,
    };
    let number = |text: &str| {
        let digits = text.strip_prefix('+').unwrap_or(text);
        (3..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let fits = match to.split_once(':') {
        Some((channel, rest)) => {
            matches!(channel, "whatsapp" | "rcs" | "messenger") && !rest.is_empty()
        }
        None => number(to),
    };
    if fits {
        Ok(to)
    } else {
        Err(Failure::message(
            "address",
            "not a number, nor an address of WhatsApp, RCS or Messenger",
        ))
    }
}

fn base(outbound: &Outbound, origin: &Origin, to: &str) -> Result<Form, Failure> {
    let mut form = vec![("To", to.to_owned())];
    let channel = channel(to);
    let own = origin
        .pool
        .choose(outbound, |number| self::channel(number) == channel);
    // A number that has WhatsApp too is often given bare.
    let bare = || {
        let number = origin
            .pool
            .choose(outbound, |number| number.starts_with('+'))?;
        (channel == Some("whatsapp")).then(|| format!("whatsapp:{number}"))
    };
    match own.map(str::to_owned).or_else(bare) {
        Some(from) => form.push(("From", from)),
        None => match &origin.service {
            Some(service) => form.push(("MessagingServiceSid", service.clone())),
            None => {
                return Err(Failure::message(
                    "no-sender",
                    "the channel has no `from`, `numbers` or `messaging_service_sid` for this address",
                ));
            }
        },
    }
    if let Some(url) = &origin.status_callback {
        form.push(("StatusCallback", url.clone()));
    }
    Ok(form)
}

fn channel(address: &str) -> Option<&str> {
    address.split_once(':').map(|(channel, _)| channel)
}

/// <https://www.twilio.com/docs/content/send-templates-created-with-the-content-template-builder>
fn templated(template: &PlatformTemplate) -> Result<Form, Failure> {
    if !template.name.starts_with("HX") {
        return Err(Failure::message(
            "template",
            "a template is named by its content SID, `HX…`",
        ));
    }
    if template.has_header_or_buttons() {
        return Err(Failure::message(
            "template",
            "Twilio numbers a template's variables through all its parts: give them as `variables`",
        ));
    }
    let mut form = vec![("ContentSid", template.name.clone())];
    let variables = match template.components.first() {
        Some(Value::Object(variables)) => variables.clone(),
        Some(_) => {
            return Err(Failure::message(
                "template",
                "`components` holds one object of variables",
            ));
        }
        None => (1..)
            .zip(&template.variables)
            .map(|(number, text)| (number.to_string(), text.clone().into()))
            .collect::<Map<String, Value>>(),
    };
    if !variables.is_empty() {
        form.push(("ContentVariables", Value::Object(variables).to_string()));
    }
    Ok(form)
}

/// WhatsApp's own place: the action, and the text it needs.
fn place(place: &Attachment) -> Result<(String, String), Failure> {
    let (latitude, longitude) = words::coordinates(place)?;
    let label = words::label(place);
    if label.is_empty() {
        return Ok((
            format!("geo:{latitude},{longitude}"),
            format!("{latitude}, {longitude}"),
        ));
    }
    Ok((
        format!("geo:{latitude},{longitude}|{}", label.replace('|', " ")),
        label,
    ))
}

#[cfg(test)]
mod tests;
