//! The SCIM endpoints of a connector.

use super::{
    Endpoint, Web, auth,
    reply::{self, ScimJson},
    request::{self, Query, Route},
};
use crate::{
    binding::{Binding, Conditions, Failure, Form, Outcome, Prepared},
    scim::{
        self, AuthenticationScheme, Bulk, Error, Filter, ListResponse, Pagination, PatchRequest,
        Projection, Resource, ResourceType, ServiceProviderConfig, Window,
    },
    space::{Flow, ResourceId},
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use std::sync::Arc;

type Answer = Result<Response, Box<Response>>;

const READ: &str = "GET, HEAD, OPTIONS";
const LIST: &str = "GET, HEAD, POST, OPTIONS";
const ONE: &str = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS";

fn failed(failure: Failure) -> Box<Response> {
    Box::new(failure.into_response())
}

fn wrong(error: Error) -> Box<Response> {
    failed(error.into())
}

/// Answers a request for a connector.
pub(super) async fn answer(web: &Web, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let uri = &head.uri;
    let Some(route) = Route::of(uri.path()) else { return nothing_at(uri) };
    let binding = match web.endpoint(route.connector) {
        Some(Endpoint::Bound(binding)) => binding,
        Some(Endpoint::Broken(reason)) => return Failure::not_ready(reason).into_response(),
        None => return nothing_at(uri),
    };
    if !auth::is_allowed(&binding, &head.headers) {
        return reply::unauthorized();
    }
    let Some(base) = request::base(uri, &head.headers, route.connector) else {
        // RFC 9112 §3.2
        let detail = "the Host header is missing or names no host";
        return reply::error(StatusCode::BAD_REQUEST, Error::plain(detail));
    };
    let call = Call { web, binding, base, query: Query::of(uri), head: &head };
    call.dispatch(&route, body).await.unwrap_or_else(|response| *response)
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
                // What a write remembers would else make the future of every look-up as large.
                Some(id) => Box::pin(self.single(flow, ResourceId::new(id.as_str()), body)).await,
            };
        }
        match (route.endpoint.to_ascii_lowercase().as_str(), &route.id) {
            ("serviceproviderconfig", None) => read(method, || Ok(self.provider_config())),
            ("resourcetypes", id) => read(method, || self.resource_types(id.as_deref())),
            ("schemas", id) => read(method, || self.schemas(id.as_deref())),
            ("cache", None) => read(method, || self.cache()),
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

    async fn collection(self, flow: Arc<Flow>, body: Body) -> Answer {
        match self.head.method {
            Method::GET | Method::HEAD => self.list(flow).await,
            Method::POST => Box::pin(self.create(flow, body)).await,
            Method::OPTIONS => Ok(options(LIST)),
            _ => Ok(reply::not_allowed(LIST)),
        }
    }

    async fn create(self, flow: Arc<Flow>, body: Body) -> Answer {
        let body = request::body(&self.head.headers, body, self.web.body_bytes).await?;
        let created = self.binding.create(Arc::clone(&flow), body, self.base.clone());
        let created = created.await.map_err(failed)?;
        Ok(reply::resource(StatusCode::CREATED, &self.shown(&flow, created)?))
    }

    async fn list(self, flow: Arc<Flow>) -> Answer {
        let window = self.window()?;
        let filter = self.query.get("filter").map(|text| Filter::parse_for(text, &flow.schemas));
        let filter = filter.transpose().map_err(wrong)?;
        let cut =
            ["attributes", "excludedAttributes"].iter().any(|name| self.query.get(name).is_some());
        let form = if cut { Form::Tree } else { Form::Text };
        let found = self.binding.find(&flow, filter, &window, form, &self.base).await;
        let found = found.map_err(failed)?;
        if form == Form::Text {
            return Ok(reply::scim_text(found.text.finish(found.total, window.start_index)));
        }
        let resources: Result<Vec<Resource>, _> =
            found.resources.into_iter().map(|resource| self.shown(&flow, resource)).collect();
        let list = ListResponse::new(found.total, window.start_index, resources?);
        Ok(ScimJson(StatusCode::OK, list).into_response())
    }

    fn window(&self) -> Result<Window, Box<Response>> {
        Window::parse(self.query.get("startIndex"), self.query.get("count")).map_err(wrong)
    }

    async fn single(self, flow: Arc<Flow>, id: ResourceId, body: Body) -> Answer {
        let conditions = conditions(&self.head.headers);
        match self.head.method {
            Method::GET | Method::HEAD => self.get(&flow, &id, &self.head.headers),
            Method::PATCH => {
                let body = request::body(&self.head.headers, body, self.web.body_bytes).await?;
                let patch = PatchRequest::try_from(body).map_err(wrong)?;
                let base = self.base.clone();
                let patched = self.binding.patch(Arc::clone(&flow), id, patch, conditions, base);
                self.written(&flow, patched.await)
            }
            Method::PUT => {
                let body = request::body(&self.head.headers, body, self.web.body_bytes).await?;
                let base = self.base.clone();
                let replaced = self.binding.replace(Arc::clone(&flow), id, body, conditions, base);
                self.written(&flow, replaced.await)
            }
            Method::DELETE => {
                let deleted = self.binding.delete(flow, id, conditions, self.base.clone()).await;
                deleted.map_err(failed)?;
                Ok(StatusCode::NO_CONTENT.into_response())
            }
            Method::OPTIONS => Ok(options(ONE)),
            _ => Ok(reply::not_allowed(ONE)),
        }
    }

    fn get(&self, flow: &Flow, id: &ResourceId, headers: &HeaderMap) -> Answer {
        let resource = self.binding.get(flow, id, &self.base).map_err(failed)?;
        let response = reply::resource(StatusCode::OK, &self.shown(flow, resource)?);
        let version = response.headers().get(header::ETAG);
        let known = |known: &String| known == "*" || version.is_some_and(|v| v == known.as_str());
        if versions(headers, &header::IF_NONE_MATCH).iter().any(known) {
            let version = version.cloned().unwrap_or(HeaderValue::from_static("*"));
            return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, version)]).into_response());
        }
        Ok(response)
    }

    fn written(&self, flow: &Flow, outcome: Result<Outcome, Failure>) -> Answer {
        Ok(match outcome.map_err(failed)? {
            Outcome::Resource(resource) => {
                reply::resource(StatusCode::OK, &self.shown(flow, resource)?)
            }
            Outcome::Gone => StatusCode::NO_CONTENT.into_response(),
        })
    }

    /// What the client wants to see of a resource.
    fn shown(&self, flow: &Flow, resource: Resource) -> Result<Resource, Box<Response>> {
        let (wanted, excluded) =
            (self.query.get("attributes"), self.query.get("excludedAttributes"));
        if wanted.is_none() && excluded.is_none() {
            return Ok(resource);
        }
        let projection = Projection::parse(wanted, excluded).map_err(wrong)?;
        Ok(scim::project(&resource, &projection, &flow.schemas))
    }

    fn discovered(&self) -> Result<&Arc<Prepared>, Box<Response>> {
        self.binding.discovered().map_err(failed)
    }

    fn provider_config(&self) -> Value {
        let config = ServiceProviderConfig {
            documentation: None,
            patch: true,
            bulk: Bulk { supported: false, max_operations: 0, max_payload_size: 0 },
            filter_max_results: Some(1000),
            change_password: false,
            sort: false,
            etag: true,
            pagination: Pagination {
                cursor: false,
                index: true,
                default_pagination_method: "index",
                default_page_size: 100,
                max_page_size: 1000,
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

fn options(allowed: &'static str) -> Response {
    (StatusCode::NO_CONTENT, [(header::ALLOW, HeaderValue::from_static(allowed))]).into_response()
}

fn conditions(headers: &HeaderMap) -> Conditions {
    Conditions { versions: versions(headers, &header::IF_MATCH) }
}

fn versions(headers: &HeaderMap, name: &header::HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|value| value.trim().to_owned()).collect()
}
