//! From a draft to a running campaign: everything is checked first, and frozen.

use std::collections::BTreeMap;

use render::{Compiled, Part, Source};
use schemas::{
    CampaignId, ChannelKind, ChannelStatus, ListId, SegmentId, TenantId, Timestamp,
    campaign::{CampaignStatus, CampaignType, Plan, PlannedChannel, Tracked, Wording},
};
use serde_json::Value;
use store::{
    Store, StoreError,
    campaign::{self, CampaignRow, check, status},
    channel::{self, ChannelFilter},
    contact::Choice,
    list, segment,
};

use super::{approved, sample};

/// Why a campaign cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a campaign that is {} cannot be started", .0.name())]
    Status(CampaignStatus),
    #[error("the campaign is not ready")]
    NotReady(Vec<NotReady>),
}

/// One thing that is to be put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady {
    /// The campaign's field.
    pub field: &'static str,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl NotReady {
    pub(super) fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self {
            field,
            reason: reason.into(),
        }
    }
}

/// Starts a campaign.
///
/// # Errors
/// [`StartError::NotReady`] with everything that is to be put right.
pub async fn start(store: &Store, tenant: TenantId, id: CampaignId) -> Result<(), StartError> {
    let row = campaign::get(store, tenant, id).await?;
    if !row.status.can_become(CampaignStatus::Running) || !row.status.is_editable() {
        return Err(StartError::Status(row.status));
    }
    let plan = plan(store, &row).await?;
    status::start(store, tenant, id, &plan)
        .await?
        .map_err(StartError::Status)
}

/// What a campaign would send, checked; nothing is started.
///
/// # Errors
/// As [`start`].
pub async fn plan(store: &Store, row: &CampaignRow) -> Result<Plan, StartError> {
    let mut missing = Vec::new();
    let channels = channels(store, row, &mut missing).await?;
    let (wordings, defaults) = wordings(store, row, &channels, &mut missing).await?;
    let tracked = Tracked {
        opens: row.tracking_enabled && row.open_tracking_enabled,
        clicks: row.tracking_enabled && row.click_tracking_enabled,
        unsubscribe: row.unsubscribe_enabled,
    };
    let source = Source {
        wordings: &wordings,
        tracked,
        defaults: &defaults,
    };
    // What is not there is missing, and not wrong besides.
    let compiled = (!wordings.is_empty()).then(|| Compiled::new(source));
    let (choice, segments) = choice(store, row, &mut missing).await?;
    match &compiled {
        Some(Err(problems)) => missing.extend(
            problems
                .iter()
                .map(|problem| NotReady::new(source_field(row, problem.part), problem.to_string())),
        ),
        Some(Ok(compiled)) if missing.is_empty() => {
            audience(store, row, &choice, &channels, compiled, &mut missing).await?;
            if missing.is_empty() {
                sample::subjects(store, row, &choice, &channels, compiled, &mut missing).await?;
            }
        }
        Some(Ok(_)) | None => {}
    }
    if !missing.is_empty() {
        return Err(StartError::NotReady(missing));
    }
    Ok(Plan {
        channels,
        wordings,
        sender_name: row.sender_name.clone(),
        sender_email: row.sender_email.clone(),
        tracked,
        lists: choice.lists,
        segments,
        defaults,
    })
}

/// The field of the campaign that a part comes from.
fn source_field(row: &CampaignRow, part: Part) -> &'static str {
    if part == Part::Platform && row.platform_template.is_some() {
        "platform_template"
    } else if row.template_id.is_some() {
        "template_id"
    } else {
        "content"
    }
}

/// By what it is sent: the channels it names, or the oldest active ones that fit, one of each kind of address.
async fn channels(
    store: &Store,
    row: &CampaignRow,
    missing: &mut Vec<NotReady>,
) -> Result<Vec<PlannedChannel>, StoreError> {
    let mut known = channel::list(store, row.tenant_id, ChannelFilter::default()).await?;
    if row.channel_ids.is_empty() {
        known.retain(|channel| {
            row.kind.fits(channel.kind) && channel.status == ChannelStatus::Active
        });
        // A sandbox is there from the start, and reaches nobody but those who are made for it.
        known.sort_by_key(|channel| (channel.kind == ChannelKind::Sandbox, channel.created_at));
        let mut planned: Vec<PlannedChannel> = Vec::new();
        for channel in known {
            let kind = channel.kind.address_kind();
            if planned
                .iter()
                .all(|other| other.kind.address_kind() != kind)
            {
                planned.push(PlannedChannel {
                    id: channel.id,
                    kind: channel.kind,
                });
            }
        }
        if row.kind != CampaignType::MultiChannel {
            planned.truncate(1);
        }
        if planned.is_empty() {
            let reason = format!(
                "There is no active channel by which a campaign of type {} can be sent. Add one first.",
                row.kind.name()
            );
            missing.push(NotReady::new("channel_ids", reason));
        }
        return Ok(planned);
    }
    let mut planned = Vec::with_capacity(row.channel_ids.len());
    for id in &row.channel_ids {
        let Some(channel) = known.iter().find(|channel| channel.id.0 == *id) else {
            missing.push(NotReady::new(
                "channel_ids",
                format!("There is no channel {id}."),
            ));
            continue;
        };
        if !row.kind.fits(channel.kind) {
            let reason = format!(
                "Channel {id} is of type {}, by which a campaign of type {} cannot be sent.",
                channel.kind,
                row.kind.name()
            );
            missing.push(NotReady::new("channel_ids", reason));
        } else if channel.status != ChannelStatus::Active {
            let reason = format!("Channel {id} is switched off, or in error.");
            missing.push(NotReady::new("channel_ids", reason));
        }
        planned.push(PlannedChannel {
            id: channel.id,
            kind: channel.kind,
        });
    }
    Ok(planned)
}

/// What it says, and what stands in where a contact lacks an attribute.
async fn wordings(
    store: &Store,
    row: &CampaignRow,
    channels: &[PlannedChannel],
    missing: &mut Vec<NotReady>,
) -> Result<(Vec<Wording>, BTreeMap<String, String>), StoreError> {
    let mut defaults = BTreeMap::new();
    let mut wordings = match row.template_id {
        Some(template) => match check::wordings(store, row.tenant_id, template).await {
            Ok((wordings, metadata)) => {
                defaults.extend(defaults_of(metadata.as_ref()));
                wordings
            }
            Err(StoreError::NotFound) => {
                let reason = format!("There is no template {template}.");
                missing.push(NotReady::new("template_id", reason));
                Vec::new()
            }
            Err(error) => return Err(error),
        },
        None => {
            let content = row.content.clone().unwrap_or_default();
            if content.trim().is_empty() && row.platform_template.is_none() {
                let reason = "Give a template_id, or content.";
                missing.push(NotReady::new("content", reason));
                return Ok((Vec::new(), defaults));
            }
            let is_html = row.kind == CampaignType::Email && content.contains("</");
            let (text, html) = if is_html {
                (String::new(), Some(content))
            } else {
                (content, None)
            };
            vec![Wording {
                language: None,
                subject: None,
                text,
                html,
                platform: None,
            }]
        }
    };
    defaults.extend(defaults_of(row.metadata.as_ref()));
    if let Some(subject) = row.subject_line.as_ref().filter(|line| !line.is_empty()) {
        // The campaign's own subject is that of its main wording; variants keep theirs.
        for wording in &mut wordings {
            if wording.language.is_none() || wording.subject.is_none() {
                wording.subject = Some(subject.clone());
            }
        }
    }
    if let Some(template) = &row.platform_template {
        // As with the subject.
        for wording in &mut wordings {
            if wording.language.is_none() {
                wording.platform = Some(template.clone());
            }
        }
    }
    approved::sort(row.free_text, channels, &mut wordings, missing);
    let lacks_subject = wordings
        .iter()
        .filter(|wording| wording.has_words())
        .any(|wording| {
            wording
                .subject
                .as_ref()
                .is_none_or(|line| line.trim().is_empty())
        });
    if row.kind == CampaignType::Email && lacks_subject && !wordings.is_empty() {
        let reason = "A mail needs a subject: give subject_line, or a template with one.";
        missing.push(NotReady::new("subject_line", reason));
    }
    Ok((wordings, defaults))
}

/// `metadata.defaults`: texts by the names of attributes.
fn defaults_of(metadata: Option<&Value>) -> BTreeMap<String, String> {
    let defaults = metadata.and_then(|metadata| metadata.get("defaults")?.as_object());
    defaults
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Whom it is for, and the segments' expressions.
async fn choice(
    store: &Store,
    row: &CampaignRow,
    missing: &mut Vec<NotReady>,
) -> Result<(Choice, Vec<String>), StoreError> {
    let mut choice = Choice {
        now: Timestamp::now(),
        ..Choice::default()
    };
    let mut expressions = Vec::new();
    if row.contact_list_ids.is_empty() && row.target_segments.is_empty() {
        let reason = "Say whom it is for: contact_list_ids, target_segments, or both.";
        missing.push(NotReady::new("contact_list_ids", reason));
    }
    for id in row.contact_list_ids.iter().copied().map(ListId) {
        match list::get(store, row.tenant_id, id).await {
            Ok(_) => choice.lists.push(id),
            Err(StoreError::NotFound) => {
                let reason = format!("There is no list {id}.");
                missing.push(NotReady::new("contact_list_ids", reason));
            }
            Err(error) => return Err(error),
        }
    }
    for id in row.target_segments.iter().copied().map(SegmentId) {
        match segment::get(store, row.tenant_id, id).await {
            Ok(found) => match segment::compile(&found.expression) {
                Ok(filter) => {
                    let (lists, campaigns) = segment::absent(store, row.tenant_id, &filter).await?;
                    let lists = lists.iter().map(|name| ("list", name));
                    let named = lists.chain(campaigns.iter().map(|name| ("campaign", name)));
                    missing.extend(named.map(|(what, name)| {
                        let reason = format!(
                            "Segment {id} asks for the {what} “{name}”, which there is not."
                        );
                        NotReady::new("target_segments", reason)
                    }));
                    choice.segments.push(filter);
                    expressions.push(found.expression);
                }
                Err(error) => {
                    let reason = format!("Segment {id} cannot be read: {error}");
                    missing.push(NotReady::new("target_segments", reason));
                }
            },
            Err(StoreError::NotFound) => {
                let reason = format!("There is no segment {id}.");
                missing.push(NotReady::new("target_segments", reason));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((choice, expressions))
}

/// That there is somebody to write to, that somebody of them can be reached, and that everybody has what the templates ask for.
async fn audience(
    store: &Store,
    row: &CampaignRow,
    choice: &Choice,
    channels: &[PlannedChannel],
    compiled: &Compiled,
    missing: &mut Vec<NotReady>,
) -> Result<(), StoreError> {
    let required: Vec<String> = compiled
        .required()
        .iter()
        // Whoever a mail goes to has an address.
        .filter(|name| *name != "email")
        .cloned()
        .collect();
    let counted = check::lacking(store, row.tenant_id, choice, &required).await?;
    // An audience too large to look through is found out about while it is sent: each who lacks something fails by name.
    let Some((contacts, lacking)) = counted else {
        return Ok(());
    };
    if contacts == 0 {
        let reason = "Nobody is on these lists, or chosen by these segments.";
        missing.push(NotReady::new("contact_list_ids", reason));
        return Ok(());
    }
    let kinds: Vec<&str> = channels
        .iter()
        .map(|channel| channel.kind.address_kind())
        .collect();
    if check::reaches(store, row.tenant_id, choice, &kinds).await? == Some(false) {
        let reason = format!(
            "None of {contacts} contacts can be written to by these channels: none has an address of the kind {}, and has \
             agreed, or not said no, to be written to there.",
            kinds.join(" or ")
        );
        missing.push(NotReady::new("channel_ids", reason));
    }
    for (name, lacking) in required.iter().zip(lacking) {
        if lacking > 0 {
            let reason = format!(
                "{lacking} of {contacts} contacts have no `{name}`. Give it a default: \
                 {{{{ {name} | default(\"…\") }}}} in the template, or metadata.defaults.{name}."
            );
            let part = if compiled.has_words() {
                Part::Text
            } else {
                Part::Platform
            };
            let field = source_field(row, part);
            missing.push(NotReady::new(field, reason));
        }
    }
    Ok(())
}
