//! The steps of Okta: whole objects by PUT, `active` alone by PATCH, and no DELETE of people.

use super::{
    cycle::{Cycle, Ended, FINE, check},
    groups,
    values::{Draft, Plan},
};
use crate::scim::{AttributeKind, Path};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// What Okta asks for at once when it imports.
const PAGE: usize = 100;
/// Pages that are looked at.
const PAGES: usize = 20;

pub(super) async fn run(cycle: &mut Cycle) {
    let (users, groups) = (cycle.plan("User"), cycle.plan("Group"));
    cycle
        .step("test connection", async |c| {
            if let Some(plan) = &users {
                c.list(&format!("/{}?startIndex=1&count=2", plan.flow.endpoint)).await?;
            }
            if let Some(plan) = &groups {
                c.list(&format!("/{}?startIndex=1&count=100", plan.flow.endpoint)).await?;
            }
            FINE
        })
        .await;
    let plans: Vec<&Plan> = users.iter().chain(&groups).collect();
    cycle.step("discover the schema", async |c| c.discover(&plans).await).await;
    let Some(plan) = &users else {
        cycle.skip("users", "no [[object]] is a User");
        return groups::push(cycle, groups.as_ref(), None).await;
    };
    let mut user = cycle.draft(plan);
    let query = "&startIndex=1&count=100";
    cycle
        .step("match: nobody is there yet", async |c| {
            if user.get(&plan.matching).is_none() {
                c.nobody(plan, &user).await?;
            }
            let value = user.get(&plan.matching).cloned().unwrap_or_default();
            let found = c.find(plan, &plan.matching, &value, query).await?;
            check(found.is_empty(), || format!("{} were found, not none", found.len()))?;
            FINE
        })
        .await;
    if !cycle.writes() {
        cycle.skip("create and change", "the plugin does not write");
        return pages(cycle, plan, None).await;
    }
    cycle
        .step("create a user", async |c| {
            let body = body(plan, &user);
            let created = c.create(plan, &mut user, &body).await?;
            let missing = user.missing(&created);
            check(missing.is_empty(), || missing.join("; "))?;
            FINE
        })
        .await;
    if user.id.is_empty() {
        cycle.skip("change, deactivate and reactivate", "no user was created");
        return groups::push(cycle, groups.as_ref(), None).await;
    }
    cycle
        .step("create it again: 409", async |c| {
            let body = body(plan, &user);
            let reply = c.post(plan, &user, &body).await?;
            check(reply.status == 409, || format!("it was answered {}, not 409", reply.status))?;
            FINE
        })
        .await;
    put(cycle, plan, &mut user).await;
    pages(cycle, plan, Some(&user)).await;
    groups::push(cycle, groups.as_ref(), Some((plan, &user))).await;
    activate(cycle, plan, &mut user).await;
}

/// The body of Okta's POST.
fn body(plan: &Plan, user: &Draft) -> Json {
    let mut body = Json::from(user.body(plan, Json::clone));
    body["groups"] = json!([]);
    if body.get("locale").is_none() {
        body["locale"] = json!("en-US");
    }
    body
}

async fn put(cycle: &mut Cycle, plan: &Plan, user: &mut Draft) {
    cycle
        .step("get the whole and PUT it back, changed", async |c| {
            let mut whole = c.verify(plan, user).await?;
            for leaf in plan.changing().filter(|leaf| leaf.kind != AttributeKind::Boolean) {
                let value = c.value(leaf, 1);
                match value.clone() {
                    Json::Array(all) => whole.put_list(&leaf.path, all),
                    one => whole.put(&leaf.path, vec![one]),
                }
                user.set(leaf, value);
            }
            let path = format!("/{}/{}", plan.flow.endpoint, user.id);
            let reply = c.expect(&[200], "PUT", &path, Some(&Json::from(whole))).await?;
            check(reply.body["id"] == json!(user.id), || {
                "the answer is not the whole user".into()
            })?;
            c.verify(plan, user).await?;
            c.found(plan, user).await?;
            FINE
        })
        .await;
}

/// Walks through everybody as an import does.
async fn pages(cycle: &mut Cycle, plan: &Plan, user: Option<&Draft>) {
    cycle
        .step("list everybody in pages of 100", async |c| {
            let (mut ids, mut start, mut total) = (BTreeSet::new(), 1, None);
            for _ in 0..PAGES {
                let path = format!("/{}?startIndex={start}&count={PAGE}", plan.flow.endpoint);
                let (now, resources) = c.list(&path).await?;
                check(*total.get_or_insert(now) == now, || {
                    "totalResults changed between pages".into()
                })?;
                check(resources.len() <= PAGE, || "a page is longer than asked for".into())?;
                for resource in &resources {
                    let id = resource.text("id").unwrap_or_default().to_owned();
                    check(!id.is_empty() && ids.insert(id), || "an id is on two pages".into())?;
                }
                start += resources.len();
                if start > now {
                    let there = user.is_none_or(|user| ids.contains(&user.id));
                    check(there, || "the new user is on no page".into())?;
                    return Ok(format!("{now} in all"));
                }
                check(!resources.is_empty(), || "a page in the middle is empty".into())?;
            }
            Ok(format!("the first {} of {}", ids.len(), total.unwrap_or_default()))
        })
        .await;
}

async fn activate(cycle: &mut Cycle, plan: &Plan, user: &mut Draft) {
    let Some(deletes) = Cycle::disabling(plan) else {
        let why = "nothing in the target says who is active: see [object.deprovisioning] disable";
        return cycle.skip("deactivate and reactivate", why);
    };
    for (name, active) in [("deactivate", false), ("reactivate", true)] {
        cycle
            .step(name, async |c| {
                if deletes && active {
                    return Err(Ended::Skipped("the document says disable = delete".to_owned()));
                }
                let operation = json!([{"op": "replace", "value": {"active": active}}]);
                c.patch(plan, &user.id, operation, "").await?;
                if deletes {
                    c.gone(plan, user).await?;
                    return Ok("the document says disable = delete, so it is gone".to_owned());
                }
                if let Some(leaf) = plan.leaf(&Path::of("active")) {
                    user.set(leaf, json!(active));
                }
                c.verify(plan, user).await?;
                FINE
            })
            .await;
    }
}
