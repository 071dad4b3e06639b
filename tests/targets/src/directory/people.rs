//! People and groups for directories: person N is the same in each run.

use std::{fmt::Write as _, path::Path};

use anyhow::Context as _;

use super::ldif::{escape_dn_value, write_line};

/// How many people one manager has.
const SPAN: usize = 7;
/// Of so many, one has a name that is hard to write.
const ODD_EVERY: usize = 50;
/// Of so many, one has a photo.
const PHOTO_EVERY: usize = 100;
const FIRST_NUMBER: usize = 100_001;

/// A start of log-in names, given names, family names, a title.
type Culture = (&'static str, [&'static str; 3], [&'static str; 3], &'static str);

const CULTURES: [Culture; 12] = [
    ("ada", ["Ada", "Grace", "Seán"], ["Lovelace", "Hopper", "O'Brien"], "Engineer"),
    ("jorg", ["Jörg", "Käthe", "Anneliese"], ["Müller", "Groß", "von der Heide"], "Sachbearbeiter"),
    ("asa", ["Åsa", "Bjørn", "Pål"], ["Ærlig", "Østby", "Sjöström"], "Rådgiver"),
    ("jose", ["José", "Inés", "Núria"], ["García Márquez", "Muñoz", "D’Ávila"], "Técnico"),
    ("lukasz", ["Łukasz", "Żaneta", "Jiří"], ["Wiśniewski", "Dvořák", "Kőszegi"], "Księgowa"),
    ("eleni", ["Ελένη", "Γιώργος", "Σοφία"], ["Παπαδοπούλου", "Νικολάου", "Δήμου"], "Μηχανικός"),
    ("olga", ["Ольга", "Дмитрий", "Їжак"], ["Иванова", "Шевченко", "Щукин"], "Бухгалтер"),
    ("layla", ["ليلى", "محمد", "יעל"], ["الحسن", "حداد", "כהן"], "مهندس"),
    ("asha", ["आशा", "विक्रम", "ปรีชา"], ["शर्मा", "कुमार", "สุขใจ"], "अभियंता"),
    ("hanako", ["花子", "太郎", "さくら"], ["山田", "佐藤", "渡邉"], "課長"),
    ("minjun", ["민준", "서연", "伟"], ["김", "이", "欧阳"], "과장"),
    ("emile", ["e\u{301}mile", "İpek", "Ngọc"], ["Zola\u{301}", "Işık", "Nguyễn"], "Çevirmen"),
];

const ODD: [&str; 10] = [
    "Smith, Jr.",
    "Dwayne \"The Rock\" Johnson",
    "Back\\slash",
    "Plus + Minus",
    "a<b>c;d=e",
    "#1",
    " Leading",
    "Trailing ",
    "*(wild)*",
    "Émile, 山田 + co",
];

/// Groups: a name, and how many of the people are in it at most.
const GROUPS: [(&str, usize); 5] =
    [("Everybody", usize::MAX), ("Økonomi", 50), ("R&D, \"lab\"", 20), ("法務", 5), ("Solo", 1)];

/// The first `count` people, and groups of them, under a base that has `ou=people` and `ou=groups`.
/// They are of the classes `inetOrgPerson` and `groupOfNames`.
#[derive(Clone, Copy, Debug)]
pub struct People {
    base: &'static str,
    count: usize,
}

impl People {
    /// People under a base such as `dc=example,dc=com`.
    pub fn new(base: &'static str, count: usize) -> People {
        People { base, count }
    }

    /// The DN of person `n`, counted from 0. Most are named by `uid`, some by an odd `cn`.
    pub fn dn(&self, n: usize) -> String {
        match odd(n) {
            Some(name) => format!("cn={},ou=people,{}", escape_dn_value(&name), self.base),
            None => format!("uid={},ou=people,{}", uid(n), self.base),
        }
    }

    /// The attributes of person `n` in the order of its LDIF, one for each value.
    pub fn attributes(&self, n: usize) -> Vec<(&'static str, Vec<u8>)> {
        let (_, givens, families, title) = culture(n);
        let round = n / CULTURES.len();
        let (given, family) = (givens[round % 3], families[round / 3 % 3]);
        let uid = uid(n);
        let mut attributes: Vec<(&str, Vec<u8>)> = Vec::new();
        let mut add = |name, value: &str| attributes.push((name, value.as_bytes().to_vec()));
        for class in ["top", "person", "organizationalPerson", "inetOrgPerson"] {
            add("objectClass", class);
        }
        add("uid", &uid);
        add("cn", &odd(n).unwrap_or_else(|| format!("{given} {family}")));
        add("sn", family);
        add("givenName", given);
        add("displayName", &format!("{given} {family}"));
        add("employeeNumber", &(FIRST_NUMBER + n).to_string());
        // One in eleven has no address, one in five has two.
        if n % 11 != 10 {
            add("mail", &format!("{uid}@example.com"));
        }
        if n.is_multiple_of(5) {
            add("mail", &format!("{}@old.example.com", FIRST_NUMBER + n));
        }
        if n % 4 != 3 {
            add("title", title);
        }
        if n % 3 != 2 {
            add(
                "telephoneNumber",
                &format!("+47 22 {:02} {:02} {:02}", n / 10_000 % 100, n / 100 % 100, n % 100),
            );
        }
        if n > 0 {
            add("manager", &self.dn(n / SPAN));
        }
        if n % PHOTO_EVERY == 1 {
            attributes.push(("jpegPhoto", photo(n)));
        }
        attributes
    }

    /// Person `n` as LDIF, with an empty line at its end.
    pub fn person(&self, n: usize) -> String {
        let mut out = String::new();
        write_line(&mut out, "dn", self.dn(n).as_bytes());
        for (name, value) in self.attributes(n) {
            write_line(&mut out, name, &value);
        }
        out.push('\n');
        out
    }

    /// The groups as LDIF: one with everybody, down to one with a single member.
    pub fn groups(&self) -> String {
        let mut out = String::new();
        for (name, size) in GROUPS {
            let dn = format!("cn={},ou=groups,{}", escape_dn_value(name), self.base);
            write_line(&mut out, "dn", dn.as_bytes());
            out.push_str("objectClass: top\nobjectClass: groupOfNames\n");
            write_line(&mut out, "cn", name.as_bytes());
            for n in 0..self.count.min(size) {
                write_line(&mut out, "member", self.dn(n).as_bytes());
            }
            out.push('\n');
        }
        out
    }

    /// Everybody and the groups as LDIF; nothing for nobody.
    pub fn ldif(&self) -> String {
        if self.count == 0 {
            return String::new();
        }
        let mut out: String = (0..self.count).map(|n| self.person(n)).collect();
        out.push_str(&self.groups());
        out
    }

    /// Writes [`ldif`](People::ldif) to a file.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        std::fs::write(path, self.ldif())
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

fn culture(n: usize) -> Culture {
    CULTURES[n % CULTURES.len()]
}

fn uid(n: usize) -> String {
    let mut uid = culture(n).0.to_owned();
    let _ = write!(uid, "{n}");
    uid
}

/// A name that is hard to write, with a number in its middle so that spaces at the ends stay.
fn odd(n: usize) -> Option<String> {
    if n % ODD_EVERY != ODD_EVERY - 1 {
        return None;
    }
    let (round, name) = (n / ODD_EVERY / ODD.len(), ODD[n / ODD_EVERY % ODD.len()]);
    let Some(at) = name.char_indices().nth(2).map(|(at, _)| at) else {
        return Some(format!("{name}{round}"));
    };
    Some(format!("{}{round}{}", &name[..at], &name[at..]))
}

/// Bytes that begin as a JPEG does and have all values.
fn photo(n: usize) -> Vec<u8> {
    let start = [0xff, 0xd8, 0xff, 0xe0, 0, 16, b'J', b'F', b'I', b'F', 0];
    let all = (0..=u8::MAX).map(|byte| byte.wrapping_add(n as u8));
    start.into_iter().chain(all).chain([0xff, 0xd9]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn everybody_has_a_name_of_their_own_and_odd_ones_are_escaped() {
        let people = People::new("dc=example,dc=com", 5000);
        let names: HashSet<_> = (0..5000).map(|n| people.dn(n).to_lowercase()).collect();
        assert_eq!(names.len(), 5000);
        assert_eq!(people.dn(49), "cn=Sm0ith\\, Jr.,ou=people,dc=example,dc=com");
        assert_eq!(people.dn(299), "cn=#10,ou=people,dc=example,dc=com".replace('#', "\\#"));
        assert_eq!(people.dn(399), "cn=Tr0ailing\\ ,ou=people,dc=example,dc=com");
        assert_eq!(people.dn(0), "uid=ada0,ou=people,dc=example,dc=com");
    }

    #[test]
    fn the_ldif_is_the_same_each_time_and_ascii() {
        let people = People::new("dc=example,dc=com", 300);
        let ldif = people.ldif();
        assert_eq!(ldif, people.ldif());
        assert!(ldif.is_ascii());
        assert_eq!(ldif.matches("\nemployeeNumber: ").count(), 300);
        assert_eq!(ldif.matches("jpegPhoto:: ").count(), 3);
        assert!(People::new("dc=example,dc=com", 0).ldif().is_empty());
    }
}
