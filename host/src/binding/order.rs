//! Puts the values of an attribute in order once somebody asks for them so, while everybody goes on
//! using the space.

use super::{Binding, search::give_way};
use std::sync::Arc;

/// Entries looked at under one lock: some tenths of a millisecond.
const LOOKED_AT: u32 = 256;

impl Binding {
    /// Begins to make the orders that somebody asked for, on a thread of its own.
    pub(super) fn order_later(self: &Arc<Self>) {
        let binding = Arc::clone(self);
        drop(tokio::task::spawn_blocking(move || binding.order()));
    }

    fn order(&self) {
        let Some(prepared) = self.prepared.get() else { return };
        let space = &prepared.space;
        while !self.is_stopping() {
            let Some(mut order) = space.write().begin_order() else { return };
            while !order.step(&space.read(), LOOKED_AT) {
                give_way();
            }
            order.sort(&|look| look(&space.read()));
            space.write().end_order(order);
        }
    }
}
