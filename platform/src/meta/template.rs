//! A template message, as strictly as WhatsApp documents it
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/marketing-templates/custom-marketing-templates>).
//!
//! Deliberately absent: which templates there are, and how many variables each has (tests put those errors in store).

use serde_json::Value;

use super::{list, only, text};

/// Checks the object `template` of a message.
pub(super) fn template(object: &Value) -> Result<(), String> {
    only(object, &["name", "language", "components"])?;
    text(object, "name", 1, 512)?;
    let language = object.get("language").ok_or("language is required")?;
    only(language, &["policy", "code"])?;
    text(language, "code", 2, 10)?;
    let components = object.get("components").and_then(Value::as_array);
    components.into_iter().flatten().try_for_each(component)
}

fn component(component: &Value) -> Result<(), String> {
    let kind = text(component, "type", 1, 20)?;
    match kind {
        "header" | "body" => only(component, &["type", "parameters"])?,
        "button" => {
            only(component, &["type", "sub_type", "index", "parameters"])?;
            text(component, "sub_type", 1, 20)?;
            let index = text(component, "index", 1, 1)?;
            index
                .parse::<u8>()
                .map_err(|_| "index must be from 0 to 9")?;
        }
        _ => return Err(format!("{kind} is not a type of component")),
    }
    list(component, "parameters", 1, 100)?
        .iter()
        .try_for_each(parameter)
}

fn parameter(parameter: &Value) -> Result<(), String> {
    let kind = text(parameter, "type", 1, 20)?;
    match kind {
        "text" => {
            only(parameter, &["type", "text", "parameter_name"])?;
            one_line(text(parameter, "text", 1, 1024)?)
        }
        "payload" => text(parameter, "payload", 1, 256).and_then(one_line),
        "coupon_code" => text(parameter, "coupon_code", 1, 20).and_then(one_line),
        "image" | "video" | "document" => {
            let file = parameter.get(kind).ok_or("the file is required")?;
            super::whatsapp::file(file, &["filename"])
        }
        "currency" | "date_time" | "location" | "action" => Ok(()),
        _ => Err(format!("{kind} is not a type of parameter")),
    }
}

fn one_line(text: &str) -> Result<(), String> {
    if text.contains(['\n', '\r', '\t']) || text.contains("     ") {
        return Err(
            "a parameter has neither line breaks nor tabs, and four blanks in a row at most".into(),
        );
    }
    Ok(())
}
