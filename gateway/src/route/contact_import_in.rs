//! How a file of contacts is asked to be read in.

use std::collections::BTreeMap;

use schemas::{Consent, Encoding, ListId, OnConflict};
use serde::Deserialize;
use store::contact::import::Options;
use utoipa::IntoParams;

use super::optional_text;
use crate::problem::ApiError;

/// Lists a file may be for.
const MAX_LISTS: usize = 50;

/// How a file is to be read in.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// Lists to put everybody on, by their ids, between commas.
    #[serde(default, alias = "listIds")]
    #[param(max_length = 2000)]
    list_ids: Option<String>,
    /// `,`, `;`, `|` or `tab`; found out when absent.
    #[param(max_length = 3)]
    delimiter: Option<String>,
    /// `auto` when absent: UTF-8, and Windows-1252 where a row is not. UTF-16 is known by itself.
    encoding: Option<Encoding>,
    /// What columns are, as a JSON object by their header: a field (`name`, `external_id`, `language`, `time_zone`,
    /// `preferred_channel`), a kind of address (`email`, `phone`, a channel type), its consent (`email_consent`), an attribute and
    /// how it is read (`attribute:plan`, `attribute:zip:text`, `number:seats`, `boolean:vip`), or `ignore`.
    #[param(max_length = 65536)]
    mapping: Option<String>,
    /// What becomes of contacts that are there already; `update` when absent.
    #[serde(alias = "onConflict")]
    on_conflict: Option<OnConflict>,
    /// `given` when everybody in the file has agreed to be written to; `unknown` when absent.
    consent: Option<Consent>,
    /// Where they did; needed for `given`.
    #[serde(alias = "consentSource")]
    #[param(min_length = 1, max_length = 255)]
    consent_source: Option<String>,
    /// Do everything but keep it.
    #[serde(default, alias = "dryRun")]
    dry_run: bool,
    /// The file's name, for people.
    #[param(min_length = 1, max_length = 255)]
    pub(super) name: Option<String>,
}

impl ImportQuery {
    /// It, where each part is as it must be.
    pub(super) fn options(&self) -> Result<Options, ApiError> {
        let bad = |what: &'static str| ApiError::bad_request(what);
        let delimiter = match self.delimiter.as_deref() {
            None => None,
            Some("tab" | "\t") => Some('\t'),
            Some(";") => Some(';'),
            Some(",") => Some(','),
            Some("|") => Some('|'),
            Some(_) => return Err(bad("`delimiter` is one of , ; | and tab.")),
        };
        let mapping: BTreeMap<String, String> = match self.mapping.as_deref() {
            None => BTreeMap::new(),
            Some(json) => serde_json::from_str(json).map_err(|_| {
                bad("`mapping` is a JSON object of what columns are, by their headers: {\"Mail\": \"email\"}.")
            })?,
        };
        let mut lists = Vec::new();
        for id in self
            .list_ids
            .iter()
            .flat_map(|ids| ids.split(','))
            .map(str::trim)
        {
            let id: ListId = id
                .parse()
                .map_err(|_| bad("`list_ids` are ids between commas."))?;
            if !lists.contains(&id) {
                lists.push(id);
            }
        }
        if lists.len() > MAX_LISTS {
            return Err(bad("A file may be for 50 lists."));
        }
        optional_text("/consent_source", self.consent_source.as_ref(), 255)?;
        optional_text("/name", self.name.as_ref(), 255)?;
        let consent = self.consent.unwrap_or_default();
        match (consent, &self.consent_source) {
            (Consent::Unknown, None) | (Consent::Given, Some(_)) => {}
            (Consent::Unknown, Some(_)) => {
                return Err(bad("There is a `consent_source` without `consent=given`."));
            }
            (Consent::Given, None) => {
                return Err(bad(
                    "Say by `consent_source` where they agreed, e.g. the form.",
                ));
            }
            (Consent::Pending | Consent::Withdrawn, _) => {
                return Err(bad(
                    "`consent` is given or unknown; a column `email_consent` may say more.",
                ));
            }
        }
        Ok(Options {
            delimiter,
            encoding: self.encoding.unwrap_or_default(),
            mapping,
            on_conflict: self.on_conflict.unwrap_or_default(),
            lists,
            consent,
            consent_source: self.consent_source.clone(),
            dry_run: self.dry_run,
        })
    }
}
