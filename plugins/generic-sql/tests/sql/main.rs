//! The plugin at real databases: catalog, imports, deltas, exports, errors, and a model.
#![expect(clippy::unwrap_used, reason = "tests")]

mod catalog;
mod children;
mod children_catalog;
mod children_export;
mod children_model;
mod delta;
mod dn;
mod errors;
mod export;
mod history;
mod history_problems;
mod import;
mod model;
mod object_types;
mod overrides;
mod partitions;
mod statements;
mod support;
mod values;
