use schemas::{
    About, ChannelId, ConversationId, MessageId, Timestamp, TrackKind, bounce_token::BounceToken,
    reply_token,
};
use serde_json::Value;
use uuid::Uuid;

use super::*;

const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(2));

fn ours() -> String {
    let conversation = ConversationId(Uuid::from_u128(8));
    reply_token::message_id(
        MessageId(Uuid::from_u128(7)),
        CHANNEL,
        conversation,
        "desk.example",
    )
}

fn report(mail: &str) -> Option<Report> {
    let mail = mail.replace("OURS", &ours()).replace('\n', "\r\n");
    let mail = mail_parser::MessageParser::default().parse(&mail)?;
    let words = super::super::body::Words::of(&mail);
    read(&mail, &words.text, CHANNEL, Timestamp::from_seconds(1))
}

fn bounce(fields: &str) -> Report {
    report(&format!(
        "From: MAILER-DAEMON@mx.example\nTo: desk@desk.example\nSubject: Undelivered Mail Returned to Sender\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n\
         --x\n\nYour mail was not delivered.\n\n--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{fields}\n\n\
         --x\nContent-Type: text/rfc822-headers\n\nMessage-ID: <OURS>\nSubject: Order\nTo: bob@example.org\n\n--x--\n"
    ))
    .unwrap()
}

fn first(report: &Report) -> &Value {
    &report.said["recipients"][0]
}

#[test]
fn a_bounce_is_news_for_the_mail_it_returns() {
    let bounce = bounce(
        "Final-Recipient: rfc822; Bob@Example.org\nOriginal-Recipient: rfc822;sales@example.org\nAction: failed\nStatus: 5.0.0\n\
         Remote-MTA: dns; mx.example.org\nDiagnostic-Code: smtp; 550 5.1.1\n <bob@example.org>: User unknown",
    );
    assert_eq!(bounce.event, "bounced");
    let said = first(&bounce);
    for (name, expected) in [
        ("recipient", "Bob@example.org"),
        ("original_recipient", "sales@example.org"),
        ("action", "failed"),
        ("status", "5.1.1"),
        ("remote_mta", "mx.example.org"),
        ("class", "hard"),
        ("reason", "unknown-user"),
    ] {
        assert_eq!(said[name], expected, "{name}");
    }
    assert_eq!(said["reply"], 550);
    assert_eq!(bounce.said["original_message_id"], ours());
    let [news] = &bounce.news[..] else {
        panic!("one receipt")
    };
    assert_eq!(news.kind, TrackKind::Bounced);
    assert_eq!(news.provider_id.as_deref(), Some(&*ours()));
    assert_eq!(news.detail.as_deref(), Some("hard: 5.1.1 unknown-user"));
}

#[test]
fn only_what_is_final_is_news() {
    for (action, status, event, kind) in [
        ("failed", "5.2.2", "bounced", Some(TrackKind::Bounced)),
        ("delayed", "4.4.7", "delayed", None),
        (
            "delivered",
            "2.1.5",
            "delivered",
            Some(TrackKind::Delivered),
        ),
        ("relayed", "2.0.0", "relayed", None),
        ("expanded", "2.0.0", "expanded", None),
    ] {
        let fields =
            format!("Final-Recipient: rfc822;bob@example.org\nAction: {action}\nStatus: {status}");
        let report = bounce(&fields);
        assert_eq!(report.event, event);
        assert_eq!(report.news.first().map(|news| news.kind), kind, "{action}");
    }
}

#[test]
fn another_channels_mail_is_no_news() {
    let other = reply_token::message_id(
        MessageId(Uuid::from_u128(7)),
        ChannelId(Uuid::from_u128(3)),
        ConversationId(Uuid::from_u128(8)),
        "desk.example",
    );
    for id in [other.as_str(), "somebody@else.example"] {
        let report = report(&format!(
            "From: MAILER-DAEMON@mx.example\nSubject: failure notice\nReturn-Path: <>\n\n\
             <bob@example.org>:\n550 5.1.1 no such user\n\n--- Below this line is a copy of the message.\n\nMessage-ID: <{id}>\n"
        ))
        .unwrap();
        assert!(report.news.is_empty());
        assert_eq!(first(&report)["class"], "hard");
        assert_eq!(report.said["original_message_id"], id);
    }
}

#[test]
fn reasons_are_classed() {
    for (status, said, class, reason) in [
        (
            "5.1.1",
            "smtp; 550 5.1.1 user unknown",
            "hard",
            "unknown-user",
        ),
        ("5.1.2", "smtp; 550 Bad destination", "hard", "unknown-host"),
        (
            "5.4.4",
            "x-postfix; Host or domain name not found",
            "hard",
            "unknown-host",
        ),
        (
            "5.1.6",
            "smtp; 550 5.1.6 no longer on server",
            "hard",
            "moved",
        ),
        ("5.1.10", "smtp; 556 5.1.10 nullMX", "hard", "no-mail-host"),
        (
            "5.2.2",
            "smtp; 552 5.2.2 Over quota",
            "soft",
            "mailbox-full",
        ),
        (
            "5.3.4",
            "smtp; 552 5.3.4 Message too big",
            "soft",
            "too-large",
        ),
        (
            "4.4.1",
            "x-postfix; connect to mx.example[192.0.2.1]: Connection timed out",
            "soft",
            "expired",
        ),
        ("4.2.1", "smtp; 450 4.2.1 greylisted", "soft", "rate"),
        (
            "5.7.1",
            "smtp; 554 5.7.1 blocked using rbl.example",
            "block",
            "blocked",
        ),
        (
            "5.7.1",
            "smtp; 550 5.7.1 Message content rejected, UBE",
            "block",
            "spam",
        ),
        (
            "5.7.26",
            "smtp; 550 5.7.26 Unauthenticated email",
            "block",
            "authentication",
        ),
        ("5.7.25", "smtp; 550 5.7.25 no PTR", "block", "reverse-dns"),
        ("5.7.1", "smtp; 550 5.7.1 unclear", "block", "policy"),
        (
            "5.0.0",
            "smtp; 550 User unknown (in reply to end of DATA command)",
            "block",
            "filtered",
        ),
        (
            "4.1.1",
            "smtp; 450 4.1.1 user unknown, perhaps",
            "soft",
            "unknown-user",
        ),
        ("5.0.0", "", "soft", "undetermined"),
    ] {
        let fields = format!(
            "Final-Recipient: rfc822;bob@example.org\nAction: failed\nStatus: {status}\nDiagnostic-Code: {said}"
        );
        let report = bounce(&fields);
        let said_of = first(&report);
        assert_eq!(
            (said_of["class"].as_str(), said_of["reason"].as_str()),
            (Some(class), Some(reason)),
            "{said}"
        );
    }
}

#[test]
fn a_complaint_is_about_the_mail_and_the_address() {
    let report = report(
        "From: fbl@isp.example\nContent-Type: multipart/report; report-type=feedback-report; boundary=x\n\n\
         --x\n\nA complaint.\n\n--x\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: Isp/1\nVersion: 1\n\
         Original-Rcpt-To: <bob@example.org>\n\n--x\nContent-Type: message/rfc822\n\nMessage-ID: <OURS>\nSubject: Order\n\nhello\n--x--\n",
    )
    .unwrap();
    assert_eq!(report.event, "complained");
    let [message, address] = &report.news[..] else {
        panic!("two")
    };
    assert_eq!(
        (message.kind, address.kind),
        (TrackKind::Complained, TrackKind::Complained)
    );
    assert_eq!(message.about, About::Sent);
    assert_eq!(address.about, About::Address("bob@example.org".into()));
}

/// A report that comes to the address of a message's bounces and returns nothing of the mail.
fn at_the_token(token: &str, fields: &str) -> Report {
    report(&format!(
        "From: MAILER-DAEMON@mx.example\nTo: bounces+{token}@desk.example\nSubject: Undelivered Mail Returned to Sender\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n\
         --x\n\nYour mail was not delivered.\n\n--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{fields}\n\n--x--\n"
    ))
    .unwrap()
}

const MESSAGE: MessageId = MessageId(Uuid::from_u128(7));
const HARD: &str = "Final-Recipient: rfc822; bob@example.org\nAction: failed\nStatus: 5.1.1";

#[test]
fn a_token_names_the_message_where_nothing_else_does() {
    let token = BounceToken::new(CHANNEL, MESSAGE, "bob@example.org", false);
    let told = at_the_token(&token.to_string().to_uppercase(), HARD);
    assert!(told.is_for_us_alone);
    let [news, gone] = &told.news[..] else {
        panic!("the message and the address")
    };
    assert_eq!(news.about, About::Sent);
    assert_eq!(news.provider_id.as_deref(), Some(&*MESSAGE.to_string()));
    assert_eq!(gone.about, About::Address("bob@example.org".into()));
    assert_eq!(gone.kind, TrackKind::Bounced);
    // Nobody has to read that it takes longer.
    let delayed = at_the_token(&token.to_string(), &HARD.replace("failed", "delayed"));
    assert!(delayed.is_for_us_alone && delayed.news.is_empty());
}

#[test]
fn a_soft_bounce_leaves_the_address_alone() {
    let token = BounceToken::new(CHANNEL, MESSAGE, "bob@example.org", false).to_string();
    let told = at_the_token(&token, &HARD.replace("5.1.1", "5.2.2"));
    let [news] = &told.news[..] else {
        panic!("the message alone")
    };
    assert_eq!(news.detail.as_deref(), Some("soft: 5.2.2 mailbox-full"));
}

#[test]
fn a_forged_token_names_nothing() {
    let token = BounceToken::new(CHANNEL, MESSAGE, "bob@example.org", false).to_string();
    let elsewhere = BounceToken::new(
        ChannelId(Uuid::from_u128(3)),
        MESSAGE,
        "bob@example.org",
        false,
    );
    let last = if token.ends_with('a') { "q" } else { "a" };
    let changed = format!("{}{last}", token.get(..token.len() - 1).unwrap());
    for token in [changed, elsewhere.to_string()] {
        let told = at_the_token(&token, HARD);
        assert!(!told.is_for_us_alone);
        assert!(told.news.is_empty());
    }
}

#[test]
fn a_copy_that_comes_back_says_nothing_of_the_message() {
    let token = BounceToken::new(CHANNEL, MESSAGE, "ann@example.org", true).to_string();
    let told = at_the_token(&token, HARD);
    assert_eq!(told.event, "bounced");
    assert!(told.news.is_empty() && !told.is_for_us_alone);
    // Sent on from the address it was to.
    let sent_on = format!("{HARD}\nOriginal-Recipient: rfc822;ann@example.org");
    assert_eq!(at_the_token(&token, &sent_on).news.len(), 2);
    // Known by the head that is returned.
    for (head, expected) in [
        ("To: bob@example.org\nCc: ann@example.org", 1),
        ("To: ann@example.org\nCc: bob@example.org", 0),
        (
            "To: Ann <ann@example.org>\nCc: eve@example.org,\n Bob <bob@example.org>",
            0,
        ),
        ("To: ann@example.org", 1),
    ] {
        let told = report(&format!(
            "From: MAILER-DAEMON@mx.example\nTo: desk@desk.example\nSubject: Undelivered Mail\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n\
             --x\n\nNo.\n\n--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{HARD}\n\n\
             --x\nContent-Type: text/rfc822-headers\n\nMessage-ID: <OURS>\n{head}\n\n--x--\n"
        ))
        .unwrap();
        assert_eq!(told.news.len(), expected, "{head}");
    }
}

#[test]
fn a_complaint_is_tied_by_the_return_path() {
    let token = BounceToken::new(CHANNEL, MESSAGE, "bob@example.org", false);
    let told = report(&format!(
        "From: fbl@isp.example\nTo: fbl@desk.example\nContent-Type: multipart/report; report-type=feedback-report; boundary=x\n\n\
         --x\n\nA complaint.\n\n--x\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: Isp/1\n\n\
         --x\nContent-Type: message/rfc822\n\nReturn-Path: <bounces+{token}@desk.example>\nSubject: Order\nTo: bob@example.org\n\nhello\n--x--\n"
    ))
    .unwrap();
    assert!(told.is_for_us_alone);
    assert_eq!(told.news.len(), 2);
    assert_eq!(
        told.news[0].provider_id.as_deref(),
        Some(&*MESSAGE.to_string())
    );
}

#[test]
fn a_transcript_of_many_is_read_one_by_one() {
    let told = report(
        "From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example>\nSubject: Returned mail: User unknown\n\n\
         ----- Transcript of session follows -----\n>>> MAIL From:<desk@desk.example>\n<<< 501 you are blocked for spam\n\
         554 <ann@a.example>... Remote protocol error\n550 b.example (smtp)... 550 Host unknown\n\
         554 <bob@b.example>... 550 Host unknown (Authoritative answer from name server)\n\
         >>> RCPT To:<eve@c.example>\n<<< 550 <eve@c.example>... User unknown\n550 <eve@c.example>... User unknown\n\n\
         ----- Unsent message follows -----\nFrom: desk@desk.example\n\nhello",
    )
    .unwrap();
    let classes: Vec<_> = told.said["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["recipient"].as_str().unwrap(),
                one["class"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        classes,
        [
            ("ann@a.example", "block"),
            ("bob@b.example", "hard"),
            ("eve@c.example", "hard")
        ]
    );
}

#[test]
fn a_reading_is_a_receipt() {
    for (disposition, event, news) in [
        ("manual-action/MDN-sent-manually; displayed", "read", 1),
        (
            "automatic-action/MDN-sent-automatically; deleted",
            "deleted_unread",
            0,
        ),
    ] {
        let report = report(&format!(
            "From: bob@example.org\nContent-Type: multipart/report; report-type=disposition-notification; boundary=x\n\n\
             --x\n\nRead.\n\n--x\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;bob@example.org\n\
             Original-Message-ID: <OURS>\nDisposition: {disposition}\n\n--x--\n"
        ))
        .unwrap();
        assert_eq!((report.event, report.news.len()), (event, news));
    }
}

#[test]
fn mail_by_people_is_no_report() {
    for mail in [
        "From: ann@example.org\nSubject: Undelivered parcel\n\nMy parcel 550 is not here.",
        "From: ann@example.org\nSubject: hello\n\nWrite to bob@example.org, please.",
        "From: noreply@shop.example\nSubject: Your order\n\nOrder 550 is on its way.",
    ] {
        assert!(report(mail).is_none(), "{mail}");
    }
}
