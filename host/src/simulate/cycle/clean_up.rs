//! What is left of a run goes, however the run went.

use super::{Cycle, Ended, FINE, Made, check};
use crate::{space::ResourceId, web::Reply};
use std::sync::Arc;

impl Cycle {
    /// Removes whatever is left of this run, however it went.
    pub(in crate::simulate) async fn clean_up(&mut self) {
        self.cleaning = true;
        if self.made.is_empty() && self.perhaps.is_empty() {
            return;
        }
        self.step("clean up", async |cycle: &mut Cycle| {
            cycle.look_for_lost().await;
            let mut left = Vec::new();
            while let Some(made) = cycle.made.pop() {
                if !cycle.remove(&made).await {
                    left.push(made);
                }
            }
            let many = left.len();
            left.reverse();
            cycle.made = left;
            check(many == 0 && cycle.perhaps.is_empty(), || {
                "not everything could be removed, see below".into()
            })?;
            FINE
        })
        .await;
    }

    /// What was made without our hearing of it is found by an import.
    async fn look_for_lost(&mut self) {
        if self.perhaps.is_empty() || self.wishes.dry_run {
            return;
        }
        let binding = Arc::clone(&self.subject.binding);
        let imported = tokio::task::spawn_blocking(move || binding.begin()).await;
        if !matches!(imported, Ok(Ok(()))) {
            return;
        }
        for perhaps in std::mem::take(&mut self.perhaps) {
            match self.find(&perhaps.plan, &perhaps.plan.matching, &perhaps.value, "").await {
                Ok(found) => {
                    for id in found.iter().filter_map(|one| one.text("id")) {
                        let path = format!("/{}/{id}", perhaps.plan.flow.endpoint);
                        let name = self.subject.binding.name_in_target(&ResourceId::new(id));
                        let name = name.unwrap_or_default();
                        self.made.push(Made { path, id: id.to_owned(), name });
                    }
                }
                Err(_) => self.perhaps.push(perhaps),
            }
        }
    }

    /// Removes one: as a client does, or past the delete flow where that keeps it.
    async fn remove(&mut self, made: &Made) -> bool {
        let is_gone = |reply: Result<Reply, Ended>| reply.is_ok_and(|reply| reply.status == 404);
        let _ = self.ask("DELETE", &made.path, None).await;
        if is_gone(self.ask("GET", &made.path, None).await) {
            return true;
        }
        let _ = self.subject.binding.erase(&ResourceId::new(made.id.as_str())).await;
        is_gone(self.ask("GET", &made.path, None).await)
    }
}
