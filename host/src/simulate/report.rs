//! What came of a simulation, for people and for programs. Passwords are not shown, and neither is
//! anybody who was there before.

use crate::web::Reply;
use ecma_plugin_sdk::{AttributeChange, Change, Value};
use serde_json::{Value as Json, json};
use std::io::Write;

/// How a simulation is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A line for each step, and the exchanges of those that fail.
    Lines,
    /// A line for each step, and every exchange.
    Verbose,
    /// One JSON document at the end.
    Json,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Steps whose answers were right.
    pub passed: usize,
    /// Steps whose answers were not.
    pub failed: usize,
    /// Steps that this connector cannot do.
    pub skipped: usize,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// What could not be removed.
    pub left: Vec<String>,
}

impl Summary {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failed == 0 && !self.stopped && self.left.is_empty()
    }
}

/// How a step ended.
#[derive(Debug)]
pub(super) enum Verdict {
    Pass(String),
    Fail(String),
    Skip(String),
}

struct Exchange {
    method: String,
    path: String,
    body: Json,
    status: u16,
    answer: Json,
    milliseconds: u128,
    changes: Vec<Json>,
}

struct Step {
    name: String,
    verdict: Verdict,
    exchanges: Vec<Exchange>,
}

/// What is told, step by step.
pub(super) struct Report {
    form: Form,
    out: Box<dyn Write + Send>,
    mark: String,
    secrets: Vec<String>,
    steps: Vec<Step>,
    current: Vec<Exchange>,
}

impl Report {
    pub(super) fn new(form: Form, mark: &str, out: Box<dyn Write + Send>) -> Report {
        let mark = mark.to_owned();
        let (secrets, steps, current) = (Vec::new(), Vec::new(), Vec::new());
        Report { form, out, mark, secrets, steps, current }
    }

    /// A text that must not be shown.
    pub(super) fn hide(&mut self, secret: &Json) {
        match secret {
            Json::String(text) => self.secrets.push(text.clone()),
            Json::Array(all) => all.iter().for_each(|one| self.hide(one)),
            _ => {}
        }
    }

    /// A line that is no step.
    pub(super) fn say(&mut self, line: &str) {
        if self.form != Form::Json {
            self.line(line);
        }
    }

    fn line(&mut self, line: &str) {
        // Nobody may be reading any more; the cleaning up goes on.
        let _ = writeln!(self.out, "{line}");
    }

    /// An exchange of the step that is under way.
    pub(super) fn exchanged(
        &mut self,
        (method, path): (&str, &str),
        body: Option<&Json>,
        reply: &Reply,
        milliseconds: u128,
        changes: &[Change],
    ) {
        let exchange = Exchange {
            method: method.to_owned(),
            path: self.without_secrets(path),
            body: self.shown(body.unwrap_or(&Json::Null)),
            status: reply.status,
            answer: self.shown(&self.without_others(&reply.body)),
            milliseconds,
            changes: changes.iter().map(|change| self.shown(&change_json(change))).collect(),
        };
        self.current.push(exchange);
    }

    /// A step is over.
    pub(super) fn ended(&mut self, name: &str, verdict: Verdict) {
        let verdict = match verdict {
            Verdict::Pass(text) => Verdict::Pass(self.without_secrets(&text)),
            Verdict::Fail(text) => Verdict::Fail(self.without_secrets(&text)),
            Verdict::Skip(text) => Verdict::Skip(self.without_secrets(&text)),
        };
        let exchanges = std::mem::take(&mut self.current);
        let (word, detail) = verdict.words();
        if self.form != Form::Json {
            let colon = if detail.is_empty() { "" } else { ": " };
            self.line(&format!("{word}  {name}{colon}{detail}"));
            let all = self.form == Form::Verbose || matches!(verdict, Verdict::Fail(_));
            for exchange in &exchanges {
                for line in exchange.lines(all) {
                    self.line(&line);
                }
            }
        }
        self.steps.push(Step { name: name.to_owned(), verdict, exchanges });
    }

    /// The end.
    pub(super) fn finish(mut self, head: Json, stopped: bool, left: Vec<String>) -> Summary {
        let count = |word: &str| self.steps.iter().filter(|s| s.verdict.words().0 == word).count();
        let (passed, failed, skipped) = (count("PASS"), count("FAIL"), count("SKIP"));
        if self.form == Form::Json {
            let mut whole = head;
            whole["steps"] = self.steps.iter().map(Step::json).collect();
            whole["passed"] = json!(passed);
            whole["failed"] = json!(failed);
            whole["skipped"] = json!(skipped);
            whole["stopped"] = json!(stopped);
            whole["left"] = json!(left);
            self.line(&format!("{whole:#}"));
        } else {
            for one in &left {
                self.line(&format!("LEFT  {one}"));
            }
            let stop = if stopped { "; stopped before the end" } else { "" };
            self.line(&format!("{passed} passed, {failed} failed, {skipped} skipped{stop}"));
        }
        let _ = self.out.flush();
        Summary { passed, failed, skipped, stopped, left }
    }

    fn without_secrets(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    /// A body as it may be shown.
    fn shown(&self, json: &Json) -> Json {
        match json {
            Json::String(text) => Json::String(self.without_secrets(text)),
            Json::Array(all) => all.iter().map(|one| self.shown(one)).collect(),
            Json::Object(members) => {
                let member = |(name, value): (&String, &Json)| {
                    let secret = name.eq_ignore_ascii_case("password") && value.is_string();
                    let value = if secret { json!("***") } else { self.shown(value) };
                    (name.clone(), value)
                };
                Json::Object(members.iter().map(member).collect())
            }
            other => other.clone(),
        }
    }

    /// A list without those that are not this run's own.
    fn without_others(&self, body: &Json) -> Json {
        let Some(all) = body["Resources"].as_array() else { return body.clone() };
        let (mine, others): (Vec<&Json>, Vec<&Json>) =
            all.iter().partition(|one| one.to_string().contains(&self.mark));
        let mut mine: Vec<Json> = mine.into_iter().cloned().collect();
        if !others.is_empty() {
            mine.push(json!(format!("… and {} more, not shown", others.len())));
        }
        let mut body = body.clone();
        body["Resources"] = Json::Array(mine);
        body
    }
}

impl Verdict {
    fn words(&self) -> (&'static str, &str) {
        match self {
            Verdict::Pass(detail) => ("PASS", detail),
            Verdict::Fail(detail) => ("FAIL", detail),
            Verdict::Skip(detail) => ("SKIP", detail),
        }
    }
}

impl Step {
    fn json(&self) -> Json {
        let (word, detail) = self.verdict.words();
        let exchanges = self.exchanges.iter().map(Exchange::json);
        json!({
            "name": self.name,
            "verdict": word,
            "detail": detail,
            "exchanges": exchanges.collect::<Vec<_>>(),
        })
    }
}

impl Exchange {
    fn json(&self) -> Json {
        json!({
            "method": self.method, "path": self.path, "body": self.body,
            "status": self.status, "answer": self.answer,
            "milliseconds": self.milliseconds as u64, "changes": self.changes,
        })
    }

    /// For people: all of it, or only what would be exported.
    fn lines(&self, all: bool) -> Vec<String> {
        let mut lines = Vec::new();
        let indented = |lines: &mut Vec<String>, json: &Json| {
            if !json.is_null() {
                lines.extend(format!("{json:#}").lines().map(|line| format!("        {line}")));
            }
        };
        if all {
            lines.push(format!("      → {} {}", self.method, self.path));
            indented(&mut lines, &self.body);
        }
        for change in &self.changes {
            lines.extend(change_lines(change));
        }
        if all {
            lines.push(format!("      ← {} after {} ms", self.status, self.milliseconds));
            indented(&mut lines, &self.answer);
        }
        lines
    }
}

/// A change as data: kind, entry, and by attribute the values it has then, gains or loses.
fn change_json(change: &Change) -> Json {
    let texts = |values: &[Value]| values.iter().map(ToString::to_string).collect::<Vec<_>>();
    let whole = |kind: &str, entry: &ecma_plugin_sdk::Entry| {
        let set =
            |(name, values): (&str, &[Value])| (name.to_owned(), json!({"set": texts(values)}));
        let attributes: serde_json::Map<_, _> = entry.attributes().map(set).collect();
        let anchor = entry.id().anchor.iter();
        let anchor = anchor.map(|(name, value)| (name.to_owned(), json!(value.to_string())));
        let anchor: serde_json::Map<_, _> = anchor.collect();
        json!({"kind": kind, "entry": entry.id().to_string(), "anchor": anchor,
               "attributes": attributes})
    };
    match change {
        Change::Add(entry) => whole("add", entry),
        Change::Replace(entry) => whole("replace", entry),
        Change::Delete { id } => json!({"kind": "delete", "entry": id.to_string()}),
        Change::Update(update) => {
            let change = |change: &AttributeChange| match change {
                AttributeChange::Set(values) => json!({"set": texts(values)}),
                AttributeChange::Clear => json!({"set": []}),
                AttributeChange::Modify { added, removed } => {
                    json!({"added": texts(added), "removed": texts(removed)})
                }
            };
            let attributes: serde_json::Map<_, _> =
                update.attributes.iter().map(|(name, one)| (name.clone(), change(one))).collect();
            json!({"kind": "update", "entry": update.id.to_string(), "attributes": attributes})
        }
    }
}

fn change_lines(change: &Json) -> Vec<String> {
    let text = |json: &Json| json.as_str().unwrap_or_default().trim().to_owned();
    let mut lines =
        vec![format!("      would export: {} {}", text(&change["kind"]), text(&change["entry"]))];
    for (name, one) in change["attributes"].as_object().into_iter().flatten() {
        let values = |key: &str| {
            let all = one[key].as_array()?;
            let all: Vec<String> = all.iter().map(|value| format!("{value}")).collect();
            Some(if all.is_empty() { "nothing".to_owned() } else { all.join(", ") })
        };
        for (key, sign) in [("set", "="), ("added", "+"), ("removed", "-")] {
            if let Some(values) = values(key).filter(|values| key == "set" || values != "nothing") {
                lines.push(format!("        {name} {sign} {values}"));
            }
        }
    }
    lines
}
