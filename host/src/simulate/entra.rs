//! The steps of Microsoft Entra ID, with those of its validator.

use super::{
    cycle::{Cycle, Ended, FINE, check},
    groups, manager,
    values::{Draft, Leaf, Plan, in_words},
};
use crate::scim::{AttributeKind, Path};
use serde_json::{Value as Json, json};

/// Nobody has it.
const NOBODY: &str = "4a7f0f3e-1f0a-4c0e-9d0b-2f6f5c1f8e11";
/// What Entra adds to each query when the tenant's URL says so.
const FLAG: &str = "?aadOptscim062020";

pub(super) async fn run(cycle: &mut Cycle) {
    let (users, groups) = (cycle.plan("User"), cycle.plan("Group"));
    let plans: Vec<&Plan> = users.iter().chain(&groups).collect();
    cycle
        .step("test connection", async |c| {
            for plan in &plans {
                for path in [Path::of("PLACEHOLDER"), plan.matching.clone()] {
                    let found = c.find(plan, &path, &json!(NOBODY), "").await?;
                    check(found.is_empty(), || format!("somebody has the {path} {NOBODY}"))?;
                }
            }
            FINE
        })
        .await;
    cycle.step("discover the schema", async |c| c.discover(&plans).await).await;
    let Some(plan) = &users else {
        cycle.skip("users", "no [[object]] is a User");
        return groups::run(cycle, groups.as_ref(), None).await;
    };
    let mut user = cycle.draft(plan);
    cycle
        .step("match: nobody is there yet", async |c| {
            c.nobody(plan, &user).await?;
            FINE
        })
        .await;
    if !cycle.writes() {
        return cycle.skip("create, change and delete", "the plugin does not write");
    }
    if create(cycle, plan, &mut user).await {
        again(cycle, plan, &user).await;
        changes(cycle, plan, &mut user).await;
        manager::run(cycle, plan, &user).await;
        groups::run(cycle, groups.as_ref(), Some((plan, &user))).await;
        disable(cycle, plan, &mut user).await;
        cycle.step("delete", async |c| c.delete(plan, &user).await).await;
    } else {
        cycle.skip("change, disable and delete", "no user was created");
        groups::run(cycle, groups.as_ref(), None).await;
    }
}

/// The body of Entra's POST.
fn body(plan: &Plan, user: &Draft, mark: &str) -> Json {
    let mut body = Json::from(user.body(plan, in_words));
    if body.get("externalId").is_none() {
        body["externalId"] = json!(mark);
    }
    body["meta"] = json!({"resourceType": "User"});
    for mail in body["emails"].as_array_mut().into_iter().flatten() {
        if mail["type"] == "work" {
            mail["primary"] = json!(true);
        }
    }
    // Its own extension is not named among the schemas.
    if let Some(schemas) = body["schemas"].as_array_mut() {
        schemas.retain(|urn| !urn.as_str().unwrap_or_default().contains(":ECMA2Host:"));
    }
    body
}

async fn create(cycle: &mut Cycle, plan: &Plan, user: &mut Draft) -> bool {
    let made = cycle
        .step("create a user", async |c| {
            let body = body(plan, user, &c.mark);
            let created = c.create(plan, user, &body).await?;
            let missing = user.missing(&created);
            check(missing.is_empty(), || missing.join("; "))?;
            FINE
        })
        .await;
    // It is there, whatever was wrong with the answer.
    made || !user.id.is_empty()
}

async fn again(cycle: &mut Cycle, plan: &Plan, user: &Draft) {
    cycle
        .step("get it by its id", async |c| {
            c.verify(plan, user).await?;
            FINE
        })
        .await;
    cycle
        .step("match: it is found", async |c| {
            let found = c.found(plan, user).await?;
            let missing = user.missing(&found);
            check(missing.is_empty(), || missing.join("; "))?;
            FINE
        })
        .await;
    cycle
        .step("match in another case", async |c| {
            let leaf = plan.leaf(&plan.matching).filter(|leaf| leaf.kind == AttributeKind::String);
            if leaf.is_none_or(|leaf| leaf.case_exact) {
                return Err(Ended::Skipped(format!(
                    "{} tells upper from lower case",
                    plan.matching
                )));
            }
            let value = user.get(&plan.matching).and_then(Json::as_str).unwrap_or_default();
            let other = json!(value.to_uppercase());
            let found = c.find(plan, &plan.matching, &other, "").await?;
            check(found.len() == 1, || format!("{} were found, not one", found.len()))?;
            FINE
        })
        .await;
    cycle
        .step("create it again: 409", async |c| {
            let body = body(plan, user, &c.mark);
            let reply = c.post(plan, user, &body).await?;
            check(reply.status == 409 && reply.body["scimType"] == "uniqueness", || {
                format!(
                    "a second {} was answered {}, not 409 uniqueness",
                    plan.matching, reply.status
                )
            })?;
            FINE
        })
        .await;
}

async fn changes(cycle: &mut Cycle, plan: &Plan, user: &mut Draft) {
    cycle
        .step("PATCH as Entra does without a flag", async |c| {
            let leaves: Vec<&Leaf> = plan.changing().filter(|l| l.path != plan.matching).collect();
            if leaves.is_empty() {
                return Err(Ended::Skipped("nothing that is mapped may change".to_owned()));
            }
            let mut operations = Vec::new();
            for (at, leaf) in leaves.into_iter().enumerate() {
                let value = c.value(leaf, 1);
                let op = if at % 2 == 1 && !leaf.list { "Add" } else { "Replace" };
                operations.push(json!({"op": op, "path": leaf.text(), "value": in_words(&value)}));
                user.set(leaf, value);
            }
            c.patch(plan, &user.id, json!(operations), "").await?;
            c.verify(plan, user).await?;
            FINE
        })
        .await;
    cycle
        .step("PATCH with aadOptscim062020", async |c| {
            let before = user.clone();
            let (mut pathless, mut operations) = (serde_json::Map::new(), Vec::new());
            for leaf in plan.changing() {
                let value = c.value(leaf, 2);
                if leaf.path.filter.is_some() {
                    operations.push(json!({"op": "replace", "path": leaf.text(), "value": value}));
                } else {
                    pathless.insert(leaf.text(), value.clone());
                }
                user.set(leaf, value);
            }
            if !pathless.is_empty() {
                operations.push(json!({"op": "replace", "value": pathless}));
            }
            if operations.is_empty() {
                return Err(Ended::Skipped("nothing that is mapped may change".to_owned()));
            }
            c.patch(plan, &user.id, json!(operations), FLAG).await?;
            c.verify(plan, user).await?;
            if before.get(&plan.matching) != user.get(&plan.matching) {
                c.nobody(plan, &before).await?;
                c.found(plan, user).await?;
            }
            FINE
        })
        .await;
    cycle
        .step("null update", async |c| {
            let Some(leaf) = plan.spare() else { return Err(no_spare()) };
            for (nothing, op) in [(json!(""), "Replace"), (Json::Null, "replace")] {
                let operation =
                    |value: &Json| json!([{"op": op, "path": leaf.text(), "value": value}]);
                let value = c.value(leaf, 3);
                c.patch(plan, &user.id, operation(&value), "").await?;
                c.patch(plan, &user.id, operation(&nothing), "").await?;
                user.set(leaf, Json::Null);
                let shown = c.verify(plan, user).await?;
                check(shown.get(&leaf.path).is_empty(), || {
                    format!("{nothing} did not clear {}", leaf.path)
                })?;
            }
            FINE
        })
        .await;
    cycle
        .step("several operations on one attribute", async |c| {
            let Some(leaf) = plan.spare() else { return Err(no_spare()) };
            let (first, last) = (c.value(leaf, 4), c.value(leaf, 5));
            let operations = json!([
                {"op": "remove", "path": leaf.text()},
                {"op": "add", "path": leaf.text(), "value": first},
                {"op": "replace", "path": leaf.text(), "value": last},
            ]);
            c.patch(plan, &user.id, operations, FLAG).await?;
            user.set(leaf, last);
            c.verify(plan, user).await?;
            FINE
        })
        .await;
    cycle
        .step("PATCH without operations", async |c| {
            c.patch(plan, &user.id, json!([]), "").await?;
            c.verify(plan, user).await?;
            FINE
        })
        .await;
}

fn no_spare() -> Ended {
    Ended::Skipped("no optional attribute of text is mapped".to_owned())
}

async fn disable(cycle: &mut Cycle, plan: &Plan, user: &mut Draft) {
    let Some(deletes) = Cycle::disabling(plan) else {
        let why = "nothing in the target says who is active: see [object.deprovisioning] disable";
        return cycle.skip("disable and restore", why);
    };
    let active = Path::of("active");
    cycle
        .step("disable", async |c| {
            let operation = json!([{"op": "Replace", "path": "active", "value": "False"}]);
            c.patch(plan, &user.id, operation, "").await?;
            if deletes {
                c.gone(plan, user).await?;
                return Ok("the document says disable = delete, so it is gone".to_owned());
            }
            if let Some(leaf) = plan.leaf(&active) {
                user.set(leaf, json!(false));
            }
            c.verify(plan, user).await?;
            let found = c.found(plan, user).await?;
            check(found.get(&active) == [&json!(false)], || {
                "the filter's answer lacks active".into()
            })?;
            FINE
        })
        .await;
    cycle
        .step("restore", async |c| {
            if deletes {
                user.values = plan.draft(&c.mark, 1).values;
                let body = body(plan, user, &c.mark);
                c.create(plan, user, &body).await?;
                c.verify(plan, user).await?;
                return Ok("created anew".to_owned());
            }
            let mut values = serde_json::Map::from_iter([("active".to_owned(), json!(true))]);
            if let Some(leaf) = plan.leaf(&active) {
                user.set(leaf, json!(true));
            }
            if let Some(leaf) = plan.spare() {
                let value = c.value(leaf, 6);
                if leaf.path.filter.is_none() {
                    values.insert(leaf.text(), value.clone());
                    user.set(leaf, value);
                }
            }
            c.patch(plan, &user.id, json!([{"op": "replace", "value": values}]), FLAG).await?;
            c.verify(plan, user).await?;
            c.found(plan, user).await?;
            FINE
        })
        .await;
}
