//! One person after the other, in one buffer: nothing is allocated after the first few.

/// The attributes, the anchor first.
pub const COLUMNS: [&str; 20] = [
    "id",
    "login",
    "given_name",
    "family_name",
    "display_name",
    "mail",
    "title",
    "department",
    "organization",
    "street",
    "postal_code",
    "city",
    "country",
    "work_phone",
    "mobile_phone",
    "employee_number",
    "cost_center",
    "locale",
    "user_type",
    "enabled",
];

const GIVEN: [&str; 8] = ["Ada", "Grace", "Jürgen", "Siobhán", "Žofie", "Miguel", "Ngọc", "Edsger"];
const FAMILY: [&str; 8] =
    ["Lovelace", "Hopper", "Groß", "O'Neill", "Nováková", "Núñez", "Trần", "Dijkstra"];
const TITLES: [&str; 4] = ["Engineer", "Accountant", "Sales Manager", "Nurse"];
const DEPARTMENTS: [&str; 4] = ["R&D", "Finance", "Sales", "Care"];
const CITIES: [(&str, &str, &str); 4] = [
    ("Dublin", "IE", "en-IE"),
    ("München", "DE", "de-DE"),
    ("Brno", "CZ", "cs-CZ"),
    ("Málaga", "ES", "es-ES"),
];

/// A person; made anew by each [`Person::make`].
#[derive(Default)]
pub struct Person {
    text: String,
    /// Where each value ends.
    ends: [usize; COLUMNS.len()],
    done: usize,
    random: u64,
}

impl Person {
    /// Becomes person `number` of the seed.
    pub fn make(&mut self, seed: u32, number: u32) {
        self.text.clear();
        self.done = 0;
        self.random = u64::from(seed) << 32 | u64::from(number);
        let (given, family) = (self.pick(&GIVEN), self.pick(&FAMILY));
        let (city, country, locale) = *self.pick(&CITIES);
        self.number(100_001 + u64::from(number)).end();
        self.word("user").number(u64::from(number)).word("@example.com").end();
        self.word(given).end();
        self.word(family).end();
        self.word(given).word(" ").word(family).end();
        self.word("user").number(u64::from(number)).word("@mail.example.com").end();
        self.one_of(&TITLES).end();
        self.one_of(&DEPARTMENTS).end();
        self.word("Example Corp").end();
        self.word("Long Lane ").some_number(240).end();
        self.some_number(90_000).end();
        self.word(city).end();
        self.word(country).end();
        self.word("+353 1 555 ").some_number(9000).end();
        self.word("+353 86 ").some_number(9_000_000).end();
        self.word("E").number(u64::from(number)).end();
        self.word("CC-").some_number(600).end();
        self.word(locale).end();
        self.one_of(&["Employee", "Contractor"]).end();
        self.one_of(&["1", "1", "1", "0"]).end();
    }

    /// The values in the order of [`COLUMNS`].
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let mut from = 0;
        self.ends.iter().map(move |end| {
            let value = &self.text[from..*end];
            from = *end;
            value
        })
    }

    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn pick<T>(&mut self, from: &'static [T]) -> &'static T {
        &from[(self.next() % from.len() as u64) as usize]
    }

    fn one_of(&mut self, words: &'static [&'static str]) -> &mut Self {
        let word = self.pick(words);
        self.word(word)
    }

    fn word(&mut self, word: &str) -> &mut Self {
        self.text.push_str(word);
        self
    }

    fn some_number(&mut self, below: u64) -> &mut Self {
        let number = below + self.next() % below;
        self.number(number)
    }

    fn number(&mut self, mut number: u64) -> &mut Self {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        let digits = digits[at..].iter().map(|digit| char::from(*digit));
        self.text.extend(digits);
        self
    }

    fn end(&mut self) {
        self.ends[self.done] = self.text.len();
        self.done += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(seed: u32, number: u32) -> Vec<String> {
        let mut person = Person::default();
        person.make(7, 7);
        person.make(seed, number);
        person.values().map(str::to_owned).collect()
    }

    #[test]
    fn a_person_depends_on_seed_and_number_alone_and_has_every_value() {
        let person = values(1, 2);
        assert_eq!(person, values(1, 2));
        assert_eq!((person.len(), &*person[0], &*person[1]), (20, "100003", "user2@example.com"));
        assert!(person.iter().all(|value| !value.is_empty()));
        assert_ne!(person, values(2, 2));
        assert_ne!(person, values(1, 3));
    }
}
