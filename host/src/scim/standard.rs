//! The schemas that RFC 7643 defines: the common attributes (§3.1), User (§4.1), Group (§4.2) and
//! the enterprise extension of User (§4.3).

use super::schema::AttributeKind::{Binary, Boolean, Complex, DateTime, Reference, String as Text};
use super::schema::{AttributeDefinition, Mutability, Returned, Schema, Uniqueness};

/// The URN of the core User schema.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The URN of the core Group schema.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// The URN of the enterprise extension of User.
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn text(name: &str, description: &str) -> AttributeDefinition {
    AttributeDefinition::new(name, Text).described(description)
}

fn reference(name: &str, types: &[&str], description: &str) -> AttributeDefinition {
    AttributeDefinition::new(name, Reference).references(types).described(description)
}

fn complex(name: &str, description: &str, parts: Vec<AttributeDefinition>) -> AttributeDefinition {
    AttributeDefinition::new(name, Complex).described(description).with(parts)
}

/// A multi-valued complex attribute with the default sub-attributes of RFC 7643 §2.4.
fn plural(
    name: &str,
    description: &str,
    value: AttributeDefinition,
    types: &[&str],
) -> AttributeDefinition {
    let parts = vec![
        value,
        text("display", "A name of the value for people"),
        kind_of_value(types),
        primary(),
    ];
    complex(name, description, parts).multi_valued()
}

fn kind_of_value(types: &[&str]) -> AttributeDefinition {
    text("type", "What the value is for").canonical(types)
}

fn primary() -> AttributeDefinition {
    AttributeDefinition::new("primary", Boolean)
        .described("Whether this is the preferred value; at most one is")
}

/// The attributes that each resource has besides those of its schemas.
pub(super) fn common() -> Vec<AttributeDefinition> {
    let moment = |name, description| {
        AttributeDefinition::new(name, DateTime).described(description).read_only()
    };
    vec![
        reference("schemas", &["uri"], "The URNs of the schemas the resource uses")
            .multi_valued()
            .required()
            .returned(Returned::Always),
        text("id", "The server's identifier of the resource")
            .case_exact()
            .required()
            .read_only()
            .returned(Returned::Always)
            .uniqueness(Uniqueness::Server),
        text("externalId", "The client's identifier of the resource").case_exact(),
        complex(
            "meta",
            "Facts about the resource itself",
            vec![
                text("resourceType", "The name of the resource's type").case_exact().read_only(),
                moment("created", "When the resource was made"),
                moment("lastModified", "When the resource last changed"),
                reference("location", &["uri"], "The URL of the resource").read_only(),
                text("version", "The version of the resource, as in the ETag")
                    .case_exact()
                    .read_only(),
            ],
        )
        .read_only(),
    ]
}

/// The core User schema.
pub fn user() -> Schema {
    let name = complex(
        "name",
        "The parts of the user's name",
        vec![
            text("formatted", "The full name as it is shown"),
            text("familyName", "The family name, or last name"),
            text("givenName", "The given name, or first name"),
            text("middleName", "The middle names"),
            text("honorificPrefix", "Titles in front of the name"),
            text("honorificSuffix", "Titles behind the name"),
        ],
    );
    let addresses = complex(
        "addresses",
        "Postal addresses of the user",
        vec![
            text("formatted", "The full address as it is shown or printed"),
            text("streetAddress", "Street, house number and the like"),
            text("locality", "The city"),
            text("region", "The state or region"),
            text("postalCode", "The postal code"),
            text("country", "The country, as in ISO 3166-1 alpha-2"),
            kind_of_value(&["work", "home", "other"]),
            primary(),
        ],
    )
    .multi_valued();
    let groups = complex(
        "groups",
        "The groups the user belongs to, directly or through others",
        vec![
            text("value", "The id of the group").case_exact().read_only(),
            reference("$ref", &["User", "Group"], "The URL of the group").read_only(),
            text("display", "The name of the group").read_only(),
            text("type", "How the user belongs to it")
                .canonical(&["direct", "indirect"])
                .read_only(),
        ],
    )
    .multi_valued()
    .read_only();
    Schema {
        id: USER.into(),
        name: "User".into(),
        description: "User Account".into(),
        attributes: vec![
            text("userName", "The name by which the user signs in")
                .required()
                .uniqueness(Uniqueness::Server),
            name,
            text("displayName", "The name that is shown to others"),
            text("nickName", "The casual way to address the user"),
            reference("profileUrl", &["external"], "The URL of the user's page"),
            text("title", "The user's title, such as Vice President"),
            text("userType", "How the user belongs to the organization, such as Contractor"),
            text("preferredLanguage", "The language the user prefers, as in Accept-Language"),
            text("locale", "The locale for dates, numbers and currency"),
            text("timezone", "The time zone, by its IANA name"),
            AttributeDefinition::new("active", Boolean).described("Whether the user may sign in"),
            text("password", "The password in clear text; it is only ever written")
                .mutability(Mutability::WriteOnly)
                .returned(Returned::Never),
            plural(
                "emails",
                "E-mail addresses of the user",
                text("value", "The address"),
                &["work", "home", "other"],
            ),
            plural(
                "phoneNumbers",
                "Phone numbers of the user",
                text("value", "The number"),
                &["work", "home", "mobile", "fax", "pager", "other"],
            ),
            plural(
                "ims",
                "Instant messaging addresses of the user",
                text("value", "The address"),
                &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
            ),
            plural(
                "photos",
                "Pictures of the user",
                reference("value", &["external"], "The URL of the picture"),
                &["photo", "thumbnail"],
            ),
            addresses,
            groups,
            plural(
                "entitlements",
                "What the user is entitled to",
                text("value", "The entitlement"),
                &[],
            ),
            plural("roles", "The roles of the user", text("value", "The role"), &[]),
            plural(
                "x509Certificates",
                "Certificates of the user",
                AttributeDefinition::new("value", Binary)
                    .described("The certificate, DER in base64"),
                &[],
            ),
        ],
    }
}

/// The core Group schema.
pub fn group() -> Schema {
    let members = complex(
        "members",
        "The members of the group",
        vec![
            text("value", "The id of the member").case_exact().mutability(Mutability::Immutable),
            reference("$ref", &["User", "Group"], "The URL of the member")
                .mutability(Mutability::Immutable),
            text("type", "The type of the member")
                .canonical(&["User", "Group"])
                .mutability(Mutability::Immutable),
            // What follows from `value` is told who asks: it costs a look at each member.
            text("display", "The name of the member").read_only().returned(Returned::Request),
        ],
    )
    .multi_valued();
    Schema {
        id: GROUP.into(),
        name: "Group".into(),
        description: "Group".into(),
        attributes: vec![text("displayName", "The name of the group").required(), members],
    }
}

/// The enterprise extension of User.
pub fn enterprise_user() -> Schema {
    let manager = complex(
        "manager",
        "The user's manager",
        vec![
            text("value", "The id of the manager").case_exact(),
            reference("$ref", &["User"], "The URL of the manager"),
            text("displayName", "The name of the manager").read_only().returned(Returned::Request),
        ],
    );
    Schema {
        id: ENTERPRISE_USER.into(),
        name: "EnterpriseUser".into(),
        description: "Enterprise User".into(),
        attributes: vec![
            text("employeeNumber", "The number of the employee"),
            text("costCenter", "The cost center"),
            text("organization", "The organization"),
            text("division", "The division"),
            text("department", "The department"),
            manager,
        ],
    }
}
