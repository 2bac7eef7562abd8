use super::*;

#[test]
fn mails_are_decoded_with_and_without_padding() {
    assert_eq!(decoded("RnJvbTogYQ"), Some(Bytes::from("From: a")));
    assert_eq!(decoded("RnJvbTogYQ=="), Some(Bytes::from("From: a")));
    assert_eq!(decoded("_-8="), Some(Bytes::from(vec![0xff, 0xef])));
    assert_eq!(decoded("a b"), None);
}

#[test]
fn the_documented_answers_are_read() {
    let history: History = serde_json::from_value(json!({
        "history": [
            {"id": "1001", "messages": [{"id": "m1", "threadId": "t1"}],
             "messagesAdded": [{"message": {"id": "m1", "threadId": "t1", "labelIds": ["INBOX", "UNREAD"]}}]},
            {"id": "1002", "labelsAdded": []}
        ],
        "nextPageToken": "9", "historyId": "1010"
    }))
    .unwrap();
    assert_eq!(history.history.len(), 2);
    assert_eq!(history.history[0].messages_added[0].message.id, "m1");
    assert_eq!(history.history_id.as_deref(), Some("1010"));
    // Nothing new.
    let history: History = serde_json::from_value(json!({"historyId": "1010"})).unwrap();
    assert!(history.history.is_empty() && history.next_page_token.is_none());
    let list: List = serde_json::from_value(json!({"resultSizeEstimate": 0})).unwrap();
    assert!(list.messages.is_empty());
}

#[test]
fn ids_stay_parts_of_an_address() {
    assert_eq!(path_segment("18c0ffee"), "18c0ffee");
    assert_eq!(path_segment("../x?y"), "..%2Fx%3Fy");
}
