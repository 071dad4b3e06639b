//! The SCIM endpoints of a connector.

use super::{
    Web,
    auth::{self, Client},
    bulk, query,
    reply::{self, Answer, ScimJson, failed, wrong},
    request::{self, Query, Route},
};
use crate::{
    binding::{
        Answered, Binding, Conditions, Failure, LARGEST_PAGE, Outcome, PAGE, Prepared, asked_by,
    },
    scim::{
        self, AuthenticationScheme, Bulk, BulkRequest, Error, ListResponse, Pagination,
        PatchRequest, Projection, Resource, ResourceType, SearchRequest, ServiceProviderConfig,
        Window,
    },
    space::{Flow, ResourceId, needs::Needs},
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use std::sync::Arc;

const READ: &str = "GET, HEAD, OPTIONS";
const BULK: &str = "POST, OPTIONS";
const LIST: &str = "GET, HEAD, POST, OPTIONS";
const ONE: &str = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS";
const SEARCH: &str = "POST, OPTIONS";

/// Where a search is sent to, below an endpoint or the connector's own URL.
const DOT_SEARCH: &str = ".search";

/// Answers a request for a connector.
pub(super) async fn answer(web: &Web, request: Request<Body>) -> Response {
    answer_to(web, request, auth::client).await
}

/// Answers a request of somebody who needs no token.
pub(super) async fn answer_trusted(web: &Web, request: Request<Body>) -> Response {
    answer_to(web, request, |_, _| Ok(Client::operator())).await
}

async fn answer_to(
    web: &Web,
    request: Request<Body>,
    client: impl Fn(&Binding, &HeaderMap) -> Result<Client, Box<Response>>,
) -> Response {
    let (head, body) = request.into_parts();
    let uri = &head.uri;
    let Some(route) = Route::of(uri.path()) else { return nothing_at(uri) };
    let may_write = !matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let found = match web.find(route.connector, may_write).await {
        Some(Ok(found)) => found,
        Some(Err(reason)) => return Failure::not_ready(reason).into_response(),
        None => return nothing_at(uri),
    };
    let binding = Arc::clone(&found.binding);
    let allow = &binding.config().allow;
    if let Some(refused) = web.doorman.turn_away(allow, &head.extensions, route.connector) {
        return refused;
    }
    let client = match client(&binding, &head.headers) {
        Ok(client) => client,
        Err(response) => return *response,
    };
    if client.may_only_read && may_write && !is_search(&head.method, &route) {
        return client.may_not();
    }
    let Some(base) = request::base(uri, &head.headers, route.connector) else {
        // RFC 9112 §3.2
        let detail = "the Host header is missing or names no host";
        return reply::error(StatusCode::BAD_REQUEST, Error::plain(detail));
    };
    let call = Call { web, binding, base, query: Query::of(uri), head: &head };
    let answer = match may_write {
        // Its future is large, and look-ups have no use for it.
        true => Box::pin(asked_by(client.name, call.dispatch(&route, body))).await,
        false => call.dispatch(&route, body).await,
    };
    answer.unwrap_or_else(|response| *response)
}

/// Whether a POST only looks (RFC 7644 §3.4.3).
fn is_search(method: &Method, route: &Route<'_>) -> bool {
    let last = route.id.as_deref().unwrap_or(route.endpoint);
    *method == Method::POST && last.eq_ignore_ascii_case(DOT_SEARCH)
}

/// Answers a request for what nobody knows.
pub(super) async fn nothing_here(uri: Uri) -> Response {
    nothing_at(&uri)
}

fn nothing_at(uri: &Uri) -> Response {
    let detail = format!(
        "there is nothing at {}; connectors are at /ecma2host_<name>/scim, upper and lower case \
         of the name differ",
        uri.path()
    );
    reply::error(StatusCode::NOT_FOUND, Error::plain(detail))
}

struct Call<'a> {
    web: &'a Web,
    binding: Arc<Binding>,
    base: String,
    query: Query<'a>,
    head: &'a Parts,
}

impl Call<'_> {
    async fn dispatch(self, route: &Route<'_>, body: Body) -> Answer {
        let method = &self.head.method;
        let prepared = self.binding.discovered();
        if let Some(flow) = prepared.as_ref().ok().and_then(|known| known.flow(route.endpoint)) {
            let flow = Arc::clone(flow);
            return match &route.id {
                None => self.collection(flow, body).await,
                Some(id) if id == DOT_SEARCH => self.search(vec![flow], body).await,
                // What a write remembers would else make the future of every look-up as large.
                Some(id) => Box::pin(self.single(flow, ResourceId::new(id.as_str()), body)).await,
            };
        }
        match (route.endpoint.to_ascii_lowercase().as_str(), &route.id) {
            (DOT_SEARCH, None) => {
                let flows = prepared.map_err(failed)?.flows.clone();
                self.search(flows, body).await
            }
            ("serviceproviderconfig" | "resourcetypes" | "schemas", _) if self.is_filtered() => {
                // RFC 7644 §4
                let detail = "what the server says of itself cannot be filtered";
                Err(Box::new(reply::error(StatusCode::FORBIDDEN, Error::plain(detail))))
            }
            ("serviceproviderconfig", None) => read(method, || Ok(self.provider_config())),
            ("resourcetypes", id) => read(method, || self.resource_types(id.as_deref())),
            ("schemas", id) => read(method, || self.schemas(id.as_deref())),
            ("cache", None) => read(method, || self.cache()),
            ("bulk", None) => Box::pin(self.bulk(body)).await,
            ("me", _) => {
                let detail = "the client has no resource of its own here";
                Err(Box::new(reply::error(StatusCode::NOT_IMPLEMENTED, Error::plain(detail))))
            }
            _ => {
                prepared.map_err(failed)?;
                Ok(nothing_at(&self.head.uri))
            }
        }
    }

    async fn bulk(self, body: Body) -> Answer {
        match self.head.method {
            Method::POST => {}
            Method::OPTIONS => return Ok(options(BULK)),
            _ => return Ok(reply::not_allowed(BULK)),
        }
        self.discovered()?;
        let body = request::body(&self.head.headers, body, self.web.body).await?;
        let request = BulkRequest::parse(body).map_err(wrong)?;
        if request.operations.len() > bulk::MOST {
            let many = request.operations.len();
            let detail = format!("{many} operations are more than {}", bulk::MOST);
            return Ok(reply::error(StatusCode::PAYLOAD_TOO_LARGE, Error::plain(detail)));
        }
        // What is not begun by then is answered as such, before the whole request is given up.
        let time = self.web.request_time * 3 / 4;
        let results = bulk::run(self.binding, self.base, request, time).await;
        Ok(ScimJson(StatusCode::OK, scim::bulk_response(&results)).into_response())
    }

    async fn collection(self, flow: Arc<Flow>, body: Body) -> Answer {
        match self.head.method {
            Method::GET | Method::HEAD => self.list(flow).await,
            Method::POST => Box::pin(self.create(flow, body)).await,
            Method::OPTIONS => Ok(options(LIST)),
            _ => Ok(reply::not_allowed(LIST)),
        }
    }

    async fn create(self, flow: Arc<Flow>, body: Body) -> Answer {
        let body = request::body(&self.head.headers, body, self.web.body).await?;
        let answered = self.answered(&flow, true)?;
        let created = self.binding.create(Arc::clone(&flow), body, answered);
        self.written(&flow, StatusCode::CREATED, created.await)
    }

    async fn list(self, flow: Arc<Flow>) -> Answer {
        let asked = query::asked(&self.query);
        query::answer(&self.binding, vec![flow], asked, &self.base).await
    }

    async fn search(self, flows: Vec<Arc<Flow>>, body: Body) -> Answer {
        match self.head.method {
            Method::POST => {
                let body = request::body(&self.head.headers, body, self.web.body).await?;
                let asked = SearchRequest::try_from(body).map_err(wrong)?;
                query::answer(&self.binding, flows, asked, &self.base).await
            }
            Method::OPTIONS => Ok(options(SEARCH)),
            _ => Ok(reply::not_allowed(SEARCH)),
        }
    }

    fn is_filtered(&self) -> bool {
        matches!(self.head.method, Method::GET | Method::HEAD) && self.query.get("filter").is_some()
    }

    fn window(&self) -> Result<Window, Box<Response>> {
        Window::parse(self.query.get("startIndex"), self.query.get("count")).map_err(wrong)
    }

    async fn single(self, flow: Arc<Flow>, id: ResourceId, body: Body) -> Answer {
        let conditions = conditions(&self.head.headers);
        match self.head.method {
            Method::GET | Method::HEAD => self.get(&flow, &id, &self.head.headers).await,
            Method::PATCH => {
                let body = request::body(&self.head.headers, body, self.web.body).await?;
                let patch = PatchRequest::try_from(body).map_err(wrong)?;
                // A group may be long: it is answered only when something of it is asked for.
                let whole = flow.links().is_empty() || self.query.get("attributes").is_some();
                let answered = self.answered(&flow, whole)?;
                let patched =
                    self.binding.patch(Arc::clone(&flow), id, patch, conditions, answered);
                self.written(&flow, StatusCode::OK, patched.await)
            }
            Method::PUT => {
                let body = request::body(&self.head.headers, body, self.web.body).await?;
                let answered = self.answered(&flow, true)?;
                let replaced =
                    self.binding.replace(Arc::clone(&flow), id, body, conditions, answered);
                self.written(&flow, StatusCode::OK, replaced.await)
            }
            Method::DELETE => {
                let deleted = self.binding.delete(flow, id, conditions).await;
                deleted.map_err(failed)?;
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            Method::OPTIONS => Ok(options(ONE)),
            _ => Ok(reply::not_allowed(ONE)),
        }
    }

    async fn get(&self, flow: &Arc<Flow>, id: &ResourceId, headers: &HeaderMap) -> Answer {
        let projection = self.projection()?;
        let needs = projection.as_ref().map_or(Needs::ALL, |wanted| flow.needs(wanted));
        let shown = self.binding.get(flow, id, &self.base, &needs).await.map_err(failed)?;
        let version = reply::version(&shown.resource);
        let now = version.as_ref().and_then(|version| version.to_str().ok()).unwrap_or_default();
        let known = |known: &String| known == "*" || request::same_tag(known, now);
        if request::tags(headers, &header::IF_NONE_MATCH).iter().any(known) {
            let version = version.unwrap_or(HeaderValue::from_static("*"));
            return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, version)]).into_response());
        }
        let text = text(flow, &projection, &shown.resource);
        Ok(reply::resource(StatusCode::OK, shown, text))
    }

    fn written(
        &self,
        flow: &Flow,
        status: StatusCode,
        outcome: Result<Outcome, Failure>,
    ) -> Answer {
        Ok(match outcome.map_err(failed)? {
            Outcome::Resource(shown) => {
                let text = text(flow, &self.projection()?, &shown.resource);
                reply::resource(status, shown, text)
            }
            Outcome::Done { version, .. } => reply::done(&version),
            Outcome::Gone => StatusCode::NO_CONTENT.into_response(),
        })
    }

    fn projection(&self) -> Result<Option<Projection>, Box<Response>> {
        query::projection(self.query.get("attributes"), self.query.get("excludedAttributes"))
    }

    /// What the answer to a write shows.
    fn answered(&self, flow: &Flow, whole: bool) -> Result<Answered, Box<Response>> {
        let projection = self.projection()?;
        let needs = projection.map_or(Needs::ALL, |wanted| flow.needs(&wanted));
        Ok(Answered { base: self.base.clone(), needs: whole.then_some(needs) })
    }

    fn discovered(&self) -> Result<&Arc<Prepared>, Box<Response>> {
        self.binding.discovered().map_err(failed)
    }

    fn provider_config(&self) -> Value {
        let flows = self.binding.discovered().map(|prepared| &prepared.flows[..]);
        let change_password = flows.unwrap_or_default().iter().any(|flow| flow.writes_password());
        let config = ServiceProviderConfig {
            documentation: None,
            patch: true,
            bulk: Bulk {
                supported: true,
                max_operations: bulk::MOST as u64,
                max_payload_size: self.web.body.bytes as u64,
            },
            filter_max_results: Some(LARGEST_PAGE as u64),
            change_password,
            sort: true,
            etag: true,
            pagination: Pagination {
                cursor: true,
                index: true,
                default_pagination_method: "index",
                default_page_size: PAGE as u64,
                max_page_size: LARGEST_PAGE as u64,
            },
            authentication_schemes: vec![AuthenticationScheme::bearer(
                "The secret token of the connector",
            )],
        };
        config.to_json(&self.base)
    }

    fn resource_types(&self, name: Option<&str>) -> Result<Value, Box<Response>> {
        let types = self.discovered()?.flows.iter().map(|flow| {
            let kind = ResourceType {
                name: flow.resource_type().to_owned(),
                description: format!("{} of the target", flow.object_type.name),
                endpoint: format!("/{}", flow.endpoint),
                schemas: flow.schemas.clone(),
            };
            kind.to_json(&self.base)
        });
        one_or_all(types.collect(), name)
    }

    fn schemas(&self, id: Option<&str>) -> Result<Value, Box<Response>> {
        let mut schemas: Vec<Value> = Vec::new();
        for schema in self.discovered()?.flows.iter().flat_map(|flow| flow.schemas.all()) {
            let schema = schema.to_json(&self.base);
            if !schemas.iter().any(|known| known["id"] == schema["id"]) {
                schemas.push(schema);
            }
        }
        one_or_all(schemas, id)
    }

    fn cache(&self) -> Result<Value, Box<Response>> {
        let window = self.window()?;
        let (total, entries) = self.binding.dump(&window).map_err(failed)?;
        let list = ListResponse::new(total, window.start_index, entries);
        Ok(serde_json::to_value(list).expect("a list is JSON"))
    }
}

fn one_or_all(all: Vec<Value>, id: Option<&str>) -> Result<Value, Box<Response>> {
    let Some(id) = id else {
        return Ok(serde_json::to_value(ListResponse::whole(all)).expect("a list is JSON"));
    };
    let named =
        |one: &Value| one["id"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(id));
    all.into_iter().find(named).ok_or_else(|| {
        let detail = format!("there is no {id}");
        Box::new(reply::error(StatusCode::NOT_FOUND, Error::plain(detail)))
    })
}

fn read<T: Into<Value>>(
    method: &Method,
    value: impl FnOnce() -> Result<T, Box<Response>>,
) -> Answer {
    match *method {
        Method::GET | Method::HEAD => Ok(ScimJson(StatusCode::OK, value()?.into()).into_response()),
        Method::OPTIONS => Ok(options(READ)),
        _ => Ok(reply::not_allowed(READ)),
    }
}

/// The JSON text of what the client wants to see of a resource.
fn text(flow: &Flow, projection: &Option<Projection>, resource: &Resource) -> Vec<u8> {
    let text = match projection {
        Some(wanted) => serde_json::to_vec(&scim::project(resource, wanted, &flow.schemas)),
        None => serde_json::to_vec(resource),
    };
    text.expect("a resource is JSON")
}

fn options(allowed: &'static str) -> Response {
    (StatusCode::NO_CONTENT, [(header::ALLOW, HeaderValue::from_static(allowed))]).into_response()
}

fn conditions(headers: &HeaderMap) -> Conditions {
    Conditions { versions: request::tags(headers, &header::IF_MATCH) }
}
