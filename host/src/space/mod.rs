//! The connector space: what the host knows of one connected system, and the rules by which that
//! becomes SCIM and back.
//!
//! Invariant: no I/O, no clock, no threads here; time is an argument. Everything changes through
//! [`Space::apply`]; where SCIM and ECMA meet is [`flow`], and nowhere else.

pub mod cache;
pub mod delta;
mod edit;
pub mod flow;
pub mod identity;
mod index;
mod indexes;
pub mod layout;
mod links;
pub mod mapping;
mod naming;
pub mod needs;
mod order;
mod ordered;
pub mod pass;
pub mod query;
pub mod references;
pub mod row;
mod rows;
mod rule;
mod schemas;
pub mod selection;
mod slots;
mod sorted;
mod table;
mod template;

pub use cache::{Applied, By, Space, Stored};
pub use flow::Flow;
pub use identity::ResourceId;
pub use layout::{Layout, TypeLayout};
pub use links::LinkSet;
pub use mapping::PASSWORD;
pub use order::{Look, Order};
pub use pass::{Pass, PassReport};
pub use sorted::Span;

#[cfg(test)]
mod cache_tests;
#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod mapping_tests;
#[cfg(test)]
mod pass_tests;
#[cfg(test)]
mod query_tests;
#[cfg(test)]
mod row_tests;
#[cfg(test)]
mod selection_tests;
#[cfg(test)]
mod tests;
