//! Contacts, lists and segments, as people use them: through the API.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::rig::Hub;

async fn answer(hub: &Hub, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    let answer = hub.request(method, path).json(body).send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

async fn contact(hub: &Hub, address: &str, more: Value) -> String {
    let mut body = json!({"addresses": [{"kind": "email", "address": address}]});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let made = hub.post("/api/v1/contacts", &body).await;
    made["id"].as_str().unwrap().to_owned()
}

fn ids(contacts: &Value) -> Vec<&str> {
    contacts
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_are_made_found_changed_and_deleted() {
    let hub = Hub::start().await;
    let body = json!({
        "name": "Ann Smith", "external_id": "7", "language": "DE-at", "time_zone": "Europe/Vienna",
        "preferred_channel": "twilio", "attributes": {"plan": "pro", "seats": 3},
        "addresses": [
            {"kind": "email", "address": " Ann@BÜCHER.example", "consent": "given", "consent_source": "form"},
            {"kind": "phone", "address": "+49 (0) 30 1234567"},
        ],
    });
    let ann = hub.post("/api/v1/contacts", &body).await;
    assert_eq!(
        (&ann["language"], &ann["preferred_channel"]),
        (&json!("de-AT"), &json!("phone"))
    );
    assert_eq!(ann["addresses"][0]["address"], "ann@bücher.example");
    assert_eq!(ann["addresses"][0]["consent"], "given");
    assert!(ann["addresses"][0]["consent_at"].is_string());
    assert_eq!(ann["addresses"][1]["address"], "+49301234567");
    assert_eq!(ann["addresses"][1]["consent"], "unknown");
    let path = format!("/api/v1/contacts/{}", ann["id"].as_str().unwrap());

    for (query, found) in [
        ("address=Ann@xn--bcher-kva.example", 1),
        ("address=%2B4930%20123%204567", 1),
        ("address=ann", 0),
        ("name=sMITH", 1),
        ("name=%25", 0),
        ("name=n_", 0),
        ("name=nn%20s", 1),
        ("external_id=7&name=ann", 1),
        ("external_id=8", 0),
    ] {
        let page = hub.get(&format!("/api/v1/contacts?{query}")).await;
        assert_eq!(ids(&page).len(), found, "{query}");
    }

    for (wrong, pointer) in [
        (json!({"language": "german!"}), "/language"),
        (json!({"time_zone": "Vienna"}), "/time_zone"),
        (json!({"preferred_channel": "pigeon"}), "/preferred_channel"),
        (
            json!({"addresses": [{"kind": "email", "address": "ann"}]}),
            "/addresses/0/address",
        ),
        (
            json!({"addresses": [{"kind": "phone", "address": "030 1"}]}),
            "/addresses/0/address",
        ),
        (
            json!({"attributes": {"x": "y".repeat(40_000)}}),
            "/attributes",
        ),
    ] {
        let (status, problem) = answer(&hub, Method::PATCH, &path, &wrong).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert!(
            !problem.to_string().contains("030 1"),
            "an address in {problem}"
        );
    }
    let other = json!({"addresses": [{"kind": "email", "address": "Ann@bücher.example"}]});
    let (status, _) = answer(&hub, Method::POST, "/api/v1/contacts", &other).await;
    assert_eq!(status, StatusCode::CONFLICT);

    let patch = json!({"attributes": {"seats": null, "city": "Wien"}, "name": null,
        "addresses": [{"kind": "email", "address": "Ann@bücher.example"}]});
    let (status, changed) = answer(&hub, Method::PATCH, &path, &patch).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        changed["attributes"],
        json!({"plan": "pro", "city": "Wien"})
    );
    assert_eq!(
        (&changed["name"], &changed["external_id"]),
        (&Value::Null, &json!("7"))
    );
    assert_eq!(changed["addresses"].as_array().unwrap().len(), 1);
    assert_eq!(changed["addresses"][0]["consent_source"], "form");

    let (status, _) = answer(&hub, Method::DELETE, &path, &json!({})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = answer(&hub, Method::GET, &path, &json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let audit = hub.get("/api/v1/audit").await.to_string();
    for act in ["contact.create", "contact.update", "contact.delete"] {
        assert_eq!(audit.matches(act).count(), 1, "{audit}");
    }
    assert!(!audit.contains("example"), "an address in the audit log");
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_say_whom_they_choose_and_what_is_wrong() {
    let hub = Hub::start().await;
    let ann = contact(
        &hub,
        "ann@a.example",
        json!({"language": "de", "attributes": {"plan": "pro"}}),
    )
    .await;
    let bob = contact(
        &hub,
        "bob@a.example",
        json!({"language": "fr", "attributes": {"plan": "pro"}}),
    )
    .await;
    contact(&hub, "cat@b.example", json!({"language": "de"})).await;
    let list = hub.post("/api/v1/lists", &json!({"name": "News"})).await;
    let members = format!("/api/v1/lists/{}/members", list["id"].as_str().unwrap());
    let added = hub
        .post(&members, &json!({"contact_ids": [ann, bob]}))
        .await;
    assert_eq!((&added["added"], &added["asked"]), (&json!(2), &json!(0)));

    let expression = "attributes.plan = \"pro\" and language in (\"de\", \"it\")\n and in list \"News\" and not opened any in last 30 days";
    let checked = hub
        .post("/api/v1/segments/check", &json!({"expression": expression}))
        .await;
    assert_eq!(checked["ok"], true);
    let body = json!({"name": "Germans on Pro", "expression": expression});
    let segment = hub.post("/api/v1/segments", &body).await;
    let path = format!("/api/v1/segments/{}", segment["id"].as_str().unwrap());
    assert_eq!(hub.get(&format!("{path}/count")).await["count"], 1);
    let listed = format!(
        "/api/v1/contacts?segment_id={}",
        segment["id"].as_str().unwrap()
    );
    assert_eq!(ids(&hub.get(&listed).await), [ann.as_str()]);
    let preview = json!({"expression": "email ends with \"@a.example\"", "limit": 1});
    let preview = hub.post("/api/v1/segments/preview", &preview).await;
    assert_eq!(
        (ids(&preview["contacts"]), &preview["has_more"]),
        (vec![bob.as_str()], &json!(true))
    );

    let wrong = json!({"expression": "language = \"de\" and\n  plan = \"pro\""});
    let checked = hub.post("/api/v1/segments/check", &wrong).await;
    assert_eq!(
        (
            &checked["ok"],
            &checked["error"]["line"],
            &checked["error"]["column"]
        ),
        (&json!(false), &json!(2), &json!(3))
    );
    assert_eq!(checked["error"]["excerpt"], "  plan = \"pro\"\n  ^");
    let misnamed = json!({"expression": "in list \"News\"\n  and not in list \"Nwes\" or opened campaign \"Spring\""});
    let checked = hub.post("/api/v1/segments/check", &misnamed).await;
    assert_eq!(checked["ok"], false, "{checked}");
    let error = &checked["error"];
    assert_eq!(
        (&error["line"], &error["column"], &error["found"]),
        (&json!(2), &json!(19), &json!("the text \"Nwes\""))
    );
    let by_id = json!({"expression": format!("in list \"{}\"", list["id"].as_str().unwrap())});
    let checked = hub.post("/api/v1/segments/check", &by_id).await;
    assert_eq!(checked["ok"], true, "{checked}");
    for (method, path) in [
        (Method::POST, "/api/v1/segments"),
        (Method::PATCH, path.as_str()),
    ] {
        let mut body = wrong.clone();
        body["name"] = json!("Wrong");
        let (status, problem) = answer(&hub, method, path, &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], "/expression");
    }

    let asked = json!({"type": "EMAIL", "contact_list_ids": [list["id"]], "target_segments": [segment["id"]]});
    let audience = hub.post("/api/v1/audience/count", &asked).await;
    assert_eq!(
        (&audience["contacts"], &audience["reachable"]),
        (&json!(2), &json!(2))
    );
    let body = json!({"kind": "email", "address": "BOB@a.example"});
    hub.post("/api/v1/suppressions", &body).await;
    let audience = hub.post("/api/v1/audience/count", &asked).await;
    assert_eq!(
        (&audience["reachable"], &audience["suppressed"]),
        (&json!(1), &json!(1))
    );

    let (status, _) = answer(&hub, Method::DELETE, &path, &json!({})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = answer(&hub, Method::GET, &format!("{path}/count"), &json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_with_double_opt_in_asks_first() {
    let hub = Hub::start_with(
        &[],
        &[("TIDINGS__GATEWAY__PUBLIC_URL", "https://hub.example/")],
    )
    .await;
    let ann = contact(
        &hub,
        "ann@a.example",
        json!({"language": "de", "name": "Ann"}),
    )
    .await;
    let list = json!({"name": "Nachrichten", "opt_in": "double"});
    let list = hub.post("/api/v1/lists", &list).await;
    let path = format!("/api/v1/lists/{}", list["id"].as_str().unwrap());
    let members = format!("{path}/members");
    let body = json!({"addresses": {"kind": "email", "addresses": ["ann@A.example", "none@a.example", "?"]}});

    // There is nothing to ask by: nobody is put on the list.
    for channel in hub.get("/api/v1/channels").await.as_array().unwrap() {
        let path = format!("/api/v1/channels/{}", channel["id"].as_str().unwrap());
        let off = json!({"status": "inactive"});
        let (status, _) = answer(&hub, Method::PATCH, &path, &off).await;
        assert_eq!(status, StatusCode::OK);
    }
    let (status, problem) = answer(&hub, Method::POST, &members, &body).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert_eq!(hub.get(&path).await["counts"]["unconfirmed"], 0);

    let channel = hub.channel("sandbox", json!({})).await;
    let added = hub.post(&members, &body).await;
    assert_eq!(
        (&added["added"], &added["unknown"], &added["asked"]),
        (&json!(1), &json!(2), &json!(1))
    );
    let outbox = format!("/api/v1/channels/{channel}/outbox");
    let mail = hub.until(&outbox, |sent| sent.get(0).cloned()).await;
    assert_eq!(mail["recipient_id"], "ann@a.example");
    assert_eq!(mail["subject"], "Bitte bestätigen: Nachrichten");
    let text = mail["content"].as_str().unwrap();
    let token = text.split("https://hub.example/t/s/").nth(1).unwrap();
    let token = token.split_whitespace().next().unwrap();
    let (token, _) = schemas::TrackingToken::parse(token).unwrap();
    assert_eq!(token.purpose, schemas::tracking_token::Purpose::Confirm);
    assert_eq!(token.contact.to_string(), ann);
    assert_eq!(json!(token.campaign), list["id"]);

    // Not twice in a day.
    let again = hub.post(&members, &body).await;
    assert_eq!(
        (&again["added"], &again["present"], &again["asked"]),
        (&json!(0), &json!(1), &json!(0))
    );
    let counts = hub.get(&path).await["counts"].clone();
    assert_eq!(
        counts,
        json!({"confirmed": 0, "unconfirmed": 1, "unsubscribed": 0})
    );
    let lists = hub.get(&format!("/api/v1/contacts/{ann}/lists")).await;
    assert_eq!(lists[0]["status"], "unconfirmed");

    hub.post(&format!("{members}/{ann}/unsubscribe"), &json!({}))
        .await;
    let again = hub.post(&members, &body).await;
    assert_eq!(
        (&again["unsubscribed"], &again["asked"]),
        (&json!(1), &json!(0))
    );
    let page = format!(
        "/api/v1/contacts?list_id={}&membership=unsubscribed",
        list["id"].as_str().unwrap()
    );
    assert_eq!(ids(&hub.get(&page).await), [ann.as_str()]);
    let removed = hub
        .post(&format!("{members}/remove"), &json!({"contact_ids": [ann]}))
        .await;
    assert_eq!(removed["removed"], 1);
    hub.done().await;
}
