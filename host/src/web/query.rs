//! Lists of resources: GET on an endpoint, and POST on its `.search` (RFC 7644 §3.4.2, §3.4.3),
//! page by page by number or by cursor (RFC 9865).

use super::{
    reply::{self, Answer, failed, wrong},
    request::Query as Parameters,
};
use crate::{
    binding::{Binding, Page, Query},
    scim::{
        self, CursorScope, Error, Filter, Position, Projection, ScimType, SearchRequest, Sort,
        Window,
    },
    space::{Flow, selection::Wanted},
};
use axum::response::Response;
use std::{borrow::Cow, sync::Arc};
use twox_hash::XxHash3_64;

/// What the query of a GET asks for.
pub(super) fn asked(parameters: &Parameters<'_>) -> SearchRequest {
    SearchRequest::of_query(|name| parameters.given(name))
}

/// The projection that is asked for.
pub(super) fn projection(
    wanted: Option<&str>,
    excluded: Option<&str>,
) -> Result<Option<Projection>, Box<Response>> {
    if wanted.is_none() && excluded.is_none() {
        return Ok(None);
    }
    Projection::parse(wanted, excluded).map(Some).map_err(wrong)
}

/// Answers a search among resources of these types.
pub(super) async fn answer(
    binding: &Arc<Binding>,
    flows: Vec<Arc<Flow>>,
    request: SearchRequest,
    base: &str,
) -> Answer {
    let sort = Sort::parse(request.sort_by.as_deref(), request.sort_order.as_deref());
    let sort = sort.map_err(wrong)?;
    let mut wanted = Vec::with_capacity(flows.len());
    for flow in flows {
        let filter = request.filter.as_ref().map(|text| Filter::parse_for(text, &flow.schemas));
        wanted.push(Wanted { filter: filter.transpose().map_err(wrong)?, flow });
    }
    let scope = || CursorScope { memory: binding.memory(), query: digest(&wanted, sort.as_ref()) };
    let page = page(&request, scope).map_err(wrong)?;
    let by_cursor = match &page {
        Page::Cursor { .. } => Some(scope()),
        Page::Index(_) => None,
    };
    let start = match &page {
        Page::Index(window) => window.start_index,
        Page::Cursor { .. } => 1,
    };
    let projection =
        projection(request.attributes.as_deref(), request.excluded_attributes.as_deref())?;
    let needs = projection.as_ref().map(|projection| {
        let needs = wanted.iter().map(|one| one.flow.needs(projection));
        needs.collect()
    });
    let flows: Vec<Arc<Flow>> = wanted.iter().map(|one| Arc::clone(&one.flow)).collect();
    let found = binding.find(Query { wanted, sort, page, needs }, base).await.map_err(failed)?;
    let next = by_cursor.map(|scope| found.next.map(|next| next.to_cursor(scope)));
    let mut text = found.text;
    for (kind, shown) in found.resources {
        let cut = match &projection {
            Some(wanted) => {
                Cow::Owned(scim::project(&shown.resource, wanted, &flows[kind].schemas))
            }
            None => Cow::Borrowed(&shown.resource),
        };
        text.add(|out| shown.write(&cut, out));
    }
    Ok(reply::scim_text(match next {
        None => text.finish(found.total, start),
        Some(next) => text.finish_by_cursor(found.total, next.as_deref()),
    }))
}

/// The part of the list that is asked for. Only one of the two ways to say it may be used.
fn page(request: &SearchRequest, scope: impl Fn() -> CursorScope) -> Result<Page, Error> {
    let window = Window::parse(request.start_index.as_deref(), request.count.as_deref())?;
    let Some(cursor) = request.cursor.as_deref() else { return Ok(Page::Index(window)) };
    if request.start_index.is_some() {
        let detail = "startIndex and cursor are two ways to say where a page begins; use one";
        return Err(Error::new(ScimType::InvalidValue, detail));
    }
    if window.count == Some(0) {
        let detail = "a page that is reached by cursor has at least one resource";
        return Err(Error::new(ScimType::InvalidCount, detail));
    }
    let after = match cursor.trim() {
        "" => None,
        cursor => Some(Position::of_cursor(cursor, scope())?),
    };
    Ok(Page::Cursor { after, count: window.count })
}

/// What a cursor is bound to: types, filter and order. The size of pages may change.
fn digest(wanted: &[Wanted], sort: Option<&Sort>) -> u64 {
    let mut text = String::new();
    for one in wanted {
        text.push_str(&one.flow.endpoint);
        text.push('\n');
    }
    let filter = wanted.first().and_then(|one| one.filter.as_ref());
    text.extend(filter.map(ToString::to_string));
    text.push('\n');
    if let Some(sort) = sort {
        text.push_str(&sort.path.to_string());
        text.push_str(if sort.descending { " down" } else { " up" });
    }
    XxHash3_64::oneshot(text.as_bytes())
}
