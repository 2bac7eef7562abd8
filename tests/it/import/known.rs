//! Files about people who are there already.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{by_address, counts, import, lines, text};
use crate::rig::Hub;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_updated_skipped_or_overwritten() {
    let hub = Hub::start().await;
    let known = json!({"name": "Ann", "external_id": "7", "attributes": {"plan": "pro", "seats": 3}, "addresses": [
        {"kind": "email", "address": "ann@example.org", "consent": "withdrawn"}, {"kind": "phone", "address": "+4312345678"}]});
    hub.post("/api/v1/contacts", &known).await;
    let file = "email,name,plan,seats,city\nann@example.org,,free,,Wien\nnew@example.org,New,,,\n";
    let skipped = import(
        &hub,
        "on_conflict=skip&consent=given&consent_source=x",
        file,
    )
    .await;
    assert_eq!(counts(&skipped), [2, 1, 0, 1, 0]);
    let ann = by_address(&hub, "ann@example.org").await;
    assert_eq!(ann["attributes"], json!({"plan": "pro", "seats": 3}));
    let tried = import(&hub, "dry_run=true", file).await;
    assert_eq!(counts(&tried), [2, 0, 2, 0, 0]);
    assert_eq!(
        by_address(&hub, "ann@example.org").await["attributes"]["plan"],
        "pro"
    );
    import(&hub, "consent=given&consent_source=x", file).await;
    let ann = by_address(&hub, "ann@example.org").await;
    assert_eq!(
        ann["attributes"],
        json!({"plan": "free", "seats": 3, "city": "Wien"})
    );
    assert_eq!(
        (&ann["name"], &ann["addresses"][0]["consent"]),
        (&json!("Ann"), &json!("withdrawn"))
    );
    import(&hub, "on_conflict=overwrite", file).await;
    let ann = by_address(&hub, "ann@example.org").await;
    assert_eq!(ann["attributes"], json!({"plan": "free", "city": "Wien"}));
    assert_eq!(ann["name"], Value::Null);
    // By its external id; by addresses of two; with somebody else's external id.
    let file = "email,phone,external_id\nann.2@example.org,,7\nnew@example.org,+4312345678,\nnew@example.org,,7\n";
    let done = import(&hub, "", file).await;
    assert_eq!(counts(&done), [3, 0, 1, 0, 2], "{done}");
    let ann = by_address(&hub, "ann.2@example.org").await;
    assert_eq!(ann["addresses"].as_array().unwrap().len(), 3);
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_later_in_a_file_wins_wherever_it_is_written() {
    let hub = Hub::start().await;
    let people = 9_000;
    let mut known = String::from("email,plan\n");
    let mut file = String::from("email,external_id,plan\n");
    for row in 0..people {
        known.push_str(&format!("a{row}@example.org;b{row}@example.org,none\n"));
        file.push_str(&format!("a{row}@example.org,,first\n"));
    }
    assert_eq!(
        counts(&import(&hub, "", known).await),
        [people, people, 0, 0, 0]
    );
    // The same people by another address, so that batches side by side have them in common and nobody sees it before.
    for row in (0..people).rev() {
        file.push_str(&format!("b{row}@example.org,,second\n"));
    }
    // And some by the same, and new ones twice.
    for row in 0..3_000 {
        file.push_str(&format!("b{row}@example.org,x{row},third\n"));
        file.push_str(&format!("new{row}@example.org,,first\n"));
    }
    for row in 0..3_000 {
        file.push_str(&format!("new{row}@example.org,,last\n"));
    }
    let done = import(&hub, "", file).await;
    assert_eq!(
        counts(&done),
        [2 * people + 9_000, 3_000, 2 * people + 6_000, 0, 0],
        "{done}"
    );
    let all = text(&hub, "/api/v1/contacts/export?columns=email,plan").await;
    let mut plans = BTreeMap::new();
    for line in all.lines().skip(1) {
        let (email, plan) = line.split_once(',').unwrap();
        let kind = match email.starts_with("new") {
            true => "new",
            false => "known",
        };
        *plans.entry((kind, plan)).or_insert(0) += 1;
    }
    let expected = [
        (("known", "second"), people - 3_000),
        (("known", "third"), 3_000),
        (("new", "last"), 3_000),
    ];
    assert_eq!(plans, BTreeMap::from(expected));
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_known_is_found_wherever_in_a_file() {
    let hub = Hub::start().await;
    let list = hub.post("/api/v1/lists", &json!({"name": "news"})).await;
    let list = list["id"].as_str().unwrap();
    let people = |rows: &[u64], plan: &str| {
        let mut file = String::from("email,external_id,plan\n");
        for row in rows {
            file.push_str(&format!("p{row}@example.org,x{row},{plan}\n"));
        }
        file
    };
    let query = format!("list_ids={list}");
    import(&hub, &query, people(&[5, 4_000, 11_000], "old")).await;
    // In most batches nobody is known; in some it is one by the address, by the external id, or by a batch of this file.
    let rows: Vec<u64> = (100..15_000).collect();
    let mut file = people(&rows, "new");
    file.push_str(
        "other@example.org,x5,new\np200@example.org,x201,new\np14999@example.org,,last\n",
    );
    let done = import(&hub, &query, file).await;
    assert_eq!(counts(&done), [14_903, 14_898, 4, 0, 1], "{done}");
    assert_eq!(
        lines(&done),
        [(14_903, "", "its external_id is another contact's")]
    );
    for (address, plan) in [
        ("p4000", "new"),
        ("other", "new"),
        ("p5", "new"),
        ("p14999", "last"),
        ("p200", "new"),
    ] {
        let found = by_address(&hub, &format!("{address}@example.org")).await;
        assert_eq!(found["attributes"], json!({"plan": plan}), "{found}");
    }
    let known = by_address(&hub, "p5@example.org").await;
    assert_eq!(known["addresses"].as_array().unwrap().len(), 2);
    let path = format!("/api/v1/lists/{list}");
    assert_eq!(hub.get(&path).await["counts"]["confirmed"], 14_901);
    // A list takes its memberships along.
    let memberships = format!("/api/v1/contacts/{}/lists", known["id"].as_str().unwrap());
    assert_eq!(hub.get(&memberships).await.as_array().unwrap().len(), 1);
    let deleted = hub.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(hub.get(&memberships).await, json!([]));
    hub.done().await;
}
