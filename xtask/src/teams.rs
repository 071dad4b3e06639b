//! The demo's groups: departments of people, divisions of departments, one project across them;
//! and the roles of people. All of it follows from the people, so that it can be looked up there.

use crate::{
    people::{FIRST_ID, People, Person},
    random::Random,
};

/// The first team's key; people's are far away.
const FIRST_TEAM: u64 = 501;
/// The number of the generator's stream that says who works on the project: not one of a person's.
const PROJECT_STREAM: u64 = 1 << 40;
/// One in so many people works on the project.
const PROJECT: usize = 10;

/// A team.
pub(crate) struct Team {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) external_id: String,
}

/// Somebody, or some team, in a team.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) team: u64,
    pub(crate) member: u64,
    /// Which table the member is in.
    pub(crate) kind: &'static str,
}

/// The teams of these people.
pub(crate) struct Teams<'p> {
    people: &'p People,
    departments: &'p [String],
    divisions: &'p [String],
}

impl<'p> Teams<'p> {
    pub(crate) fn new(people: &'p People) -> Self {
        Self { people, departments: people.departments(), divisions: people.divisions() }
    }

    /// Departments, then divisions, then the project.
    pub(crate) fn all(&self) -> impl Iterator<Item = Team> {
        let departments =
            self.departments.iter().map(|name| (name.clone(), Some(format!("People of {name}"))));
        let divisions = self.divisions.iter().map(|name| (name.clone(), None));
        let project = ("Project Atlas".to_owned(), Some("Across all departments".to_owned()));
        departments.chain(divisions).chain([project]).zip(FIRST_TEAM..).map(
            |((name, description), id)| Team {
                id,
                name,
                description,
                external_id: format!("T{id}"),
            },
        )
    }

    /// The departments as members of the divisions, each in one.
    pub(crate) fn nested(&self) -> impl Iterator<Item = Member> {
        let (departments, divisions) = (self.departments.len() as u64, self.divisions.len() as u64);
        (0..departments).map(move |at| Member {
            team: FIRST_TEAM + departments + at % divisions,
            member: FIRST_TEAM + at,
            kind: "team",
        })
    }

    /// The teams of a person.
    pub(crate) fn of(&self, number: u64, person: &Person<'_>) -> impl Iterator<Item = Member> {
        let department = self.departments.iter().position(|name| *name == person.department());
        let department = department.map(|at| FIRST_TEAM + at as u64);
        let mut random = Random::of(self.people.seed(), PROJECT_STREAM + number);
        let project = FIRST_TEAM + (self.departments.len() + self.divisions.len()) as u64;
        let project = random.once_in(PROJECT).then_some(project);
        let member = FIRST_ID + number - 1;
        let teams = department.into_iter().chain(project);
        teams.map(move |team| Member { team, member, kind: "person" })
    }
}

/// The roles of a person among so many: what kind of employee, and whether somebody's manager.
pub(crate) fn roles(number: u64, person: &Person<'_>, people: u64) -> Vec<&'static str> {
    let mut roles = vec![match person.user_type() {
        "Contractor" => "contractor",
        "Former" => "former",
        _ => "employee",
    }];
    if People::first_report(number) <= people {
        roles.push("manager");
    }
    if person.has_badge() {
        roles.push("on site");
    }
    roles
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;

    fn members(seed: u64, count: u64) -> Vec<Member> {
        let people = People::new(seed);
        let teams = Teams::new(&people);
        let of = |number| teams.of(number, &people.person(number)).collect::<Vec<_>>();
        (1..=count).flat_map(of).collect()
    }

    #[test]
    fn a_seed_always_makes_the_same_members() {
        assert_eq!(members(7, 100), members(7, 200)[..members(7, 100).len()]);
        assert_ne!(members(7, 100), members(8, 100));
    }

    #[test]
    fn a_person_is_in_one_or_two_teams_and_every_team_has_somebody() {
        let count = 1000;
        let found = members(1, count);
        assert!((900..1200).contains(&found.len()), "{}", found.len());
        let people = People::new(1);
        let teams = Teams::new(&people);
        let mut sizes: BTreeMap<u64, usize> = teams.all().map(|team| (team.id, 0)).collect();
        for member in found.iter().chain(&teams.nested().collect::<Vec<_>>()) {
            *sizes.get_mut(&member.team).unwrap() += 1;
        }
        assert!(sizes.values().all(|size| *size > 0), "{sizes:?}");
        let once: HashSet<_> = found.iter().map(|member| (member.team, member.member)).collect();
        assert_eq!(once.len(), found.len(), "nobody is in a team twice");
        let names: HashSet<_> = teams.all().map(|team| team.name).collect();
        assert_eq!(names.len(), teams.all().count(), "teams have different names");
    }

    #[test]
    fn managers_have_the_role() {
        let people = People::new(1);
        let managers: HashSet<String> =
            people.first(200).map(|person| person.manager_id().to_owned()).collect();
        for number in 1..=200 {
            let roles = roles(number, &people.person(number), 200);
            let id = (FIRST_ID + number - 1).to_string();
            assert_eq!(roles.contains(&"manager"), managers.contains(&id), "{id}");
            assert!((1..=3).contains(&roles.len()));
        }
    }
}
