//! What holds whatever the target is: tokens, methods, media types, versions, discovery.

use crate::support::{Answer, Entra, Host, MEMORY, person};
use serde_json::{Value, json};

fn memory() -> (Host, Entra) {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", MEMORY);
    host.start();
    let entra = host.entra("MEMORY");
    (host, entra)
}

const ROUTES: [&str; 11] = [
    "",
    "/",
    "/Users",
    "/Users/person.1",
    "/Groups",
    "/Schemas",
    "/ResourceTypes",
    "/ServiceProviderConfig",
    "/cache",
    "/Me",
    "/v2/Users",
];

#[test]
fn every_route_but_health_needs_the_token() {
    let (host, entra) = memory();
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        for route in ROUTES {
            for wrong in [None, Some(""), Some("Bearer"), Some("Bearer wrong"), Some("Basic eDp5")]
            {
                let request = entra.bare(method, route).body("{}");
                let request = wrong.into_iter().fold(request, |r, w| r.header("Authorization", w));
                let answer = Entra::send(request);
                assert_eq!(answer.status, 401, "{method} {route} {wrong:?}");
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            }
        }
    }
    let detail = Entra::send(entra.bare("GET", "/Users")).refused(401);
    assert!(detail.contains("token is missing or wrong"), "{detail}");
    let longer = format!("{}x", entra.token());
    entra.clone().with_token(&longer).get("/Users").refused(401);
    entra.clone().with_token(&entra.token().to_lowercase()).get("/Users").refused(401);
    assert_eq!(Entra::send(entra.bare("GET", "//health")).status, 200);
    assert_eq!(host.health_of("MEMORY")["entries"], 3);
    let bearer =
        entra.bare("GET", "/Users").header("authorization", format!("bEARER {}", entra.token()));
    assert_eq!(Entra::send(bearer).status, 200, "the scheme has no case");
}

#[test]
fn requests_that_are_none_get_their_own_status() {
    let (_host, entra) = memory();
    let post = |kind: &str, body: &str| {
        let request = entra.request("POST", "/Users").header("Content-Type", kind);
        Entra::send(request.body(body.to_owned()))
    };
    assert!(post("text/plain", "{}").refused(415).contains("text/plain"));
    for junk in ["", "{", "junk", "[1,", "\u{0}"] {
        let answer = post("application/scim+json; charset=utf-8", junk);
        assert_eq!(answer.body["scimType"], "invalidSyntax");
        answer.refused(400);
    }
    for not_a_person in ["[]", "7", "null", "\"x\"", "{}"] {
        post("application/json", not_a_person).refused(400);
    }
    let large = format!("{{\"displayName\": \"{}\"}}", "x".repeat(1 << 20));
    assert!(post("application/scim+json", &large).refused(413).contains("1048576"));
    for path in
        ["/Groups", "/Nothing", "/Users/person.1/more", "/Users/person.99", "/Users/nonsense", ""]
    {
        entra.get(path).refused(404);
    }
    for path in
        ["//", "//favicon.ico", "//scim/Users", "//ecma2host_OTHER/scim/Users", "//health/x"]
    {
        entra.get(path).refused(404);
    }
    entra.get("/Me").refused(501);
    for (method, path) in [
        ("PUT", "/Users"),
        ("PATCH", "/Users"),
        ("DELETE", "/Users"),
        ("POST", "/Users/person.1"),
        ("POST", "/Schemas"),
        ("DELETE", "/cache"),
        ("PUT", "/ServiceProviderConfig"),
    ] {
        let answer = Entra::send(entra.request(method, path));
        assert!(answer.header("allow").unwrap().contains("GET"), "{method} {path}");
        answer.refused(405);
    }
    for filter in ["userName eq", "(userName pr", "userName eq \"a", "and"] {
        let answer = entra.try_list(filter);
        assert_eq!(answer.body["scimType"], "invalidFilter", "{filter}");
        answer.refused(400);
    }
    assert_eq!(entra.get("/Users?aadOptscim062020&count=0").expect(200)["totalResults"], 3);
    assert_eq!(entra.get("/Users?startIndex=-3&count=1").expect(200)["startIndex"], 1);
    entra.get("/Users?count=many").refused(400);
    entra.probe();
}

#[test]
fn head_and_options_say_what_get_would() {
    let (_host, entra) = memory();
    for path in ["/Users", "/Users/person.1", "/Schemas", "/ServiceProviderConfig", "/cache"] {
        let get = entra.get(path);
        let head = Entra::send(entra.request("HEAD", path));
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        for name in ["content-type", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        assert_eq!(get.header("content-type"), Some("application/scim+json"));
        let options = Entra::send(entra.request("OPTIONS", path));
        assert_eq!(options.status, 204);
        assert!(options.header("allow").unwrap().contains("GET, HEAD"));
    }
}

#[test]
fn versions_guard_a_resource() {
    let (_host, entra) = memory();
    let version = |answer: &Answer| answer.header("etag").unwrap().to_owned();
    let conditional = |method: &str, header: &str, version: &str, body: &Value| {
        let request = entra.request(method, "/Users/person.1").header(header, version);
        Entra::send(Entra::with_body(request, body))
    };
    let rename = |name: &str| {
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "displayName", "value": name}],
        })
    };
    let first = entra.user("person.1");
    let old = version(&first);
    assert_eq!(first.body["meta"]["version"], old);
    let unchanged =
        Entra::send(entra.request("GET", "/Users/person.1").header("If-None-Match", &old));
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
    assert_eq!(version(&unchanged), old);

    let changed = conditional("PATCH", "If-Match", &old, &rename("Countess"));
    let new = version(&changed);
    changed.expect(200);
    assert_ne!(new, old);
    let again = entra.patch("person.1", rename("Countess")["Operations"].clone());
    assert_eq!(version(&again), new, "the same once more is no change");
    for method in ["PATCH", "PUT", "DELETE"] {
        let stale = conditional(method, "If-Match", &old, &rename("Late"));
        assert!(stale.refused(412).contains(&new), "{method}");
    }
    let get = entra.request("GET", "/Users/person.1").header("If-None-Match", &old);
    assert_eq!(Entra::send(get).expect(200)["displayName"], "Countess");
    let several = format!("\"x\", {new}");
    conditional("PATCH", "If-Match", &several, &rename("One of them")).expect(200);
    conditional("DELETE", "If-Match", "*", &json!({})).expect(204);
}

#[test]
fn a_client_can_discover_what_there_is() {
    let (_host, entra) = memory();
    let config = entra.get("/ServiceProviderConfig").expect(200);
    assert_eq!(config["patch"]["supported"], true);
    assert_eq!(config["filter"]["supported"], true);
    assert_eq!(config["etag"]["supported"], true);
    assert_eq!(config["bulk"]["supported"], true);
    assert_eq!(config["authenticationSchemes"][0]["type"], "oauthbearertoken");

    let types = entra.get("/ResourceTypes").expect(200);
    assert_eq!(types["totalResults"], 1);
    let user = entra.get("/ResourceTypes/User").expect(200);
    assert_eq!(types["Resources"][0], user);
    assert_eq!((&user["endpoint"], &user["name"]), (&json!("/Users"), &json!("User")));

    let schemas = entra.get("/Schemas").expect(200);
    let schemas = schemas["Resources"].as_array().unwrap();
    let ids: Vec<_> = schemas.iter().map(|schema| schema["id"].as_str().unwrap()).collect();
    let own = "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User";
    assert_eq!(ids, ["urn:ietf:params:scim:schemas:core:2.0:User", own]);
    let names = |schema: &Value| -> Vec<String> {
        let attributes = schema["attributes"].as_array().unwrap();
        attributes.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(
        ["userName", "displayName", "active"]
            .iter()
            .all(|name| { names(&schemas[0]).contains(&(*name).to_owned()) })
    );
    assert!(!names(&schemas[0]).contains(&"nickName".to_owned()), "only what is selected");
    assert_eq!(names(&schemas[1]), ["mails"]);
    assert_eq!(schemas[1]["attributes"][0]["multiValued"], true);
    assert_eq!(entra.get(&format!("/Schemas/{own}")).expect(200), schemas[1]);
    entra.get("/Schemas/urn:nobody:knows").refused(404);
    assert!(!entra.get("/Schemas").text.contains("null"), "validators do not take null");
}

#[test]
fn the_cache_shows_both_names() {
    let (_host, entra) = memory();
    let cache = entra.get("/cache?count=1").expect(200);
    assert_eq!((&cache["totalResults"], &cache["itemsPerPage"]), (&json!(3), &json!(1)));
    let first = &cache["Resources"][0];
    assert_eq!(first["id"], "person.1");
    assert_eq!(first["anchor"], json!({"id": "1"}));
    assert_eq!(first["attributes"]["userName"], json!({"scim": "userName", "values": ["ada"]}));
    let created = entra.create(&person("new@example.org", "")).expect(201);
    let cache = entra.get("/cache?startIndex=4").expect(200);
    assert_eq!(cache["Resources"][0]["id"], created["id"]);
}

#[test]
fn a_client_sees_only_what_it_asks_for() {
    let (_host, entra) = memory();
    let names = |path: &str| -> Vec<String> {
        entra.get(path).expect(200).as_object().unwrap().keys().cloned().collect()
    };
    let some = names("/Users/person.1?attributes=userName");
    assert_eq!(some, ["id", "schemas", "userName"]);
    assert!(
        !names("/Users/person.1?excludedAttributes=displayName").contains(&"displayName".into())
    );
    let list = entra.get("/Users?attributes=id&filter=userName+eq+%22ada%22").expect(200);
    assert_eq!(list["Resources"][0].as_object().unwrap().len(), 2);
}
