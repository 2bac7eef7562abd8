//! Mail that comes in by the channel of a [`Post`](super::post::Post), as its mail server hands it over.

use serde_json::Value;

use super::post::{Mail, SECRET};
use crate::{email::hand_over, rig::Hub};

/// Hands a mail over, and gives what is said to that.
pub(super) async fn take(hub: &Hub, channel: &str, mail: &str) -> Value {
    let mail = mail.replace("\r\n", "\n").replace('\n', "\r\n");
    let answer = hand_over(hub, channel, SECRET, &mail).await;
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.json().await.unwrap()
}

/// A notification that a mail did not arrive (RFC 3464), as Postfix writes it, with only the headers of what it is about.
pub(super) fn bounced(mail: &Mail, status: &str, diagnostic: &str) -> String {
    let Mail { from, to, .. } = mail;
    let head = mail.text.split("\n\n").next().unwrap();
    format!(
        "Return-Path: <>\nDelivered-To: {from}\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example.org>\nTo: {from}\n\
         Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n\
         Message-ID: <bounce.{to}>\nDate: Sat, 21 Nov 2026 10:00:00 +0000\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b1\"\n\n\
         --b1\nContent-Description: Notification\nContent-Type: text/plain; charset=us-ascii\n\n\
         I'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients.\n\n\
         --b1\nContent-Description: Delivery report\nContent-Type: message/delivery-status\n\n\
         Reporting-MTA: dns; mx.example.org\nArrival-Date: Sat, 21 Nov 2026 09:59:00 +0000\n\n\
         Final-Recipient: rfc822; {to}\nOriginal-Recipient: rfc822;{to}\nAction: failed\nStatus: {status}\n\
         Remote-MTA: dns; mail.example.org\nDiagnostic-Code: smtp; {diagnostic}\n\n\
         --b1\nContent-Description: Undelivered Message Headers\nContent-Type: text/rfc822-headers\n\n{head}\n\n--b1--\n"
    )
}

/// A report that somebody called a mail unwanted (RFC 5965).
pub(super) fn complained(mail: &Mail) -> String {
    let Mail { from, to, text } = mail;
    format!(
        "Return-Path: <feedback@mailbox.example>\nDelivered-To: {from}\nFrom: Feedback <feedback@mailbox.example>\nTo: {from}\n\
         Subject: FW: News\nMIME-Version: 1.0\nMessage-ID: <complaint.{to}>\nDate: Sat, 21 Nov 2026 10:00:00 +0000\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=\"b2\"\n\n\
         --b2\nContent-Type: text/plain; charset=us-ascii\n\n\
         This is an email abuse report for an email message received from 192.0.2.1.\n\n\
         --b2\nContent-Type: message/feedback-report\n\n\
         Feedback-Type: abuse\nUser-Agent: SomeGenerator/1.0\nVersion: 1\nOriginal-Mail-From: <{from}>\n\
         Original-Rcpt-To: <{to}>\nReceived-Date: Sat, 21 Nov 2026 09:59:00 +0000\nSource-IP: 192.0.2.1\n\n\
         --b2\nContent-Type: message/rfc822\n\n{text}\n--b2--\n"
    )
}
