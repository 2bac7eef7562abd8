//! Who wrote, and to whom.

use schemas::{Party, PartyType};
use serde_json::Map;

use super::update::{Chat, User};

pub(super) fn of_user(user: User) -> Party {
    let mut metadata = Map::new();
    if let Some(username) = user.username {
        metadata.insert("username".into(), username.into());
    }
    if let Some(code) = user.language_code {
        metadata.insert("language_code".into(), code.into());
    }
    Party {
        id: user.id.to_string(),
        kind: if user.is_bot {
            PartyType::Bot
        } else {
            PartyType::User
        },
        name: full(user.first_name, user.last_name),
        metadata,
    }
}

pub(super) fn of_chat(chat: &Chat) -> Party {
    let mut metadata = Map::new();
    if let Some(username) = &chat.username {
        metadata.insert("username".into(), username.clone().into());
    }
    Party {
        id: chat.id.to_string(),
        kind: match chat.kind.as_deref() {
            Some("channel") => PartyType::Channel,
            Some("group" | "supergroup") => PartyType::Group,
            _ => PartyType::User,
        },
        name: chat
            .title
            .clone()
            .or_else(|| full(chat.first_name.clone(), chat.last_name.clone())),
        metadata,
    }
}

fn full(first: Option<String>, last: Option<String>) -> Option<String> {
    let names: Vec<String> = [first, last].into_iter().flatten().collect();
    (!names.is_empty()).then(|| names.join(" "))
}
