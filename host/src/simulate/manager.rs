//! The reference to a superior: added, replaced and removed in the shapes that Entra has.

use super::{
    cycle::{Cycle, Ended, FINE, check},
    values::{Draft, Plan, in_words},
};
use crate::scim::Path;
use serde_json::{Value as Json, json};

/// The superior that a user has.
async fn shown(c: &mut Cycle, plan: &Plan, path: &Path, id: &str) -> Result<Option<String>, Ended> {
    let user = c.get(plan, id).await?;
    let value =
        |found: &&Json| found.as_str().or_else(|| found["value"].as_str()).map(str::to_owned);
    Ok(user.get(path).iter().find_map(value))
}

pub(super) async fn run(cycle: &mut Cycle, plan: &Plan, user: &Draft) {
    let Some(path) = &plan.manager else {
        return cycle.skip("manager", "nothing is mapped to manager");
    };
    let mut others = [cycle.draft(plan), cycle.draft(plan)];
    let made = cycle
        .step("create two superiors", async |c| {
            for other in &mut others {
                let body = Json::from(other.body(plan, in_words));
                c.create(plan, other, &body).await?;
            }
            FINE
        })
        .await;
    if !made {
        return cycle.skip("manager", "there are no superiors");
    }
    let place = |c: &Cycle, id: &str| format!("{}/{}/{id}", c.base(), plan.flow.endpoint);
    let [first, second] = &others;
    cycle
        .step("manager: add", async |c| {
            let value = json!([{"$ref": place(c, &first.id), "value": first.id}]);
            let operation = json!([{"op": "Add", "path": path.to_string(), "value": value}]);
            c.patch(plan, &user.id, operation, "").await?;
            let now = shown(c, plan, path, &user.id).await?;
            check(now.as_ref() == Some(&first.id), || {
                format!("manager is {}, not {}", called(now.as_ref()), first.id)
            })?;
            let filter = format!("id eq \"{}\" and {path} eq \"{}\"", user.id, first.id);
            let filter = c.encoded(&filter);
            let query = format!("/{}?filter={filter}&attributes=id", plan.flow.endpoint);
            let (total, _) = c.list(&query).await?;
            check(total == 1, || format!("the look-up of the reference found {total}, not one"))?;
            FINE
        })
        .await;
    cycle
        .step("manager: replace", async |c| {
            let operation =
                json!([{"op": "Replace", "path": path.to_string(), "value": second.id}]);
            c.patch(plan, &user.id, operation, "").await?;
            let now = shown(c, plan, path, &user.id).await?;
            check(now.as_ref() == Some(&second.id), || {
                format!("manager is {}, not {}", called(now.as_ref()), second.id)
            })?;
            FINE
        })
        .await;
    cycle
        .step("manager: remove", async |c| {
            let nobody = json!({"value": ""});
            let operation = json!([{"op": "Replace", "path": path.to_string(), "value": nobody}]);
            c.patch(plan, &user.id, operation, "").await?;
            let now = shown(c, plan, path, &user.id).await?;
            check(now.is_none(), || format!("manager is still {}", called(now.as_ref())))?;
            FINE
        })
        .await;
}

fn called(id: Option<&String>) -> &str {
    id.map_or("nobody", String::as_str)
}
