//! An address of e-mail is one, however it is spelled.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{call, done, id, inbox::take, post::Post};
use crate::{import::import, rig::Hub};

#[tokio::test(flavor = "multi_thread")]
async fn joe_is_one_in_whatever_case() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    let channel = hub.channel("email", post.channel()).await;
    let contact = |address: &str| json!({"addresses": [{"kind": "email", "address": address}]});
    let joe = done(&hub, Method::POST, "/contacts", &contact("joe@x.org")).await;
    let joe = json!(id(&joe));
    let (status, twice) = call(&hub, Method::POST, "/contacts", &contact("Joe@X.ORG")).await;
    assert_eq!(status, StatusCode::CONFLICT, "{twice}");
    let read = import(&hub, "", "email,name\nJOE@x.org,Joe\n").await;
    assert_eq!((&read["updated"], &read["created"]), (&json!(1), &json!(0)));

    // Who writes is answered as they spell it, and is who they were.
    let mail = "From: JOE@X.ORG\nTo: support@example.com\nSubject: Hello\nMessage-ID: <one@x.org>\n\nHello!\n";
    let taken = take(&hub, &channel, mail).await;
    let path = format!(
        "/api/v1/conversations/{}",
        taken["conversation_id"].as_str().unwrap()
    );
    let conversation = hub
        .until(&path, |row| {
            row["contact_id"].is_string().then(|| row.clone())
        })
        .await;
    assert_eq!(
        (&conversation["contact_id"], &conversation["participant_id"]),
        (&joe, &json!("JOE@x.org"))
    );
    let everybody = hub.get("/api/v1/contacts").await;
    assert_eq!(everybody.as_array().unwrap().len(), 1, "{everybody}");

    let list = id(&done(&hub, Method::POST, "/lists", &json!({"name": "News"})).await);
    let members = json!({"addresses": {"kind": "email", "addresses": ["jOe@x.org"]}});
    let added = done(
        &hub,
        Method::POST,
        &format!("/lists/{list}/members"),
        &members,
    )
    .await;
    assert_eq!(added["added"], 1);
    let segment = json!({"expression": "address = \"JOE@x.org\" and email = \"Joe@X.org\""});
    let chosen = done(&hub, Method::POST, "/segments/preview", &segment).await;
    assert_eq!(chosen["contacts"][0]["id"], joe, "{chosen}");
    let stop = json!({"kind": "email", "address": "joE@x.org"});
    done(&hub, Method::POST, "/suppressions", &stop).await;
    let asked = json!({"type": "EMAIL", "contact_list_ids": [list]});
    let counted = done(&hub, Method::POST, "/audience/count", &asked).await;
    assert_eq!(
        (&counted["contacts"], &counted["suppressed"]),
        (&json!(1), &json!(1))
    );
    hub.done().await;
}
