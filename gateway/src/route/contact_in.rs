//! A contact as it is handed in.

use schemas::{Consent, Timestamp, Zone, address, language_tag};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::contact::{AddressNew, ConsentNew, MAX_ADDRESSES, MAX_ATTRIBUTES_BYTES};
use utoipa::ToSchema;

use super::{optional_text, without_nul};
use crate::{
    extract::{given, given_name, optional_name, present},
    problem::ApiError,
};

/// A contact to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContactIn {
    /// The name of the contact in your own books; one contact's alone.
    #[serde(default, alias = "externalId")]
    #[schema(min_length = 1, max_length = 255)]
    pub(super) external_id: Option<String>,
    #[serde(default, deserialize_with = "optional_name")]
    #[schema(min_length = 1, max_length = 255)]
    pub(super) name: Option<String>,
    /// Whatever else is known, for templates and segments; 32 KiB.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(super) attributes: Map<String, Value>,
    /// BCP 47.
    #[serde(default)]
    #[schema(max_length = 35)]
    pub(super) language: Option<String>,
    /// IANA.
    #[serde(default, alias = "timeZone")]
    #[schema(max_length = 64)]
    pub(super) time_zone: Option<String>,
    /// The kind of address it wants to be written to at.
    #[serde(default, alias = "preferredChannel")]
    pub(super) preferred_channel: Option<String>,
    /// The first gives the contact its id.
    #[serde(default)]
    #[schema(max_items = 32)]
    pub(super) addresses: Vec<AddressIn>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(super) metadata: Map<String, Value>,
}

/// Where it can be written to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddressIn {
    /// `email`, `phone`, or the type of the channel.
    pub(super) kind: String,
    /// E-mail addresses as usual, telephone numbers with their country, other platforms' ids as they are.
    #[schema(min_length = 1, max_length = 1024)]
    pub(super) address: String,
    /// What the person said; when absent, what was known stays.
    #[serde(default)]
    pub(super) consent: Option<Consent>,
    /// When; now, when absent.
    #[serde(default, alias = "consentAt")]
    pub(super) consent_at: Option<Timestamp>,
    /// Where, e.g. the form.
    #[serde(default, alias = "consentSource")]
    #[schema(min_length = 1, max_length = 255)]
    pub(super) consent_source: Option<String>,
}

/// What to change; what is not given stays, null empties.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContactPatch {
    #[serde(default, alias = "externalId", deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    pub(super) external_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "given_name")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255)]
    pub(super) name: Option<Option<String>>,
    /// Those given are put in, one that is null is taken out, the others stay.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Object, nullable = false)]
    pub(super) attributes: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 35)]
    pub(super) language: Option<Option<String>>,
    #[serde(default, alias = "timeZone", deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 64)]
    pub(super) time_zone: Option<Option<String>>,
    #[serde(default, alias = "preferredChannel", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub(super) preferred_channel: Option<Option<String>>,
    /// All of them: one that is not given is taken away.
    #[serde(default, deserialize_with = "present")]
    #[schema(max_items = 32, nullable = false)]
    pub(super) addresses: Option<Vec<AddressIn>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Option<Map<String, Value>>>,
}

/// A language in its recommended spelling.
pub(super) fn language(tag: Option<String>) -> Result<Option<String>, ApiError> {
    tag.map(|tag| {
        language_tag::canonical(&tag).ok_or_else(|| {
            ApiError::invalid(
                "/language",
                "This must be a language tag such as \"de\" or \"de-AT\".",
            )
        })
    })
    .transpose()
}

pub(super) fn time_zone(name: Option<String>) -> Result<Option<String>, ApiError> {
    name.map(|name| {
        Zone::named(&name)
            .map(|zone| zone.name().to_owned())
            .ok_or_else(|| {
                ApiError::invalid(
                    "/time_zone",
                    "This must be a name of the IANA time zone database such as \"Europe/Vienna\".",
                )
            })
    })
    .transpose()
}

pub(super) fn preferred(kind: Option<String>) -> Result<Option<&'static str>, ApiError> {
    kind.map(|kind| self::kind("/preferred_channel", &kind))
        .transpose()
}

/// A kind of address by its name, or by that of a channel type.
pub(super) fn kind(pointer: &'static str, name: &str) -> Result<&'static str, ApiError> {
    address::kind(name)
        .ok_or_else(|| ApiError::invalid(pointer, "This must be email, phone, or a channel type."))
}

pub(super) fn addresses(given: Vec<AddressIn>) -> Result<Vec<AddressNew>, ApiError> {
    if given.len() > MAX_ADDRESSES {
        return Err(ApiError::invalid(
            "/addresses",
            format!("There may be {MAX_ADDRESSES} addresses."),
        ));
    }
    let mut addresses: Vec<AddressNew> = Vec::with_capacity(given.len());
    for (place, one) in given.into_iter().enumerate() {
        let at = |field: &str| format!("/addresses/{place}/{field}");
        let kind = address::kind(&one.kind).ok_or_else(|| {
            ApiError::invalid(at("kind"), "This must be email, phone, or a channel type.")
        })?;
        let address = address::canonical(kind, &one.address).map_err(|error| {
            ApiError::invalid(at("address"), format!("This is wrong: {error}."))
        })?;
        optional_text("/addresses", one.consent_source.as_ref(), 255)?;
        if one.consent.is_none() && (one.consent_at.is_some() || one.consent_source.is_some()) {
            let detail = "There must be a consent where there is when or where it was given.";
            return Err(ApiError::invalid(at("consent"), detail));
        }
        if addresses
            .iter()
            .any(|other| other.kind == kind && other.address == address)
        {
            return Err(ApiError::invalid(at("address"), "This stands here twice."));
        }
        addresses.push(AddressNew {
            kind,
            address,
            consent: one.consent.map(|state| ConsentNew {
                state,
                at: one.consent_at,
                source: one.consent_source,
            }),
        });
    }
    Ok(addresses)
}

/// A map of names and values of bounded size.
pub(super) fn attributes(given: &Map<String, Value>) -> Result<(), ApiError> {
    without_nul("/attributes", given)?;
    if !given.keys().all(|key| (1..=255).contains(&key.len())) {
        let detail = "The name of an attribute has 1 to 255 bytes.";
        return Err(ApiError::invalid("/attributes", detail));
    }
    if serde_json::to_vec(given).map_or(usize::MAX, |json| json.len()) > MAX_ATTRIBUTES_BYTES {
        let detail = format!("Attributes may have {MAX_ATTRIBUTES_BYTES} bytes of JSON, all told.");
        return Err(ApiError::invalid("/attributes", detail));
    }
    Ok(())
}
