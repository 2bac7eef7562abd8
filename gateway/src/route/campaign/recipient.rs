//! Whom a campaign is for, and what became of each: as pages, as a table, one by one, and what a person decides about
//! those who may or may not have been sent to.

use std::sync::Arc;

use axum::{
    extract::{OriginalUri, State},
    http::{HeaderMap, header},
    response::Response,
};
use render::{CampaignFacts, Compiled, Links, Recipient, Source};
use schemas::{
    CampaignId, ChannelId, ChannelKind, ContactId, MessageId, PlatformTemplate, Timestamp,
    campaign::{RecipientStatus, Tracked},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{
    StoreError,
    campaign::{
        recipient::{self, RecipientFilter, RecipientRow},
        watch,
    },
};
use utoipa::{IntoParams, ToSchema};

use super::{missing, named, table::table};
use crate::{
    auth::Caller,
    extract::{Json, Path, Query},
    hub::Hub,
    page,
    problem::ApiError,
    route::{SUCCESS, SuccessOut, contact::too_costly},
};

/// A recipient.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignMessage)]
pub(crate) struct RecipientOut {
    id: MessageId,
    campaign_id: CampaignId,
    contact_id: ContactId,
    /// Null where there was nothing to send, as `channel_id` and `address`.
    channel_type: Option<ChannelKind>,
    channel_id: Option<ChannelId>,
    address: Option<String>,
    status: RecipientStatus,
    /// Tries so far.
    attempt: i16,
    next_try_at: Option<Timestamp>,
    sent_at: Option<Timestamp>,
    delivered_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
    /// A token: `no-address`, `no-consent`, `suppressed`, `permanent`, …
    failure_class: Option<String>,
    failure_reason: Option<String>,
    /// What the platform calls it.
    external_message_id: Option<String>,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<RecipientRow> for RecipientOut {
    fn from(row: RecipientRow) -> Self {
        let chunk = row.chunk.map(|chunk| ("chunk".to_owned(), json!(chunk)));
        Self {
            id: row.id,
            campaign_id: row.campaign_id,
            contact_id: row.contact_id,
            channel_type: row.channel_type,
            channel_id: row.channel_id,
            address: row.address,
            status: row.status,
            attempt: row.attempt,
            next_try_at: row.next_try_at,
            sent_at: row.sent_at,
            delivered_at: row.delivered_at,
            failed_at: row.failed_at,
            failure_class: row.failure_class,
            failure_reason: row.failure_reason,
            external_message_id: row.external_message_id,
            metadata: chunk.into_iter().collect(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// How a table is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    Json,
    Csv,
}

/// Which recipients.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecipientQuery {
    status: Option<RecipientStatus>,
    contact_id: Option<ContactId>,
    /// An e-mail address, a number: as it was written to, or as the contact has it now.
    #[param(max_length = 512)]
    address: Option<String>,
    /// `csv`: all of them as a table; so does `Accept: text/csv`.
    format: Option<Format>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `X-Next-Cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{1,16}-[0-9a-f]{32}$")]
    cursor: Option<String>,
}

/// List a campaign's recipients and what became of them.
///
/// In the order in which they are sent to, and at the end those who are not. Whoever is tried again meanwhile may be seen
/// twice; nobody is missed. What each was sent is answered for one (`GET /campaigns/{campaign_id}/recipients/{contact_id}`).
#[utoipa::path(
    get, path = "/campaigns/{campaign_id}/recipients", tag = "campaigns", operation_id = "list_campaign_recipients",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign"), RecipientQuery),
    responses((status = 200, description = "A page, or with `format=csv` all of them", content(
        ([RecipientOut] = "application/json"), (String = "text/csv"))))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Path(id): Path<CampaignId>,
    Query(query): Query<RecipientQuery>,
) -> Result<Response, ApiError> {
    if let Some(address) = &query.address
        && (address.is_empty() || address.len() > 512 || address.contains('\0'))
    {
        return Err(ApiError::bad_request(
            "`address` must have 1 to 512 bytes, none of them NUL.",
        ));
    }
    let limit = page::limit(query.limit)?;
    let cursor = page::cursor(query.cursor.as_deref())?;
    store::campaign::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    let filter = RecipientFilter {
        status: query.status,
        contact: query.contact_id,
        address: query.address,
    };
    if wants_table(query.format, &headers) {
        return table(&hub.store, caller.tenant, id, filter).await;
    }
    let found = recipient::list(&hub.store, caller.tenant, id, &filter, cursor, limit)
        .await?
        .ok_or_else(too_costly)?;
    Ok(page::of(&uri, found, RecipientOut::from))
}

fn wants_table(format: Option<Format>, headers: &HeaderMap) -> bool {
    let accepts = || {
        let accept = headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok());
        accept.is_some_and(|accept| accept.trim_start().starts_with("text/csv"))
    };
    format.map_or_else(accepts, |format| format == Format::Csv)
}

/// A recipient, and what it is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignMessageWithContent)]
pub(crate) struct RecipientWholeOut {
    #[serde(flatten)]
    recipient: RecipientOut,
    subject: Option<String>,
    /// What it says, made anew from the frozen templates and the contact as it is now, with links that lead where they lead.
    content: Option<String>,
    html_content: Option<String>,
    /// The approved message, where that is what is sent.
    platform_template: Option<PlatformTemplate>,
    /// Why there is no content.
    content_problem: Option<String>,
}

/// Links that lead where they lead.
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

/// One recipient, with what it is sent.
#[utoipa::path(
    get, path = "/campaigns/{campaign_id}/recipients/{contact_id}", tag = "campaigns",
    operation_id = "get_campaign_recipient",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign"),
           ("contact_id" = uuid::Uuid, Path, description = "The contact")),
    responses((status = 200, description = "The recipient", body = RecipientWholeOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path((id, contact)): Path<(CampaignId, ContactId)>,
) -> Result<axum::Json<RecipientWholeOut>, ApiError> {
    let row = recipient::get(&hub.store, caller.tenant, id, contact)
        .await
        .map_err(|error| ApiError::or_not_found(error, "recipient"))?;
    let mut whole = RecipientWholeOut {
        subject: None,
        content: None,
        html_content: None,
        platform_template: None,
        content_problem: None,
        recipient: RecipientOut::from(row),
    };
    match content(&hub, &caller, id, contact, &whole.recipient).await? {
        Ok(rendered) => {
            whole.subject = rendered.subject;
            whole.content = Some(rendered.text).filter(|text| !text.is_empty());
            whole.platform_template = rendered.platform;
            let kind = whole.recipient.channel_type.map(ChannelKind::address_kind);
            whole.html_content = rendered.html.filter(|_| kind == Some("email"));
        }
        Err(problem) => whole.content_problem = Some(problem),
    }
    Ok(axum::Json(whole))
}

async fn content(
    hub: &Hub,
    caller: &Caller,
    id: CampaignId,
    contact: ContactId,
    row: &RecipientOut,
) -> Result<Result<render::Rendered, String>, ApiError> {
    let planned = watch::planned(&hub.store, id).await?;
    let Some(planned) = planned.filter(|planned| planned.tenant == caller.tenant) else {
        return Err(ApiError::not_found("recipient"));
    };
    let to = match store::contact::get(&hub.store, caller.tenant, contact).await {
        Ok(to) => to,
        Err(StoreError::NotFound) => return Ok(Err("The contact was deleted.".into())),
        Err(error) => return Err(error.into()),
    };
    let (Some(address), Some(kind)) = (row.address.as_deref(), row.channel_type) else {
        return Ok(Err("Nothing is sent to the contact.".into()));
    };
    let compiled = Compiled::new(Source {
        wordings: &planned.plan.wordings,
        tracked: Tracked {
            opens: false,
            clicks: false,
            unsubscribe: planned.plan.tracked.unsubscribe,
        },
        defaults: &planned.plan.defaults,
    });
    let compiled = match compiled {
        Ok(compiled) => compiled,
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return Ok(Err(problems.join(" ")));
        }
    };
    let attributes = super::super::map(Some(to.attributes));
    let rendered = compiled.render_for(
        kind,
        &Recipient {
            contact,
            name: to.name.as_deref(),
            address,
            language: to.language.as_deref(),
            time_zone: to.time_zone.as_deref(),
            attributes: &attributes,
            campaign: CampaignFacts {
                id,
                name: &planned.name,
            },
        },
        &Plain,
    );
    Ok(rendered.map_err(|error| error.to_string()))
}

/// A decision about a recipient.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DecisionIn {
    /// It left.
    MarkSent,
    /// It did not leave. `retry-failed` tries again.
    MarkFailed,
}

/// What is decided.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ResolveRecipientIn)]
pub(crate) struct ResolveIn {
    action: DecisionIn,
}

/// Decide about a recipient whose status is `UNKNOWN`: it may or may not have been sent to.
#[utoipa::path(
    post, path = "/campaigns/{campaign_id}/recipients/{contact_id}/resolve", tag = "campaigns",
    operation_id = "resolve_campaign_recipient",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign"),
           ("contact_id" = uuid::Uuid, Path, description = "The contact")),
    request_body(content = ResolveIn, example = json!({"action": "mark_sent"})),
    responses((status = 200, description = "Done", body = SuccessOut))
)]
pub(crate) async fn resolve(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path((id, contact)): Path<(CampaignId, ContactId)>,
    Json(body): Json<ResolveIn>,
) -> Result<axum::Json<SuccessOut>, ApiError> {
    let (was_sent, word) = match body.action {
        DecisionIn::MarkSent => (true, "mark_sent"),
        DecisionIn::MarkFailed => (false, "mark_failed"),
    };
    let decided = recipient::resolve(&hub.store, caller.tenant, id, contact, was_sent)
        .await
        .map_err(|error| ApiError::or_not_found(error, "recipient"))?;
    if !decided {
        return Err(ApiError::conflict(
            "The recipient is not UNKNOWN, or not any more. Look at its status.",
        ));
    }
    let detail = json!({"contact": contact, "action": word});
    hub.audit(&caller, "campaign.resolve", named(id), Some(detail))
        .await?;
    Ok(SUCCESS)
}
