//! What new messages add to their conversations: one row each, however many messages it has in a batch.

use schemas::{Direction, Message, MessageType, PartyType, Priority, Timestamp, address};
use sqlx::{
    PgConnection,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use super::{
    Line,
    heard::{is_from_person, own_address},
};
use crate::{StoreError, text};

/// Longest preview, in characters.
const PREVIEW_CHARS: usize = 120;
/// Stands between tags on their way into the database; taken out of the tags themselves.
const SEPARATOR: char = '\u{1f}';

/// What the inbox shows of a message.
pub(super) fn preview(message: &Message) -> String {
    let shown = text::preview(&message.content.text, PREVIEW_CHARS);
    if !shown.is_empty() {
        return shown;
    }
    match &message.subject {
        Some(subject) if !subject.is_empty() => text::preview(subject, PREVIEW_CHARS),
        _ if message.message_type == MessageType::Text => String::new(),
        _ => format!("[{}]", message.message_type.name()),
    }
}

/// What a batch adds to a conversation.
struct Addition<'a> {
    line: Line<'a>,
    /// The newest message.
    last: Line<'a>,
    unread: i32,
    count: i64,
    name: Option<&'a str>,
    subject: Option<&'a str>,
    priority: Priority,
    assign: Option<&'a str>,
    tags: Vec<&'a str>,
    /// Our address that the newest message went to, where it is not simply the channel's.
    own: Option<&'a str>,
    heard_at: Option<Timestamp>,
}

impl<'a> Addition<'a> {
    fn new(line: Line<'a>) -> Self {
        Self {
            line,
            last: line,
            unread: 0,
            count: 0,
            name: None,
            subject: None,
            priority: Priority::Normal,
            assign: None,
            tags: Vec::new(),
            own: None,
            heard_at: None,
        }
    }

    /// Lines of one conversation must come by rising position.
    fn add(&mut self, line: Line<'a>) {
        let message = line.message;
        self.count += 1;
        self.last = line;
        self.unread += i32::from(message.direction == Direction::Inbound);
        let party = party(message);
        if party.id == participant(&self.line) && party.name.is_some() {
            self.name = party.name.as_deref();
        }
        self.subject = self.subject.or(message.subject.as_deref());
        if message.priority != Priority::Normal {
            self.priority = message.priority;
        }
        if message.routing.assign.is_some() {
            self.assign = message.routing.assign.as_deref();
        }
        if is_from_person(message) {
            // A platform's clock may be ahead; ours is not.
            self.heard_at = self
                .heard_at
                .max(Some(message.created_at.min(line.received_at)));
            self.own = own_address(&line).or(self.own);
        }
        if message.direction == Direction::Inbound {
            for tag in &message.tags {
                if !self.tags.contains(&tag.as_str()) {
                    self.tags.push(tag);
                }
            }
        }
    }
}

/// The other side of a message.
fn party(message: &Message) -> &schemas::Party {
    match message.direction {
        Direction::Inbound => &message.sender,
        Direction::Outbound => &message.recipient,
    }
}

/// Who a conversation is with: a group where there is one, else who wrote or is written to.
fn participant<'a>(line: &Line<'a>) -> &'a str {
    let message = line.message;
    let group = message.direction == Direction::Inbound
        && matches!(
            message.recipient.kind,
            PartyType::Group | PartyType::Channel
        );
    if group {
        &message.recipient.id
    } else {
        &party(message).id
    }
}

pub(super) async fn write(
    connection: &mut PgConnection,
    new: &[Line<'_>],
) -> Result<(), StoreError> {
    let mut sorted: Vec<Line<'_>> = new.to_vec();
    sorted.sort_by_key(|line| (line.message.conversation_id, line.position));
    let mut additions: Vec<Addition<'_>> = Vec::new();
    for line in sorted {
        let goes_on = additions
            .last()
            .is_some_and(|a| a.line.message.conversation_id == line.message.conversation_id);
        if !goes_on {
            additions.push(Addition::new(line));
        }
        if let Some(addition) = additions.last_mut() {
            addition.add(line);
        }
    }
    let uuids = |of: fn(&Addition<'_>) -> Uuid| -> Vec<Uuid> { additions.iter().map(of).collect() };
    let texts = |of: fn(&Addition<'_>) -> Option<String>| -> Vec<Option<String>> {
        additions
            .iter()
            .map(|addition| of(addition).map(|text| text::clean(&text).into_owned()))
            .collect()
    };
    let ids = uuids(|a| a.line.message.conversation_id.0);
    let tenants = uuids(|a| a.line.tenant.0);
    let channels = uuids(|a| a.line.channel.0);
    let keys = texts(|a| Some(a.line.conversation_key.to_owned()));
    let kinds = texts(|a| Some(a.line.kind.address_kind().to_owned()));
    let participants = texts(|a| Some(participant(&a.line).to_owned()));
    let addresses = texts(|a| {
        Some(address::identity(
            a.line.kind.address_kind(),
            participant(&a.line),
        ))
    });
    let names = texts(|a| a.name.map(str::to_owned));
    let subjects = texts(|a| a.subject.map(str::to_owned));
    let priorities = texts(|a| Some(a.priority.name().to_owned()));
    let assigns = texts(|a| a.assign.map(str::to_owned));
    let previews = texts(|a| Some(preview(a.last.message)));
    let owns = texts(|a| a.own.map(str::to_owned));
    let heard: Vec<Option<DateTime<Utc>>> = additions
        .iter()
        .map(|a| a.heard_at.map(Timestamp::to_datetime))
        .collect();
    let tags = texts(|a| {
        let tags: Vec<String> = a
            .tags
            .iter()
            .map(|tag| tag.replace(SEPARATOR, " "))
            .collect();
        (!tags.is_empty()).then(|| tags.join(&SEPARATOR.to_string()))
    });
    let unread: Vec<i32> = additions.iter().map(|a| a.unread).collect();
    let counts: Vec<i64> = additions.iter().map(|a| a.count).collect();
    let positions: Vec<i64> = additions.iter().map(|a| a.last.position).collect();
    let times: Vec<DateTime<Utc>> = additions
        .iter()
        .map(|a| a.last.message.created_at.to_datetime())
        .collect();
    // The tag list of a conversation is bounded: 64.
    sqlx::query!(
        r"insert into comm_conversations as v (id, tenant_id, channel_id, platform_conversation_id, participant_id,
              participant_name, contact_id, subject, priority, tags, unread_count, message_count, last_position,
              last_message_at, last_message_preview, assigned_agent_id, own_address, last_inbound_at)
          select i.id, i.tenant_id, i.channel_id, i.key, i.participant, i.name, a.contact_id, i.subject, i.priority,
              coalesce(string_to_array(i.tags, E'\x1f'), '{}'), i.unread, i.count, i.position, i.at, i.preview, i.assign,
              i.own, i.heard
          from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                      $9::text[], $10::text[], $11::integer[], $12::bigint[], $13::bigint[], $14::timestamptz[], $15::text[],
                      $16::text[], $17::text[], $18::timestamptz[], $19::text[]) with ordinality
               as i (id, tenant_id, channel_id, key, kind, participant, name, subject, priority, tags, unread, count,
                     position, at, preview, assign, own, heard, address, place)
          left join contact_addresses a on a.tenant_id = i.tenant_id and a.kind = i.kind and a.address = i.address
          order by i.place
          on conflict (id) do update set
              participant_name = case when v.participant_id = excluded.participant_id
                  then coalesce(excluded.participant_name, v.participant_name)
                  else coalesce(v.participant_name, excluded.participant_name) end,
              contact_id = coalesce(v.contact_id, excluded.contact_id),
              subject = coalesce(v.subject, excluded.subject),
              status = case when excluded.unread_count > 0 then 'active' else v.status end,
              priority = case when excluded.priority = 'normal' then v.priority else excluded.priority end,
              tags = case when excluded.tags <@ v.tags then v.tags
                  else (v.tags || array(select unnest(excluded.tags) except select unnest(v.tags)))[1:64] end,
              unread_count = v.unread_count + excluded.unread_count,
              message_count = v.message_count + excluded.message_count,
              last_position = greatest(v.last_position, excluded.last_position),
              last_message_at = case when v.message_count = 0 or excluded.last_position >= v.last_position
                  then excluded.last_message_at else v.last_message_at end,
              last_message_preview = case when v.message_count = 0 or excluded.last_position >= v.last_position
                  then excluded.last_message_preview else v.last_message_preview end,
              assigned_agent_id = coalesce(excluded.assigned_agent_id, v.assigned_agent_id),
              own_address = case when excluded.last_position >= v.last_position
                  then coalesce(excluded.own_address, v.own_address)
                  else coalesce(v.own_address, excluded.own_address) end,
              last_inbound_at = greatest(v.last_inbound_at, excluded.last_inbound_at),
              updated_at = now()
          where v.tenant_id = excluded.tenant_id",
        &ids,
        &tenants,
        &channels,
        &keys as &[Option<String>],
        &kinds as &[Option<String>],
        &participants as &[Option<String>],
        &names as &[Option<String>],
        &subjects as &[Option<String>],
        &priorities as &[Option<String>],
        &tags as &[Option<String>],
        &unread,
        &counts,
        &positions,
        &times,
        &previews as &[Option<String>],
        &assigns as &[Option<String>],
        &owns as &[Option<String>],
        &heard as &[Option<DateTime<Utc>>],
        &addresses as &[Option<String>]
    )
    .execute(connection)
    .await?;
    Ok(())
}
