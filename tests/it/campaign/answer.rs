//! Who answers a campaign begins a conversation, or goes on with theirs; what is said to them stands in the thread.

use reqwest::Method;
use schemas::Timestamp;
use serde_json::{Value, json};

use super::{
    audience, done, draft,
    inbox::take,
    post::{Mail, Post},
    reached, recipients, tell,
};
use crate::{
    platform::Telegram,
    rig::{Hub, body_of, telegram, until_some},
};

/// A campaign of mails to two, sent: the channel, the campaign, the contacts, and the mails in the same order.
async fn sent(hub: &Hub, post: &Post) -> (String, String, Vec<String>, Vec<Mail>) {
    let mut channel = post.channel();
    channel["config"] = json!({"settings": {"plus_address": true}});
    let channel = hub.channel("email", channel).await;
    let (list, contacts) = audience(hub, 2, |number| {
        json!({"name": "Ada", "addresses": [{"kind": "email", "address": format!("ada{number}@example.org")}]})
    })
    .await;
    let campaign = draft(
        hub,
        json!({
            "type": "EMAIL", "subject_line": "News for {{ name }}", "contact_list_ids": [list], "channel_ids": [channel],
            "content": "<p>We are open.</p>"
        }),
    )
    .await;
    tell(hub, &campaign, "start").await;
    reached(hub, &campaign, "COMPLETED").await;
    let mut mails = post.mails();
    mails.sort_by(|one, other| one.to.cmp(&other.to));
    (channel, campaign, contacts, mails)
}

/// The message that came in, when it is understood.
async fn understood(hub: &Hub, taken: &Value) -> Value {
    let path = format!("/api/v1/messages/{}", taken["message_id"].as_str().unwrap());
    hub.until(&path, |row| row["content"].is_string().then(|| row.clone()))
        .await
}

async fn answered(hub: &Hub, conversation: &Value, content: &str) {
    let body = json!({"conversation_id": conversation, "content": content});
    done(hub, Method::POST, "/messages/send", &body).await;
}

/// The newest mail to an address, once there are so many.
async fn newest(post: &Post, count: usize) -> Mail {
    let newest = until_some(|| async {
        let mut mails = post.mails();
        (mails.len() == count).then(|| mails.pop())?
    });
    newest.await.expect("the mail leaves")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_answered_and_the_answer_stands_in_the_thread() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    let (channel, campaign, contacts, mails) = sent(&hub, &post).await;
    let of_campaign = mails[0].header("Message-ID").unwrap();
    let mail = format!(
        "From: Ada <ada0@example.org>\nTo: support@example.com\nSubject: Re: News for Ada\nMessage-ID: <one@example.org>\n\
         Date: Sat, 21 Nov 2026 10:00:00 +0000\nIn-Reply-To: {of_campaign}\nReferences: {of_campaign}\n\n\
         Guten Tag, wo bleibt meine Bestellung? Ich warte nun schon seit zwei Wochen auf das Paket.\n\n\
         On Sat, 21 Nov 2026 at 09:00, <support@example.com> wrote:\n> We are open.\n"
    );
    let taken = take(&hub, &channel, &mail).await;
    let conversation = &taken["conversation_id"];
    let row = recipients(&hub, &campaign, "&address=ada0@example.org").await;
    assert_eq!(
        conversation, &row[0]["id"],
        "it is named after what was sent"
    );
    let message = understood(&hub, &taken).await;
    assert_eq!(
        (&message["language"]["code"], &message["intent"]["name"]),
        (&json!("de"), &json!("order_status")),
        "{message}"
    );
    assert!(
        !message["content"].as_str().unwrap().contains("We are open"),
        "what was sent is not what was answered: {message}"
    );
    let path = format!("/conversations/{}", conversation.as_str().unwrap());
    let shown = done(&hub, Method::GET, &path, &json!({})).await;
    assert_eq!(
        (
            &shown["campaign_id"],
            &shown["contact_id"],
            &shown["participant_id"]
        ),
        (
            &json!(campaign),
            &json!(contacts[0]),
            &json!("ada0@example.org")
        )
    );

    answered(&hub, conversation, "Es kommt morgen.").await;
    let ours = newest(&post, 3).await;
    assert_eq!(ours.to, "ada0@example.org");
    assert_eq!(ours.header("Subject").unwrap(), "Re: News for Ada");
    assert_eq!(ours.header("In-Reply-To").unwrap(), "<one@example.org>");
    let thread = ours.header("References").unwrap();
    assert_eq!(thread, format!("{of_campaign} <one@example.org>"));
    assert!(ours.text.contains("Es kommt morgen."), "{}", ours.text);
    assert!(
        ours.header("List-Unsubscribe").is_none(),
        "it is to one, not to many"
    );

    // Whatever a mail program keeps of it leads back.
    let ours = ours.header("Message-ID").unwrap();
    let again = format!(
        "From: ada0@example.org\nTo: support@example.com\nSubject: AW: News\nMessage-ID: <two@example.org>\n\
         In-Reply-To: {ours}\n\nDanke!\n"
    );
    let again = take(&hub, &channel, &again).await;
    assert_eq!(&again["conversation_id"], conversation);
    understood(&hub, &again).await;
    answered(&hub, conversation, "Gern.").await;
    let last = newest(&post, 4).await;
    assert_eq!(last.header("In-Reply-To").unwrap(), "<two@example.org>");
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_known_by_the_address_alone_and_strangers_are_none() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    let (channel, campaign, contacts, mails) = sent(&hub, &post).await;
    let to = mails[1].header("Reply-To").unwrap();
    assert!(to.contains("support+"), "{to}");
    // Written anew to the address that it came from, from an address of theirs that nobody knew.
    let mail = format!(
        "From: ada@elsewhere.example\nTo: {to}\nSubject: Hello\nMessage-ID: <one@elsewhere.example>\n\nAre you open on Sundays?\n"
    );
    let known = take(&hub, &channel, &mail).await;
    understood(&hub, &known).await;
    // Somebody who was sent nothing, and one who only says so.
    let forged = mails[1].header("Message-ID").unwrap().replace('.', "a.");
    for (number, reference) in ["<x@elsewhere.example>", &forged].into_iter().enumerate() {
        let mail = format!(
            "From: eve@elsewhere.example\nTo: support@example.com\nSubject: Hello\n\
             Message-ID: <{number}@eve.example>\nIn-Reply-To: {reference}\n\nHello?\n"
        );
        let taken = take(&hub, &channel, &mail).await;
        understood(&hub, &taken).await;
        let path = format!(
            "/conversations/{}",
            taken["conversation_id"].as_str().unwrap()
        );
        let shown = done(&hub, Method::GET, &path, &json!({})).await;
        assert_eq!(shown["campaign_id"], Value::Null, "{reference}: {shown}");
    }
    let path = format!("/conversations?campaign_id={campaign}");
    let listed = done(&hub, Method::GET, &path, &json!({})).await;
    let [one] = listed.as_array().unwrap().as_slice() else {
        panic!("{listed}")
    };
    assert_eq!(one["id"], known["conversation_id"]);
    assert_eq!(one["campaign_id"], campaign);
    let row = recipients(&hub, &campaign, &format!("&contact_id={}", contacts[1])).await;
    assert_eq!(one["id"], row[0]["id"], "it is about what Ada was sent");
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_in_a_chat_goes_on_with_it() {
    let hub = Hub::start().await;
    let platform = Telegram::start().await;
    let channel = hub
        .channel(
            "telegram",
            json!({
                "credentials": {"bot_token": "42:token", "secret_token": "s"},
                "config": {"settings": {"api_base": platform.url}}
            }),
        )
        .await;
    let (list, contacts) = audience(
        &hub,
        1,
        |_| json!({"name": "Ada", "addresses": [{"kind": "telegram", "address": "77"}]}),
    )
    .await;
    let campaign = draft(
        &hub,
        json!({"type": "MULTI_CHANNEL", "contact_list_ids": [list], "channel_ids": [channel]}),
    )
    .await;
    tell(&hub, &campaign, "start").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let calls = platform.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0].body["text"], "Hello Ada");

    let text = "Guten Tag, wo bleibt meine Bestellung? Ich warte nun schon seit zwei Wochen auf das Paket.";
    let mut update = telegram(77, 5, text);
    update["message"]["date"] = json!(Timestamp::now().0 / 1_000_000);
    let request = hub
        .webhook(&channel)
        .header("X-Telegram-Bot-Api-Secret-Token", "s");
    let taken = body_of(request.json(&update)).await;
    let message = understood(&hub, &taken).await;
    assert_eq!(message["language"]["code"], "de", "{message}");
    let conversation = &taken["conversation_id"];
    let path = format!("/conversations/{}", conversation.as_str().unwrap());
    let shown = done(&hub, Method::GET, &path, &json!({})).await;
    assert_eq!(
        (
            &shown["contact_id"],
            &shown["campaign_id"],
            &shown["participant_id"]
        ),
        (&json!(contacts[0]), &json!(campaign), &json!("77"))
    );
    let listed = done(&hub, Method::GET, "/conversations", &json!({})).await;
    assert_eq!(listed[0]["campaign_id"], campaign);
    answered(&hub, conversation, "Es kommt morgen.").await;
    let calls = until_some(|| async { Some(platform.calls()).filter(|calls| calls.len() == 2) });
    let calls = calls.await.expect("the answer leaves");
    assert_eq!(calls[1].body["text"], "Es kommt morgen.");
    assert_eq!(calls[1].body["chat_id"].to_string().trim_matches('"'), "77");
    hub.done().await;
}
