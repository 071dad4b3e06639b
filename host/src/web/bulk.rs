//! Bulk requests: operations that do not depend on each other are done at once, so that they reach
//! the target by the page.
//!
//! Neighbors with the same method and endpoint are done together; else the order of the client is
//! kept. What names a `bulkId` that is made only later is done when it is there.

use super::reply;
use crate::{
    binding::{Answered, Binding, Conditions, Failure, Outcome, same_asker},
    scim::{BulkMethod, BulkOp, BulkRequest, BulkResult, Error, ErrorBody, PatchRequest, ScimType},
    space::{Flow, ResourceId},
};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// Operations of one request.
pub(super) const MOST: usize = 1000;
/// Operations that are under way at once.
const AT_ONCE: usize = 100;

/// A bulk request under way.
struct Run {
    binding: Arc<Binding>,
    base: String,
    /// Ids of what was made, by bulkId.
    ids: BTreeMap<String, String>,
    /// What operations to come will make.
    awaited: BTreeSet<String>,
    results: Vec<Option<BulkResult>>,
    errors: u64,
    fail_on_errors: Option<u64>,
    /// Until when new operations are begun.
    deadline: Instant,
}

/// Does the operations; one result for each that was tried, in their order.
pub(super) async fn run(
    binding: Arc<Binding>,
    base: String,
    request: BulkRequest,
    time: Duration,
) -> Vec<BulkResult> {
    let BulkRequest { fail_on_errors, operations } = request;
    let made = operations.iter().flatten().filter(|one| one.method == BulkMethod::Post);
    let mut run = Run {
        binding,
        base,
        ids: BTreeMap::new(),
        awaited: made.filter_map(|one| one.bulk_id.clone()).collect(),
        results: vec![None; operations.len()],
        errors: 0,
        fail_on_errors,
        deadline: Instant::now() + time,
    };
    run.all(operations).await;
    run.results.into_iter().flatten().collect()
}

impl Run {
    fn is_over(&self) -> bool {
        self.fail_on_errors.is_some_and(|most| self.errors >= most)
    }

    async fn all(&mut self, operations: Vec<Result<BulkOp, Error>>) {
        let (mut deferred, mut later) = (Vec::new(), Vec::new());
        let mut rest = operations.into_iter().enumerate().peekable();
        while let Some((at, operation)) = rest.next() {
            if self.is_over() {
                return;
            }
            let Some(operation) = self.ready(at, operation, &mut deferred, &mut later) else {
                continue;
            };
            let kind = (operation.method, operation.endpoint.clone());
            let mut ids = BTreeSet::from([operation.id.clone()]);
            let mut batch = vec![(at, operation)];
            while self.fail_on_errors.is_none() && batch.len() < AT_ONCE {
                let fits = |next: &(usize, Result<BulkOp, Error>)| {
                    next.1.as_ref().is_ok_and(|one| {
                        (one.method, one.endpoint.as_str()) == (kind.0, kind.1.as_str())
                            && (one.id.is_none() || ids.insert(one.id.clone()))
                            && one.needs().iter().all(|name| self.ids.contains_key(name))
                    })
                };
                let Some((at, Ok(mut operation))) = rest.next_if(fits) else { break };
                operation.resolve(&self.ids);
                batch.push((at, operation));
            }
            self.together(batch).await;
        }
        // What two that name each other still lack.
        for (at, mut operation) in later {
            let BulkOp { bulk_id, .. } = &operation;
            operation.id = bulk_id.as_ref().and_then(|name| self.ids.get(name).cloned());
            if operation.id.is_some() {
                self.once_more(at, operation).await;
            }
        }
        for (at, operation) in deferred {
            if self.is_over() {
                return;
            }
            self.once_more(at, operation).await;
        }
    }

    /// An operation that can be done now; others are put off, or answered.
    fn ready(
        &mut self,
        at: usize,
        operation: Result<BulkOp, Error>,
        deferred: &mut Vec<(usize, BulkOp)>,
        later: &mut Vec<(usize, BulkOp)>,
    ) -> Option<BulkOp> {
        let mut operation = match operation {
            Ok(operation) => operation,
            Err(error) => {
                self.keep(at, refused(None, None, StatusCode::BAD_REQUEST, error));
                return None;
            }
        };
        operation.resolve(&self.ids);
        let needs = operation.needs();
        if let Some(name) = needs.iter().find(|name| !self.awaited.contains(*name)) {
            self.keep(at, lacking(&operation, name));
            return None;
        }
        if needs.is_empty() {
            return Some(operation);
        }
        if operation.method != BulkMethod::Post {
            deferred.push((at, operation));
            return None;
        }
        // Without a name of its own it could not be found again.
        let name = operation.bulk_id.get_or_insert_with(|| format!("\n{at}")).clone();
        let added = operation.postpone();
        later.push((
            at,
            BulkOp {
                method: BulkMethod::Patch,
                bulk_id: Some(name),
                id: None,
                version: None,
                data: json!({"Operations": added}),
                ..operation.clone()
            },
        ));
        Some(operation)
    }

    async fn once_more(&mut self, at: usize, mut operation: BulkOp) {
        operation.resolve(&self.ids);
        if let Some(name) = operation.needs().first() {
            self.keep(at, lacking(&operation, name));
            return;
        }
        let made = self.results[at].take();
        self.together(vec![(at, operation)]).await;
        // Of one that was made first it stays so, unless what it lacked was refused.
        if let (Some(made), Some(now)) = (made, &mut self.results[at]) {
            now.method = made.method;
            now.bulk_id = made.bulk_id;
            now.location = made.location;
            if now.response.is_none() {
                now.status = made.status;
            }
        }
    }

    async fn together(&mut self, batch: Vec<(usize, BulkOp)>) {
        let mut running = JoinSet::new();
        let out_of_time = Instant::now() >= self.deadline;
        for (at, operation) in batch {
            if out_of_time {
                let error = Error::plain("not begun: the request took too long already");
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let (method, bulk_id) = (Some(operation.method), operation.bulk_id.clone());
                self.keep(at, refused(method, bulk_id, status, error));
                continue;
            }
            let (binding, base) = (Arc::clone(&self.binding), self.base.clone());
            running.spawn(same_asker(async move { (at, one(&binding, &base, operation).await) }));
        }
        while let Some(done) = running.join_next().await {
            // A write has a task of its own and answers whatever happens to it.
            if let Ok((at, (id, result))) = done {
                if let (Some(name), Some(id)) = (&result.bulk_id, id) {
                    self.ids.insert(name.clone(), id);
                }
                self.keep(at, result);
            }
        }
    }

    fn keep(&mut self, at: usize, mut result: BulkResult) {
        self.errors += u64::from(result.response.is_some());
        if let Some(name) = &result.bulk_id {
            if result.method == Some(BulkMethod::Post) {
                self.awaited.remove(name);
            }
            if name.starts_with('\n') {
                result.bulk_id = None;
            }
        }
        self.results[at] = Some(result);
    }
}

/// Does one operation; answers the id of what it was about as well.
async fn one(
    binding: &Arc<Binding>,
    base: &str,
    operation: BulkOp,
) -> (Option<String>, BulkResult) {
    let BulkOp { method, endpoint, id, bulk_id, version, data } = operation;
    let flow = binding.discovered().map(|known| known.flow(&endpoint).cloned());
    let url = |id: &str, flow: &Flow| format!("{base}/{}/{id}", flow.endpoint);
    let (flow, outcome) = match flow {
        Ok(Some(flow)) => {
            let id = ResourceId::new(id.as_deref().unwrap_or_default());
            let outcome = write(binding, &flow, method, &id, version, data, base).await;
            (Some(flow), outcome)
        }
        Ok(None) => (None, Err(Failure::from(Error::plain(format!("there is no /{endpoint}"))))),
        Err(failure) => (None, Err(failure)),
    };
    let location = id.as_deref().zip(flow.as_deref()).map(|(id, flow)| url(id, flow));
    let success = |status: StatusCode, location, version| BulkResult {
        method: Some(method),
        bulk_id: bulk_id.clone(),
        status: status.as_u16(),
        location,
        version,
        response: None,
    };
    match outcome {
        Ok(Outcome::Done { id, version }) => {
            let status = match method {
                BulkMethod::Post => StatusCode::CREATED,
                _ => StatusCode::OK,
            };
            let location = flow.as_deref().map(|flow| url(id.as_str(), flow));
            (Some(id.to_string()), success(status, location, Some(version)))
        }
        Ok(_) => (id, success(StatusCode::NO_CONTENT, location, None)),
        Err(failure) => {
            let (status, error) = reply::judged(failure);
            (id, BulkResult { location, ..refused(Some(method), bulk_id, status, error) })
        }
    }
}

async fn write(
    binding: &Arc<Binding>,
    flow: &Arc<Flow>,
    method: BulkMethod,
    id: &ResourceId,
    version: Option<String>,
    data: Value,
    base: &str,
) -> Result<Outcome, Failure> {
    let answered = Answered { base: base.to_owned(), needs: None };
    let conditions = Conditions { versions: version.into_iter().collect() };
    let (flow, id) = (Arc::clone(flow), id.clone());
    match method {
        BulkMethod::Post => binding.create(flow, data, answered).await,
        BulkMethod::Put => binding.replace(flow, id, data, conditions, answered).await,
        BulkMethod::Patch => {
            let request = PatchRequest::try_from(data)?;
            binding.patch(flow, id, request, conditions, answered).await
        }
        BulkMethod::Delete => binding.delete(flow, id, conditions).await.map(|()| Outcome::Gone),
    }
}

/// The answer to an operation that names what is not there.
fn lacking(operation: &BulkOp, name: &str) -> BulkResult {
    let detail = format!("the bulkId {name} is of nothing that this request made");
    let error = Error::new(ScimType::InvalidValue, detail);
    let (method, bulk_id) = (Some(operation.method), operation.bulk_id.clone());
    refused(method, bulk_id, StatusCode::BAD_REQUEST, error)
}

fn refused(
    method: Option<BulkMethod>,
    bulk_id: Option<String>,
    status: StatusCode,
    error: Error,
) -> BulkResult {
    let body = ErrorBody::new(status.as_str(), error);
    BulkResult {
        method,
        bulk_id,
        status: status.as_u16(),
        location: None,
        version: None,
        response: Some(serde_json::to_value(body).expect("an error is JSON")),
    }
}
