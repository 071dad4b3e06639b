//! The words of SCIM 2.0 (RFC 7643, RFC 7644) as plain data and pure rules.
//!
//! Invariant: nothing here does I/O, knows a status code or imports another room of the host.
//! Start at [`patch`] for what a client may do to a resource, at [`Filter`] for what it may ask,
//! and at [`ResourceSchemas`] for what both are judged against.

mod bulk;
mod cursor;
mod dialect;
mod discovery;
mod draft;
mod error;
mod filter;
#[cfg(test)]
mod filter_model_tests;
mod lists;
mod matching;
mod message;
mod parser;
mod path;
mod project;
mod resource;
mod schema;
mod schemas;
mod search;
mod sort;
mod standard;
mod write;

pub mod json;
pub mod patch;
#[cfg(test)]
mod patch_model_tests;

pub use bulk::{BulkMethod, BulkOp, BulkRequest, BulkResult, bulk_response};
pub use cursor::{CursorScope, Position};
pub use discovery::{AuthenticationScheme, Bulk, Pagination, ResourceType, ServiceProviderConfig};
pub use draft::{Apart, ListEdit};
pub use error::{Error, ErrorBody, ScimType};
pub use filter::{Filter, Operator};
pub use matching::fold;
pub use message::{ListResponse, ListText, PatchKind, PatchOp, PatchRequest, Window};
pub use path::Path;
pub use project::{Projection, project};
pub use resource::Resource;
pub use schema::{AttributeDefinition, AttributeKind, Mutability, Returned, Schema, Uniqueness};
pub use schemas::{Extension, Found, ResourceSchemas};
pub use search::SearchRequest;
pub use sort::{Sort, SortKey};
pub use standard::{ENTERPRISE_USER, GROUP, USER, enterprise_user, group, user};
pub use write::{Written, create, replace};
