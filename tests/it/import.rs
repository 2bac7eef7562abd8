//! Files of contacts in and out, as people send them: over HTTP, and by the command line.

mod known;
mod odd;
mod refused;
mod told;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::rig::Hub;

/// Sends a file, and gives the answer.
async fn send(hub: &Hub, query: &str, file: impl Into<reqwest::Body>) -> (StatusCode, Value) {
    let answer = hub
        .request(Method::POST, &format!("/api/v1/contacts/import?{query}"))
        .header("content-type", "text/csv")
        .body(file)
        .send()
        .await
        .unwrap();
    let status = answer.status();
    (status, answer.json().await.unwrap())
}

/// Sends a file, and waits until it is read in.
pub(crate) async fn import(hub: &Hub, query: &str, file: impl Into<reqwest::Body>) -> Value {
    let (status, taken) = send(hub, query, file).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{taken}");
    ended(hub, taken["id"].as_str().unwrap()).await
}

async fn ended(hub: &Hub, id: &str) -> Value {
    let path = format!("/api/v1/contacts/imports/{id}");
    hub.until(&path, |import| {
        (import["status"] != "running").then(|| import.clone())
    })
    .await
}

fn counts(import: &Value) -> [u64; 5] {
    ["rows", "created", "updated", "skipped", "rejected"].map(|name| import[name].as_u64().unwrap())
}

fn lines(import: &Value) -> Vec<(u64, &str, &str)> {
    let errors = import["errors"].as_array().unwrap().iter();
    errors
        .map(|error| {
            let column = error["column"].as_str().unwrap_or_default();
            (
                error["line"].as_u64().unwrap(),
                column,
                error["reason"].as_str().unwrap(),
            )
        })
        .collect()
}

async fn by_address(hub: &Hub, address: &str) -> Value {
    let found = hub
        .get(&format!("/api/v1/contacts?address={address}"))
        .await;
    found[0].clone()
}

async fn text(hub: &Hub, path: &str) -> String {
    let answer = hub.request(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_becomes_contacts_and_its_bad_rows_are_told() {
    let hub = Hub::start().await;
    let list = hub.post("/api/v1/lists", &json!({"name": "news"})).await;
    let list = list["id"].as_str().unwrap();
    let file = "\u{feff}E-Mail-Adresse;Vorname;Nachname;Telefon;Sprache;Seats;VIP;Kunde\r\n\
        ann@example.org;Ann;Smith;+43 1 234567;de-at;3;true;0007\r\n\
        bob@example.org;\"Bob \"\"the\"\" Builder;\r\n\
        not an address;Carl;;;;;;\r\n\
        dan@example.org;Dan;;030 123;;;;\r\n\
        eve@example.org;Eve;;;german!;;;\r\n\
        ;Nobody;;;;;;\r\n\
        \"fay@example.org\";\"two\r\nlines\";;;;;;\r\n\
        anna@example.org;Another;;;;;;\r\n\
        ann@EXAMPLE.org;;Jones;;;4;;\r\n\
        g\u{fc}nter@example.org;G\u{fc}nter;;;;;;;;;\r\n\
        hal@example.org;a;b;c;d;e;f;g;h\r\n";
    let query = format!("list_ids={list}&consent=given&consent_source=fair&name=customers.csv");
    let done = import(&hub, &query, file).await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(
        lines(&done),
        [
            (
                3,
                "Vorname",
                "something stands between a closing quote and the end of the field"
            ),
            (4, "E-Mail-Adresse", "not an e-mail address"),
            (
                5,
                "Telefon",
                "not a telephone number with its country, such as +4915112345678"
            ),
            (6, "Sprache", "not a language tag such as de or de-AT"),
            (7, "", "there is no address"),
            (13, "", "the row has more fields than the header"),
        ],
        "{done}"
    );
    assert_eq!(counts(&done), [11, 4, 1, 0, 6]);
    assert_eq!(
        (&done["bytes"], &done["name"]),
        (&done["bytes_done"], &json!("customers.csv"))
    );
    let ann = by_address(&hub, "ann@example.org").await;
    assert_eq!(
        (&ann["name"], &ann["language"]),
        (&json!("Ann Smith"), &json!("de-AT"))
    );
    assert_eq!(
        ann["attributes"],
        json!({"first_name": "Ann", "last_name": "Jones", "seats": 4, "vip": true, "kunde": "0007"})
    );
    assert_eq!(ann["addresses"][0]["consent"], "given");
    assert_eq!(ann["addresses"][0]["consent_source"], "fair");
    assert_eq!(
        by_address(&hub, "fay@example.org").await["name"],
        "two\r\nlines"
    );
    let listed = hub.get(&format!("/api/v1/lists/{list}")).await;
    assert_eq!(listed["counts"]["confirmed"], 4, "{listed}");
    let audit = hub.get("/api/v1/audit").await.to_string();
    assert!(
        audit.contains("contact.import") && !audit.contains("example.org"),
        "{audit}"
    );
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_in_is_refused_at_once() {
    let hub = Hub::start_with(&[], &[("TIDINGS__CONTACTS__MAX_IMPORT_BYTES", "2000")]).await;
    for (query, file, status) in [
        ("", "", 422),
        ("", "name,city\nAnn,Wien\n", 422),
        ("", "PK\u{3}\u{4}…", 422),
        (
            "mapping={\"Mail\":\"pigeon\"}",
            "Mail\na@example.org\n",
            422,
        ),
        ("mapping=5", "email\na@example.org\n", 400),
        ("delimiter=x", "email\na@example.org\n", 400),
        ("consent=given", "email\na@example.org\n", 400),
        ("consent=withdrawn", "email\na@example.org\n", 400),
        ("nonsense=1", "email\na@example.org\n", 400),
        (
            "list_ids=00000000-0000-0000-0000-000000000001",
            "email\na@example.org\n",
            404,
        ),
    ] {
        let (answer, problem) = send(&hub, query, file).await;
        assert_eq!(answer.as_u16(), status, "{query} {problem}");
    }
    let long = format!("email\n{}", "x".repeat(2000));
    assert_eq!(send(&hub, "", long).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(hub.get("/api/v1/contacts/imports").await, json!([]));
    // UTF-16, Windows-1252, and a form.
    let utf16: Vec<u8> = "\u{feff}email\tname\njos\u{e9}@example.org\tJos\u{e9}\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(counts(&import(&hub, "", utf16).await), [1, 1, 0, 0, 0]);
    assert_eq!(
        by_address(&hub, "jos\u{e9}@example.org").await["name"],
        "Jos\u{e9}"
    );
    let western = b"email,name\nren\xe9e@example.org,Ren\xe9e \x80\n".to_vec();
    let strict = import(&hub, "encoding=utf-8", western.clone()).await;
    assert_eq!(lines(&strict), [(2, "email", "not in the file's encoding")]);
    import(&hub, "", western).await;
    assert_eq!(
        by_address(&hub, "ren\u{e9}e@example.org").await["name"],
        "Ren\u{e9}e \u{20ac}"
    );
    let form = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.csv\"\r\n\r\n\
        Mail,Tel\nkim@example.org,1\n\r\n--x--\r\n";
    let mapped = "/api/v1/contacts/import?mapping={\"mail\":\"email\",\"TEL\":\"text:code\"}";
    let taken = hub
        .request(Method::POST, mapped)
        .header("content-type", "multipart/form-data; boundary=x")
        .body(form)
        .send()
        .await
        .unwrap();
    let taken: Value = taken.json().await.unwrap();
    assert_eq!(taken["name"], "f.csv");
    ended(&hub, taken["id"].as_str().unwrap()).await;
    assert_eq!(
        by_address(&hub, "kim@example.org").await["attributes"],
        json!({"code": "1"})
    );
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_that_are_a_name_stay_text() {
    let hub = Hub::start().await;
    let file = "email,area,Zip code,code,attribute:size:text,seats,attribute:n:number\n\
        ann@example.org,12345,10115,7,42,3,\"1,5\"\nbob@example.org,01234,01067,+4930,43,4,2\n\
        carl@example.org,5,80331,1234567890123456,44,5,many\n";
    let done = import(&hub, "", file).await;
    assert_eq!(lines(&done), [(4, "attribute:n:number", "not a number")]);
    let ann = by_address(&hub, "ann@example.org").await;
    assert_eq!(
        ann["attributes"],
        json!({"area": "12345", "zip_code": "10115", "code": "7", "size": "42", "seats": 3, "n": 1.5})
    );
    let bob = by_address(&hub, "bob@example.org").await;
    assert_eq!(bob["attributes"]["area"], "01234");
    assert_eq!(bob["attributes"]["code"], "+4930");
    // And out and in again.
    let file = text(
        &hub,
        "/api/v1/contacts/export?columns=email,area,code,seats",
    )
    .await;
    assert!(file.contains("bob@example.org,'01234,'+4930,4"), "{file}");
    import(&hub, "", file).await;
    assert_eq!(
        by_address(&hub, "bob@example.org").await["attributes"],
        bob["attributes"]
    );
    assert_eq!(
        by_address(&hub, "ann@example.org").await["attributes"],
        ann["attributes"]
    );
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_goes_on_where_a_killed_hub_left_it() {
    let hub = Hub::start().await;
    let rows = 60_000;
    let mut file = String::from("email,name,number:n\n");
    for row in 0..rows {
        file.push_str(&format!("p{row}@example.org,Person {row},{row}\n"));
        if row % 10_000 == 5 {
            file.push_str("nobody,\"broken,1\n");
        }
    }
    let (status, taken) = send(&hub, "", file).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{taken}");
    let id = taken["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/contacts/imports/{id}");
    hub.until(&path, |import| (import["rows"].as_u64()? > 0).then_some(()))
        .await;
    let folder = hub.kill().await;
    let hub = Hub::start_in(folder, &[], &[]).await;
    let done = ended(&hub, &id).await;
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(counts(&done), [rows + 6, rows, 0, 0, 6]);
    assert_eq!(done["errors"].as_array().unwrap().len(), 6);
    assert_eq!(done["errors"][5]["line"], 50_005 + 2 + 6, "{done}");
    let last = by_address(&hub, "p59999@example.org").await;
    assert_eq!(last["attributes"], json!({"n": 59_999}));
    let objects = hub.dir().join("objects/imports");
    let is_gone = crate::rig::until_some(|| async {
        let mut files = walk(&objects);
        files.retain(|file| file.is_file());
        files.is_empty().then_some(())
    });
    assert!(
        is_gone.await.is_some(),
        "the file is left behind: {:?}",
        walk(&objects)
    );
    hub.done().await;
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        found.extend(walk(&path));
        found.push(path);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_imported_as_it_was() {
    let hub = Hub::start().await;
    let people = [
        json!({"name": "=cmd()", "external_id": "007", "language": "de-AT", "time_zone": "Europe/Vienna",
            "attributes": {"plan": "pro", "seats": 3, "rate": -1.5, "vip": true, "zip": "01234", "code": "12", "tags": ["a", "b"],
                "note": "two\nlines, \"quoted\"; and 'more", "quote": "'=1", "Plan": "@x", "email": "no"},
            "addresses": [{"kind": "email", "address": "ann@example.org", "consent": "withdrawn"},
                {"kind": "email", "address": "b@example.org", "consent": "given"}, {"kind": "phone", "address": "+4312345678"},
                {"kind": "telegram", "address": "-42"}]}),
        json!({"attributes": {}, "addresses": [{"kind": "email", "address": "bob@example.org"}]}),
    ];
    for person in &people {
        hub.post("/api/v1/contacts", person).await;
    }
    let file = text(&hub, "/api/v1/contacts/export").await;
    let bare: Vec<&str> = file
        .split(['\n', ','])
        .filter(|cell| cell.starts_with(['=', '@']))
        .collect();
    assert_eq!(bare, Vec::<&str>::new(), "a formula in {file}");
    let json_lines = |text: String| -> Vec<Value> {
        let all = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut all: Vec<Value> = all
            .map(|mut one| {
                let contact = one.as_object_mut().unwrap();
                contact.remove("created_at");
                contact.remove("updated_at");
                let mut addresses = contact["addresses"].as_array().unwrap().clone();
                for address in &mut addresses {
                    let address = address.as_object_mut().unwrap();
                    for time in ["created_at", "consent_at", "consent_source"] {
                        address.remove(time);
                    }
                }
                addresses.sort_by_key(|address| address["address"].to_string());
                contact["addresses"] = addresses.into();
                one
            })
            .collect();
        // Those of one batch are made in the order of their ids.
        all.sort_by_key(|one| one["id"].to_string());
        all
    };
    let before = json_lines(text(&hub, "/api/v1/contacts/export?format=jsonl").await);
    assert_eq!(before.len(), 2);
    for one in &before {
        let path = format!("/api/v1/contacts/{}", one["id"].as_str().unwrap());
        hub.request(Method::DELETE, &path)
            .send()
            .await
            .unwrap()
            .error_for_status()
            .unwrap();
    }
    let done = import(&hub, "", file.clone()).await;
    assert_eq!(counts(&done), [2, 2, 0, 0, 0], "{done}\n{file}");
    let after = json_lines(text(&hub, "/api/v1/contacts/export?format=jsonl").await);
    assert_eq!(after, before);
    let some = text(
        &hub,
        "/api/v1/contacts/export?columns=email,seats,contact_id&name=CMD",
    )
    .await;
    let named = before.iter().find(|one| one["name"] == "=cmd()").unwrap();
    let id = named["id"].as_str().unwrap();
    assert_eq!(
        some,
        format!("email,seats,contact_id\r\nann@example.org;b@example.org,3,{id}\r\n")
    );
    hub.done().await;
}
