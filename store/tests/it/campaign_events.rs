//! What happens to campaigns' messages after they left: events, wishes, receipts.

mod receipt;

use schemas::{
    CampaignId, ContactId, ListId, Membership, MessageId,
    campaign::{CampaignEvent, CampaignEventType, Unsubscribe, Verdict, Wish},
};
use store::{
    preference, project,
    suppression::{self, SuppressionFilter},
};
use uuid::Uuid;

use crate::rig::{Bed, at};

const ADA: ContactId = ContactId(Uuid::from_u128(0xada));
const NEWS: ListId = ListId(Uuid::from_u128(0x11));
const OFFERS: ListId = ListId(Uuid::from_u128(0x12));
/// For the list of news alone.
const OF_LIST: CampaignId = CampaignId(Uuid::from_u128(0x21));
/// For a segment.
const OF_SEGMENT: CampaignId = CampaignId(Uuid::from_u128(0x22));

/// Two campaigns that wrote to Ada, who is on two lists.
async fn bed() -> Bed {
    let bed = Bed::new().await;
    let tenant = bed.ours;
    bed.sql(&format!(
        "insert into contacts (id, tenant_id, name, language) values ('{ADA}', '{tenant}', 'Ada', 'de');
         insert into contact_addresses (tenant_id, kind, address, contact_id) values ('{tenant}', 'email', 'ada@example.org', '{ADA}');
         insert into contact_lists (id, tenant_id, name) values ('{NEWS}', '{tenant}', 'News'), ('{OFFERS}', '{tenant}', 'Offers');
         insert into contact_list_members (list_id, contact_id) values ('{NEWS}', '{ADA}'), ('{OFFERS}', '{ADA}');
         insert into campaigns (id, tenant_id, name, type, status, contact_list_ids, target_segments, created_by) values
             ('{OF_LIST}', '{tenant}', 'a', 'EMAIL', 'COMPLETED', '{{{NEWS}}}', '{{}}', 'x'),
             ('{OF_SEGMENT}', '{tenant}', 'b', 'EMAIL', 'COMPLETED', '{{{NEWS}}}', '{{{NEWS}}}', 'x');",
    ))
    .await;
    for campaign in [OF_LIST, OF_SEGMENT] {
        let (message, channel) = (message(campaign), bed.channel.id);
        bed.sql(&format!(
            "insert into campaign_messages (id, campaign_id, tenant_id, contact_id, chunk, channel_id, channel_type, address, status)
             values ('{message}', '{campaign}', '{tenant}', '{ADA}', 0, '{channel}', 'email', 'Ada@Example.org', 'SENT');
             insert into campaign_chunks (campaign_id, number, channel_id, size, state) values ('{campaign}', 0, '{channel}', 1, 'done')"
        ))
        .await;
    }
    bed
}

fn message(campaign: CampaignId) -> MessageId {
    MessageId::campaign(campaign, ADA)
}

fn event(bed: &Bed, campaign: CampaignId, kind: CampaignEventType) -> CampaignEvent {
    CampaignEvent {
        id: Uuid::now_v7(),
        tenant: bed.ours,
        campaign,
        contact: ADA,
        event: kind,
        at: at(1),
        verdict: None,
        detail: None,
        url: None,
        ip_address: None,
        user_agent: None,
    }
}

async fn wish(bed: &Bed, campaign: CampaignId, wish: Wish) -> CampaignEvent {
    let mut said = event(bed, campaign, CampaignEventType::Unsubscribe);
    said.detail = Some(wish.to_string());
    project::campaign_events(&bed.store, std::slice::from_ref(&said))
        .await
        .unwrap();
    said
}

/// Rows that a condition holds for.
async fn count(bed: &Bed, table: &str, condition: &str) -> u64 {
    bed.sql(&format!(
        "update {table} set tenant_id = tenant_id where {condition}"
    ))
    .await
}

async fn standing(bed: &Bed, list: ListId) -> Membership {
    let found = store::list::of_contact(&bed.store, bed.ours, ADA)
        .await
        .unwrap();
    found.iter().find(|row| row.list_id == list).unwrap().status
}

async fn suppressed(bed: &Bed) -> Vec<String> {
    let page = suppression::list(
        &bed.store,
        bed.ours,
        &SuppressionFilter::default(),
        None,
        50,
    )
    .await
    .unwrap();
    let rows = page.items.iter();
    rows.map(|row| {
        format!(
            "{} {} {} {}",
            row.kind,
            row.address,
            row.reason.name(),
            row.scope.name()
        )
    })
    .collect()
}

#[tokio::test]
async fn an_event_is_one_row_and_a_machines_verdict_wins() {
    let bed = bed().await;
    let mut events: Vec<CampaignEvent> = (0..300)
        .map(|number| {
            let mut one = event(&bed, OF_LIST, CampaignEventType::Click);
            one.verdict = Some(Verdict::Human);
            one.url = Some(format!("https://a.example/{number}\0"));
            one.user_agent = Some("x".repeat(5000));
            one
        })
        .collect();
    let write = async |events: &[CampaignEvent]| {
        let done = project::campaign_events(&bed.store, events).await.unwrap();
        done.inserted
    };
    assert_eq!(write(&events).await, 300);
    assert_eq!(write(&events).await, 0);
    // Told again with a new one beside it, and one that was a machine's: once within one batch, in either order.
    events.push(event(&bed, OF_LIST, CampaignEventType::Open));
    let mut corrected = events[7].clone();
    corrected.verdict = Some(Verdict::Machine);
    corrected.detail = Some("burst".into());
    events.insert(0, corrected.clone());
    assert_eq!(write(&events).await, 1);
    events.swap(0, 8);
    assert_eq!(write(&events).await, 0);
    assert_eq!(
        count(
            &bed,
            "campaign_events",
            "verdict = 'machine' and detail = 'burst'"
        )
        .await,
        1
    );
    // A person's verdict takes nothing back.
    corrected.verdict = Some(Verdict::Human);
    assert_eq!(write(&[corrected]).await, 0);
    assert_eq!(
        count(&bed, "campaign_events", "verdict = 'machine'").await,
        1
    );
    let own = format!(
        "message_id = '{}' and coalesce(length(user_agent) <= 500, true)",
        message(OF_LIST)
    );
    assert_eq!(count(&bed, "campaign_events", &own).await, 301);
}

#[tokio::test]
async fn who_leaves_a_campaign_leaves_its_lists_or_everything() {
    let bed = bed().await;
    bed.sql("update campaigns set unsubscribe = 'list'").await;
    wish(&bed, OF_LIST, Wish::OneClick).await;
    assert_eq!(standing(&bed, NEWS).await, Membership::Unsubscribed);
    assert_eq!(standing(&bed, OFFERS).await, Membership::Confirmed);
    assert!(suppressed(&bed).await.is_empty());
    // Others than members of lists got this one.
    wish(&bed, OF_SEGMENT, Wish::Campaign).await;
    assert_eq!(standing(&bed, OFFERS).await, Membership::Confirmed);
    assert_eq!(
        suppressed(&bed).await,
        ["email ada@example.org opted_out marketing"]
    );
    wish(&bed, OF_LIST, Wish::Everything).await;
    assert_eq!(standing(&bed, OFFERS).await, Membership::Unsubscribed);
    assert_eq!(suppressed(&bed).await.len(), 1);
}

#[tokio::test]
async fn one_click_is_everything_unless_the_tenant_or_the_campaign_says_otherwise() {
    let bed = bed().await;
    let shown = async || {
        let found = preference::get(&bed.store, bed.ours, OF_LIST, ADA).await;
        found.unwrap().unsubscribe
    };
    assert_eq!(shown().await, Unsubscribe::Everything);
    wish(&bed, OF_LIST, Wish::OneClick).await;
    for list in [NEWS, OFFERS] {
        assert_eq!(standing(&bed, list).await, Membership::Unsubscribed);
    }
    assert_eq!(
        suppressed(&bed).await,
        ["email ada@example.org opted_out marketing"]
    );

    preference::come_back(&bed.store, bed.ours, OF_LIST, ADA, &[NEWS, OFFERS])
        .await
        .unwrap();
    let settings = store::tenant::TenantSettings {
        unsubscribe: Unsubscribe::List,
        ..store::tenant::TenantSettings::default()
    };
    store::tenant::set_settings(&bed.store, bed.ours, settings)
        .await
        .unwrap();
    assert_eq!(shown().await, Unsubscribe::List);
    wish(&bed, OF_LIST, Wish::OneClick).await;
    assert_eq!(standing(&bed, NEWS).await, Membership::Unsubscribed);
    assert_eq!(standing(&bed, OFFERS).await, Membership::Confirmed);
    assert!(suppressed(&bed).await.is_empty());

    // What the campaign says comes first.
    bed.sql("update campaigns set unsubscribe = 'everything'")
        .await;
    assert_eq!(shown().await, Unsubscribe::Everything);
    wish(&bed, OF_LIST, Wish::Campaign).await;
    assert_eq!(standing(&bed, OFFERS).await, Membership::Unsubscribed);
}

#[tokio::test]
async fn a_wish_told_again_undoes_nothing() {
    let bed = bed().await;
    let said = wish(&bed, OF_LIST, Wish::List(OFFERS)).await;
    assert_eq!(standing(&bed, OFFERS).await, Membership::Unsubscribed);
    let everything = wish(&bed, OF_LIST, Wish::Everything).await;
    let shown = preference::get(&bed.store, bed.ours, OF_LIST, ADA)
        .await
        .unwrap();
    assert!(shown.is_stopped && shown.language.as_deref() == Some("de"));
    assert_eq!(shown.lists[0].id, NEWS);
    assert!(shown.lists[0].is_of_campaign && !shown.lists[1].is_of_campaign);
    preference::come_back(&bed.store, bed.ours, OF_LIST, ADA, &[OFFERS])
        .await
        .unwrap();
    assert_eq!(standing(&bed, OFFERS).await, Membership::Confirmed);
    assert_eq!(standing(&bed, NEWS).await, Membership::Unsubscribed);
    assert!(suppressed(&bed).await.is_empty());
    let batch = [
        said,
        everything,
        event(&bed, OF_LIST, CampaignEventType::Open),
    ];
    let again = project::campaign_events(&bed.store, &batch).await.unwrap();
    assert_eq!(again.inserted, 1);
    assert_eq!(standing(&bed, OFFERS).await, Membership::Confirmed);
    assert!(suppressed(&bed).await.is_empty());
    // Of no list in particular: those of the campaign.
    preference::come_back(&bed.store, bed.ours, OF_LIST, ADA, &[])
        .await
        .unwrap();
    assert_eq!(standing(&bed, NEWS).await, Membership::Confirmed);
}

#[tokio::test]
async fn wishes_hold_when_the_campaign_is_gone_and_for_the_own_tenant_alone() {
    let bed = bed().await;
    let mut theirs = event(&bed, OF_LIST, CampaignEventType::Unsubscribe);
    theirs.tenant = bed.theirs;
    theirs.detail = Some("everything".into());
    project::campaign_events(&bed.store, &[theirs])
        .await
        .unwrap();
    assert_eq!(standing(&bed, NEWS).await, Membership::Confirmed);
    preference::come_back(&bed.store, bed.theirs, OF_LIST, ADA, &[NEWS])
        .await
        .unwrap();
    let shown = preference::get(&bed.store, bed.theirs, OF_LIST, ADA)
        .await
        .unwrap();
    assert_eq!(shown, preference::Preferences::default());
    bed.sql("delete from campaign_messages; delete from campaigns")
        .await;
    wish(&bed, OF_LIST, Wish::OneClick).await;
    assert_eq!(
        suppressed(&bed).await,
        ["email ada@example.org opted_out marketing"]
    );
}

#[tokio::test]
async fn settings_of_a_tenant_are_its_own() {
    let bed = Bed::new().await;
    let keeps = store::tenant::TenantSettings {
        keeps_visitor_details: true,
        ..store::tenant::TenantSettings::default()
    };
    assert!(
        !store::tenant::settings(&bed.store, bed.ours)
            .await
            .unwrap()
            .keeps_visitor_details
    );
    store::tenant::set_settings(&bed.store, bed.ours, keeps)
        .await
        .unwrap();
    let keepers = store::tenant::keepers_of_visitor_details(&bed.store)
        .await
        .unwrap();
    assert_eq!(keepers, [bed.ours]);
}
