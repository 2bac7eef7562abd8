//! What a person says of a campaign.

use schemas::{
    ChannelId, ListId, PlatformTemplate, SegmentId, TemplateId, Timestamp,
    campaign::{CampaignType, Pace, RATES, Unsubscribe},
    invisible::is_invisible,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::campaign::CampaignDraft;
use utoipa::ToSchema;

use super::super::{object, optional_text, platform_template, text};
use crate::{extract::name, problem::ApiError};

const MAX_CONTENT: usize = 100_000;
const MAX_CHOSEN: usize = 100;

/// A campaign to be made, or in place of another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CampaignCreate)]
pub(crate) struct CampaignIn {
    #[schema(min_length = 1, max_length = 255)]
    #[serde(deserialize_with = "name")]
    name: String,
    #[serde(default)]
    #[schema(min_length = 1, max_length = 2000)]
    description: Option<String>,
    #[serde(rename = "type", alias = "campaign_type")]
    kind: CampaignType,
    /// A template; in place of the template's subject.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 998)]
    subject_line: Option<String>,
    /// In place of the channel's.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 255)]
    sender_name: Option<String>,
    /// In place of the channel's. The relay must let it through.
    #[serde(default)]
    #[schema(min_length = 3, max_length = 320)]
    sender_email: Option<String>,
    #[serde(default)]
    #[schema(max_items = 100)]
    target_segments: Vec<SegmentId>,
    #[serde(default)]
    #[schema(max_items = 100)]
    contact_list_ids: Vec<ListId>,
    /// By which it is sent, the first that reaches a contact; absent: the oldest active channel that fits.
    #[serde(default)]
    #[schema(max_items = 100)]
    channel_ids: Vec<ChannelId>,
    #[serde(default)]
    template_id: Option<TemplateId>,
    /// What it says, when there is no template: HTML in a mail, text elsewhere.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100_000)]
    content: Option<String>,
    /// The approved message that is sent by channels of its platform instead; in place of the template's. Its texts are
    /// templates.
    #[serde(default)]
    platform_template: Option<PlatformTemplate>,
    /// WhatsApp: send the text itself, to contacts who wrote within the last 24 hours; it fails for all others.
    #[serde(default)]
    #[schema(default = false)]
    free_text: bool,
    #[serde(default = "yes")]
    #[schema(default = true)]
    tracking_enabled: bool,
    #[serde(default = "yes")]
    #[schema(default = true)]
    open_tracking_enabled: bool,
    #[serde(default = "yes")]
    #[schema(default = true)]
    click_tracking_enabled: bool,
    #[serde(default = "yes")]
    #[schema(default = true)]
    unsubscribe_enabled: bool,
    /// What somebody leaves with one click; absent: as the tenant's settings say.
    #[serde(default)]
    unsubscribe: Option<Unsubscribe>,
    #[serde(default)]
    pace: Pace,
    /// When it is to start; `POST /campaigns/{id}/schedule` makes it so.
    #[serde(default)]
    scheduled_at: Option<Timestamp>,
    /// `defaults` in it: texts for whoever has no such attribute.
    #[serde(default)]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

const fn yes() -> bool {
    true
}

impl CampaignIn {
    /// Checked.
    pub(super) fn draft(self) -> Result<CampaignDraft, ApiError> {
        ApiError::all([
            text("/name", &self.name, 255),
            optional_text("/description", self.description.as_ref(), 2000),
            optional_text("/subject_line", self.subject_line.as_ref(), 998),
            optional_text("/sender_name", self.sender_name.as_ref(), 255),
            optional_text("/sender_email", self.sender_email.as_ref(), 320),
            optional_text("/content", self.content.as_ref(), MAX_CONTENT),
            platform_template::checked(self.platform_template.as_ref()),
            email("/sender_email", self.sender_email.as_deref()),
            few("/target_segments", self.target_segments.len()),
            few("/contact_list_ids", self.contact_list_ids.len()),
            few("/channel_ids", self.channel_ids.len()),
            rate("/pace/per_second", self.pace.per_second),
            rate(
                "/pace/per_second_and_domain",
                self.pace.per_second_and_domain,
            ),
            share("/pace/pause_at_failures", self.pace.pause_at_failures),
            window(&self.pace),
        ])?;
        Ok(CampaignDraft {
            name: self.name,
            description: self.description,
            kind: self.kind,
            subject_line: self.subject_line,
            sender_name: self.sender_name,
            sender_email: self.sender_email,
            target_segments: self.target_segments,
            contact_list_ids: self.contact_list_ids,
            channel_ids: self.channel_ids,
            template_id: self.template_id,
            content: self.content,
            platform_template: self.platform_template,
            free_text: self.free_text,
            tracking_enabled: self.tracking_enabled,
            open_tracking_enabled: self.open_tracking_enabled,
            click_tracking_enabled: self.click_tracking_enabled,
            unsubscribe_enabled: self.unsubscribe_enabled,
            unsubscribe: self.unsubscribe,
            pace: self.pace,
            scheduled_at: self.scheduled_at,
            metadata: object(self.metadata),
        })
    }
}

fn few(pointer: &str, count: usize) -> Result<(), ApiError> {
    if count > MAX_CHOSEN {
        return Err(ApiError::invalid(
            pointer,
            format!("Name at most {MAX_CHOSEN}."),
        ));
    }
    Ok(())
}

fn email(pointer: &str, address: Option<&str>) -> Result<(), ApiError> {
    let Some(address) = address else {
        return Ok(());
    };
    let fits = address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !address.contains(char::is_whitespace)
    });
    if fits && !address.contains(['<', '>', ',', ';', '"']) && !address.contains(is_invisible) {
        return Ok(());
    }
    Err(ApiError::invalid(
        pointer,
        "Give one address, e.g. news@example.org; the name goes into sender_name.",
    ))
}

fn rate(pointer: &str, rate: Option<f64>) -> Result<(), ApiError> {
    if rate.is_none_or(|rate| RATES.contains(&rate)) {
        return Ok(());
    }
    let (slowest, fastest) = RATES.into_inner();
    Err(ApiError::invalid(
        pointer,
        format!("Give a number from {slowest} to {fastest}; leave it out for no limit."),
    ))
}

fn share(pointer: &str, share: f64) -> Result<(), ApiError> {
    if (0.0..=1.0).contains(&share) {
        return Ok(());
    }
    Err(ApiError::invalid(
        pointer,
        "Give a share from 0 to 1; 1 never pauses.",
    ))
}

fn window(pace: &Pace) -> Result<(), ApiError> {
    let (from, to) = (pace.window_from.as_deref(), pace.window_to.as_deref());
    for (pointer, time) in [("/pace/window_from", from), ("/pace/window_to", to)] {
        if time.is_some_and(|time| !is_time(time)) {
            return Err(ApiError::invalid(
                pointer,
                "Give a time of day as HH:MM, e.g. 09:00.",
            ));
        }
    }
    if from.is_some() != to.is_some() {
        return Err(ApiError::invalid(
            "/pace/window_to",
            "A sending window has both window_from and window_to.",
        ));
    }
    if let Some(zone) = pace.window_zone.as_deref()
        && zone != "contact"
        && schemas::zone::Zone::named(zone).is_none()
    {
        return Err(ApiError::invalid(
            "/pace/window_zone",
            "Give an IANA time zone, e.g. Europe/Vienna, or `contact` for each contact's own.",
        ));
    }
    if pace.window_days.iter().any(|day| !(1..=7).contains(day)) || pace.window_days.len() > 7 {
        return Err(ApiError::invalid(
            "/pace/window_days",
            "Days are numbers from 1 (Monday) to 7 (Sunday).",
        ));
    }
    Ok(())
}

fn is_time(text: &str) -> bool {
    let Some((hours, minutes)) = text.split_once(':') else {
        return false;
    };
    let number = |text: &str, below: u8| {
        text.len() == 2
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse::<u8>().is_ok_and(|number| number < below)
    };
    number(hours, 24) && number(minutes, 60)
}
