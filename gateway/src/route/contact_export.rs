//! Contacts as a file: CSV that a spreadsheet shows and this hub reads in again, or JSON lines.
//!
//! Invariants: memory is bounded by a page, whatever the number of contacts; no cell is a formula ([`crate::csv`]). A file that
//! cannot be brought to its end ends without the last chunk of HTTP, so that nobody takes it for whole.

use std::{collections::HashMap, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream;
use ingest::contact::{
    column::{self, Column},
    value::{self, Type},
};
use schemas::{Consent, ContactId, ListId, Membership, SegmentId, TenantId, Timestamp};
use serde::Deserialize;
use serde_json::json;
use store::{
    Store, StoreError,
    contact::{AddressRow, ContactFilter, ContactRow, export},
};
use utoipa::{IntoParams, ToSchema};

use super::{contact::too_costly, contact_out::ContactOut};
use crate::{auth::Caller, csv, extract::Query, hub::Hub, problem::ApiError};

/// Columns that may be asked for.
const MAX_COLUMNS: usize = 1000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    #[default]
    Csv,
    /// A contact a line, as `GET /contacts/{contact_id}` answers it.
    Jsonl,
}

/// Which contacts, and how.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `csv` when absent.
    #[serde(default)]
    #[param(inline)]
    format: Format,
    /// Those who stand to this list as `membership` says.
    #[serde(alias = "listId")]
    list_id: Option<ListId>,
    /// `confirmed` when absent.
    membership: Option<Membership>,
    /// Those whom this segment chooses now.
    #[serde(alias = "segmentId")]
    segment_id: Option<SegmentId>,
    /// Occurs in the name, ignoring the case of A to Z.
    #[param(max_length = 255)]
    name: Option<String>,
    /// Columns of a CSV, between commas: as a mapping of an import has them, or `contact_id`, `created_at`, `updated_at`; any
    /// other name is an attribute's. All there are when absent.
    #[param(max_length = 65536)]
    columns: Option<String>,
}

/// What a cell of a table shows.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Id,
    Created,
    Updated,
    Of(Column),
}

struct Table {
    headers: Vec<String>,
    cells: Vec<Cell>,
}

/// Export contacts, the oldest first.
///
/// The file is written while it is read, so its length is not known. Who comes after the beginning is not in it.
#[utoipa::path(
    get, path = "/contacts/export", tag = "contacts", operation_id = "export_contacts", params(ExportQuery),
    responses((status = 200, description = "The file", content((String = "text/csv"), (String = "application/x-ndjson"))))
)]
pub(crate) async fn export(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Query(query): Query<ExportQuery>,
) -> Result<Response, ApiError> {
    if query
        .name
        .as_ref()
        .is_some_and(|name| name.contains('\0') || name.len() > 1024)
    {
        return Err(ApiError::bad_request(
            "What is looked for may have 1024 bytes, none of them NUL.",
        ));
    }
    if let Some(list) = query.list_id {
        store::list::get(&hub.store, caller.tenant, list)
            .await
            .map_err(|error| ApiError::or_not_found(error, "list"))?;
    }
    let segment = match query.segment_id {
        None => None,
        Some(id) => Some((
            super::segment::filter(&hub, &caller, id).await?,
            Timestamp::now(),
        )),
    };
    let filter = ContactFilter {
        name: query.name.clone(),
        list: query
            .list_id
            .map(|list| (list, query.membership.unwrap_or_default())),
        segment,
        ..ContactFilter::default()
    };
    let (table, kind, file) = match query.format {
        Format::Jsonl => (None, "application/x-ndjson", "contacts.jsonl"),
        Format::Csv => {
            let table = table(&hub, &caller, &filter, query.columns.as_deref()).await?;
            (Some(table), "text/csv; charset=utf-8", "contacts.csv")
        }
    };
    let end = export::end(&hub.store, caller.tenant).await?;
    hub.audit(
        &caller,
        "contact.export",
        "contacts".to_owned(),
        Some(json!({"file": file})),
    )
    .await?;
    let begin = table.as_ref().map(|table| {
        let mut line = Vec::new();
        csv::line(&mut line, table.headers.iter().map(String::as_str));
        Bytes::from(line)
    });
    let pages = Pages {
        store: hub.store.clone(),
        tenant: caller.tenant,
        filter,
        table,
        after: 0,
        end,
    };
    let pages = stream::try_unfold(pages, Pages::next);
    let all = futures::StreamExt::chain(stream::iter(begin.map(Ok)), pages);
    let mut response = Body::from_stream(all).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(name) = HeaderValue::try_from(format!("attachment; filename=\"{file}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// The columns asked for, or all there are.
async fn table(
    hub: &Hub,
    caller: &Caller,
    filter: &ContactFilter,
    asked: Option<&str>,
) -> Result<Table, ApiError> {
    let mut table = Table {
        headers: Vec::new(),
        cells: Vec::new(),
    };
    if let Some(asked) = asked {
        for word in asked
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            let cell = match word {
                "contact_id" => Cell::Id,
                "created_at" => Cell::Created,
                "updated_at" => Cell::Updated,
                word => Cell::Of(
                    column::meant(word)
                        .unwrap_or_else(|| Column::Attribute(word.to_owned(), Type::Auto)),
                ),
            };
            let header = match &cell {
                Cell::Of(Column::Attribute(name, _)) if name == word => column::header_of(name),
                _ => word.to_owned(),
            };
            table.put(header, cell);
        }
        if table.cells.is_empty() || table.cells.len() > MAX_COLUMNS {
            return Err(ApiError::bad_request(
                "`columns` are 1 to 1000 names between commas.",
            ));
        }
        return Ok(table);
    }
    let found = export::columns(&hub.store, caller.tenant, filter)
        .await?
        .ok_or_else(too_costly)?;
    if found.attributes.len() > export::MAX_ATTRIBUTES {
        return Err(ApiError::bad_request(
            "The contacts have more than 500 attributes. Name those you want by `columns`, or take JSON lines.",
        ));
    }
    table.put("contact_id".into(), Cell::Id);
    table.put("external_id".into(), Cell::Of(Column::ExternalId));
    table.put("name".into(), Cell::Of(Column::Name));
    // A table without any can still be read in.
    let none = ["email".to_owned()];
    let kinds = if found.kinds.is_empty() {
        &none[..]
    } else {
        &found.kinds
    };
    for kind in kinds {
        if let Some(kind) = schemas::address::kind(kind) {
            table.put(kind.into(), Cell::Of(Column::Address(kind)));
            table.put(format!("{kind}_consent"), Cell::Of(Column::Consent(kind)));
        }
    }
    table.put("language".into(), Cell::Of(Column::Language));
    table.put("time_zone".into(), Cell::Of(Column::TimeZone));
    table.put(
        "preferred_channel".into(),
        Cell::Of(Column::PreferredChannel),
    );
    for name in found.attributes {
        table.put(
            column::header_of(&name),
            Cell::Of(Column::Attribute(name, Type::Auto)),
        );
    }
    table.put("created_at".into(), Cell::Created);
    table.put("updated_at".into(), Cell::Updated);
    Ok(table)
}

/// What is still to be written.
struct Pages {
    store: Store,
    tenant: TenantId,
    filter: ContactFilter,
    table: Option<Table>,
    after: i64,
    end: i64,
}

impl Pages {
    /// The next page; none after the last.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, StoreError> {
        let told = |error: StoreError| {
            tracing::warn!(%error, "an export broke off");
            error
        };
        let rows = export::page(&self.store, self.tenant, &self.filter, self.after, self.end)
            .await
            .map_err(told)?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        self.after = last.seq;
        let ids: Vec<ContactId> = rows.iter().map(|row| row.id).collect();
        let mut addresses: HashMap<ContactId, Vec<AddressRow>> = HashMap::new();
        for row in store::contact::addresses(&self.store, self.tenant, &ids)
            .await
            .map_err(told)?
        {
            addresses.entry(row.contact_id).or_default().push(row);
        }
        let mut page = Vec::with_capacity(rows.len() * 256);
        for row in rows {
            let mut own = addresses.remove(&row.id).unwrap_or_default();
            first(self.tenant, row.id, &mut own);
            match &self.table {
                Some(table) => table.line(&mut page, &row, &own),
                None => {
                    let out = ContactOut::of(row, own.into_iter().map(Into::into).collect());
                    serde_json::to_writer(&mut page, &out)
                        .map_err(|error| told(StoreError::Other(Box::new(error))))?;
                    page.push(b'\n');
                }
            }
        }
        Ok(Some((page.into(), self)))
    }
}

/// The address that a contact is named after comes before its others: read in elsewhere, it has the same one.
fn first(tenant: TenantId, id: ContactId, addresses: &mut [AddressRow]) {
    if addresses.len() > 1 {
        addresses.sort_by_key(|one| ContactId::of(tenant, &one.kind, &one.address) != id);
    }
}

impl Table {
    /// Adds a column, once.
    fn put(&mut self, header: String, cell: Cell) {
        if !self.cells.contains(&cell) {
            self.headers.push(header);
            self.cells.push(cell);
        }
    }

    fn line(&self, page: &mut Vec<u8>, row: &ContactRow, addresses: &[AddressRow]) {
        let fields: Vec<String> = self
            .cells
            .iter()
            .map(|cell| field(cell, row, addresses))
            .collect();
        csv::line(page, fields.iter().map(String::as_str));
    }
}

fn field(cell: &Cell, row: &ContactRow, addresses: &[AddressRow]) -> String {
    let text = |text: &Option<String>| match text {
        Some(text) => value::guarded(text).into_owned(),
        None => String::new(),
    };
    let of = |kind: &'static str| addresses.iter().filter(move |one| one.kind == kind);
    match cell {
        Cell::Id => row.id.to_string(),
        Cell::Created => row.created_at.to_string(),
        Cell::Updated => row.updated_at.to_string(),
        Cell::Of(Column::Ignored | Column::Nameless(_)) => String::new(),
        Cell::Of(Column::Name) => text(&row.name),
        Cell::Of(Column::ExternalId) => text(&row.external_id),
        Cell::Of(Column::Language) => text(&row.language),
        Cell::Of(Column::TimeZone) => text(&row.time_zone),
        Cell::Of(Column::PreferredChannel) => text(&row.preferred_channel),
        Cell::Of(Column::Address(kind)) => {
            let all: Vec<_> = of(kind).map(|one| value::guarded(&one.address)).collect();
            all.join(";")
        }
        Cell::Of(Column::Consent(kind)) => {
            let all: Vec<&str> = of(kind).map(|one| one.consent.name()).collect();
            match all.iter().all(|state| *state == Consent::Unknown.name()) {
                true => String::new(),
                false => all.join(";"),
            }
        }
        Cell::Of(Column::Attribute(name, _)) => match row.attributes.get(name) {
            Some(found) => value::written(found).into_owned(),
            None => String::new(),
        },
    }
}
