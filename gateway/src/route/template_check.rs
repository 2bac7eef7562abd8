//! Whether a template can be used, and what it reads: what a campaign's start would say of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::extract::State;
use render::{Compiled, Part, Problem, Source};
use schemas::{
    TemplateId,
    campaign::{Tracked, Wording},
};
use serde::Serialize;
use store::template::{TemplateRow, VariantRow};
use utoipa::ToSchema;

use super::template::missing;
use crate::{auth::Caller, extract::Path, hub::Hub, problem::ApiError};

/// Names that only answers of rules have.
const OF_ANSWERS: [&str; 6] = ["args", "channel", "command", "sender", "subject", "text"];

/// What is wrong at a place of a template.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemOut {
    /// Null: the template itself.
    language: Option<String>,
    /// `subject`, `text`, `html` or `platform_template`.
    part: &'static str,
    /// Of a `platform_template`: where in it, a JSON pointer.
    place: Option<String>,
    line: u32,
    column: u32,
    reason: String,
    hint: Option<String>,
}

impl From<Problem> for ProblemOut {
    fn from(problem: Problem) -> Self {
        Self {
            language: problem.language,
            part: problem.part.name(),
            place: problem.place,
            line: problem.line,
            column: problem.column,
            reason: problem.reason,
            hint: problem.hint,
        }
    }
}

/// What a check found.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckOut {
    /// Whether a campaign can use it.
    ok: bool,
    problems: Vec<ProblemOut>,
    /// The attributes it reads, in all languages.
    variables: BTreeSet<String>,
    /// Those of them that every contact must have.
    required: BTreeSet<String>,
    /// Read, and not in the template's `variables`, where it declares any.
    undeclared: BTreeSet<String>,
    /// In the template's `variables`, and not read.
    unused: BTreeSet<String>,
}

/// The template and its variants as wordings.
pub(crate) fn wordings(template: &TemplateRow, variants: &[VariantRow]) -> Vec<Wording> {
    let own = Wording {
        language: None,
        subject: template.subject.clone(),
        text: template.content.clone(),
        html: template.html_content.clone(),
        platform: template.platform_template.clone(),
    };
    let others = variants.iter().map(|variant| Wording {
        language: Some(variant.language.clone()),
        subject: variant.subject.clone().or_else(|| template.subject.clone()),
        text: variant.content.clone(),
        html: variant.html_content.clone(),
        platform: variant.platform_template.clone(),
    });
    std::iter::once(own).chain(others).collect()
}

pub(super) fn compiled(
    wordings: &[Wording],
    tracked: bool,
    defaults: &BTreeMap<String, String>,
) -> Result<Compiled, Vec<Problem>> {
    Compiled::new(Source {
        wordings,
        tracked: Tracked {
            opens: tracked,
            clicks: tracked,
            unsubscribe: true,
        },
        defaults,
    })
}

/// Variables that are read and not declared, where any are declared.
fn undeclared(template: &TemplateRow, compiled: &Compiled) -> BTreeSet<String> {
    if template.variables.is_empty() {
        return BTreeSet::new();
    }
    let is_declared = |name: &str| {
        let root = name.split('.').next().unwrap_or(name);
        matches!(root, "name" | "email")
            || OF_ANSWERS.contains(&root)
            || template.variables.iter().any(|declared| {
                let declared = declared.trim();
                declared == name || declared == root
            })
    };
    compiled
        .variables()
        .iter()
        .filter(|name| !is_declared(name))
        .cloned()
        .collect()
}

/// Where a problem is in the body that brought it.
pub(super) fn refusal(problem: &Problem) -> ApiError {
    let pointer = match problem.part {
        Part::Subject => "/subject".into(),
        Part::Text => "/content".into(),
        Part::Html => "/html_content".into(),
        Part::Platform => {
            let place = problem.place.as_deref().unwrap_or_default();
            format!("/platform_template{place}")
        }
    };
    ApiError::invalid_at(pointer, (problem.line, problem.column), problem.to_string())
}

/// Refuses a wording that cannot be compiled, and a template that reads what it does not declare. `language` is the one that
/// is being written, none for the template itself: what is wrong with others that were stored before keeps nobody from
/// mending this one.
pub(super) fn usable(
    template: &TemplateRow,
    variants: &[VariantRow],
    language: Option<&str>,
) -> Result<(), ApiError> {
    let compiled = match compiled(&wordings(template, variants), true, &BTreeMap::new()) {
        Ok(compiled) => compiled,
        Err(problems) => {
            let problems = problems.iter();
            let own = problems.filter(|problem| problem.language.as_deref() == language);
            return ApiError::all(own.map(|problem| Err(refusal(problem))));
        }
    };
    let undeclared: Vec<String> = undeclared(template, &compiled).into_iter().collect();
    if undeclared.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(
        "/variables",
        format!(
            "The template reads {}. Declare them here, or leave `variables` empty.",
            undeclared.join(", ")
        ),
    ))
}

/// A template of the tenant with its variants.
pub(super) async fn stored(
    hub: &Hub,
    caller: &Caller,
    id: TemplateId,
) -> Result<(TemplateRow, Vec<VariantRow>), ApiError> {
    let template = store::template::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    let variants = store::template::variants(&hub.store, caller.tenant, &[id]).await?;
    Ok((template, variants))
}

/// Whether a campaign can use a template, and what it reads.
#[utoipa::path(
    post, path = "/templates/{template_id}/check", tag = "templates", operation_id = "check_template",
    params(("template_id" = uuid::Uuid, Path, description = "The template")),
    responses((status = 200, description = "What was found", body = CheckOut))
)]
pub(crate) async fn check(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<TemplateId>,
) -> Result<axum::Json<CheckOut>, ApiError> {
    let (template, variants) = stored(&hub, &caller, id).await?;
    let wordings = wordings(&template, &variants);
    let found = match compiled(&wordings, true, &BTreeMap::new()) {
        Err(problems) => CheckOut {
            ok: false,
            problems: problems.into_iter().map(Into::into).collect(),
            variables: BTreeSet::new(),
            required: BTreeSet::new(),
            undeclared: BTreeSet::new(),
            unused: BTreeSet::new(),
        },
        Ok(compiled) => {
            let reads = |declared: &str| {
                compiled
                    .variables()
                    .iter()
                    .any(|name| name == declared || name.split('.').next() == Some(declared))
            };
            CheckOut {
                ok: true,
                problems: Vec::new(),
                variables: compiled.variables().clone(),
                required: compiled.required().clone(),
                undeclared: undeclared(&template, &compiled),
                unused: template
                    .variables
                    .iter()
                    .filter(|declared| !reads(declared.trim()))
                    .cloned()
                    .collect(),
            }
        }
    };
    Ok(axum::Json(found))
}
