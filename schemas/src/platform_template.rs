//! Messages that a platform has approved beforehand: which one, and what stands in its variables.
//!
//! The parts are those of WhatsApp's templates
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components>); platforms that have
//! other ones take what they know of them. In a campaign every text is a template of the hub's own, filled in for each
//! recipient.
//!
//! Deliberately absent: what the approved message says. The platform alone knows it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::ChannelKind;

/// A message approved by the platform beforehand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformTemplate {
    /// As the platform names it: `order_ready` at WhatsApp, the content SID `HX…` at Twilio.
    pub name: String,
    /// As the platform names it, e.g. `en_US`.
    pub language: String,
    /// What stands in the header's variable, or the header's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<TemplateHeader>,
    /// Texts for the body's variables, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
    /// Of the buttons only those that have a variable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    pub buttons: Vec<TemplateButton>,
    /// The platform's own components, when more than that is needed; replaces `header`, `variables` and `buttons`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub components: Vec<Value>,
}

/// What stands above the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateHeader {
    #[serde(rename = "type")]
    pub kind: TemplateHeaderType,
    /// The variable's text; of a file its address, which the platform fetches.
    pub value: String,
    /// Of a document: what it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateHeaderType {
    Text,
    Image,
    Video,
    Document,
}

impl TemplateHeaderType {
    const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Document => "document",
        }
    }
}

/// A button's variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateButton {
    #[serde(rename = "type")]
    pub kind: TemplateButtonType,
    /// Of a `url`: what follows the approved address. Of a `quick_reply`: what comes back when it is pressed. Of a
    /// `copy_code`: the code.
    pub value: String,
    /// Its place among all buttons of the approved message, from 0; its place in this list when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 9)]
    pub index: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateButtonType {
    Url,
    QuickReply,
    CopyCode,
}

impl PlatformTemplate {
    /// Whether a channel of this kind sends it in a campaign. The name says whose it is: only Twilio's begin with `HX`.
    #[must_use]
    pub fn fits(&self, kind: ChannelKind) -> bool {
        match kind {
            ChannelKind::WhatsApp => !self.is_twilios(),
            ChannelKind::Twilio => self.is_twilios(),
            _ => false,
        }
    }

    /// Whether its name is a content SID.
    #[must_use]
    pub fn is_twilios(&self) -> bool {
        self.name.starts_with("HX")
    }

    /// Whether it has parts that are not merely variables of a body.
    #[must_use]
    pub const fn has_header_or_buttons(&self) -> bool {
        self.header.is_some() || !self.buttons.is_empty()
    }

    /// The components of WhatsApp's API
    /// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/marketing-templates/custom-marketing-templates>).
    #[must_use]
    pub fn whatsapp_components(&self) -> Vec<Value> {
        if !self.components.is_empty() {
            return self.components.clone();
        }
        let mut components = Vec::new();
        if let Some(header) = &self.header {
            components.push(json!({"type": "header", "parameters": [header.parameter()]}));
        }
        if !self.variables.is_empty() {
            let texts = self.variables.iter();
            let parameters: Vec<Value> = texts
                .map(|text| json!({"type": "text", "text": text}))
                .collect();
            components.push(json!({"type": "body", "parameters": parameters}));
        }
        for (place, button) in self.buttons.iter().enumerate() {
            let (kind, parameter) = button.parameter();
            let index = button
                .index
                .map_or_else(|| place.to_string(), |index| index.to_string());
            components.push(json!({
                "type": "button", "sub_type": kind, "index": index, "parameters": [parameter],
            }));
        }
        components
    }

    /// Every text that may be filled in, with its place as a JSON pointer; in the order of [`Self::filled`].
    #[must_use]
    pub fn texts(&self) -> Vec<(String, &str)> {
        let mut texts: Vec<(String, &str)> = Vec::new();
        if let Some(header) = &self.header {
            texts.push(("/header/value".into(), &header.value));
            if let Some(name) = &header.filename {
                texts.push(("/header/filename".into(), name));
            }
        }
        for (place, text) in self.variables.iter().enumerate() {
            texts.push((format!("/variables/{place}"), text));
        }
        for (place, button) in self.buttons.iter().enumerate() {
            texts.push((format!("/buttons/{place}/value"), &button.value));
        }
        for (place, component) in self.components.iter().enumerate() {
            strings(format!("/components/{place}"), component, &mut texts);
        }
        texts
    }

    /// The same with other texts: `fill` is asked for each of [`Self::texts`], in their order, and ends it by an error.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn filled<E>(&self, fill: &mut dyn FnMut(&str) -> Result<String, E>) -> Result<Self, E> {
        let header = match &self.header {
            Some(header) => Some(TemplateHeader {
                kind: header.kind,
                value: fill(&header.value)?,
                filename: header.filename.as_deref().map(&mut *fill).transpose()?,
            }),
            None => None,
        };
        let variables = self.variables.iter().map(|text| fill(text));
        let variables = variables.collect::<Result<_, E>>()?;
        let buttons = self.buttons.iter().map(|button| {
            Ok(TemplateButton {
                kind: button.kind,
                value: fill(&button.value)?,
                index: button.index,
            })
        });
        let buttons = buttons.collect::<Result<_, E>>()?;
        let components = self.components.iter().map(|value| replaced(value, fill));
        Ok(Self {
            name: self.name.clone(),
            language: self.language.clone(),
            header,
            variables,
            buttons,
            components: components.collect::<Result<_, E>>()?,
        })
    }

    /// Which one and with what, on a line, for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let whole = format!("{} ({})", self.name, self.language);
        let texts: Vec<&str> = if self.components.is_empty() {
            self.texts().into_iter().map(|(_, text)| text).collect()
        } else {
            Vec::new()
        };
        if texts.is_empty() {
            whole
        } else {
            format!("{whole}: {}", texts.join(", "))
        }
    }
}

impl TemplateHeader {
    fn parameter(&self) -> Value {
        let kind = self.kind.name();
        if self.kind == TemplateHeaderType::Text {
            return json!({"type": kind, "text": self.value});
        }
        let mut file = Map::from_iter([("link".to_owned(), Value::from(self.value.as_str()))]);
        if let (TemplateHeaderType::Document, Some(name)) = (self.kind, &self.filename) {
            file.insert("filename".into(), name.as_str().into());
        }
        json!({"type": kind, kind: file})
    }
}

impl TemplateButton {
    fn parameter(&self) -> (&'static str, Value) {
        let value = &self.value;
        match self.kind {
            TemplateButtonType::Url => ("url", json!({"type": "text", "text": value})),
            TemplateButtonType::QuickReply => {
                ("quick_reply", json!({"type": "payload", "payload": value}))
            }
            TemplateButtonType::CopyCode => {
                let parameter = json!({"type": "coupon_code", "coupon_code": value});
                ("copy_code", parameter)
            }
        }
    }
}

/// The strings of a value; names of fields are none.
fn strings<'a>(place: String, value: &'a Value, texts: &mut Vec<(String, &'a str)>) {
    match value {
        Value::String(text) => texts.push((place, text)),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                strings(format!("{place}/{at}"), item, texts);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                strings(format!("{place}/{name}"), field, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn replaced<E>(value: &Value, fill: &mut dyn FnMut(&str) -> Result<String, E>) -> Result<Value, E> {
    Ok(match value {
        Value::String(text) => fill(text)?.into(),
        Value::Array(items) => {
            let items = items.iter().map(|item| replaced(item, fill));
            Value::Array(items.collect::<Result<_, E>>()?)
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, field)| Ok((name.clone(), replaced(field, fill)?)));
            Value::Object(fields.collect::<Result<_, E>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> PlatformTemplate {
        serde_json::from_value(json!({
            "name": "spring_sale", "language": "en_US",
            "header": {"type": "document", "value": "https://shop.example/a.pdf", "filename": "a.pdf"},
            "variables": ["Ada", "12"],
            "buttons": [{"type": "url", "value": "c1", "index": 3}, {"type": "quick_reply", "value": "more"},
                {"type": "copy_code", "value": "SPRING"}],
        }))
        .unwrap()
    }

    #[test]
    fn parts_become_components() {
        assert_eq!(
            Value::from(whole().whatsapp_components()),
            json!([
                {"type": "header", "parameters": [{"type": "document",
                    "document": {"link": "https://shop.example/a.pdf", "filename": "a.pdf"}}]},
                {"type": "body", "parameters": [{"type": "text", "text": "Ada"}, {"type": "text", "text": "12"}]},
                {"type": "button", "sub_type": "url", "index": "3", "parameters": [{"type": "text", "text": "c1"}]},
                {"type": "button", "sub_type": "quick_reply", "index": "1",
                    "parameters": [{"type": "payload", "payload": "more"}]},
                {"type": "button", "sub_type": "copy_code", "index": "2",
                    "parameters": [{"type": "coupon_code", "coupon_code": "SPRING"}]},
            ])
        );
        let text = TemplateHeader {
            kind: TemplateHeaderType::Text,
            value: "May".into(),
            filename: None,
        };
        assert_eq!(text.parameter(), json!({"type": "text", "text": "May"}));
    }

    #[test]
    fn texts_and_what_fills_them_are_in_one_order() {
        let mut template = whole();
        template.components = vec![
            json!({"type": "body", "parameters": [{"type": "text", "text": "a", "n": 1}, null, "b"]}),
        ];
        let texts = template.texts();
        let mut asked = Vec::new();
        let same = template.filled::<()>(&mut |text| {
            asked.push(text.to_owned());
            Ok(text.to_owned())
        });
        assert_eq!(same.as_ref(), Ok(&template));
        assert_eq!(
            asked,
            texts.iter().map(|(_, text)| *text).collect::<Vec<_>>()
        );
        let value = json!(template);
        for (pointer, text) in texts {
            assert_eq!(value.pointer(&pointer), Some(&json!(text)), "{pointer}");
        }
        assert_eq!(template.filled(&mut |_| Err(7)), Err(7));
    }

    #[test]
    fn the_name_says_whose_it_is() {
        let (mut template, kinds) = (whole(), [ChannelKind::WhatsApp, ChannelKind::Twilio]);
        assert_eq!(kinds.map(|kind| template.fits(kind)), [true, false]);
        template.name = "HX0123".into();
        assert_eq!(kinds.map(|kind| template.fits(kind)), [false, true]);
        assert!(!template.fits(ChannelKind::Email));
    }

    #[test]
    fn what_was_stored_before_is_read() {
        let before = json!({"name": "greeting", "language": "de", "variables": ["x"]});
        let template: PlatformTemplate = serde_json::from_value(before.clone()).unwrap();
        assert_eq!(json!(template), before);
        assert_eq!(template.summary(), "greeting (de): x");
    }
}
