//! What every test of this crate starts from.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;

use render::{CampaignFacts, Compiled, Links, Problem, Recipient, RenderError, Rendered, Source};
use schemas::{
    CampaignId, ChannelKind, ContactId,
    campaign::{Tracked, Wording},
};
use serde_json::{Map, Value};

pub(crate) struct Hub;

impl Links for Hub {
    fn click(&self, url: &str) -> String {
        format!("https://hub.example/t/c/[{url}]")
    }

    fn pixel(&self) -> String {
        "https://hub.example/t/o/1".into()
    }

    fn preferences(&self) -> String {
        "https://hub.example/t/p/1?a&b".into()
    }
}

pub(crate) const ALL: Tracked = Tracked {
    opens: true,
    clicks: true,
    unsubscribe: true,
};
pub(crate) const NONE: Tracked = Tracked {
    opens: false,
    clicks: false,
    unsubscribe: false,
};

pub(crate) fn mail(html: &str) -> Wording {
    Wording {
        language: None,
        subject: Some("Hello".into()),
        text: String::new(),
        html: Some(html.into()),
        ..Wording::default()
    }
}

pub(crate) fn compile(html: &str, tracked: Tracked) -> Result<Compiled, Vec<Problem>> {
    Compiled::new(Source {
        wordings: &[mail(html)],
        tracked,
        defaults: &BTreeMap::new(),
    })
}

pub(crate) fn rendered(compiled: &Compiled, attributes: &Value) -> Result<Rendered, RenderError> {
    rendered_for(ChannelKind::Email, compiled, attributes)
}

/// What goes by a channel of this kind.
pub(crate) fn rendered_for(
    kind: ChannelKind,
    compiled: &Compiled,
    attributes: &Value,
) -> Result<Rendered, RenderError> {
    let none = Map::new();
    let recipient = Recipient {
        contact: ContactId(uuid::Uuid::nil()),
        name: Some("Ada"),
        address: "ada@example.com",
        language: None,
        time_zone: None,
        attributes: attributes.as_object().unwrap_or(&none),
        campaign: CampaignFacts {
            id: CampaignId(uuid::Uuid::nil()),
            name: "Spring",
        },
    };
    compiled.render_for(kind, &recipient, &Hub)
}

/// HTML and text of a template.
pub(crate) fn said(html: &str, tracked: Tracked, attributes: &Value) -> (String, String) {
    let compiled = compile(html, tracked).unwrap_or_else(|problems| panic!("{html}: {problems:?}"));
    let rendered =
        rendered(&compiled, attributes).unwrap_or_else(|error| panic!("{html}: {error}"));
    (rendered.html.unwrap_or_default(), rendered.text)
}
