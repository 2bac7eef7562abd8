//! Whom a message is for, and what is asked of the caller while it is made.

use schemas::{CampaignId, ContactId};
use serde_json::{Map, Value};

/// Whom a message is for.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    pub contact: ContactId,
    pub name: Option<&'a str>,
    /// Where it goes.
    pub address: &'a str,
    /// BCP 47; decides which wording is taken.
    pub language: Option<&'a str>,
    pub time_zone: Option<&'a str>,
    pub attributes: &'a Map<String, Value>,
    pub campaign: CampaignFacts<'a>,
}

/// What a template may say of its campaign.
#[derive(Clone, Copy, Debug)]
pub struct CampaignFacts<'a> {
    pub id: CampaignId,
    pub name: &'a str,
}

/// Addresses of the hub in a message to one recipient. Called once for each place that needs one.
pub trait Links {
    /// What a link to `url` (http or https, without blanks, ASCII) is replaced by.
    fn click(&self, url: &str) -> String;
    /// The address of the picture that tells of an opening.
    fn pixel(&self) -> String;
    /// The page on which the recipient unsubscribes or says what it wants.
    fn preferences(&self) -> String;
}
