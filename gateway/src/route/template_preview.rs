//! How a template looks for somebody, and one message of it to try it.
//!
//! What a campaign would make of it, by the same compiler; only its links lead where they lead, and nothing is counted.

use std::{collections::BTreeMap, sync::Arc};

use axum::{extract::State, http::HeaderMap};
use render::{CampaignFacts, Compiled, Links, Problem, Recipient, RenderError, Rendered};
use schemas::{
    CampaignId, ChannelId, ChannelKind, ContactId, PlatformTemplate, Priority, TemplateId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::conversation::ConversationNew;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    message_in::MessageIn,
    message_out::MessageOut,
    optional_text, send,
    template_check::{compiled, refusal, stored, wordings},
    text,
};
use crate::{
    auth::Caller,
    directory::Lookup,
    extract::{Json, Path},
    hub::Hub,
    problem::ApiError,
};

/// What marks a message as sent to try a template.
const TEST: &str = "test";

/// Whom a preview is for. What is not given is taken from the contact, where there is one.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewIn {
    #[serde(default, alias = "contactId")]
    contact_id: Option<ContactId>,
    /// Over those of the contact.
    #[serde(default)]
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 512)]
    address: Option<String>,
    /// BCP 47.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 35)]
    language: Option<String>,
}

/// How it looks.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewOut {
    subject: Option<String>,
    text: Option<String>,
    html: Option<String>,
    /// The approved message that is sent by channels of its platform, filled in.
    platform_template: Option<PlatformTemplate>,
    /// Attributes that are read and not there; in their place stands their name in brackets.
    missing: Vec<String>,
    /// Why there is nothing to be seen.
    failure: Option<String>,
}

/// A message to try a template.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestIn {
    #[serde(alias = "channelId")]
    channel_id: ChannelId,
    /// Where it goes: an e-mail address, a number, a user's id.
    #[schema(min_length = 1, max_length = 512)]
    address: String,
    /// Whose attributes it is filled with.
    #[serde(default, alias = "contactId")]
    contact_id: Option<ContactId>,
    /// Over those of the contact.
    #[serde(default)]
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
    /// BCP 47.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 35)]
    language: Option<String>,
}

/// Links that lead where they lead: nothing is counted, and nobody unsubscribes from a preview.
struct Plain;

impl Links for Plain {
    fn click(&self, url: &str) -> String {
        url.to_owned()
    }

    fn pixel(&self) -> String {
        String::new()
    }

    fn preferences(&self) -> String {
        "#unsubscribe".into()
    }
}

/// Somebody a template is rendered for.
struct Somebody {
    id: ContactId,
    name: Option<String>,
    address: String,
    language: Option<String>,
    time_zone: Option<String>,
    attributes: Map<String, Value>,
}

impl Somebody {
    async fn new(hub: &Hub, caller: &Caller, given: PreviewIn) -> Result<Self, ApiError> {
        optional_text("/name", given.name.as_ref(), 255)?;
        optional_text("/address", given.address.as_ref(), 512)?;
        optional_text("/language", given.language.as_ref(), 35)?;
        let mut somebody = Self {
            id: ContactId(Uuid::nil()),
            name: given.name,
            address: given.address.unwrap_or_default(),
            language: given.language,
            time_zone: None,
            attributes: given.attributes,
        };
        let Some(id) = given.contact_id else {
            if somebody.address.is_empty() {
                somebody.address = "somebody@example.com".into();
            }
            return Ok(somebody);
        };
        let row = store::contact::get(&hub.store, caller.tenant, id)
            .await
            .map_err(|error| ApiError::or_not_found(error, "contact"))?;
        if somebody.address.is_empty() {
            let addresses = store::contact::addresses(&hub.store, caller.tenant, &[id]).await?;
            let first = addresses
                .iter()
                .find(|address| address.kind == "email")
                .or(addresses.first());
            somebody.address = first.map(|first| first.address.clone()).unwrap_or_default();
        }
        somebody.id = id;
        somebody.name = somebody.name.or(row.name);
        somebody.language = somebody.language.or(row.language);
        somebody.time_zone = row.time_zone;
        for (name, value) in super::map(Some(row.attributes)) {
            somebody.attributes.entry(name).or_insert(value);
        }
        Ok(somebody)
    }

    fn recipient(&self) -> Recipient<'_> {
        Recipient {
            contact: self.id,
            name: self.name.as_deref(),
            address: &self.address,
            language: self.language.as_deref(),
            time_zone: self.time_zone.as_deref(),
            attributes: &self.attributes,
            campaign: CampaignFacts {
                id: CampaignId(Uuid::nil()),
                name: "Preview",
            },
        }
    }
}

/// A template that cannot be compiled, refused.
fn refused(problems: Vec<Problem>) -> ApiError {
    ApiError::not_ready("template", problems.iter().map(refusal))
}

/// How a template looks for somebody.
///
/// For a contact, for attributes given here, or for both; nothing is stored and nothing is counted.
#[utoipa::path(
    post, path = "/templates/{template_id}/preview", tag = "templates", operation_id = "preview_template",
    params(("template_id" = uuid::Uuid, Path, description = "The template")),
    request_body(content = PreviewIn, example = json!({"attributes": {"first_name": "Ada"}, "language": "de"})),
    responses((status = 200, description = "How it looks", body = PreviewOut))
)]
pub(crate) async fn preview(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<TemplateId>,
    Json(body): Json<PreviewIn>,
) -> Result<axum::Json<PreviewOut>, ApiError> {
    let (template, variants) = stored(&hub, &caller, id).await?;
    let wordings = wordings(&template, &variants);
    let somebody = Somebody::new(&hub, &caller, body).await?;
    let to = somebody.recipient();
    let bare = compiled(&wordings, false, &BTreeMap::new()).map_err(refused)?;
    let missing = bare.missing(&to);
    let both = |compiled: &Compiled| -> Result<_, RenderError> {
        let said = compiled.has_words().then(|| compiled.render(&to, &Plain));
        let approved = compiled.platform(&to, &Plain);
        Ok((said.transpose()?, approved.transpose()?))
    };
    let rendered = match both(&bare) {
        Err(_) if !missing.is_empty() => {
            let names = missing.iter().filter_map(|name| name.split('.').next());
            let defaults = names
                .map(|name| (name.to_owned(), format!("[{name}]")))
                .collect();
            both(&compiled(&wordings, false, &defaults).map_err(refused)?)
        }
        rendered => rendered,
    };
    let failure = rendered.as_ref().err().map(ToString::to_string);
    let (said, platform_template) = rendered.unwrap_or_default();
    Ok(axum::Json(PreviewOut {
        subject: said.as_ref().and_then(|said| said.subject.clone()),
        text: said.as_ref().map(|said| said.text.clone()),
        html: said.and_then(|said| said.html),
        platform_template,
        missing,
        failure,
    }))
}

/// Send one message of a template to an address.
///
/// An ordinary message, with the tag `test` and `test: true` in its metadata. Its links are not counted.
#[utoipa::path(
    post, path = "/templates/{template_id}/test", tag = "templates", operation_id = "test_template",
    params(("template_id" = uuid::Uuid, Path, description = "The template"),
           ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$",
            description = "1 to 255 visible ASCII characters; the same key is the same message")),
    request_body(content = TestIn, example = json!({
        "channel_id": "018f3c1e-0000-7000-8000-000000000001", "address": "me@example.com",
        "attributes": {"first_name": "Ada"}})),
    responses((status = 200, description = "Queued: the broker has stored it", body = MessageOut))
)]
pub(crate) async fn test(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<TemplateId>,
    Json(body): Json<TestIn>,
) -> Result<axum::Json<MessageOut>, ApiError> {
    text("/address", &body.address, 512)?;
    let (template, variants) = stored(&hub, &caller, id).await?;
    let kind = match hub.directory.find(&hub.store, body.channel_id).await {
        Lookup::Found(entry) if entry.tenant == caller.tenant => entry.kind,
        Lookup::Found(_) | Lookup::Unknown => return Err(ApiError::not_found("channel")),
        Lookup::Unavailable => return Err(ApiError::unavailable(2)),
    };
    let whom = PreviewIn {
        contact_id: body.contact_id,
        attributes: body.attributes,
        name: None,
        address: Some(body.address.clone()),
        language: body.language,
    };
    let somebody = Somebody::new(&hub, &caller, whom).await?;
    let compiled =
        compiled(&wordings(&template, &variants), false, &BTreeMap::new()).map_err(refused)?;
    let said = compiled
        .render_for(kind, &somebody.recipient(), &Plain)
        .map_err(|error| {
            ApiError::invalid("/attributes", format!("It cannot be rendered: {error}."))
        })?;
    let new = ConversationNew {
        platform_conversation_id: body.address.clone(),
        participant_id: body.address,
        participant_name: somebody.name,
        subject: None,
        priority: Priority::default(),
        tags: Vec::new(),
        assigned_agent_id: None,
        metadata: None,
    };
    let (conversation, _) =
        store::conversation::create(&hub.store, caller.tenant, body.channel_id, new)
            .await
            .map_err(|error| ApiError::or_not_found(error, "channel"))?;
    let message = message(id, kind, said, &json!(conversation.id))?;
    let sent = send::queue(&hub, &caller, &headers, message).await?;
    Ok(axum::Json(sent))
}

/// The send of a test, as the API takes it.
fn message(
    template: TemplateId,
    kind: ChannelKind,
    said: Rendered,
    conversation: &Value,
) -> Result<MessageIn, ApiError> {
    let is_mail = matches!(kind, ChannelKind::Email | ChannelKind::Gmail);
    let has_html = is_mail || kind == ChannelKind::Sandbox;
    let mut message = json!({
        "conversation_id": conversation,
        "content": {"text": said.text},
        "tags": [TEST],
        "metadata": {TEST: true, "template_id": template},
    });
    if let (Some(html), true) = (said.html, has_html) {
        message["content"]["html"] = html.into();
    }
    if let Some(template) = said.platform {
        message["template"] = json!(template);
    }
    if let (Some(subject), true) = (said.subject, has_html) {
        message["subject"] = subject.into();
    }
    serde_json::from_value(message).map_err(|error| ApiError::internal(&error))
}
