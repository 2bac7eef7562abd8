//! Data shapes of tidings: what travels between adapters, stages, senders, projectors and the API.
//!
//! Invariants: no I/O, no clock, no randomness beyond the explicit `new` of identifiers; every wire
//! type has one MessagePack form (named maps) and one JSON form (`snake_case`); identity of anything
//! that can be seen twice is derived from what it is ([`id`]), so a redelivery lands on the same row.
//!
//! Deliberately absent: API request and response types (`gateway`), database rows (`store`).

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod address;
pub mod bounce;
pub mod bounce_token;
pub mod campaign;
pub mod channel;
pub mod contact;
pub mod conversation;
pub mod dead;
pub mod envelope;
pub mod frame;
pub mod generic;
pub mod id;
pub mod invisible;
pub mod keys;
pub mod labelled;
pub mod language_tag;
pub mod message;
pub mod outbound;
pub mod outcome;
pub mod partition;
pub mod platform;
pub mod platform_template;
pub mod priority;
pub mod reply_token;
pub mod rule;
pub mod secret;
pub mod sms;
pub mod snapshot;
pub mod subject;
pub mod suppression;
pub mod time;
pub mod track;
pub mod tracking_token;
pub mod understanding;
pub mod zone;

pub use channel::{ChannelKind, ChannelStatus};
pub use contact::{Consent, Encoding, ImportProgress, ImportStatus, Membership, OnConflict, OptIn};
pub use conversation::ConversationStatus;
pub use dead::DeadReason;
pub use envelope::{Body, Context, DecodeError, Envelope, Hop, Raw, Spoken};
pub use id::{
    ApiKeyId, CampaignId, ChannelId, ContactId, ConversationId, ImportId, ListId, MediaId,
    MessageId, RuleId, SegmentId, SuppressionId, TemplateId, TenantId,
};
pub use labelled::LabelledText;
pub use message::{
    Attachment, Button, ButtonType, Content, Direction, Entity, Format, Intent, Language, Message,
    MessageType, Party, PartyType, Priority, Routing, Sentiment,
};
pub use outbound::{MailFacts, Outbound};
pub use outcome::{DropReason, Outcome};
pub use platform::Platform;
pub use platform_template::{
    PlatformTemplate, TemplateButton, TemplateButtonType, TemplateHeader, TemplateHeaderType,
};
pub use priority::{PriorityChange, PriorityCondition, PriorityRule};
pub use secret::Secret;
pub use snapshot::{ChannelSnapshot, Snapshot, Template, TenantSnapshot};
pub use suppression::{SuppressionReason, SuppressionScope};
pub use time::Timestamp;
pub use track::{About, DeliveryState, TrackContext, TrackEvent, TrackKind};
pub use tracking_token::TrackingToken;
pub use understanding::{Backend, EntityPattern, Task, Understanding};
pub use zone::Zone;
