//! What a mail costs: ten variables, five links, 8 kB, and the addresses with their tags as the hub makes them.
//!
//! `cargo bench -p render --bench mail`

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement needs a clock and says its result"
)]

use std::{collections::BTreeMap, hint::black_box, time::Instant};

use hmac::{Hmac, KeyInit, Mac};
use render::{CampaignFacts, Compiled, Links, Recipient, Source};
use schemas::{
    CampaignId, ContactId, TenantId,
    campaign::{Tracked, Wording},
    tracking_token::{Purpose, TrackingToken},
};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use uuid::Uuid;

const ROUNDS: u32 = 20_000;

/// Signs as the hub does: HMAC-SHA-256, cut to 16 bytes.
struct Signed {
    key: Hmac<Sha256>,
    base: &'static str,
    contact: ContactId,
}

impl Signed {
    fn token(&self, purpose: Purpose, url: &str) -> String {
        let token = TrackingToken {
            purpose,
            tenant: TenantId(Uuid::nil()),
            campaign: CampaignId(Uuid::nil()),
            contact: self.contact,
            url: url.to_owned(),
        };
        let mut tag = self.key.clone();
        tag.update(&token.signed());
        let tag: [u8; 16] = *tag.finalize().into_bytes().first_chunk().unwrap();
        token.text(&tag)
    }
}

impl Links for Signed {
    fn click(&self, url: &str) -> String {
        format!("{}/t/c/{}", self.base, self.token(Purpose::Click, url))
    }

    fn pixel(&self) -> String {
        format!("{}/t/o/{}", self.base, self.token(Purpose::Open, ""))
    }

    fn preferences(&self) -> String {
        format!("{}/t/p/{}", self.base, self.token(Purpose::Preferences, ""))
    }
}

/// Links that cost nothing, to see what rendering alone costs.
struct Free;

impl Links for Free {
    fn click(&self, _: &str) -> String {
        String::new()
    }

    fn pixel(&self) -> String {
        String::new()
    }

    fn preferences(&self) -> String {
        String::new()
    }
}

fn html() -> String {
    let mut html = String::from(
        "<html><head><style>p{margin:0 0 12px;color:#333}a{color:#06c}.big{font-size:20px}@media (max-width:600px){p{font-size:18px}}</style></head><body>\
        <h1 class=\"big\">Hello {{ first_name }} {{ last_name }}</h1><p>Your plan {{ plan }} renews on {{ renews | date }} in {{ city }}.</p>\
        {% if vip %}<p>Thank you for {{ years }} years with {{ company }}.</p>{% endif %}\
        <table>{% for item in items %}<tr><td>{{ item }}</td></tr>{% endfor %}</table>\
        <a href=\"https://shop.example/account?id={{ customer }}\">Account</a> <a href=\"https://shop.example/a\">A</a>\
        <a href=\"https://shop.example/b?x=1&amp;y=2\">B</a> <a href=\"https://shop.example/c\">C</a>\
        <a href=\"https://shop.example/codes/{{ code | urlencode }}\">D</a>",
    );
    while html.len() < 7900 {
        html.push_str("<p>We have opened a new shop in the old town, with everything you know from us and a small café on the roof.</p>");
    }
    html.push_str("</body></html>");
    html
}

fn main() {
    let html = html();
    let wording = Wording {
        language: None,
        subject: Some("{{ first_name }}, your plan renews soon".into()),
        text: String::new(),
        html: Some(html.clone()),
        ..Wording::default()
    };
    let defaults = BTreeMap::new();
    let source = Source {
        wordings: std::slice::from_ref(&wording),
        tracked: Tracked {
            opens: true,
            clicks: true,
            unsubscribe: true,
        },
        defaults: &defaults,
    };
    let begin = Instant::now();
    for _ in 0..100 {
        black_box(Compiled::new(source).unwrap());
    }
    println!(
        "compile: {:.0} µs for {} bytes of HTML",
        begin.elapsed().as_secs_f64() * 1e4,
        html.len()
    );

    let compiled = Compiled::new(source).unwrap();
    let attributes: Map<String, Value> = json!({
        "first_name": "Ada", "last_name": "Lovelace", "plan": "Premium", "renews": "2026-12-01", "city": "Graz", "vip": true,
        "years": 7, "company": "Example & Sons", "customer": 123_456, "code": "A B/7", "items": ["Tea", "Milk", "Bread"],
    })
    .as_object()
    .unwrap()
    .clone();
    let contact = ContactId(Uuid::from_u128(7));
    let recipient = Recipient {
        contact,
        name: Some("Ada Lovelace"),
        address: "ada@example.com",
        language: Some("en-GB"),
        time_zone: None,
        attributes: &attributes,
        campaign: CampaignFacts {
            id: CampaignId(Uuid::nil()),
            name: "Spring",
        },
    };
    let signed = Signed {
        key: Hmac::new_from_slice(&[7; 32]).unwrap(),
        base: "https://hub.example",
        contact,
    };
    let whole = compiled.render(&recipient, &signed).unwrap();
    println!(
        "one mail: {} bytes of HTML, {} of text",
        whole.html.as_deref().unwrap_or_default().len(),
        whole.text.len()
    );
    for (name, links) in [
        ("render", &Free as &dyn Links),
        ("render and sign", &signed),
    ] {
        let mut best = f64::MAX;
        for _ in 0..5 {
            let begin = Instant::now();
            for _ in 0..ROUNDS / 5 {
                black_box(compiled.render(black_box(&recipient), links).unwrap());
            }
            best = best.min(begin.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS / 5));
        }
        println!("{name}: {best:.1} µs a mail");
    }
}
