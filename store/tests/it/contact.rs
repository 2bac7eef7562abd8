//! Contacts, the lists they are on, and audiences of them.

use schemas::{Membership, OptIn, TenantId};
use store::{
    StoreError,
    contact::{self, AddressNew, AudienceQuery, Choice, ContactFilter, ContactNew, ContactPatch},
    list::{self, ListNew, Members},
    segment::compile,
};

use crate::rig::{Bed, at};

fn mail(address: &str) -> AddressNew {
    AddressNew {
        kind: "email",
        address: address.to_owned(),
        consent: None,
    }
}

pub(crate) async fn contact(bed: &Bed, address: &str) -> contact::ContactRow {
    let new = ContactNew {
        addresses: vec![mail(address)],
        ..ContactNew::default()
    };
    contact::create(&bed.store, bed.ours, new).await.unwrap()
}

async fn news(bed: &Bed, tenant: TenantId, opt_in: OptIn) -> list::ListRow {
    let new = ListNew {
        name: "News".into(),
        description: None,
        opt_in,
    };
    list::create(&bed.store, tenant, &new).await.unwrap()
}

#[tokio::test]
async fn an_address_is_one_contacts() {
    let bed = Bed::new().await;
    let ann = contact(&bed, "ann@a.example").await;
    assert_eq!(
        ann.id,
        schemas::ContactId::of(bed.ours, "email", "ann@a.example")
    );
    let bob = contact(&bed, "bob@a.example").await;
    let patch = ContactPatch {
        addresses: Some(vec![mail("bob@b.example"), mail("ann@a.example")]),
        ..ContactPatch::default()
    };
    let refused = contact::update(&bed.store, bed.ours, bob.id, &patch).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict { constraint }) if constraint == "contact_addresses_pkey")
    );
    let kept = contact::addresses(&bed.store, bed.ours, &[bob.id])
        .await
        .unwrap();
    assert_eq!(kept.len(), 1);

    // An address that was given up is free, and its next owner another contact.
    let patch = ContactPatch {
        addresses: Some(vec![mail("ann@b.example")]),
        ..ContactPatch::default()
    };
    contact::update(&bed.store, bed.ours, ann.id, &patch)
        .await
        .unwrap();
    let other = contact(&bed, "ann@a.example").await;
    assert_ne!(other.id, ann.id);

    let refused = contact::update(&bed.store, bed.theirs, ann.id, &patch).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
    let refused = contact::delete(&bed.store, bed.theirs, ann.id).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn who_unsubscribed_stays_away() {
    let bed = Bed::new().await;
    let ann = contact(&bed, "ann@a.example").await.id;
    let bob = contact(&bed, "bob@a.example").await.id;
    let list = news(&bed, bed.ours, OptIn::Double).await.id;
    let both = Members::Contacts(vec![ann, bob]);
    let added = list::add(&bed.store, bed.ours, list, &both, false)
        .await
        .unwrap();
    assert_eq!((added.added, added.unconfirmed.len()), (2, 2));
    let asked = list::ask(&bed.store, bed.ours, list, &[ann, bob])
        .await
        .unwrap();
    assert_eq!(asked.len(), 2);
    // Not within a day.
    assert_eq!(
        list::ask(&bed.store, bed.ours, list, &[ann, bob])
            .await
            .unwrap(),
        []
    );
    for time in [2, 3] {
        bed.sql("update contact_list_members set asked_at = asked_at - interval '25 hours'")
            .await;
        let asked = list::ask(&bed.store, bed.ours, list, &[ann]).await.unwrap();
        assert_eq!(asked[0].time, time);
    }
    bed.sql("update contact_list_members set asked_at = asked_at - interval '25 hours'")
        .await;
    assert_eq!(
        list::ask(&bed.store, bed.ours, list, &[ann]).await.unwrap(),
        []
    );

    assert_eq!(
        list::confirm(&bed.store, bed.ours, list, ann)
            .await
            .unwrap(),
        "News"
    );
    assert_eq!(
        list::confirm(&bed.store, bed.ours, list, ann)
            .await
            .unwrap(),
        "News"
    );
    let addresses = contact::addresses(&bed.store, bed.ours, &[ann])
        .await
        .unwrap();
    assert_eq!(addresses[0].consent, schemas::Consent::Given);
    let source = format!("double-opt-in list:{list}");
    assert_eq!(addresses[0].consent_source.as_ref(), Some(&source));
    // A consent that nobody said the source of has one now.
    bed.sql("update contact_addresses set consent_source = null")
        .await;
    list::confirm(&bed.store, bed.ours, list, ann)
        .await
        .unwrap();
    let addresses = contact::addresses(&bed.store, bed.ours, &[ann])
        .await
        .unwrap();
    assert_eq!(addresses[0].consent_source, Some(source));
    let elsewhere = list::confirm(&bed.store, bed.theirs, list, bob).await;
    assert!(matches!(elsewhere, Err(StoreError::NotFound)));
    list::unsubscribe(&bed.store, bed.ours, list, ann)
        .await
        .unwrap();
    let late = list::confirm(&bed.store, bed.ours, list, ann).await;
    assert!(matches!(late, Err(StoreError::NotFound)));
    let again = list::add(&bed.store, bed.ours, list, &both, false)
        .await
        .unwrap();
    assert_eq!((again.added, again.present, again.unsubscribed), (0, 2, 1));
    assert_eq!(again.unconfirmed, [bob]);
    let again = list::add(&bed.store, bed.ours, list, &both, true)
        .await
        .unwrap();
    assert_eq!((again.added, again.unsubscribed), (1, 0));
    let counts = list::counts(&bed.store, bed.ours, &[list])
        .await
        .unwrap()
        .unwrap();
    assert_eq!((counts[0].confirmed, counts[0].unconfirmed), (0, 2));
    assert_eq!(
        list::counts(&bed.store, bed.theirs, &[list]).await.unwrap(),
        Some(vec![])
    );
    let refused = list::add(&bed.store, bed.theirs, list, &both, false).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn an_audience_adds_up() {
    let bed = Bed::new().await;
    let list = news(&bed, bed.ours, OptIn::Single).await.id;
    let theirs = news(&bed, bed.theirs, OptIn::Single).await.id;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(contact(&bed, &format!("A{number}@a.example")).await.id);
    }
    let bare = contact::create(&bed.store, bed.ours, ContactNew::default())
        .await
        .unwrap()
        .id;
    ids.push(bare);
    let all = Members::Contacts(ids);
    assert_eq!(
        list::add(&bed.store, bed.ours, list, &all, false)
            .await
            .unwrap()
            .added,
        11
    );
    bed.sql("update contact_addresses set consent = 'withdrawn' where address like 'A1@%'")
        .await;
    bed.sql("update contact_addresses set consent = 'given' where address like 'A2@%'")
        .await;
    bed.sql("insert into contact_addresses (tenant_id, kind, address, contact_id)
             select tenant_id, 'phone', '+43', contact_id from contact_addresses where address like 'A1@%'").await;
    for (address, expires) in [
        ("a3@a.example", "null"),
        ("a4@a.example", "now() - interval '1 second'"),
    ] {
        bed.sql(&format!(
            "insert into comm_suppressions (tenant_id, kind, address, reason, scope, expires_at)
             select id, 'email', '{address}', 'manual', 'marketing', {expires} from tenants"
        ))
        .await;
    }
    let count = async |lists, segments: &[&str], kinds: &[&'static str]| {
        let asked = AudienceQuery {
            choice: Choice {
                lists,
                segments: segments.iter().map(|text| compile(text).unwrap()).collect(),
                now: at(0),
            },
            kinds: kinds.to_vec(),
            channels: Vec::new(),
        };
        contact::count(&bed.store, bed.ours, &asked)
            .await
            .unwrap()
            .unwrap()
    };
    let mails = count(vec![list], &[], &["email"]).await;
    assert_eq!(
        (
            mails.contacts,
            mails.reachable,
            mails.suppressed,
            mails.without_consent,
            mails.without_address
        ),
        (11, 8, 1, 1, 1)
    );
    let any = count(vec![list], &["name is null"], &["email", "phone"]).await;
    assert_eq!(
        (any.contacts, any.reachable, any.without_consent),
        (11, 9, 0)
    );
    assert_eq!(
        any.reachable_by,
        [("email".to_owned(), 8), ("phone".to_owned(), 1)].into()
    );
    let some = count(
        vec![],
        &["email starts with 'a1'", "email starts with 'A2'"],
        &["email"],
    )
    .await;
    assert_eq!((some.contacts, some.reachable), (2, 1));
    assert_eq!(count(vec![theirs], &[], &["email"]).await.contacts, 0);
    assert_eq!(count(vec![], &[], &["email"]).await.contacts, 0);
}

#[tokio::test]
async fn contacts_are_found() {
    let bed = Bed::new().await;
    let ann = contact(&bed, "ann@a.example").await.id;
    contact(&bed, "bob@a.example").await;
    let list = news(&bed, bed.ours, OptIn::Single).await.id;
    let members = Members::Addresses(
        "email",
        vec!["ann@a.example".into(), "none@a.example".into()],
    );
    let added = list::add(&bed.store, bed.ours, list, &members, false)
        .await
        .unwrap();
    assert_eq!((added.added, added.unknown), (1, 1));
    let patch = ContactPatch {
        name: Some(Some("Ann Smith".into())),
        external_id: Some(Some("7".into())),
        ..ContactPatch::default()
    };
    contact::update(&bed.store, bed.ours, ann, &patch)
        .await
        .unwrap();
    let found = async |tenant, filter: ContactFilter| {
        let page = contact::list(&bed.store, tenant, &filter, None, 10).await;
        let ids = page.unwrap().unwrap().items.into_iter().map(|row| row.id);
        ids.collect::<Vec<_>>()
    };
    let filters = || {
        [
            ContactFilter {
                addresses: Some(vec![
                    ("email", "ann@a.example".into()),
                    ("phone", "+43".into()),
                ]),
                ..ContactFilter::default()
            },
            ContactFilter {
                name: Some("SMITH".into()),
                ..ContactFilter::default()
            },
            ContactFilter {
                external_id: Some("7".into()),
                ..ContactFilter::default()
            },
            ContactFilter {
                list: Some((list, Membership::Confirmed)),
                ..ContactFilter::default()
            },
            ContactFilter {
                segment: Some((compile("in list 'News'").unwrap(), at(0))),
                ..ContactFilter::default()
            },
        ]
    };
    for filter in filters() {
        assert_eq!(found(bed.ours, filter.clone()).await, [ann], "{filter:?}");
        assert_eq!(found(bed.theirs, filter).await, []);
    }
    contact::delete(&bed.store, bed.ours, ann).await.unwrap();
    for filter in filters() {
        assert_eq!(found(bed.ours, filter).await, []);
    }
    let counts = list::counts(&bed.store, bed.ours, &[list])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(counts, []);
}
