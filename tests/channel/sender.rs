//! Every platform that can be played, in a round: its person writes, we answer with all we have, it says what became of it.
//!
//! The fakes check our calls as the platforms do, so "nothing refused" says that every call was one the platform documents.
//! A new fake is in here as soon as [`platform::all`] has it.

use axum::http::StatusCode;
use platform::Trouble;
use schemas::{
    About, Attachment, Button, ButtonType, ChannelKind, Content, ConversationId, Format, Outcome,
    TrackKind,
};
use serde_json::{Value, json};
use sinks::channel::{Misconfigured, Scope, SendOutcome};
use tokio::net::TcpListener;

use crate::play::{CHANNEL, Play, WEBHOOK, received};

/// What these say is that there is something to be fetched: the pollers' tests play them.
const BY_FETCHING: [ChannelKind; 1] = [ChannelKind::Gmail];
/// Know a message that comes again, for a while: what is resent in that while is harmless.
const KNOW_AGAIN: [ChannelKind; 1] = [ChannelKind::Discord];
const STATUS: [TrackKind; 4] = [
    TrackKind::Sent,
    TrackKind::Delivered,
    TrackKind::Read,
    TrackKind::Failed,
];

fn text(text: &str) -> Content {
    Content {
        text: text.into(),
        ..Content::default()
    }
}

/// Runs a law for each played platform that has a sender, and names all that break it.
async fn law<F>(check: impl Fn(Play) -> F)
where
    F: Future<Output = Result<(), String>>,
{
    let only = std::env::var("TIDINGS_CASES").ok();
    let mut broken = Vec::new();
    for fake in platform::all() {
        let kind = fake.kind();
        if only.as_deref().is_some_and(|only| only != kind.name()) || BY_FETCHING.contains(&kind) {
            continue;
        }
        let done = match Play::start(fake).await {
            Ok(play) => match play.sender(&play.credentials) {
                Err(Misconfigured::Missing("sender")) => Ok(()),
                _ => check(play).await,
            },
            Err(wrong) => Err(wrong),
        };
        if let Err(wrong) = done {
            broken.push(format!("{kind}: {wrong}"));
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

#[tokio::test]
async fn what_a_person_says_arrives() {
    law(async |play: Play| {
        let heard = &play.heard;
        ensure(heard.content.text.ends_with("hello <you> & 数学"), || {
            format!("{:?}", heard.content.text)
        })?;
        ensure(!heard.sender.id.is_empty(), || "nobody said it".into())?;
        ensure(heard.platform_message_id.is_some(), || "no id".into())
    })
    .await;
}

#[tokio::test]
async fn text_leaves_and_has_an_id() {
    law(async |play: Play| {
        let (ids, told) = play.send(&play.answer(text("good day"))).await?;
        ensure(told.contains("good day"), || format!("told {told:?}"))?;
        ensure(!ids.is_empty(), || "no id".into())
    })
    .await;
}

#[tokio::test]
async fn long_texts_leave_whole_and_in_order() {
    law(async |play: Play| {
        let words: Vec<String> = (1000..2500).map(|n| format!("w{n}")).collect();
        let (ids, told) = play.send(&play.answer(text(&words.join(" ")))).await?;
        let mut rest = told.as_str();
        for word in &words {
            let (_, after) = rest
                .split_once(word)
                .ok_or_else(|| format!("{word} is lost"))?;
            rest = after;
        }
        ensure(!ids.is_empty(), || "no id".into())
    })
    .await;
}

#[tokio::test]
async fn formatted_text_and_a_reply_leave() {
    law(async |play: Play| {
        let mut answer = play.answer(Content {
            text: "**bold** & [here](https://example.org/?a=1&b=2)\n\n> said\n\n```\na < b\n```"
                .into(),
            format: Format::Markdown,
            ..Content::default()
        });
        answer.message.in_reply_to = play.heard.platform_message_id.clone();
        let (_, told) = play.send(&answer).await?;
        ensure(
            told.contains("bold") && told.contains("https://example.org/"),
            || format!("told {told:?}"),
        )
    })
    .await;
}

#[tokio::test]
async fn buttons_leave_few_or_many() {
    law(async |play: Play| {
        let reply = |n: usize| Button {
            title: format!("Choice {n}"),
            value: Some(format!("value-{n}")),
            ..Button::default()
        };
        let link = Button {
            kind: ButtonType::Url,
            title: "Track it".into(),
            url: Some("https://example.org/track".into()),
            ..Button::default()
        };
        for buttons in [
            vec![reply(1)],
            vec![reply(1), reply(2), reply(3)],
            vec![reply(1), link.clone()],
            vec![link],
            (0..13).map(reply).collect(),
        ] {
            let titles: Vec<String> = buttons.iter().map(|button| button.title.clone()).collect();
            let mut content = text("choose");
            content.buttons = buttons;
            let (_, told) = play.send(&play.answer(content)).await?;
            for title in titles {
                ensure(told.contains(&title), || {
                    format!("{title} is not in {told:?}")
                })?;
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_picture_leaves_with_its_text() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = format!("http://{}/cat.png", listener.local_addr().unwrap());
    let picture = || async {
        (
            [("content-type", "image/png")],
            b"\x89PNG\r\n\x1a\n".as_slice(),
        )
    };
    let app = axum::Router::new().fallback(picture);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    law(async |play: Play| {
        let with = |url: &str| {
            let mut content = text("a cat");
            content.attachments = vec![Attachment {
                kind: "image".into(),
                name: Some("cat.png".into()),
                content_type: Some("image/png".into()),
                url: Some(url.into()),
                ..Attachment::default()
            }];
            play.answer(content)
        };
        // Some platforms fetch it themselves, from `https` only; to others it is uploaded, and only this one is there.
        let fetched = play.send(&with("https://files.example.org/cat.png")).await;
        let (_, told) = match fetched {
            Ok(sent) => sent,
            Err(first) => {
                let uploaded = play.send(&with(&here)).await;
                uploaded.map_err(|second| format!("{first}; uploaded: {second}"))?
            }
        };
        ensure(told.contains("a cat"), || format!("told {told:?}"))
    })
    .await;
}

#[tokio::test]
async fn throttled_is_tried_again() {
    law(async |play: Play| {
        play.desk
            .trouble(Trouble::Refuse(StatusCode::TOO_MANY_REQUESTS, json!({})));
        let answer = play.answer(text("slowly"));
        let outcome = play.outcome(&answer).await?;
        let retried = matches!(outcome, SendOutcome::RetryAfter { .. });
        ensure(retried, || format!("{outcome:?}"))?;
        play.send(&answer).await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn what_may_have_left_is_unknown_or_harmless() {
    law(async |play: Play| {
        play.desk.trouble(Trouble::Silent);
        let answer = play.answer(text("once"));
        let sender = play
            .sender(&play.credentials)
            .map_err(|wrong| wrong.to_string())?;
        let outcome = sender.send(&[&answer]).await.remove(0);
        let right = match outcome {
            SendOutcome::Unknown(_) => true,
            SendOutcome::RetryAfter { .. } => {
                sender.is_idempotent() || KNOW_AGAIN.contains(&play.kind)
            }
            SendOutcome::Accepted { .. } | SendOutcome::Permanent(_) => false,
        };
        ensure(right, || format!("{outcome:?}"))
    })
    .await;
}

#[tokio::test]
async fn wrong_credentials_break_the_channel() {
    law(async |play: Play| {
        let tested = play
            .sender(&play.credentials)
            .map_err(|wrong| wrong.to_string())?
            .test(None)
            .await;
        ensure(tested.ok, || format!("right ones: {}", tested.detail))?;
        let wrong = altered(&play.credentials);
        let Ok(sender) = play.sender(&wrong) else {
            return Ok(());
        };
        let outcome = sender.send(&[&play.answer(text("psst"))]).await.remove(0);
        let broken =
            matches!(&outcome, SendOutcome::Permanent(failure) if failure.scope == Scope::Channel);
        ensure(broken, || format!("{outcome:?}"))?;
        let tested = sender.test(None).await;
        ensure(!tested.ok, || "the test passed".into())?;
        for secret in wrong
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, secret)| secret.as_str())
        {
            let told = format!("{outcome:?} {}", tested.detail);
            ensure(secret.len() < 12 || !told.contains(secret), || {
                "a secret is told".into()
            })?;
        }
        Ok(())
    })
    .await;
}

/// Credentials of the same form that are not right.
fn altered(credentials: &Value) -> Value {
    let mut wrong = credentials.clone();
    for (_, value) in wrong.as_object_mut().into_iter().flatten() {
        if let Some(text) = value.as_str().filter(|text| !text.contains("-----")) {
            let last = if text.ends_with('0') { '1' } else { '0' };
            let kept: String = text
                .chars()
                .take(text.chars().count().saturating_sub(1))
                .collect();
            *value = format!("{kept}{last}").into();
        }
    }
    wrong
}

#[tokio::test]
async fn receipts_name_what_was_sent() {
    law(async |play: Play| {
        let (ids, _) = play.send(&play.answer(text("well?"))).await?;
        let id = ids.first().ok_or("no id")?;
        for (n, kind) in STATUS.into_iter().enumerate() {
            let Some(receipt) = play
                .fake
                .receipt(WEBHOOK, &play.person, id, kind, 10 + n as u64)
            else {
                continue;
            };
            let outcomes = received(
                play.kind,
                &play.credentials,
                &play.config["settings"],
                &receipt,
            )?;
            let named = outcomes.iter().any(|outcome| match outcome {
                Outcome::Track(events) => events.iter().any(|event| {
                    event.kind == kind
                        && match event.about {
                            About::Sent => event.provider_id.as_ref() == Some(id),
                            About::Conversation => {
                                event.conversation
                                    == ConversationId::of(
                                        CHANNEL,
                                        &play.heard.platform_conversation_id,
                                    )
                            }
                            _ => false,
                        }
                }),
                _ => false,
            });
            ensure(named, || format!("{kind:?} of {id}: {outcomes:?}"))?;
        }
        Ok(())
    })
    .await;
}

#[test]
fn a_played_channel_is_as_its_fields_say() {
    for fake in platform::all() {
        let kind = fake.kind();
        let (credentials, mut settings) = fake.channel("http://127.0.0.1:8090/x");
        settings["allow_private"] = true.into();
        let wrong = |found: Vec<schemas::platform::check::Wrong>| assert_eq!(found, [], "{kind}");
        wrong(schemas::platform::check::credentials(
            kind,
            credentials.as_object().unwrap(),
        ));
        wrong(schemas::platform::check::settings(
            kind,
            settings.as_object().unwrap(),
        ));
    }
}
