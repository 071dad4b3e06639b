//! What the host says of itself: discovery, the cache, health.

use crate::support::{BASE, ENTERPRISE, OWN, Scim};
use serde_json::json;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

#[tokio::test]
async fn the_provider_says_what_it_can() {
    let scim = Scim::new("provider").await;
    let config = scim.get("/ServiceProviderConfig").await.body;
    for (feature, supported) in [
        ("patch", true),
        ("bulk", true),
        ("filter", true),
        ("changePassword", false),
        ("sort", true),
        ("etag", true),
    ] {
        assert_eq!(config[feature]["supported"], supported, "{feature}");
    }
    assert_eq!(config["filter"]["maxResults"], 1000);
    let paging = json!({"cursor": true, "index": true, "defaultPaginationMethod": "index",
                        "defaultPageSize": 100, "maxPageSize": 1000});
    assert_eq!(config["pagination"], paging);
    assert_eq!(config["authenticationSchemes"][0]["type"], "oauthbearertoken");
    assert_eq!(config["meta"]["resourceType"], "ServiceProviderConfig");
}

#[tokio::test]
async fn resource_types_and_schemas_are_lists_without_nulls() {
    let scim = Scim::new("schemas").await;
    let types = scim.get("/ResourceTypes").await.body;
    let schemas = scim.get("/Schemas").await.body;
    for (list, total) in [(&types, 2), (&schemas, 4)] {
        assert_eq!(list["totalResults"], total);
        assert_eq!((&list["startIndex"], &list["itemsPerPage"]), (&json!(1), &json!(total)));
        assert_eq!(list["Resources"].as_array().unwrap().len(), total);
        assert_eq!(list["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
    }
    assert_eq!(types["Resources"][0]["endpoint"], "/Users");
    assert_eq!(types["Resources"][0]["schema"], USER);
    let extensions = &types["Resources"][0]["schemaExtensions"];
    assert_eq!(
        extensions,
        &json!([{"schema": ENTERPRISE, "required": false}, {"schema": OWN, "required": false}])
    );
    for schema in schemas["Resources"].as_array().unwrap() {
        let id = schema["id"].as_str().unwrap();
        let one = scim.get(&format!("/Schemas/{id}")).await;
        assert_eq!((one.status, &one.body), (200, schema));
        assert_eq!(schema["meta"]["location"], format!("{BASE}/Schemas/{id}"));
        for attribute in schema["attributes"].as_array().unwrap() {
            for member in ["name", "type", "multiValued", "mutability", "returned", "uniqueness"] {
                assert!(attribute.get(member).is_some(), "{attribute}");
            }
        }
    }
    assert_eq!(scim.get("/ResourceTypes/user").await.body, types["Resources"][0]);
    for path in ["/Schemas/urn:nobody", "/ResourceTypes/Car", "/ServiceProviderConfig/x"] {
        assert_eq!(scim.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn schemas_show_what_is_mapped_and_no_more() {
    let scim = Scim::new("mapped").await;
    let names = async |id: &str| {
        let schema = scim.get(&format!("/Schemas/{id}")).await.body;
        let attributes = schema["attributes"].as_array().unwrap().clone();
        let mut names: Vec<String> =
            attributes.iter().map(|a| a["name"].as_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names.join(" ")
    };
    let user = names(USER).await;
    for name in
        ["active", "displayName", "emails", "name", "nickName", "phoneNumbers", "title", "userName"]
    {
        assert!(user.split(' ').any(|known| known == name), "{name} in {user}");
    }
    assert!(!user.contains("photos") && !user.contains("password"), "{user}");
    assert_eq!(names(ENTERPRISE).await, "department employeeNumber manager");
    assert_eq!(names(OWN).await, "IsActive level tags");
}

#[tokio::test]
async fn the_cache_shows_what_the_space_holds() {
    let scim = Scim::new("cache").await;
    let list = scim.get("/cache").await.body;
    assert_eq!((&list["totalResults"], &list["startIndex"]), (&json!(4), &json!(1)));
    let (mut seen, mut start) = (Vec::new(), 1);
    while start <= 4 {
        let page = scim.get(&format!("/cache?startIndex={start}&count=3")).await.body;
        seen.extend(page["Resources"].as_array().unwrap().clone());
        start += 3;
    }
    assert_eq!(json!(seen), list["Resources"]);
    let text = list["Resources"][0].to_string();
    assert!(text.contains("userName") && text.contains("ada@example.org"), "{text}");
    assert!(text.contains("\"family\"") || text.contains("family"), "target names: {text}");
}

#[tokio::test]
async fn what_the_provider_says_of_itself_cannot_be_filtered() {
    let scim = Scim::new("unfiltered").await;
    for path in ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/ResourceTypes/User"] {
        let answer = scim.get(&format!("{path}?filter=id+eq+%22User%22")).await;
        assert_eq!(answer.status, 403, "{path}");
        assert_eq!(scim.get(&format!("{path}?filter=&attributes=id")).await.status, 200, "{path}");
    }
}
