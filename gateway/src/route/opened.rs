//! A person's own conversation on the platform, where the platform must be asked for it.
//!
//! On most platforms a person's address names the conversation with them, and what they answer arrives there. Slack and
//! Discord have direct messages: what is written to a person is answered in a channel of its own. So that both are one
//! conversation here, it is named after that channel from its first day.
//!
//! Deliberately absent: direct messages with several people, whose channel has to be given.

use std::time::Duration;

use axum::http::StatusCode;
use schemas::{ChannelId, ChannelKind};
use tokio::time::timeout;

use crate::{
    auth::Caller,
    directory::Lookup,
    hub::Hub,
    problem::ApiError,
    settings::{Opened, Unopened},
};

/// How long the platform is given.
const LIMIT: Duration = Duration::from_secs(10);

/// The conversation that is opened for a person; none where what was given names it already.
///
/// # Errors
/// 422 when there is no such person for us, or the channel has not what it takes to ask; 502 when the platform does not
/// answer, or refuses the channel.
pub(super) async fn with(
    hub: &Hub,
    caller: &Caller,
    channel: ChannelId,
    conversation: &str,
) -> Result<Option<Opened>, ApiError> {
    let kind = match hub.directory.find(&hub.store, channel).await {
        Lookup::Found(entry) if entry.tenant == caller.tenant => entry.kind,
        Lookup::Found(_) | Lookup::Unknown => return Err(ApiError::not_found("channel")),
        Lookup::Unavailable => return Err(ApiError::unavailable(2)),
    };
    if !matches!(kind, ChannelKind::Slack | ChannelKind::Discord) {
        return Ok(None);
    }
    let row = store::channel::get(&hub.store, caller.tenant, channel)
        .await
        .map_err(|error| ApiError::or_not_found(error, "channel"))?;
    let credentials = store::channel::credentials(&hub.store, caller.tenant, channel).await?;
    let asked = hub.tester.open(row, credentials, conversation.to_owned());
    let late = || Unopened::Platform("it did not answer in time".to_owned());
    let opened = timeout(LIMIT, asked).await.unwrap_or_else(|_| Err(late()));
    opened.map_err(refused)
}

fn refused(unopened: Unopened) -> ApiError {
    match unopened {
        Unopened::Person(why) => ApiError::invalid(
            "/participant_id",
            format!("The platform opens no conversation with this person: {why}."),
        ),
        Unopened::Channel(why) => ApiError::invalid(
            "/channel_id",
            format!("The channel cannot ask its platform for the conversation: {why}."),
        ),
        Unopened::Platform(why) => ApiError::new(
            StatusCode::BAD_GATEWAY,
            "platform",
            format!("The platform opened no conversation: {why}. Nothing was made here."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_fault_it_is_decides_the_answer() {
        let why = || "user-not-found".to_owned();
        let person = refused(Unopened::Person(why()));
        assert_eq!(
            (person.status().as_u16(), person.places()),
            (422, vec!["/participant_id"])
        );
        let channel = refused(Unopened::Channel(why()));
        assert_eq!(
            (channel.status().as_u16(), channel.places()),
            (422, vec!["/channel_id"])
        );
        let platform = refused(Unopened::Platform(why()));
        assert_eq!(
            (platform.status().as_u16(), platform.code()),
            (502, "platform")
        );
        assert!(platform.detail().contains("user-not-found"));
    }
}
