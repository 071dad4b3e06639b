//! Target `patch`: the input is the body of a PATCH.

use crate::{Worth, people};
use ecma_host::scim::{PatchKind, PatchRequest, Path, Resource, ResourceSchemas, patch};
use serde_json::Value;

pub(crate) fn run(input: &[u8]) -> Worth {
    let Some(request) = serde_json::from_slice::<Value>(input)
        .ok()
        .and_then(|body| PatchRequest::try_from(body).ok())
    else {
        return Worth::Nothing;
    };
    for (resource, schemas) in [
        (&people::USER, &people::USERS),
        (&people::NEWCOMER, &people::USERS),
        (&people::GROUP, &people::GROUPS),
    ] {
        try_on(resource, &request, schemas);
    }
    Worth::Keeping
}

fn try_on(before: &Resource, request: &PatchRequest, schemas: &ResourceSchemas) {
    let mut after = before.clone();
    let Ok(patched) = patch::apply(&mut after, request, schemas, &[]) else {
        assert_eq!(&after, before, "a refused PATCH changes nothing: {request:?}");
        return;
    };
    assert_eq!(patched.changed, &after != before, "{request:?}");
    let text = Value::from(after.clone());
    let hole = text.as_object().and_then(|members| members.iter().find(|(_, part)| has_hole(part)));
    assert_eq!(hole, None, "an empty part after {request:?}");
    for (name, part) in text.as_object().into_iter().flatten() {
        let elements = part.as_array().into_iter().flatten();
        let primary = elements.filter(|one| one.get("primary") == Some(&Value::Bool(true)));
        assert!(primary.count() <= 1, "{name} has several primary values after {request:?}");
    }
    for name in ["id", "meta"] {
        assert_eq!(text.get(name), before.as_map().get(name), "{name} is the server's");
    }
    for path in &patched.named {
        assert_eq!(
            schemas.canonical(path).as_ref(),
            Some(path),
            "{path} is named as it is spelled"
        );
    }
    if is_stable(request) {
        let once = after.clone();
        let again = patch::apply(&mut after, request, schemas, &[]);
        assert!(again.is_ok(), "{request:?} goes once: {again:?}");
        assert_eq!(after, once, "twice is another thing than once: {request:?}");
    }
}

/// Whether there is a `null`, an empty list or an empty object.
fn has_hole(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty() || list.iter().any(has_hole),
        Value::Object(parts) => parts.is_empty() || parts.values().any(has_hole),
        _ => false,
    }
}

/// One operation that writes to a path which still means the same values afterwards.
fn is_stable(request: &PatchRequest) -> bool {
    let [operation] = request.operations.as_slice() else { return false };
    let path = operation.path.as_deref().and_then(|path| Path::parse(path).ok());
    operation.kind != PatchKind::Remove
        && path.is_some_and(|path| path.filter.is_none() && !path.attribute.is_empty())
}
