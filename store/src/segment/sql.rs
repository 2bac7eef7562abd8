//! Expressions as SQL, about a row of `contacts` that is called `c`.
//!
//! Invariants: every value that the expression brings is a bound parameter, so the text of the SQL depends on its shape
//! alone; what is looked at beside the contact is the tenant's. A condition that is null of a contact counts as false, so
//! `not` is the opposite of what it stands before, whatever is missing.

use schemas::{TenantId, Timestamp, address::email};
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder, types::chrono::DateTime};

use super::syntax::{Column, Condition, Deed, Expression, Field, Named, Order, Since, Span, Test};

pub(super) struct Writer<'a> {
    pub(super) query: &'a mut QueryBuilder<Postgres>,
    pub(super) tenant: TenantId,
    pub(super) now: Timestamp,
}

impl Writer<'_> {
    /// Recursion ends at the parser's depth.
    pub(super) fn expression(&mut self, expression: &Expression) {
        match expression {
            Expression::All(parts) => self.joined(parts, " and "),
            Expression::Any(parts) => self.joined(parts, " or "),
            Expression::Not(inner) => match inner.as_ref() {
                // Never null, and known to the planner as an anti-join.
                Expression::Is(condition @ (Condition::Member(_) | Condition::Did { .. })) => {
                    self.query.push("not ");
                    self.condition(condition);
                }
                inner => {
                    self.query.push("(");
                    self.expression(inner);
                    self.query.push(") is not true");
                }
            },
            Expression::Is(condition) => self.condition(condition),
        }
    }

    fn joined(&mut self, parts: &[Expression], word: &str) {
        for (place, part) in parts.iter().enumerate() {
            self.query.push(if place == 0 { "(" } else { word });
            self.query.push("(");
            self.expression(part);
            self.query.push(")");
        }
        self.query.push(")");
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Field(field, test) => self.field(field, test),
            Condition::Member(list) => self.member(list),
            Condition::Did {
                deed,
                campaign,
                within,
            } => self.did(*deed, campaign.as_ref(), *within),
        }
    }

    fn field(&mut self, field: &Field, test: &Test) {
        match field {
            Field::Column(column) => self.text(column_name(*column), test),
            Field::Since(since) => self.moment(since_name(*since), test),
            Field::Address(kind) => self.address("a.address", *kind, test),
            Field::Consent(kind) => self.address("a.consent", *kind, test),
            Field::Attribute(path) => self.attribute(path, test),
        }
    }

    /// About a column of text.
    fn text(&mut self, column: &'static str, test: &Test) {
        match test {
            Test::IsNull => {
                self.query.push(column).push(" is null");
            }
            Test::OneOf(values) => {
                let texts: Vec<String> = values
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect();
                self.query
                    .push(column)
                    .push(" = any(")
                    .push_bind(texts)
                    .push(")");
            }
            Test::Contains(part) => self.part("strpos(lower(", column, part, ") > 0"),
            Test::StartsWith(part) => self.part("starts_with(lower(", column, part, ")"),
            Test::EndsWith(part) => self.ends(column, part),
            // The parser lets no text be a number or a moment.
            Test::Number(..) | Test::Moment(..) | Test::InLast(_) => {
                self.query.push("false");
            }
        }
    }

    /// `open` takes the text without regard to the case of A to Z (that of C), and the part.
    fn part(&mut self, open: &'static str, text: &'static str, part: &str, close: &'static str) {
        self.query.push(open).push(text).push(" collate \"C\"), ");
        self.query.push_bind(part.to_ascii_lowercase()).push(close);
    }

    fn ends(&mut self, text: &'static str, part: &str) {
        let length = i32::try_from(part.chars().count()).unwrap_or(i32::MAX);
        self.query
            .push("right(lower(")
            .push(text)
            .push(" collate \"C\"), ");
        self.query.push_bind(length).push(") = ");
        self.query.push_bind(part.to_ascii_lowercase());
    }

    fn moment(&mut self, column: &'static str, test: &Test) {
        match test {
            Test::IsNull => {
                self.query.push(column).push(" is null");
            }
            Test::Moment(order, moment) => {
                self.query.push(column);
                self.than(*order, moment.at(self.now));
            }
            Test::InLast(span) => {
                self.query.push("(").push(column);
                self.than(Order::More, span.before(self.now));
                self.query.push(" and ").push(column);
                self.than(Order::AtMost, self.now);
                self.query.push(")");
            }
            _ => {
                self.query.push("false");
            }
        }
    }

    fn than(&mut self, order: Order, at: Timestamp) {
        self.query.push(" ").push(order.symbol()).push(" ");
        self.time(at);
    }

    fn time(&mut self, at: Timestamp) {
        self.query.push_bind::<DateTime<_>>(at.to_datetime());
    }

    fn address(&mut self, column: &'static str, kind: Option<&'static str>, test: &Test) {
        let is_null = matches!(test, Test::IsNull);
        self.query
            .push(if is_null { "not exists (" } else { "exists (" });
        self.query
            .push("select from contact_addresses a where a.contact_id = c.id and a.tenant_id = ");
        self.query.push_bind(self.tenant.0);
        if let Some(kind) = kind {
            self.query.push(" and a.kind = ").push_bind(kind);
        }
        if !is_null {
            self.query.push(" and ");
            match (kind, test) {
                (None, Test::OneOf(values)) => self.text(column, &Test::OneOf(spelled(values))),
                _ => self.text(column, test),
            }
        }
        self.query.push(")");
    }

    fn attribute(&mut self, path: &[String], test: &Test) {
        match test {
            Test::IsNull => {
                self.query.push("coalesce(jsonb_typeof(");
                self.at(path);
                self.query.push("), 'null') = 'null'");
            }
            Test::OneOf(values) => {
                self.at(path);
                self.query
                    .push(" = any(")
                    .push_bind(values.clone())
                    .push(")");
            }
            Test::Number(order, number) => {
                self.query.push("(jsonb_typeof(");
                self.at(path);
                self.query.push(") = 'number' and ");
                self.at(path);
                self.query.push(" ").push(order.symbol()).push(" ");
                self.query
                    .push_bind(Value::Number(number.clone()))
                    .push(")");
            }
            Test::Contains(text) => {
                self.query.push("case jsonb_typeof(");
                self.at(path);
                self.query.push(") when 'array' then ");
                self.at(path);
                self.query.push(" ? ").push_bind(text.clone());
                self.query.push(" when 'string' then strpos(lower(");
                self.text_at(path);
                self.query.push(" collate \"C\"), ");
                self.query
                    .push_bind(text.to_ascii_lowercase())
                    .push(") > 0 end");
            }
            Test::StartsWith(text) => {
                self.string(path);
                self.query.push("starts_with(lower(");
                self.text_at(path);
                self.query.push(" collate \"C\"), ");
                self.query.push_bind(text.to_ascii_lowercase()).push("))");
            }
            Test::EndsWith(text) => {
                let length = i32::try_from(text.chars().count()).unwrap_or(i32::MAX);
                self.string(path);
                self.query.push("right(lower(");
                self.text_at(path);
                self.query
                    .push(" collate \"C\"), ")
                    .push_bind(length)
                    .push(") = ");
                self.query.push_bind(text.to_ascii_lowercase()).push(")");
            }
            Test::Moment(order, moment) => {
                self.moment_at(path);
                self.than(*order, moment.at(self.now));
            }
            Test::InLast(span) => {
                self.query.push("(");
                self.moment_at(path);
                self.than(Order::More, span.before(self.now));
                self.query.push(" and ");
                self.moment_at(path);
                self.than(Order::AtMost, self.now);
                self.query.push(")");
            }
        }
    }

    /// Begins what is said of an attribute that is a text.
    fn string(&mut self, path: &[String]) {
        self.query.push("(jsonb_typeof(");
        self.at(path);
        self.query.push(") = 'string' and ");
    }

    /// The attribute as JSON.
    fn at(&mut self, path: &[String]) {
        match path {
            [key] => self.query.push("(c.attributes -> ").push_bind(key.clone()),
            path => self
                .query
                .push("(c.attributes #> ")
                .push_bind(path.to_vec()),
        };
        self.query.push(")");
    }

    /// The attribute as text.
    fn text_at(&mut self, path: &[String]) {
        match path {
            [key] => self.query.push("(c.attributes ->> ").push_bind(key.clone()),
            path => self
                .query
                .push("(c.attributes #>> ")
                .push_bind(path.to_vec()),
        };
        self.query.push(")");
    }

    fn moment_at(&mut self, path: &[String]) {
        self.query.push("contact_attribute_moment(");
        self.text_at(path);
        self.query.push(")");
    }

    fn member(&mut self, list: &Named) {
        self.query.push(
            "exists (select from contact_list_members m where m.contact_id = c.id and m.status = 'confirmed' and m.list_id = ",
        );
        match list {
            // A contact is on lists of its own tenant alone.
            Named::Id(id) => {
                self.query.push_bind(*id);
            }
            Named::Name(_) => {
                self.query
                    .push("any(array(select l.id from contact_lists l where l.tenant_id = ");
                self.query.push_bind(self.tenant.0);
                self.named("l", list);
                self.query.push("))");
            }
        }
        self.query.push(")");
    }

    fn did(&mut self, deed: Deed, campaign: Option<&Named>, within: Option<Span>) {
        let event = match deed {
            Deed::Received => None,
            Deed::Opened => Some("OPEN"),
            Deed::Clicked => Some("CLICK"),
            Deed::Bounced => Some("BOUNCE"),
            Deed::Unsubscribed => Some("UNSUBSCRIBE"),
            Deed::Complained => Some("COMPLAINT"),
        };
        let at = if let Some(event) = event {
            self.query.push("exists (select from campaign_events e where e.contact_id = c.id and e.event_type = ");
            self.query.push_bind(event);
            self.query
                .push(" and e.verdict is distinct from 'machine' and e.tenant_id = ");
            "e.at"
        } else {
            self.query
                .push("exists (select from campaign_messages e where e.contact_id = c.id");
            self.query
                .push(" and e.status in ('SENT', 'DELIVERED', 'READ') and e.tenant_id = ");
            "e.sent_at"
        };
        self.query.push_bind(self.tenant.0);
        match campaign {
            None => {}
            Some(Named::Id(id)) => {
                self.query.push(" and e.campaign_id = ").push_bind(*id);
            }
            Some(name) => {
                self.query.push(" and e.campaign_id = any(array(select k.id from campaigns k where k.tenant_id = ");
                self.query.push_bind(self.tenant.0);
                self.named("k", name);
                self.query.push("))");
            }
        }
        if let Some(within) = within {
            self.query.push(" and ").push(at).push(" > ");
            self.time(within.before(self.now));
        }
        self.query.push(")");
    }

    fn named(&mut self, table: &'static str, named: &Named) {
        self.query.push(" and ").push(table);
        match named {
            Named::Id(id) => self.query.push(".id = ").push_bind(*id),
            Named::Name(name) => self.query.push(".name = ").push_bind(name.clone()),
        };
    }
}

const fn column_name(column: Column) -> &'static str {
    match column {
        Column::Name => "c.name",
        Column::ExternalId => "c.external_id",
        Column::Language => "c.language",
        Column::TimeZone => "c.time_zone",
        Column::PreferredChannel => "c.preferred_channel",
    }
}

const fn since_name(since: Since) -> &'static str {
    match since {
        Since::Created => "c.created_at",
        Since::Updated => "c.updated_at",
    }
}

/// Addresses of whatever kind: as written, and those of e-mail in their one form.
fn spelled(values: &[Value]) -> Vec<Value> {
    let texts = values.iter().filter_map(Value::as_str);
    let forms = texts.filter_map(email::canonical).map(Value::String);
    values.iter().cloned().chain(forms).collect()
}
