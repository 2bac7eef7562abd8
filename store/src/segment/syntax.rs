//! What an expression says, once it is read.

use std::fmt;

use schemas::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// An expression; true or false of every contact.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// Two or more.
    All(Vec<Expression>),
    /// Two or more.
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Is(Condition),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Field(Field, Test),
    /// A confirmed member of the list.
    Member(Named),
    /// Something it did with a campaign's message, or with any.
    Did {
        deed: Deed,
        campaign: Option<Named>,
        within: Option<Span>,
    },
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    Column(Column),
    Since(Since),
    /// Any of the addresses of a kind, or of all.
    Address(Option<&'static str>),
    /// The consent of any of the addresses of a kind, or of all.
    Consent(Option<&'static str>),
    /// A path into the attributes; not empty.
    Attribute(Vec<String>),
}

/// A text of the contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Name,
    ExternalId,
    Language,
    TimeZone,
    PreferredChannel,
}

/// A moment of the contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    Created,
    Updated,
}

/// How it is looked at.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Is one of these; each a text, a number or a boolean. One or more; texts only where the field is text.
    OneOf(Vec<Value>),
    /// Missing, or null.
    IsNull,
    /// A text with this in it, or a list with this text among its items; no regard to the case of A to Z in texts.
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    Number(Order, serde_json::Number),
    Moment(Order, Moment),
    /// A moment not older than that, and not in the future.
    InLast(Span),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Less,
    AtMost,
    More,
    AtLeast,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    At(Timestamp),
    Ago(Span),
    Now,
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub count: u32,
    pub unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Hours,
    Days,
    Weeks,
}

/// What people do with messages of campaigns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Received,
    Opened,
    Clicked,
    Bounced,
    Unsubscribed,
    Complained,
}

/// A list or a campaign: by its id, or by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    Id(Uuid),
    Name(String),
}

impl Column {
    pub(super) const ALL: [Self; 5] = [
        Self::Name,
        Self::ExternalId,
        Self::Language,
        Self::TimeZone,
        Self::PreferredChannel,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::ExternalId => "external_id",
            Self::Language => "language",
            Self::TimeZone => "time_zone",
            Self::PreferredChannel => "preferred_channel",
        }
    }
}

impl Since {
    pub(super) const ALL: [Self; 2] = [Self::Created, Self::Updated];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::Updated => "updated_at",
        }
    }
}

impl Deed {
    pub(super) const ALL: [Self; 6] = [
        Self::Received,
        Self::Opened,
        Self::Clicked,
        Self::Bounced,
        Self::Unsubscribed,
        Self::Complained,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Opened => "opened",
            Self::Clicked => "clicked",
            Self::Bounced => "bounced",
            Self::Unsubscribed => "unsubscribed",
            Self::Complained => "complained",
        }
    }
}

impl Order {
    pub(super) const fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl Span {
    /// So long before `now`.
    #[must_use]
    pub fn before(self, now: Timestamp) -> Timestamp {
        let hours = match self.unit {
            Unit::Hours => 1,
            Unit::Days => 24,
            Unit::Weeks => 7 * 24,
        };
        let micros = i64::from(self.count)
            .saturating_mul(hours)
            .saturating_mul(3_600_000_000);
        Timestamp(now.0.saturating_sub(micros))
    }
}

impl Moment {
    #[must_use]
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(span) => span.before(now),
            Self::Now => now,
        }
    }
}

/// As it could have been written; read again, it is the same.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => joined(f, parts, " and "),
            Self::Any(parts) => joined(f, parts, " or "),
            Self::Not(inner) => match inner.as_ref() {
                Self::Is(_) | Self::Not(_) => write!(f, "not {inner}"),
                _ => write!(f, "not ({inner})"),
            },
            Self::Is(condition) => condition.fmt(f),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Expression], word: &str) -> fmt::Result {
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            f.write_str(word)?;
        }
        match part {
            Expression::All(_) | Expression::Any(_) => write!(f, "({part})")?,
            _ => write!(f, "{part}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field, test) => write!(f, "{field} {test}"),
            Self::Member(list) => write!(f, "in list {list}"),
            Self::Did {
                deed,
                campaign,
                within,
            } => {
                match campaign {
                    Some(campaign) => write!(f, "{} campaign {campaign}", deed.name())?,
                    None => write!(f, "{} any", deed.name())?,
                }
                within.map_or(Ok(()), |span| write!(f, " in last {span}"))
            }
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(column) => f.write_str(column.name()),
            Self::Since(since) => f.write_str(since.name()),
            Self::Address(kind) => f.write_str(kind.unwrap_or("address")),
            Self::Consent(None) => f.write_str("consent"),
            Self::Consent(Some(kind)) => write!(f, "consent.{kind}"),
            Self::Attribute(path) => {
                f.write_str("attributes")?;
                path.iter()
                    .try_for_each(|key| write!(f, ".{}", Quoted(key)))
            }
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneOf(values) => match values.as_slice() {
                [value] => write!(f, "= {}", Literal(value)),
                values => {
                    f.write_str("in (")?;
                    for (place, value) in values.iter().enumerate() {
                        let comma = if place > 0 { ", " } else { "" };
                        write!(f, "{comma}{}", Literal(value))?;
                    }
                    f.write_str(")")
                }
            },
            Self::IsNull => f.write_str("is null"),
            Self::Contains(text) => write!(f, "contains {}", Quoted(text)),
            Self::StartsWith(text) => write!(f, "starts with {}", Quoted(text)),
            Self::EndsWith(text) => write!(f, "ends with {}", Quoted(text)),
            Self::Number(order, number) => write!(f, "{} {number}", order.symbol()),
            Self::Moment(order, Moment::At(at)) => write!(f, "{} \"{at}\"", order.symbol()),
            Self::Moment(order, Moment::Ago(span)) => write!(f, "{} {span} ago", order.symbol()),
            Self::Moment(order, Moment::Now) => write!(f, "{} now", order.symbol()),
            Self::InLast(span) => write!(f, "in last {span}"),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "\"{id}\""),
            Self::Name(name) => Quoted(name).fmt(f),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Hours => "hours",
            Unit::Days => "days",
            Unit::Weeks => "weeks",
        };
        write!(f, "{} {unit}", self.count)
    }
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = self.0.replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "\"{escaped}\"")
    }
}

struct Literal<'a>(&'a Value);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) => Quoted(text).fmt(f),
            other => other.fmt(f),
        }
    }
}
