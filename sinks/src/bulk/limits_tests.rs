use schemas::campaign::Pace;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

const MAIL: ChannelId = ChannelId(Uuid::from_u128(1));
const RELAY: &str = "smtp.example.org";

fn tenant(given: Value, others: &[&[&str]], now: Instant) -> Tenant {
    let tenant = Tenant::default();
    change(&tenant, given, others, now);
    tenant
}

fn change(tenant: &Tenant, given: Value, others: &[&[&str]], now: Instant) {
    let given: Given = serde_json::from_value(given).unwrap();
    let others = others
        .iter()
        .map(|by| by.iter().map(|name| (*name).to_owned()).collect())
        .collect();
    tenant.hold(given, others, vec![RELAY.to_owned()], now);
}

fn free() -> Paces {
    Paces::new(&Pace::default(), 1)
}

/// Milliseconds until each of `count` messages may leave.
fn waits(
    tenant: &Tenant,
    provider: &str,
    to: &str,
    paces: &Paces,
    now: Instant,
    count: usize,
) -> Vec<u128> {
    (0..count)
        .map(|_| (tenant.place(provider, to, (paces, MAIL), now).at - now).as_millis())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn campaigns_of_a_tenant_keep_its_rate_together() {
    let now = Instant::now();
    let tenant = tenant(json!({"per_second": 10}), &[], now);
    let (one, other) = (free(), free());
    assert_eq!(waits(&tenant, RELAY, "a@x.example", &one, now, 2), [0, 100]);
    assert_eq!(
        waits(&tenant, "twilio", "+15550100", &other, now, 2),
        [200, 300]
    );
}

#[tokio::test(start_paused = true)]
async fn a_provider_is_one_over_all_channels_and_leaves_others_alone() {
    let now = Instant::now();
    let tenant = tenant(json!({"providers": {RELAY: 2}}), &[], now);
    assert_eq!(
        waits(&tenant, RELAY, "a@x.example", &free(), now, 3),
        [0, 500, 1000]
    );
    assert_eq!(
        waits(&tenant, "twilio", "+15550100", &free(), now, 3),
        [0, 0, 0]
    );
}

#[tokio::test(start_paused = true)]
async fn domains_are_limited_one_by_one() {
    let now = Instant::now();
    let tenant = tenant(json!({"domains": {"*": 1, "x.example": 4}}), &[], now);
    let to = |address, count| waits(&tenant, RELAY, address, &free(), now, count);
    assert_eq!(to("a@X.example", 3), [0, 250, 500]);
    assert_eq!(to("a@y.example", 2), [0, 1000]);
    assert_eq!(to("a@z.example", 2), [0, 1000]);
    assert_eq!(to("+15550100", 3), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_domain_keeps_nobody_else_waiting() {
    let now = Instant::now();
    let given = json!({"per_second": 10, "domains": {"slow.example": 0.5}});
    let tenant = tenant(given, &[], now);
    let to = |address, count| waits(&tenant, RELAY, address, &free(), now, count);
    // The third is too far and takes nothing.
    assert_eq!(to("a@slow.example", 3), [0, 2000, 4000]);
    assert_eq!(to("b@fast.example", 3), [100, 200, 300]);
}

#[tokio::test(start_paused = true)]
async fn the_lowest_of_all_limits_holds() {
    let now = Instant::now();
    let tenant = tenant(
        json!({"per_second": 100, "providers": {RELAY: 20}}),
        &[],
        now,
    );
    let pace = Pace {
        per_second: Some(5.0),
        ..Pace::default()
    };
    let slow = Paces::new(&pace, 1);
    assert_eq!(
        waits(&tenant, RELAY, "a@x.example", &slow, now, 3),
        [0, 200, 400]
    );
    assert_eq!(
        waits(&tenant, RELAY, "a@x.example", &free(), now, 3),
        [50, 100, 150]
    );
}

#[tokio::test(start_paused = true)]
async fn processes_have_equal_shares() {
    let now = Instant::now();
    let given = json!({"per_second": 10, "providers": {RELAY: 5}});
    let tenant = tenant(given.clone(), &[&["twilio"], &["twilio"]], now);
    // Three send for the tenant, this one alone by the relay.
    assert_eq!(
        waits(&tenant, "vonage", "+15550100", &free(), now, 3),
        [0, 300, 600]
    );
    change(&tenant, given, &[&["twilio", RELAY]], now);
    let later = now + Duration::from_secs(5);
    assert_eq!(
        waits(&tenant, RELAY, "a@x.example", &free(), later, 3),
        [0, 400, 800]
    );
}

#[tokio::test(start_paused = true)]
async fn limits_that_change_hold_at_once_and_may_go() {
    let now = Instant::now();
    let tenant = tenant(json!({"per_second": 1}), &[], now);
    let wait = |count| waits(&tenant, RELAY, "a@x.example", &free(), now, count);
    assert_eq!(wait(2), [0, 1000]);
    change(&tenant, json!({"per_second": 10}), &[], now);
    assert_eq!(wait(2), [100, 200]);
    change(&tenant, json!({}), &[], now);
    assert_eq!(wait(3), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_provider_is_told_of_once_and_forgotten_later() {
    let now = Instant::now();
    let tenant = tenant(json!({}), &[], now);
    assert!(tenant.use_of(RELAY) && !tenant.use_of("twilio"));
    assert_eq!(tenant.providers(now), [RELAY, "twilio"]);
    assert!(tenant.is_used(now));
    let later = now + REST;
    assert!(!tenant.is_used(later) && tenant.providers(later).is_empty());
}
