//! The life of a group: made empty, filled, emptied, renamed, deleted. Okta's push of groups is
//! much the same, in its own shapes.

use super::{
    cycle::{Cycle, Ended, FINE, check},
    values::{Draft, Plan},
};
use crate::scim::Path;
use serde_json::{Value as Json, json};

/// The ids of a group's members.
async fn members(c: &mut Cycle, plan: &Plan, id: &str) -> Result<Vec<String>, Ended> {
    let group = c.get(plan, id).await?;
    let value = |one: &&Json| one["value"].as_str().map(str::to_owned);
    Ok(group.get(&Path::of("members")).iter().filter_map(value).collect())
}

/// Looks whether a group has these members, and whether each is shown to be in the group.
async fn holds(
    c: &mut Cycle,
    plan: &Plan,
    group: &Draft,
    (users, user, inside): (&Plan, &Draft, bool),
) -> Result<(), Ended> {
    let now = members(c, plan, &group.id).await?;
    let wanted: Vec<String> = inside.then(|| user.id.clone()).into_iter().collect();
    let listed = |ids: &[String]| match ids {
        [] => "nobody".to_owned(),
        ids => ids.join(", "),
    };
    check(now == wanted, || format!("the members are {}, not {}", listed(&now), listed(&wanted)))?;
    if users.flow.schemas.find(&Path::of("groups")).is_some() {
        let resource = c.get(users, &user.id).await?;
        let groups = resource.get(&Path::of("groups"));
        let shown = groups.iter().any(|one| one["value"] == json!(group.id));
        check(shown == inside, || "the user's groups say something else".into())?;
    }
    Ok(())
}

fn body(plan: &Plan, group: &Draft, mark: &str) -> Json {
    let mut body = Json::from(group.body(plan, Json::clone));
    if body.get("externalId").is_none() {
        body["externalId"] = json!(format!("{mark}-group"));
    }
    body["meta"] = json!({"resourceType": "Group"});
    body
}

async fn create(cycle: &mut Cycle, plan: &Plan, group: &mut Draft) -> bool {
    cycle
        .step("create a group", async |c| {
            let body = body(plan, group, &c.mark);
            let created = c.create(plan, group, &body).await?;
            let missing = group.missing(&created);
            check(missing.is_empty(), || missing.join("; "))?;
            FINE
        })
        .await;
    !group.id.is_empty()
}

/// Entra's.
pub(super) async fn run(cycle: &mut Cycle, plan: Option<&Plan>, user: Option<(&Plan, &Draft)>) {
    let Some(plan) = plan else { return cycle.skip("groups", "no [[object]] is a Group") };
    if !cycle.writes() {
        return cycle.skip("groups", "the plugin does not write");
    }
    let mut group = cycle.draft(plan);
    if !create(cycle, plan, &mut group).await {
        return cycle.skip("members, rename and delete", "no group was created");
    }
    cycle
        .step("match the group without its members", async |c| {
            let Some(name) = group.get(&plan.matching).cloned() else {
                return Err(Ended::Failed(
                    "nothing is mapped to the group's displayName".to_owned(),
                ));
            };
            let found = c.find(plan, &plan.matching, &name, "&excludedAttributes=members").await?;
            check(found.len() == 1, || format!("{} were found, not one", found.len()))?;
            let path = format!("/{}/{}?excludedAttributes=members", plan.flow.endpoint, group.id);
            let reply = c.expect(&[200], "GET", &path, None).await?;
            check(reply.body.get("members").is_none(), || "members are shown all the same".into())?;
            FINE
        })
        .await;
    cycle
        .step("create the group again: 409", async |c| {
            let unique =
                plan.flow.behind(&plan.matching).is_some_and(|(_, r)| r.target.unique || r.anchor);
            if !unique {
                let why = format!("the target does not say that {} is unique", plan.matching);
                return Err(Ended::Skipped(why));
            }
            let body = body(plan, &group, &c.mark);
            let reply = c.post(plan, &group, &body).await?;
            check(reply.status == 409, || format!("it was answered {}, not 409", reply.status))?;
            FINE
        })
        .await;
    match user {
        Some((users, user)) if plan.members => {
            cycle
                .step("add a member", async |c| {
                    let value = json!([{"$ref": null, "value": user.id}]);
                    let operation = json!([{"op": "Add", "path": "members", "value": value}]);
                    c.patch(plan, &group.id, operation, "").await?;
                    holds(c, plan, &group, (users, user, true)).await?;
                    FINE
                })
                .await;
            cycle
                .step("remove a member as Entra does without a flag", async |c| {
                    let value = json!([{"$ref": null, "value": user.id}]);
                    let operation = json!([{"op": "Remove", "path": "members", "value": value}]);
                    c.patch(plan, &group.id, operation, "").await?;
                    holds(c, plan, &group, (users, user, false)).await?;
                    FINE
                })
                .await;
            cycle
                .step("remove a member with aadOptscim062020", async |c| {
                    let value = json!([{"value": user.id}]);
                    let add = json!([{"op": "replace", "path": "members", "value": value}]);
                    c.patch(plan, &group.id, add, "?aadOptscim062020").await?;
                    holds(c, plan, &group, (users, user, true)).await?;
                    let path = format!("members[value eq \"{}\"]", user.id);
                    let remove = json!([{"op": "remove", "path": path}]);
                    c.patch(plan, &group.id, remove, "?aadOptscim062020").await?;
                    holds(c, plan, &group, (users, user, false)).await?;
                    FINE
                })
                .await;
        }
        Some(_) => cycle.skip("members", "nothing is mapped to members"),
        None => cycle.skip("members", "there is no user to add"),
    }
    cycle
        .step("rename the group", async |c| {
            let Some(leaf) = plan.leaf(&plan.matching).filter(|leaf| leaf.changes) else {
                return Err(Ended::Skipped(format!("{} may not change", plan.matching)));
            };
            let name = c.value(leaf, 1);
            let operation = json!([{"op": "Replace", "path": leaf.text(), "value": name}]);
            c.patch(plan, &group.id, operation, "").await?;
            group.set(leaf, name);
            c.verify(plan, &group).await?;
            FINE
        })
        .await;
    cycle.step("delete the group", async |c| c.delete(plan, &group).await).await;
}

/// Okta's.
pub(super) async fn push(cycle: &mut Cycle, plan: Option<&Plan>, user: Option<(&Plan, &Draft)>) {
    let Some(plan) = plan else { return cycle.skip("group push", "no [[object]] is a Group") };
    let mut group = cycle.draft(plan);
    if !create(cycle, plan, &mut group).await {
        return cycle.skip("group push", "no group was created");
    }
    cycle
        .step("push a new name", async |c| {
            let Some(leaf) = plan.leaf(&plan.matching).filter(|leaf| leaf.changes) else {
                return Err(Ended::Skipped(format!("{} may not change", plan.matching)));
            };
            let name = c.value(leaf, 1);
            let value = json!({"id": group.id, (leaf.text()): name});
            c.patch(plan, &group.id, json!([{"op": "replace", "value": value}]), "").await?;
            group.set(leaf, name);
            c.verify(plan, &group).await?;
            FINE
        })
        .await;
    match user {
        Some((users, user)) if plan.members => {
            cycle
                .step("push members", async |c| {
                    let value = json!([{"value": user.id, "display": c.mark}]);
                    for (op, path, value, inside) in [
                        ("add", "members".to_owned(), Some(&value), true),
                        ("remove", format!("members[value eq \"{}\"]", user.id), None, false),
                        ("replace", "members".to_owned(), Some(&value), true),
                    ] {
                        let mut operation = json!({"op": op, "path": path});
                        value.into_iter().for_each(|value| operation["value"] = value.clone());
                        c.patch(plan, &group.id, json!([operation]), "").await?;
                        holds(c, plan, &group, (users, user, inside)).await?;
                    }
                    FINE
                })
                .await;
        }
        Some(_) => cycle.skip("push members", "nothing is mapped to members"),
        None => cycle.skip("push members", "there is no user to add"),
    }
    cycle.step("delete the group", async |c| c.delete(plan, &group).await).await;
}
