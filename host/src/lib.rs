//! The connector host: SCIM 2.0 in front, any target behind.
//!
//! Rooms and what they may use, from the outside in; `tests/layers.rs` holds them to it:
//!
//! ```text
//! app      ─► every room                         builds everything, owns lifetimes, follows files
//! simulate ─► web binding space scim config      a client that tries a connector out
//! web      ─► binding plugins scim space config telemetry  HTTP, TLS, status codes
//! exchange ─► config                             connectors as files that travel
//! draft    ─► space config                       documents, proposed
//! plugins  ─► config                             libraries
//! binding  ─► space scim config                  rules meet the world: threads, connections, time
//! space    ─► scim config                        the connector space: pure rules
//! scim     ─► –                                  protocol words
//! telemetry ─► config                            the log of the process
//! config   ─► –                                  settings as data
//! ```
//!
//! To follow a request, start at `web/scim.rs::answer` and `binding/provision.rs`; to follow an
//! import, at `binding/autosync.rs` and `binding/import.rs`; to see what an entry is, at
//! `space/row.rs`.

pub mod app;
pub mod binding;
pub mod config;
pub mod draft;
pub mod exchange;
pub mod plugins;
pub mod scim;
pub mod simulate;
pub mod space;
pub mod telemetry;
pub mod web;
