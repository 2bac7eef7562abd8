//! What a person says of an approved message, as far as it can be wrong without a look at the platform.

use std::collections::HashSet;

use schemas::PlatformTemplate;

use crate::problem::ApiError;

/// Names at WhatsApp
/// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview#names>).
const MAX_NAME: usize = 512;
const MAX_VARIABLES: usize = 100;
/// Buttons of a template at WhatsApp.
const MAX_BUTTONS: usize = 10;
const MAX_COMPONENTS: usize = 20;
const MAX_COMPONENTS_BYTES: usize = 32 * 1024;
/// Characters of one text, before it is filled in.
const MAX_TEXT: usize = 4000;

/// Checks all but the texts' own grammar, which `check` and the campaign's start speak of.
pub(super) fn checked(template: Option<&PlatformTemplate>) -> Result<(), ApiError> {
    template.map_or(Ok(()), |template| {
        ApiError::all([
            name(template),
            language(template),
            parts(template),
            buttons(template),
            components(template),
            texts(template),
        ])
    })
}

fn name(template: &PlatformTemplate) -> Result<(), ApiError> {
    let name = &template.name;
    let is_fit = if template.is_twilios() {
        name.len() == 34 && name.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit())
    } else {
        let form = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(form)
    };
    if is_fit {
        return Ok(());
    }
    Err(ApiError::invalid(
        "/platform_template/name",
        "Give the name that WhatsApp knows it by (lower-case letters, digits and `_`), or its content SID at Twilio: HX and \
         32 hex digits.",
    ))
}

/// `en`, `pt_BR`, `fil`; a content SID has one language, so that Twilio is not told any.
fn language(template: &PlatformTemplate) -> Result<(), ApiError> {
    let is_code = || {
        let (language, region) = match template.language.split_once('_') {
            Some((language, region)) => (language, Some(region)),
            None => (template.language.as_str(), None),
        };
        let lower = language.bytes().all(|byte| byte.is_ascii_lowercase());
        let upper = |region: &str| {
            region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase())
        };
        (2..=3).contains(&language.len()) && lower && region.is_none_or(upper)
    };
    if is_code() || (template.is_twilios() && template.language.len() <= 35) {
        return Ok(());
    }
    Err(ApiError::invalid(
        "/platform_template/language",
        "Give the language as WhatsApp names it for the template, e.g. `en`, `en_US` or `pt_BR`.",
    ))
}

fn parts(template: &PlatformTemplate) -> Result<(), ApiError> {
    let has_parts = template.has_header_or_buttons() || !template.variables.is_empty();
    if has_parts && !template.components.is_empty() {
        return Err(ApiError::invalid(
            "/platform_template/components",
            "Components replace all other parts: give either them, or header, variables and buttons.",
        ));
    }
    if template.is_twilios() && template.has_header_or_buttons() {
        return Err(ApiError::invalid(
            "/platform_template/variables",
            "Twilio numbers the variables through the header, the body and the buttons: give all of them here, in that order.",
        ));
    }
    if template.variables.len() > MAX_VARIABLES {
        return Err(ApiError::invalid(
            "/platform_template/variables",
            format!("There may be {MAX_VARIABLES} variables."),
        ));
    }
    Ok(())
}

fn buttons(template: &PlatformTemplate) -> Result<(), ApiError> {
    let mut seen = HashSet::new();
    for (place, button) in template.buttons.iter().enumerate() {
        let index = button.index.map_or(place, usize::from);
        if index >= MAX_BUTTONS || !seen.insert(index) {
            return Err(ApiError::invalid(
                format!("/platform_template/buttons/{place}/index"),
                "Give each button its place among all buttons of the approved template, from 0 to 9, and none twice.",
            ));
        }
    }
    Ok(())
}

fn components(template: &PlatformTemplate) -> Result<(), ApiError> {
    let components = &template.components;
    let is_fit = components.iter().all(serde_json::Value::is_object)
        && components.len()
            <= if template.is_twilios() {
                1
            } else {
                MAX_COMPONENTS
            };
    let bytes: usize = components.iter().map(|one| one.to_string().len()).sum();
    if is_fit && bytes <= MAX_COMPONENTS_BYTES {
        return Ok(());
    }
    Err(ApiError::invalid(
        "/platform_template/components",
        format!(
            "Give up to {MAX_COMPONENTS} objects as WhatsApp's API has them, or for Twilio one object of the variables by \
             their names; {MAX_COMPONENTS_BYTES} bytes at most."
        ),
    ))
}

fn texts(template: &PlatformTemplate) -> Result<(), ApiError> {
    let long = template
        .texts()
        .into_iter()
        .find(|(_, text)| text.chars().nth(MAX_TEXT).is_some() || text.contains('\0'));
    long.map_or(Ok(()), |(place, _)| {
        Err(ApiError::invalid(
            format!("/platform_template{place}"),
            format!("This may have {MAX_TEXT} characters, none of them NUL."),
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wrong(more: Value) -> Vec<String> {
        let mut whole = json!({"name": "spring_sale", "language": "en_US"});
        whole
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let template: PlatformTemplate = serde_json::from_value(whole).unwrap();
        let error = checked(Some(&template)).err();
        let places = error.iter().flat_map(|error| error.places());
        places.map(str::to_owned).collect()
    }

    #[test]
    fn what_is_fit_is_taken() {
        let sid = "HX0123456789abcdef0123456789abcdef";
        for fit in [
            json!({}),
            json!({"language": "fil"}),
            json!({"name": sid, "language": "", "variables": ["{{ name }}"]}),
            json!({"name": sid, "components": [{"1": "{{ name }}"}]}),
            json!({"header": {"type": "text", "value": "x"}, "variables": ["a"],
                "buttons": [{"type": "url", "value": "a", "index": 9}, {"type": "quick_reply", "value": "b"}]}),
        ] {
            assert_eq!(wrong(fit.clone()), Vec::<String>::new(), "{fit}");
        }
        assert!(checked(None).is_ok());
    }

    #[test]
    fn what_is_wrong_is_said_at_its_place() {
        let text = "x".repeat(4001);
        for (more, pointer) in [
            (json!({"name": "Spring sale"}), "/platform_template/name"),
            (json!({"name": "HX12"}), "/platform_template/name"),
            (json!({"name": ""}), "/platform_template/name"),
            (json!({"language": "en-US"}), "/platform_template/language"),
            (
                json!({"language": "english"}),
                "/platform_template/language",
            ),
            (
                json!({"variables": ["a"], "components": [{}]}),
                "/platform_template/components",
            ),
            (
                json!({"components": ["body"]}),
                "/platform_template/components",
            ),
            (
                json!({"name": "HX0123456789abcdef0123456789abcdef", "buttons": [{"type": "url", "value": "a"}]}),
                "/platform_template/variables",
            ),
            (
                json!({"variables": vec!["a"; 101]}),
                "/platform_template/variables",
            ),
            (
                json!({"buttons": [{"type": "url", "value": "a", "index": 1}, {"type": "quick_reply", "value": "b"}]}),
                "/platform_template/buttons/1/index",
            ),
            (
                json!({"buttons": [{"type": "url", "value": "a", "index": 10}]}),
                "/platform_template/buttons/0/index",
            ),
            (
                json!({"variables": ["a", text]}),
                "/platform_template/variables/1",
            ),
        ] {
            assert_eq!(wrong(more.clone()), [pointer], "{more}");
        }
    }
}
