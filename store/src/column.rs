//! How columns become our types. The macros of sqlx end each column in `.into()`, so a column is read
//! as one of these (`id as "id: Id"`) and turns into the field's own type.

use schemas::campaign::{
    CampaignEventType, CampaignStatus, CampaignType, RecipientStatus, Unsubscribe, Verdict,
};
use schemas::{
    ApiKeyId, CampaignId, ChannelId, ChannelKind, ChannelStatus, Consent, ContactId,
    ConversationId, ConversationStatus, DeliveryState, Direction, ImportId, ImportStatus, ListId,
    MediaId, Membership, MessageId, MessageType, OptIn, PartyType, PlatformTemplate, Priority,
    RuleId, SegmentId, SuppressionId, SuppressionReason, SuppressionScope, Task, TemplateId,
    TenantId, Timestamp, sms::SmsEncoding,
};
use sqlx::{
    Decode, Postgres, Type, ValueRef,
    error::BoxDynError,
    postgres::{PgTypeInfo, PgValueRef},
    types::{
        Json,
        chrono::{DateTime, Utc},
    },
};
use uuid::Uuid;

/// A `uuid not null`.
#[derive(Debug)]
pub(crate) struct Id(pub(crate) Uuid);
/// A `uuid` that may be null; read as `"x!: MaybeId"`.
#[derive(Debug)]
pub(crate) struct MaybeId(Option<Uuid>);
/// A `timestamptz` that may be null; read as `"x!: MaybeTime"`.
#[derive(Debug)]
pub(crate) struct MaybeTime(Option<DateTime<Utc>>);
/// A `jsonb` of an approved message, or null; read as `"x!: MaybeTemplate"`.
#[derive(Debug)]
pub(crate) struct MaybeTemplate(Option<Json<PlatformTemplate>>);
/// A `text not null` that is the name of something of [`schemas`].
#[derive(Debug)]
pub(crate) struct Name<T>(T);
/// A `text` that is such a name or null; read as `"x!: MaybeName<T>"`.
#[derive(Debug)]
pub(crate) struct MaybeName<T>(Option<T>);

impl Type<Postgres> for Id {
    fn type_info() -> PgTypeInfo {
        <Uuid as Type<Postgres>>::type_info()
    }
}

impl Decode<'_, Postgres> for Id {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        <Uuid as Decode<Postgres>>::decode(value).map(Self)
    }
}

macro_rules! ids {
    ($($id:ident),*) => {$(
        impl From<Id> for $id {
            fn from(id: Id) -> Self {
                Self(id.0)
            }
        }
        impl From<MaybeId> for Option<$id> {
            fn from(id: MaybeId) -> Self {
                id.0.map($id)
            }
        }
    )*};
}
ids!(
    TenantId,
    ApiKeyId,
    ChannelId,
    ContactId,
    ConversationId,
    MediaId,
    MessageId,
    RuleId,
    TemplateId,
    SuppressionId,
    CampaignId,
    ListId,
    SegmentId,
    ImportId
);

macro_rules! nullable {
    ($(($name:ty, $of:ty)),*) => {$(
        impl Type<Postgres> for $name {
            fn type_info() -> PgTypeInfo {
                <$of as Type<Postgres>>::type_info()
            }
        }
        impl<'r> Decode<'r, Postgres> for $name {
            fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
                if value.is_null() {
                    return Ok(Self(None));
                }
                <$of as Decode<Postgres>>::decode(value).map(|value| Self(Some(value)))
            }
        }
    )*};
}
nullable!(
    (MaybeId, Uuid),
    (MaybeTime, DateTime<Utc>),
    (MaybeTemplate, Json<PlatformTemplate>)
);

impl From<MaybeTime> for Option<Timestamp> {
    fn from(at: MaybeTime) -> Self {
        at.0.map(Timestamp::from)
    }
}

impl From<MaybeTemplate> for Option<PlatformTemplate> {
    fn from(template: MaybeTemplate) -> Self {
        template.0.map(|template| template.0)
    }
}

macro_rules! names {
    ($($name:ident),*) => {$(
        impl Type<Postgres> for Name<$name> {
            fn type_info() -> PgTypeInfo {
                <String as Type<Postgres>>::type_info()
            }
        }
        impl Decode<'_, Postgres> for Name<$name> {
            fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
                parse::<$name>(<&str as Decode<Postgres>>::decode(value)?, stringify!($name)).map(Self)
            }
        }
        impl From<Name<$name>> for $name {
            fn from(name: Name<$name>) -> Self {
                name.0
            }
        }
    )*};
}
names!(
    ChannelKind,
    ChannelStatus,
    Consent,
    ConversationStatus,
    DeliveryState,
    Direction,
    Membership,
    ImportStatus,
    MessageType,
    OptIn,
    PartyType,
    Priority,
    SuppressionReason,
    SuppressionScope,
    Task,
    CampaignStatus,
    CampaignType,
    RecipientStatus,
    CampaignEventType,
    Unsubscribe,
    Verdict
);

macro_rules! maybe_names {
    ($($name:ident),*) => {$(
        impl Type<Postgres> for MaybeName<$name> {
            fn type_info() -> PgTypeInfo {
                <String as Type<Postgres>>::type_info()
            }
        }
        impl Decode<'_, Postgres> for MaybeName<$name> {
            fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
                if value.is_null() {
                    return Ok(Self(None));
                }
                let text = <&str as Decode<Postgres>>::decode(value)?;
                parse::<$name>(text, stringify!($name)).map(|name| Self(Some(name)))
            }
        }
        impl From<MaybeName<$name>> for Option<$name> {
            fn from(name: MaybeName<$name>) -> Self {
                name.0
            }
        }
    )*};
}
maybe_names!(
    ChannelKind,
    DeliveryState,
    Priority,
    RecipientStatus,
    SmsEncoding,
    SuppressionReason,
    Unsubscribe,
    Verdict
);

fn parse<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, BoxDynError> {
    text.parse()
        .map_err(|_| format!("`{text}` is no {what}").into())
}
