//! Files as nobody meant them: each has an answer, and nothing of them is left out or changed in silence.

use reqwest::StatusCode;
use serde_json::json;

use super::{by_address, counts, import, lines, send};
use crate::rig::Hub;

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_would_lose_a_column_is_refused_at_once() {
    let hub = Hub::start().await;
    for (query, file, says) in [
        (
            "",
            "email,plan,seats,plan\na@example.org,pro,1,free\n",
            "there are two columns `plan`; rename one of them",
        ),
        (
            "",
            "email,Plan,plan\na@example.org,pro,free\n",
            "there are two columns `plan`",
        ),
        (
            "mapping={\"A\":\"name\",\"B\":\"name\"}",
            "email,A,B\na@example.org,Ann,Bob\n",
            "the columns `A` and `B` are the same to a contact; map one of them to something else, or to `ignore`",
        ),
        (
            "mapping={\"a-b\":\"name\"}",
            "email,a b,ab\na@example.org,Ann,Bob\n",
            "the mapping's `a-b` may be the column `a b` or `ab`",
        ),
        (
            "",
            ",email\n0,a@example.org\n",
            "there is something in the column 1, which has no name; give it one, or map `` to `ignore`",
        ),
        ("", "email\0\na@example.org\n", "the header cannot be read"),
        ("", "\u{feff}", "the file is empty"),
        ("", "\n\n", "the file is empty"),
    ] {
        let (status, problem) = send(&hub, query, file).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{file:?}");
        let problem = problem.to_string();
        assert!(problem.contains(says), "{file:?}: {problem}");
    }
    assert_eq!(hub.get("/api/v1/contacts/imports").await, json!([]));
    // What is mapped to `ignore` is in nobody's way.
    let mapping = "mapping={\"\":\"ignore\",\"B\":\"ignore\"}";
    let done = import(&hub, mapping, ",email,A,B\n0,a@example.org,Ann,Bob\n").await;
    assert_eq!(counts(&done), [1, 1, 0, 0, 0], "{done}");
    let ann = by_address(&hub, "a@example.org").await;
    assert_eq!(ann["attributes"], json!({"a": "Ann"}));
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_costs_its_row_and_is_told() {
    let hub = Hub::start().await;
    let long = "x".repeat(40_000);
    let longer = "x".repeat(70_000);
    let mut file = String::from("email,name,note,attribute:n:number\n");
    for row in [
        "a@example.org,A\0nn,,",
        "b@example.org,Bob,\"[\"\"\\u0000\"\"]\",",
        "c@example.org,Carl,,12345678901234567890",
        &format!("d@example.org,Dan,{long},"),
        &format!("e@example.org,Eve,{longer},"),
        &format!("f@example.org,{},,", "x".repeat(256)),
        &format!("{}@example.org,Gus,,", "x".repeat(1100)),
        "h@example.org,Hal,never \"closed,",
        "i@example.org,Ida,\"never closed,",
        "j@example.org",
        "k@example.org,Kim,1,2,,,",
        "l@example.org,Lea,1,2,,3,",
        "j@example.org,Jon,,",
    ] {
        file.push_str(row);
        file.push('\n');
    }
    let done = import(&hub, "", file).await;
    let nul = "a character in it cannot be kept: NUL";
    let told = lines(&done);
    let expected = [
        (2, "name", nul),
        (3, "note", nul),
        (
            4,
            "attribute:n:number",
            "a number of more than 15 digits, whose last would be lost",
        ),
        (5, "", "its attributes are larger than 32 KiB"),
        (6, "", "the row is longer than 64 KiB"),
        (7, "name", "a name has 255 characters at most"),
        (8, "email", "an address has 1 to 1024 bytes"),
        (10, "note", "a quote is opened and not closed"),
        (13, "", "the row has more fields than the header"),
    ];
    assert_eq!(told.len(), expected.len(), "{done}");
    for ((line, column, reason), (at, of, says)) in told.into_iter().zip(expected) {
        assert_eq!((line, column), (at, of), "{reason}");
        assert!(reason.starts_with(says), "{line}: {reason}");
    }
    // The row that is shorter is a contact, and what comes later about it is put in.
    assert_eq!(counts(&done), [13, 3, 1, 0, 9], "{done}");
    assert_eq!(by_address(&hub, "j@example.org").await["name"], "Jon");
    assert_eq!(
        by_address(&hub, "h@example.org").await["attributes"],
        json!({"note": "never \"closed"})
    );
    // Half of a UTF-16 pair is no letter.
    let mut units: Vec<u16> = "\u{feff}email,name\nm@example.org,M"
        .encode_utf16()
        .collect();
    units.push(0xd83d);
    units.extend("x\nn@example.org,N\n".encode_utf16());
    let bytes: Vec<u8> = units.into_iter().flat_map(u16::to_le_bytes).collect();
    let done = import(&hub, "", bytes).await;
    assert_eq!(counts(&done), [2, 1, 0, 0, 1], "{done}");
    assert!(lines(&done)[0].2.starts_with(nul), "{done}");
    // A header alone is a file without rows.
    let none = import(&hub, "", "\u{feff}email;name").await;
    assert_eq!(
        (&none["status"], counts(&none)),
        (&json!("completed"), [0; 5])
    );
    assert_eq!(none["errors"], json!([]));
    hub.done().await;
}
