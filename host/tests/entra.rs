//! The corpus: what Entra and Okta send, one file per case in `tests/entra`, with the answers they
//! expect and what the target has then.
//!
//! A file is `{about, steps: [{method, path, body?, headers?, expect}]}`. `expect` has a `status`
//! and may have `headers`, a `body` and a `target`: entries by anchor. Members that `expect` does
//! not name may be there; `null` says that there is nothing; a list is compared as a whole.
#![expect(clippy::unwrap_used, reason = "tests")]

mod room;
#[path = "room/target.rs"]
mod target;

use ecma_plugin_sdk::{Entry, Value, testkit::System};
use room::Host;
use serde_json::{Map, Value as Json, json};
use std::{fs, path::Path};

/// Whether an answer has what is expected; else where it does not.
fn differs(expected: &Json, found: Option<&Json>, at: &str) -> Option<String> {
    let wrong = || Some(format!("{at}: expected {expected}, found {found:?}"));
    match (expected, found) {
        (Json::Null, None) => None,
        (Json::Object(members), Some(Json::Object(found))) => members
            .iter()
            .find_map(|(name, member)| differs(member, found.get(name), &format!("{at}/{name}"))),
        (Json::Array(list), Some(Json::Array(found))) if list.len() == found.len() => {
            let pairs = list.iter().zip(found).enumerate();
            pairs
                .map(|(n, (one, found))| differs(one, Some(found), &format!("{at}/{n}")))
                .find_map(|d| d)
        }
        (Json::Null | Json::Object(_) | Json::Array(_), _) => wrong(),
        (scalar, Some(found)) if scalar == found => None,
        _ => wrong(),
    }
}

/// An entry of the target: lists where there are several values.
fn shown(entry: &Entry) -> Json {
    let one = |value: &Value| match value {
        Value::Integer(number) => json!(number),
        Value::Boolean(truth) => json!(truth),
        other => json!(other.to_string()),
    };
    let members = entry.attributes().map(|(name, values)| match values {
        [value] => (name.to_owned(), one(value)),
        _ => (name.to_owned(), values.iter().map(one).collect()),
    });
    Json::Object(members.collect::<Map<_, _>>())
}

/// Takes one step; answers what is not as expected.
async fn step(host: &Host, system: &System, step: &Json) -> Option<String> {
    let headers = step["headers"].as_object().cloned().unwrap_or_default();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let (method, path) = (step["method"].as_str().unwrap(), step["path"].as_str().unwrap());
    let answer = host.ask(method, path, step.get("body"), &headers).await;
    let expected = &step["expect"];
    let mut problem = (u64::from(answer.status) != expected["status"].as_u64().unwrap())
        .then(|| format!("status {}: {}", answer.status, answer.body));
    for (name, value) in expected["headers"].as_object().into_iter().flatten() {
        let found = answer.header(name);
        problem = problem
            .or_else(|| (found != value.as_str().unwrap()).then(|| format!("{name}: {found}")));
    }
    if let Some(body) = expected.get("body") {
        let found = (!answer.body.is_null()).then_some(&answer.body);
        problem = problem.or_else(|| differs(body, found, "body"));
    }
    for (id, entry) in expected["target"].as_object().into_iter().flatten() {
        let found = system.get(id).map(|entry| shown(&entry));
        problem = problem.or_else(|| differs(entry, found.as_ref(), &format!("target {id}")));
    }
    problem.map(|problem| format!("{method} {path}: {problem}"))
}

#[tokio::test]
async fn every_case_of_the_corpus_is_answered_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/entra");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut wrong, mut cases) = (Vec::new(), 0);
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "json")) {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let case: Json = serde_json::from_str(&fs::read_to_string(file).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(case["about"].is_string(), "{name} says what it is about");
        let (system, host) = target::target(name).await;
        let steps = case["steps"].as_array().unwrap();
        assert!(!steps.is_empty(), "{name}");
        for (at, one) in steps.iter().enumerate() {
            if let Some(problem) = step(&host, &system, one).await {
                wrong.push(format!("{name}, step {}: {problem}", at + 1));
            }
        }
        cases += 1;
    }
    assert!(cases >= 20, "the corpus was found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_comparison_sees_differences() {
    let found = json!({"a": [1, {"b": 2, "c": 3}], "d": "x"});
    for same in [json!({}), json!({"a": [1, {"b": 2}]}), json!({"e": null}), json!({"d": "x"})] {
        assert_eq!(differs(&same, Some(&found), ""), None, "{same}");
    }
    for other in [
        json!({"a": [1]}),
        json!({"a": [1, {"b": 3}]}),
        json!({"d": null}),
        json!({"e": 1}),
        json!({"d": "y"}),
        json!([]),
    ] {
        assert!(differs(&other, Some(&found), "").is_some(), "{other}");
    }
    assert!(differs(&json!({}), None, "").is_some());
}
