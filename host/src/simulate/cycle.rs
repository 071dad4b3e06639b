//! What every client does: asks, judges the answer, remembers what it made, and cleans up.

mod clean_up;

use super::{
    Client, Subject, Wishes,
    report::{Report, Summary, Verdict},
    values::{Draft, Plan},
};
use crate::{
    config::{DeleteFlow, DisableFlow},
    scim::{Path, Resource},
    space::ResourceId,
    web::Reply,
};
use serde_json::{Value as Json, json};
use std::{collections::BTreeSet, sync::atomic::Ordering, time::Instant};

const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Why a step did not come to a good end.
#[derive(Debug)]
pub(super) enum Ended {
    Failed(String),
    Skipped(String),
    Stopped,
}

/// A step's remark, or why it did not come to a good end.
pub(super) type Done = Result<String, Ended>;

/// Nothing to remark.
pub(super) const FINE: Done = Ok(String::new());

/// A step that failed.
pub(super) fn failed<T>(why: impl Into<String>) -> Result<T, Ended> {
    Err(Ended::Failed(why.into()))
}

/// Goes on only when it holds.
pub(super) fn check(holds: bool, why: impl FnOnce() -> String) -> Result<(), Ended> {
    if holds { Ok(()) } else { failed(why()) }
}

/// Something that is there because of us.
struct Made {
    path: String,
    id: String,
    name: String,
}

/// Something that may be there because of us.
struct Perhaps {
    plan: Plan,
    value: Json,
}

/// A simulation under way.
pub(super) struct Cycle {
    subject: Subject,
    wishes: Wishes,
    report: Report,
    pub(super) mark: String,
    made: Vec<Made>,
    perhaps: Vec<Perhaps>,
    numbers: usize,
    cleaning: bool,
    stopped: bool,
}

impl Cycle {
    pub(super) fn new(mut subject: Subject, wishes: &Wishes) -> Cycle {
        let mut chance = [0; 4];
        // Without randomness the moment tells one run from another.
        if getrandom::fill(&mut chance).is_err() {
            chance = (jiff::Timestamp::now().subsec_nanosecond()).to_le_bytes();
        }
        let mark = format!("ecma-simulate-{:08x}", u32::from_le_bytes(chance));
        let out = std::mem::replace(&mut subject.out, Box::new(std::io::sink()));
        let mut report = Report::new(wishes.form, &mark, out);
        let binding = &subject.binding;
        let dry = if wishes.dry_run { "; a dry run, nothing is written to the target" } else { "" };
        report.say(&format!(
            "{} against {} ({}, {} entries); what is made is called {mark}{dry}",
            wishes.client.name(),
            binding.name(),
            binding.plugin(),
            binding.entries()
        ));
        Cycle {
            subject,
            wishes: wishes.clone(),
            report,
            mark,
            made: Vec::new(),
            perhaps: Vec::new(),
            numbers: 0,
            cleaning: false,
            stopped: false,
        }
    }

    /// The plan of a resource type, when the connector has it.
    pub(super) fn plan(&mut self, resource: &str) -> Option<Plan> {
        let prepared = self.subject.binding.discovered().ok()?;
        let flow = prepared.flows.iter().find(|flow| flow.resource_type() == resource)?;
        let matching =
            if resource == "User" { self.wishes.matching.clone() } else { Path::of("displayName") };
        Some(Plan::of(flow, &matching, &self.wishes.values))
    }

    /// Another object, of which nothing is sent yet.
    pub(super) fn draft(&mut self, plan: &Plan) -> Draft {
        self.numbers += 1;
        let draft = plan.draft(&self.mark, self.numbers);
        draft.values.iter().filter(|(leaf, _)| leaf.hidden).for_each(|(_, v)| self.report.hide(v));
        draft
    }

    /// The value of an attribute of an object in a round of changes.
    pub(super) fn value(&self, leaf: &super::values::Leaf, round: usize) -> Json {
        leaf.value(&self.mark, 1, round)
    }

    pub(super) fn writes(&self) -> bool {
        self.subject.binding.writes()
    }

    pub(super) fn base(&self) -> String {
        self.subject.inside.base()
    }

    /// Does a step and tells what came of it; answers whether it went well.
    pub(super) async fn step(
        &mut self,
        name: &str,
        work: impl AsyncFnOnce(&mut Cycle) -> Done,
    ) -> bool {
        if self.stopped && !self.cleaning {
            return false;
        }
        let ended = work(self).await;
        let well = ended.is_ok();
        let verdict = match ended {
            Ok(remark) => Verdict::Pass(remark),
            Err(Ended::Failed(why)) => Verdict::Fail(why),
            Err(Ended::Skipped(why)) => Verdict::Skip(why),
            Err(Ended::Stopped) => Verdict::Skip("stopped".to_owned()),
        };
        self.report.ended(name, verdict);
        well
    }

    /// A step that this connector cannot do.
    pub(super) fn skip(&mut self, name: &str, why: &str) {
        if !self.stopped {
            self.report.ended(name, Verdict::Skip(why.to_owned()));
        }
    }

    /// Sends a request.
    pub(super) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Reply, Ended> {
        if !self.cleaning && self.subject.stop.load(Ordering::Relaxed) {
            self.stopped = true;
            return Err(Ended::Stopped);
        }
        let began = Instant::now();
        let reply = self.subject.inside.ask(method, path, body).await;
        let told = std::mem::take(&mut *self.subject.told.lock());
        let milliseconds = began.elapsed().as_millis();
        self.report.exchanged((method, path), body, &reply, milliseconds, &told);
        Ok(reply)
    }

    /// Sends a request whose answer has one of these statuses.
    pub(super) async fn expect(
        &mut self,
        statuses: &[u16],
        method: &str,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Reply, Ended> {
        let reply = self.ask(method, path, body).await?;
        if statuses.contains(&reply.status) {
            return Ok(reply);
        }
        let wanted: Vec<String> = statuses.iter().map(u16::to_string).collect();
        let detail = reply.body["detail"].as_str().unwrap_or("no detail");
        let wanted = wanted.join(" or ");
        failed(format!("{method} was answered {} instead of {wanted}: {detail}", reply.status))
    }

    /// Sends a request that has to be refused with this status and an error in SCIM's form.
    pub(super) async fn refused(
        &mut self,
        status: u16,
        method: &str,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Reply, Ended> {
        let reply = self.expect(&[status], method, path, body).await?;
        let error = &reply.body;
        let good = error["schemas"] == json!([ERROR])
            && error["status"] == json!(status.to_string())
            && error["detail"].is_string();
        check(good, || "the error is not in SCIM's form: schemas, status as text, detail".into())?;
        Ok(reply)
    }

    /// Asks for a list.
    pub(super) async fn list(&mut self, path: &str) -> Result<(usize, Vec<Resource>), Ended> {
        let reply = self.expect(&[200], "GET", path, None).await?;
        let list = &reply.body;
        let total = list["totalResults"].as_u64().map(|total| total as usize);
        let resources = list["Resources"].as_array();
        let (Some(total), Some(resources)) = (total, resources) else {
            return failed("the list has no number totalResults, or no list Resources");
        };
        check(list["schemas"] == json!([LIST]), || format!("the answer is no {LIST}"))?;
        let own = |one: &Json| one.as_object().cloned().map(Resource::from);
        match resources.iter().map(own).collect::<Option<Vec<Resource>>>() {
            Some(resources) => Ok((total, resources)),
            None => failed("the list holds what is no resource"),
        }
    }

    /// Text within a query, as this client writes it.
    pub(super) fn encoded(&self, text: &str) -> String {
        let space = if self.wishes.client == Client::Entra { "+" } else { "%20" };
        let byte = |byte: u8| match byte {
            b' ' => space.to_owned(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(byte).collect()
    }

    /// Looks for those that have a value; `more` follows in the query.
    pub(super) async fn find(
        &mut self,
        plan: &Plan,
        path: &Path,
        value: &Json,
        more: &str,
    ) -> Result<Vec<Resource>, Ended> {
        let filter = self.encoded(&format!("{path} eq {value}"));
        let (total, found) =
            self.list(&format!("/{}?filter={filter}{more}", plan.flow.endpoint)).await?;
        check(total == found.len(), || format!("totalResults is {total}, not {}", found.len()))?;
        Ok(found)
    }

    /// Looks for an object by the attribute that the client matches by.
    pub(super) async fn matched(
        &mut self,
        plan: &Plan,
        draft: &Draft,
    ) -> Result<Vec<Resource>, Ended> {
        let Some(value) = draft.get(&plan.matching).cloned() else {
            return failed(format!(
                "clients look for {}s by {}, which nothing is mapped to: map it in the connector's \
                 document, or name the attribute your client uses with --match",
                plan.flow.resource_type(),
                plan.matching
            ));
        };
        self.find(plan, &plan.matching, &value, "").await
    }

    /// Looks for an object that has to be found, and alone.
    pub(super) async fn found(&mut self, plan: &Plan, draft: &Draft) -> Result<Resource, Ended> {
        let mut found = self.matched(plan, draft).await?;
        let alone = found.len() == 1 && found[0].text("id") == Some(&draft.id);
        let count = found.len();
        check(alone, || format!("{count} were found, not only {}", draft.id))?;
        found.pop().map_or_else(|| failed("nobody was found"), Ok)
    }

    /// Looks for an object that must not be there.
    pub(super) async fn nobody(&mut self, plan: &Plan, draft: &Draft) -> Result<(), Ended> {
        let found = self.matched(plan, draft).await?;
        check(found.is_empty(), || format!("{} were found, not none", found.len()))
    }

    /// Creates an object, and remembers that it has to be removed.
    pub(super) async fn create(
        &mut self,
        plan: &Plan,
        draft: &mut Draft,
        body: &Json,
    ) -> Result<Resource, Ended> {
        let created = self.post(plan, draft, body).await?;
        check(created.status == 201, || {
            let detail = created.body["detail"].as_str().unwrap_or("no detail");
            format!("POST was answered {} instead of 201: {detail}", created.status)
        })?;
        let resource = created.body.as_object().cloned().map(Resource::from).unwrap_or_default();
        let Some(id) = resource.text("id").map(str::to_owned) else {
            return failed("the answer has no id");
        };
        let place = format!("{}/{}/{id}", self.base(), plan.flow.endpoint);
        let shown = created.body["meta"]["location"].as_str();
        check(created.location.as_deref() == Some(&place) && shown == Some(&place), || {
            format!("the header Location or meta.location is not {place}")
        })?;
        draft.id = id;
        Ok(resource)
    }

    /// A POST; what it makes is remembered, whatever is thought of the answer.
    pub(super) async fn post(
        &mut self,
        plan: &Plan,
        draft: &Draft,
        body: &Json,
    ) -> Result<Reply, Ended> {
        let path = format!("/{}", plan.flow.endpoint);
        let reply = self.ask("POST", &path, Some(body)).await?;
        if let Some(id) = reply.body["id"].as_str() {
            let named = self.subject.binding.name_in_target(&ResourceId::new(id));
            let path = format!("{path}/{id}");
            self.made.push(Made { path, id: id.to_owned(), name: named.unwrap_or_default() });
        } else if !(400..500).contains(&reply.status)
            && let Some(value) = draft.get(&plan.matching).cloned()
        {
            self.perhaps.push(Perhaps { plan: plan.clone(), value });
        }
        Ok(reply)
    }

    /// The object as it is shown.
    pub(super) async fn get(&mut self, plan: &Plan, id: &str) -> Result<Resource, Ended> {
        let path = format!("/{}/{id}", plan.flow.endpoint);
        let reply = self.expect(&[200], "GET", &path, None).await?;
        Ok(reply.body.as_object().cloned().map(Resource::from).unwrap_or_default())
    }

    /// Whether the object is shown as it should be.
    pub(super) async fn verify(&mut self, plan: &Plan, draft: &Draft) -> Result<Resource, Ended> {
        let resource = self.get(plan, &draft.id).await?;
        let missing = draft.missing(&resource);
        check(missing.is_empty(), || missing.join("; "))?;
        Ok(resource)
    }

    /// Sends a PATCH; `query` follows the id.
    pub(super) async fn patch(
        &mut self,
        plan: &Plan,
        id: &str,
        operations: Json,
        query: &str,
    ) -> Result<Reply, Ended> {
        let body = json!({"schemas": [PATCH], "Operations": operations});
        let path = format!("/{}/{id}{query}", plan.flow.endpoint);
        self.expect(&[200, 204], "PATCH", &path, Some(&body)).await
    }

    /// Deletes as a client does, and looks at what the delete flow promises.
    pub(super) async fn delete(&mut self, plan: &Plan, draft: &Draft) -> Done {
        let path = format!("/{}/{}", plan.flow.endpoint, draft.id);
        self.expect(&[204], "DELETE", &path, None).await?;
        match &plan.flow.mapping.deprovisioning.delete {
            DeleteFlow::Delete => {
                self.gone(plan, draft).await?;
                self.refused(404, "DELETE", &path, None).await?;
                FINE
            }
            kept => {
                self.get(plan, &draft.id).await?;
                let word = if *kept == DeleteFlow::None { "none" } else { "set" };
                Ok(format!("the document says delete = {word}, so it stays in the target"))
            }
        }
    }

    /// Looks whether an object is really gone, and remembers that there is nothing to remove.
    pub(super) async fn gone(&mut self, plan: &Plan, draft: &Draft) -> Result<(), Ended> {
        let path = format!("/{}/{}", plan.flow.endpoint, draft.id);
        self.refused(404, "GET", &path, None).await?;
        self.made.retain(|made| made.id != draft.id);
        if draft.get(&plan.matching).is_some() { self.nobody(plan, draft).await } else { Ok(()) }
    }

    /// What `active` false means here.
    pub(super) fn disabling(plan: &Plan) -> Option<bool> {
        match &plan.flow.mapping.deprovisioning.disable {
            DisableFlow::Delete => Some(true),
            DisableFlow::Set { .. } => Some(false),
            DisableFlow::None => plan.active.then_some(false),
        }
    }

    /// What is described: settings, resource types, and a schema of each attribute that is mapped.
    pub(super) async fn discover(&mut self, plans: &[&Plan]) -> Done {
        let config = self.expect(&[200], "GET", "/ServiceProviderConfig", None).await?.body;
        for feature in ["patch", "filter"] {
            check(config[feature]["supported"] == json!(true), || {
                format!("ServiceProviderConfig does not say that {feature} is supported")
            })?;
        }
        self.list("/ResourceTypes").await?;
        let (_, schemas) = self.list("/Schemas").await?;
        let known: BTreeSet<&str> = schemas.iter().filter_map(|one| one.text("id")).collect();
        let wanted = plans.iter().flat_map(|plan| plan.flow.schemas.all());
        for schema in wanted {
            check(known.contains(schema.id.as_str()), || format!("/Schemas lacks {}", schema.id))?;
        }
        let nulls = schemas.iter().any(|one| one.as_map().values().any(has_null));
        check(!nulls, || "/Schemas holds null, which Entra does not take".into())?;
        FINE
    }

    /// The end: what is left is named, as a client and as the target calls it.
    pub(super) fn finish(self) -> Summary {
        let made = self.made.iter();
        let made =
            made.map(|made| format!("{} is still there, in the target: {}", made.path, made.name));
        let perhaps = self.perhaps.iter().map(|perhaps| {
            let Perhaps { plan, value } = perhaps;
            let kind = &plan.flow.object_type.name;
            format!("perhaps there is a {kind} with {} {value} in the target", plan.matching)
        });
        let left = made.chain(perhaps).collect();
        let binding = &self.subject.binding;
        let head = json!({
            "connector": binding.name().to_string(),
            "plugin": binding.plugin(),
            "as": self.wishes.client.name().to_lowercase(),
            "dryRun": self.wishes.dry_run,
            "mark": self.mark,
        });
        self.report.finish(head, self.stopped, left)
    }
}

fn has_null(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Array(all) => all.iter().any(has_null),
        Json::Object(members) => members.values().any(has_null),
        _ => false,
    }
}
