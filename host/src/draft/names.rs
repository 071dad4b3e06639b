//! What attributes are usually called in targets, and where SCIM has them.

/// Where SCIM has an attribute, and its usual names, the best first: lower case, letters and digits.
type Usual = (&'static str, &'static [&'static str]);

const USER: &[Usual] = &[
    (
        "userName",
        &[
            "username",
            "userprincipalname",
            "login",
            "loginname",
            "logonname",
            "samaccountname",
            "uid",
            "account",
            "accountname",
            "userid",
        ],
    ),
    ("externalId", &["externalid"]),
    ("displayName", &["displayname", "display", "fullname", "name", "cn", "commonname"]),
    ("name.givenName", &["givenname", "given", "firstname", "forename", "fname"]),
    ("name.familyName", &["familyname", "family", "lastname", "surname", "sn", "lname"]),
    ("name.middleName", &["middlename"]),
    ("nickName", &["nickname"]),
    (EMAIL, &["mail", "email", "emailaddress", "mailaddress", "workemail", "workmail"]),
    (
        "phoneNumbers[type eq \"work\"].value",
        &["telephonenumber", "phone", "phonenumber", "telephone", "workphone", "businessphone"],
    ),
    (
        "phoneNumbers[type eq \"mobile\"].value",
        &["mobile", "mobilephone", "mobilenumber", "cellphone", "cell"],
    ),
    ("phoneNumbers[type eq \"fax\"].value", &["fax", "facsimiletelephonenumber", "faxnumber"]),
    ("active", &["active", "enabled", "isactive", "isenabled", "accountenabled"]),
    ("title", &["title", "jobtitle", "position"]),
    ("userType", &["usertype", "employeetype"]),
    ("preferredLanguage", &["preferredlanguage", "language"]),
    ("locale", &["locale"]),
    ("timezone", &["timezone"]),
    ("addresses[type eq \"work\"].streetAddress", &["streetaddress", "street"]),
    ("addresses[type eq \"work\"].locality", &["city", "locality", "l"]),
    ("addresses[type eq \"work\"].region", &["state", "region", "st"]),
    ("addresses[type eq \"work\"].postalCode", &["postalcode", "zip", "zipcode"]),
    ("addresses[type eq \"work\"].country", &["country", "c"]),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
        &["employeenumber", "employeeid", "staffnumber", "personnelnumber"],
    ),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        &["department", "dept", "departmentname"],
    ),
    ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division", &["division"]),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization",
        &["organization", "company", "o"],
    ),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter",
        &["costcenter", "costcentre"],
    ),
    (MANAGER, &["manager", "managerid"]),
    (PASSWORD, &["exportpassword", "password", "userpassword", "unicodepwd"]),
];

const GROUP: &[Usual] = &[
    ("displayName", &["displayname", "name", "groupname", "cn", "title"]),
    (MEMBERS, &["members", "member", "uniquemember", "memberuid"]),
    ("externalId", &["externalid"]),
];

pub(super) const EMAIL: &str = "emails[type eq \"work\"].value";
pub(super) const MANAGER: &str =
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
pub(super) const MEMBERS: &str = "members";
pub(super) const PASSWORD: &str = "password";

const PEOPLE: &[&str] = &[
    "user",
    "users",
    "person",
    "people",
    "persons",
    "employee",
    "employees",
    "inetorgperson",
    "organizationalperson",
    "account",
    "accounts",
    "staff",
    "contact",
    "member",
    "members",
];
const GROUPS: &[&str] = &[
    "group",
    "groups",
    "groupofnames",
    "groupofuniquenames",
    "posixgroup",
    "team",
    "teams",
    "role",
    "roles",
];

fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn usual(resource: &str) -> &'static [Usual] {
    match resource {
        "User" => USER,
        "Group" => GROUP,
        _ => &[],
    }
}

/// The SCIM resource that an object type of this name usually is.
#[must_use]
pub fn resource_of(object_type: &str) -> Option<&'static str> {
    // `hr.employees` is a table in a database.
    let name = folded(object_type.rsplit('.').next().unwrap_or(object_type));
    let name = name.as_str();
    match () {
        () if PEOPLE.contains(&name) => Some("User"),
        () if GROUPS.contains(&name) => Some("Group"),
        () => None,
    }
}

/// Where SCIM usually has an attribute, and how good its name is: 0 is the best.
#[must_use]
pub fn usual_path(resource: &str, attribute: &str) -> Option<(&'static str, usize)> {
    let name = folded(attribute);
    usual(resource).iter().find_map(|(path, names)| {
        names.iter().position(|known| *known == name).map(|rank| (*path, rank))
    })
}
