//! The demo's people: a seeded generator that makes person N without making the others.
//!
//! The words are in `data/people.toml`. The odd values (formulas, quotes, combining marks, very
//! long notes, names that repeat, empty fields) are on purpose: real directories have them all.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::random::Random;

/// The first person's key.
pub(crate) const FIRST_ID: u64 = 100_001;

/// How many people one manager has.
const SPAN: u64 = 7;

/// The columns both the table and the file have, in order.
pub(crate) const COLUMNS: [&str; 33] = [
    "id",
    "login",
    "enabled",
    "display_name",
    "title",
    "mail",
    "preferred_language",
    "given_name",
    "family_name",
    "formatted_name",
    "street",
    "city",
    "state",
    "postal_code",
    "country",
    "formatted_address",
    "work_phone",
    "mobile_phone",
    "fax",
    "external_id",
    "employee_number",
    "department",
    "organization",
    "cost_center",
    "division",
    "manager_id",
    "user_type",
    "nick_name",
    "locale",
    "time_zone",
    "badge",
    "hired",
    "note",
];

#[derive(Deserialize)]
struct Words {
    departments: Vec<String>,
    divisions: Vec<String>,
    organizations: Vec<String>,
    streets_suffix: Vec<String>,
    formula_titles: Vec<String>,
    nick_names: Vec<String>,
    note_sentences: Vec<String>,
    culture: Vec<Culture>,
}

#[derive(Deserialize)]
struct Culture {
    locale: String,
    zone: String,
    dial: String,
    postal: String,
    #[serde(default)]
    family_first: bool,
    given: Vec<Pair>,
    family: Vec<Pair>,
    cities: Vec<Pair>,
    streets: Vec<String>,
    titles: Vec<String>,
}

/// `shown=plain` in the data: a name and its mail form, or a city and its region.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Pair(String, String);

impl TryFrom<String> for Pair {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.rsplit_once('=') {
            Some((shown, plain)) => Ok(Self(shown.into(), plain.into())),
            None => Err(format!("`{text}` has no `=`")),
        }
    }
}

/// All the people of one seed.
pub(crate) struct People {
    seed: u64,
    words: Words,
}

/// One person, as text per column.
pub(crate) struct Person<'w> {
    enabled: bool,
    login: String,
    pub(crate) proxy_addresses: String,
    given: &'w str,
    family: &'w str,
    display_name: String,
    title: &'w str,
    mail: String,
    language: &'w str,
    formatted_name: String,
    street: String,
    city: &'w str,
    state: &'w str,
    postal_code: String,
    country: &'w str,
    formatted_address: String,
    work_phone: String,
    mobile_phone: String,
    fax: String,
    external_id: String,
    employee_number: String,
    department: &'w str,
    organization: &'w str,
    cost_center: String,
    division: &'w str,
    manager_id: String,
    user_type: &'static str,
    nick_name: &'w str,
    locale: &'w str,
    time_zone: &'w str,
    badge: String,
    hired: String,
    note: String,
    id: String,
}

impl Person<'_> {
    /// The values in the order of [`COLUMNS`]; a missing one is empty.
    pub(crate) fn values(&self) -> [&str; COLUMNS.len()] {
        [
            &self.id,
            &self.login,
            if self.enabled { "1" } else { "0" },
            &self.display_name,
            self.title,
            &self.mail,
            self.language,
            self.given,
            self.family,
            &self.formatted_name,
            &self.street,
            self.city,
            self.state,
            &self.postal_code,
            self.country,
            &self.formatted_address,
            &self.work_phone,
            &self.mobile_phone,
            &self.fax,
            &self.external_id,
            &self.employee_number,
            self.department,
            self.organization,
            &self.cost_center,
            self.division,
            &self.manager_id,
            self.user_type,
            self.nick_name,
            self.locale,
            self.time_zone,
            &self.badge,
            &self.hired,
            &self.note,
        ]
    }

    /// The key.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The department, empty when there is none.
    pub(crate) fn department(&self) -> &str {
        self.department
    }

    /// What kind of employee.
    pub(crate) fn user_type(&self) -> &str {
        self.user_type
    }

    /// Whether there is a badge.
    pub(crate) fn has_badge(&self) -> bool {
        !self.badge.is_empty()
    }

    /// The manager's key, empty for the first of all.
    #[cfg(test)]
    pub(crate) fn manager_id(&self) -> &str {
        &self.manager_id
    }
}

impl People {
    /// The people of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let words = toml::from_str(include_str!("../data/people.toml"))
            .expect("the word list in the source tree is well formed");
        Self { seed, words }
    }

    /// What makes these people and no others.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// The departments there are.
    pub(crate) fn departments(&self) -> &[String] {
        &self.words.departments
    }

    /// The divisions there are.
    pub(crate) fn divisions(&self) -> &[String] {
        &self.words.divisions
    }

    /// The number of the first whose manager a person is, if there are so many people.
    pub(crate) fn first_report(number: u64) -> u64 {
        (number - 1) * SPAN + 2
    }

    /// The first `count` people, one at a time.
    pub(crate) fn first(&self, count: u64) -> impl Iterator<Item = Person<'_>> {
        (1..=count).map(|number| self.person(number))
    }

    /// Person `number`, counted from 1. The number in the login makes it unique.
    pub(crate) fn person(&self, number: u64) -> Person<'_> {
        let words = &self.words;
        let random = &mut Random::of(self.seed, number);
        let culture = random.pick(&words.culture);
        let (given, family) = (random.pick(&culture.given), random.pick(&culture.family));
        let city = random.pick(&culture.cities);
        let id = FIRST_ID + number - 1;
        let enabled = number <= SPAN || !random.once_in(12);
        let (language, country) =
            culture.locale.split_once('-').unwrap_or((culture.locale.as_str(), ""));
        let login = format!("{}.{}{number}@example.com", given.1, family.1);
        let formatted_name = culture.full_name(&given.0, &family.0);
        let street = format!(
            "{} {}{}",
            random.word(&culture.streets),
            1 + random.below(240),
            random.word(&words.streets_suffix)
        );
        let postal_code = digits(&culture.postal, random);
        let line_break = if random.once_in(50) { "\n" } else { ", " };
        Person {
            enabled,
            display_name: match random.below(60) {
                0 => format!("{}, {}", family.0, given.0),
                1 => format!("{} \"{}\" {}", given.0, random.word(&words.nick_names), family.0),
                _ => formatted_name.clone(),
            },
            title: if random.once_in(150) {
                random.word(&words.formula_titles)
            } else {
                or_empty(10, random.word(&culture.titles), random)
            },
            mail: if random.once_in(30) { String::new() } else { login.clone() },
            language: or_empty(8, language, random),
            formatted_address: format!("{street}{line_break}{postal_code} {}", city.0),
            work_phone: digits(&format!("{} ####", culture.dial), random),
            mobile_phone: sometimes(5, 4, random, |r| digits("+00 1## #######", r)),
            fax: sometimes(10, 1, random, |r| digits(&format!("{} 9###", culture.dial), r)),
            external_id: format!("{}{number}", given.1),
            employee_number: format!("E{number:06}"),
            department: or_empty(12, random.word(&words.departments), random),
            organization: random.word(&words.organizations),
            cost_center: format!("CC-{:04}", 100 + random.below(60) * 10),
            division: or_empty(4, random.word(&words.divisions), random),
            manager_id: match number {
                1 => String::new(),
                _ => (FIRST_ID + (number - 2) / SPAN).to_string(),
            },
            user_type: if !enabled {
                "Former"
            } else if random.once_in(9) {
                "Contractor"
            } else {
                "Employee"
            },
            nick_name: if random.once_in(5) { random.word(&words.nick_names) } else { "" },
            badge: sometimes(10, 9, random, |r| format!("{:08X}", r.next() >> 32)),
            hired: format!(
                "{}-{:02}-{:02}",
                1985 + random.below(40),
                1 + random.below(12),
                1 + random.below(28)
            ),
            note: if random.once_in(400) {
                long_note(&words.note_sentences)
            } else {
                String::new()
            },
            proxy_addresses: proxies(random, &given.1, &family.1, number),
            given: &given.0,
            family: &family.0,
            city: &city.0,
            state: &city.1,
            country,
            locale: &culture.locale,
            time_zone: &culture.zone,
            id: id.to_string(),
            login,
            formatted_name,
            street,
            postal_code,
        }
    }
}

impl Culture {
    fn full_name(&self, given: &str, family: &str) -> String {
        if self.family_first { format!("{family} {given}") } else { format!("{given} {family}") }
    }
}

/// Empty once in `times`.
fn or_empty<'w>(times: usize, text: &'w str, random: &mut Random) -> &'w str {
    if random.once_in(times) { "" } else { text }
}

/// Made `chances` times in `of`, otherwise empty.
fn sometimes(
    of: usize,
    chances: usize,
    random: &mut Random,
    make: impl FnOnce(&mut Random) -> String,
) -> String {
    if random.below(of) < chances { make(random) } else { String::new() }
}

/// The pattern with a digit for each `#`.
fn digits(pattern: &str, random: &mut Random) -> String {
    pattern
        .chars()
        .map(|c| if c == '#' { char::from(b'0' + random.below(10) as u8) } else { c })
        .collect()
}

/// Sentences up to 4,000 characters.
fn long_note(sentences: &[String]) -> String {
    sentences.iter().cycle().flat_map(|sentence| sentence.chars()).take(4000).collect()
}

/// No to three addresses, separated by `;`; the main one has its prefix in capitals.
fn proxies(random: &mut Random, given: &str, family: &str, number: u64) -> String {
    let mut text = String::new();
    for nth in 0..random.below(4) {
        let prefix = if nth == 0 { "SMTP" } else { ";smtp" };
        let domain = ["example.com", "mail.example.net", "alt.example.org"][nth];
        write!(text, "{prefix}:{given}.{family}{number}@{domain}").expect("a String takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn of(seed: u64, count: u64) -> Vec<[String; COLUMNS.len()]> {
        People::new(seed).first(count).map(|person| person.values().map(str::to_owned)).collect()
    }

    fn column(name: &str) -> usize {
        COLUMNS.iter().position(|column| *column == name).unwrap()
    }

    #[test]
    fn a_seed_always_makes_the_same_people_and_another_seed_others() {
        assert_eq!(of(7, 200), of(7, 300)[..200]);
        assert_ne!(of(7, 200), of(8, 200));
    }

    #[test]
    fn keys_are_unique_and_plain() {
        let people = of(1, 5000);
        for name in ["id", "login", "external_id", "employee_number"] {
            let at = column(name);
            let values: HashSet<_> = people.iter().map(|person| person[at].as_str()).collect();
            assert_eq!(values.len(), people.len(), "{name}");
            assert!(values.iter().all(|value| value.is_ascii() && !value.contains(' ')), "{name}");
        }
        assert_eq!(people[0][0], "100001");
    }

    #[test]
    fn every_manager_but_the_first_has_a_manager_of_a_lower_number() {
        let at = column("manager_id");
        let people = of(1, 1000);
        assert_eq!(people[0][at], "");
        for person in &people[1..] {
            let (manager, own): (u64, u64) =
                (person[at].parse().unwrap(), person[0].parse().unwrap());
            assert!((FIRST_ID..own).contains(&manager));
        }
    }

    #[test]
    fn a_thousand_people_hold_every_oddity() {
        let people = of(1, 1000);
        let any = |name: &str, test: &dyn Fn(&str) -> bool| {
            assert!(people.iter().any(|person| test(&person[column(name)])), "{name}");
        };
        any("family_name", &|text| text.contains(['\'', '’']));
        any("family_name", &|text| text.contains(','));
        any("family_name", &|text| text.contains('\u{301}'));
        any("family_name", &|text| text.contains('𠮷'));
        any("display_name", &|text| text.contains('"'));
        any("formatted_address", &|text| text.contains('\n'));
        any("title", &|text| text.starts_with(['=', '+', '@', '-']));
        any("note", &|text| text.chars().count() == 4000);
        any("enabled", &|text| text == "0");
        any("mail", &str::is_empty);
        let languages: HashSet<_> = people.iter().map(|p| p[column("locale")].clone()).collect();
        assert!(languages.len() >= 20, "{languages:?}");
        let names: HashSet<_> =
            people.iter().map(|p| p[column("formatted_name")].clone()).collect();
        assert!(names.len() < people.len(), "some share a name");
    }
}
