//! What problems look like.

use axum::{
    body::to_bytes,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use nats::PublishError;
use store::StoreError;

use super::{ApiError, CONTENT_TYPE, Problem, dress};

async fn problem_of(error: ApiError) -> (Response<()>, Problem) {
    let (parts, body) = error.into_response().into_parts();
    let bytes = to_bytes(body, 65536).await.unwrap();
    (
        Response::from_parts(parts, ()),
        serde_json::from_slice(&bytes).unwrap(),
    )
}

#[tokio::test]
async fn problems_are_rfc_9457() {
    let (response, problem) = problem_of(ApiError::not_found("conversation")).await;
    assert_eq!(response.status(), 404);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert_eq!(problem.kind, "urn:tidings:problem:not-found");
    assert_eq!((problem.status, problem.title.as_str()), (404, "Not Found"));
    assert_eq!(problem.detail, "There is no such conversation.");
}

#[tokio::test]
async fn all_that_is_wrong_is_one_answer() {
    assert!(ApiError::all([Ok(()), Ok(())]).is_ok());
    let wrong = |place: &str| Err(ApiError::invalid(place, format!("Not {place}.")));
    let one = ApiError::all([Ok(()), wrong("/a")]).unwrap_err();
    assert_eq!(problem_of(one).await.1.detail, "Not /a.");
    let two = ApiError::all([wrong("/a"), Ok(()), wrong("/b")]).unwrap_err();
    let (response, problem) = problem_of(two).await;
    assert_eq!(response.status(), 422);
    let places: Vec<_> = problem.errors.iter().map(|error| &error.pointer).collect();
    assert_eq!(places, ["/a", "/b"]);
    assert!(
        problem.detail.starts_with("2 parts of the body") && problem.detail.ends_with("/a, /b."),
        "{}",
        problem.detail
    );
}

#[tokio::test]
async fn what_is_stored_and_not_ready_is_no_fault_of_a_body() {
    let lacks = [("/a", "Give an a."), ("/b", "Give a b.")];
    let two = ApiError::not_ready(
        "campaign",
        lacks.map(|(at, why)| ApiError::invalid(at, why)),
    );
    let (response, problem) = problem_of(two).await;
    assert_eq!(response.status(), 422);
    assert_eq!(
        problem.detail,
        "The campaign is not ready: 2 things are to be mended, and `errors` says how: /a, /b."
    );
    let (response, _) = problem_of(ApiError::not_ready("campaign", [])).await;
    assert_eq!(response.status(), 409);
}

#[tokio::test]
async fn a_place_in_a_text_has_a_line_and_a_column() {
    let error = ApiError::invalid_at("/content", (2, 7), "Line 2, column 7: no.");
    let (_, problem) = problem_of(error).await;
    assert_eq!(
        (problem.errors[0].line, problem.errors[0].column),
        (Some(2), Some(7))
    );
}

#[tokio::test]
async fn what_is_down_says_when_to_come_back_and_nothing_else() {
    let error = StoreError::Other("password=hunter2".into());
    let (response, problem) = problem_of(error.into()).await;
    assert_eq!(response.status(), 500);
    assert!(!serde_json::to_string(&problem).unwrap().contains("hunter2"));
    assert!(problem.instance.unwrap().starts_with("urn:uuid:"));
    let (response, _) = problem_of(PublishError::TimedOut.into()).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[header::RETRY_AFTER], "2");
}

#[tokio::test]
async fn plain_refusals_are_dressed_and_keep_their_headers() {
    let plain = (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")]).into_response();
    let dressed = dress(plain);
    assert_eq!(dressed.headers()[header::ALLOW], "GET");
    assert_eq!(dressed.headers()[header::CONTENT_TYPE], CONTENT_TYPE);
    let fine = dress(StatusCode::NO_CONTENT.into_response());
    assert!(!fine.headers().contains_key(header::CONTENT_TYPE));
}
