//! A connector's document, drafted: from what a plugin asks, what an operator answered, and what the
//! target says of itself.
//!
//! Nothing here asks, reads or writes. Start at [`Given`] for the values of parameters, at [`propose`]
//! for the mapping, at [`document`] for the text.

mod given;
mod names;
mod proposal;
#[cfg(test)]
mod tests;
mod text;

pub use given::{Given, Taken, called, page_name};
pub use names::{resource_of, usual_path};
pub use proposal::{Wishes, choices, propose};
pub use text::{Draft, document};
