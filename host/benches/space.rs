//! Fills a space with people through import pages and prints, as JSON, what they cost in memory and
//! time: `cargo bench --bench space -- [PEOPLE]`.

use ecma_host::{
    config::Guard,
    space::{Layout, Pass, ResourceId, Space, layout::Keeping, pass::Differences},
};
use ecma_plugin_sdk::{Attribute, AttributeType, Column, ImportSink, Pager, page::Page};
use std::{
    fs,
    io::{self, Write},
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

const COLUMNS: [&str; 20] = [
    "id",
    "login",
    "mail",
    "employee_number",
    "given_name",
    "family_name",
    "display_name",
    "title",
    "department",
    "company",
    "street",
    "city",
    "postal_code",
    "country",
    "phone",
    "mobile",
    "cost_center",
    "manager",
    "language",
    "enabled",
];
const INDEXED: [&str; 3] = ["login", "mail", "employee_number"];
const LOOKUPS: usize = 200_000;

/// As in the host.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The text of one person in one column; `round` changes one attribute of everybody.
fn text(column: usize, person: usize, round: usize, out: &mut String) {
    use std::fmt::Write;
    out.clear();
    let mixed = person.wrapping_mul(2_654_435_761) % 1_000_003;
    let written = match COLUMNS[column] {
        "id" => write!(out, "{person}"),
        "login" => write!(out, "user{person}"),
        "mail" => write!(out, "user{person}@Example.org"),
        "employee_number" => write!(out, "E{person:07}"),
        "given_name" => write!(out, "Given{}", mixed % 900),
        "family_name" => write!(out, "Family{}", mixed % 9000),
        "display_name" => write!(out, "Given{} Family{}", mixed % 900, mixed % 9000),
        "title" => write!(out, "Engineer {}", round),
        "department" => write!(out, "Department {}", mixed % 300),
        "company" => write!(out, "Example"),
        "street" => write!(out, "Street {}", mixed % 5000),
        "city" => write!(out, "City {}", mixed % 700),
        "postal_code" => write!(out, "{:05}", mixed % 99_999),
        "country" => write!(out, "NO"),
        "phone" => write!(out, "+47 {mixed:08}"),
        "mobile" => write!(out, "+47 9{mixed:07}"),
        "cost_center" => write!(out, "CC{}", mixed % 400),
        "manager" => write!(out, "{}", person / 9),
        "language" => write!(out, "nb-NO"),
        _ => write!(out, "1"),
    };
    written.expect("writing to a string does not fail");
}

fn space() -> Space {
    let mut id = Attribute::new("id", AttributeType::Text);
    id.anchor = true;
    let others: Vec<Attribute> =
        COLUMNS[1..].iter().map(|name| Attribute::new(*name, AttributeType::Text)).collect();
    let mut layout = Layout::default();
    layout.add("person", &[id], &others, |attribute| Keeping {
        indexed: INDEXED.contains(&attribute.name.as_str()),
        folded: attribute.name == "login" || attribute.name == "mail",
        linked: false,
    });
    Space::new(Arc::new(layout))
}

/// Takes pages as the host does, or throws them away to see what it costs to make them.
struct Host<'a>(Option<(&'a mut Space, Pass, Differences)>);

impl Pager for Host<'_> {
    fn page(&mut self, page: &[u8]) -> bool {
        if let Some((space, pass, differences)) = &mut self.0 {
            let page = Page::parse(page).expect("the page is whole");
            pass.compare(space, &page, differences).expect("the page is whole");
            while pass.absorb(space, differences, 1_700_000_000) {}
        }
        true
    }
}

/// Writes everybody into pages; the bytes of their values.
fn write(host: &mut Host<'_>, people: usize, round: usize) -> usize {
    let mut sink = ImportSink::new(500, host);
    let person = sink.layout(
        "person",
        COLUMNS.map(|name| if name == "id" { Column::anchor(name) } else { Column::new(name) }),
    );
    let mut plain = 0;
    let mut value = String::new();
    for number in 0..people {
        let mut row = sink.row(person);
        for column in 0..COLUMNS.len() {
            text(column, number, round, &mut value);
            plain += value.len();
            row = row.text(column, &value);
        }
        row.done().expect("the host goes on");
    }
    sink.finish().expect("the host goes on");
    plain
}

/// One full import; nanoseconds per entry on the host's side, sweep included.
fn import(space: &mut Space, people: usize, round: usize, writing: f64) -> f64 {
    let began = on_processor();
    let pass = Pass::begin(space, true);
    let mut host = Host(Some((&mut *space, pass, Differences::default())));
    write(&mut host, people, round);
    let Some((space, mut pass, _)) = host.0 else { return 0.0 };
    let removals = pass.removals(space, Guard { percent: 20, objects: 50 });
    assert!(removals.is_empty(), "everybody was seen");
    let report = pass.end(space);
    assert_eq!(report.added + report.changed + report.unchanged, people);
    (per(on_processor() - began, people) - writing).round()
}

/// Time this thread had a processor: others may need the machine as well.
fn on_processor() -> Duration {
    let words = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = words.split(' ').next().and_then(|word| word.parse().ok());
    nanoseconds.map_or_else(|| STARTED.elapsed(), Duration::from_nanos)
}

fn per(spent: Duration, count: usize) -> f64 {
    (spent.as_nanos() as f64 / count.max(1) as f64 * 10.0).round() / 10.0
}

/// Bytes of memory the process has.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or_default() * 4096
}

fn look_up(people: usize, mut found: impl FnMut(usize) -> bool) -> f64 {
    let began = on_processor();
    for at in 0..LOOKUPS {
        let person = at.wrapping_mul(7_919_993) % people;
        assert!(found(person), "person {person} is found");
    }
    per(on_processor() - began, LOOKUPS)
}

fn main() -> io::Result<()> {
    let people = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(1_000_000);
    let began = on_processor();
    let plain = write(&mut Host(None), people, 0);
    let writing = per(on_processor() - began, people);
    let before = resident();
    let mut space = space();
    let new = import(&mut space, people, 0, writing);
    // What was freed is given back a little later.
    std::thread::sleep(Duration::from_millis(500));
    drop(vec![0u8; 1 << 20]);
    let grown = resident().saturating_sub(before);
    let unchanged = import(&mut space, people, 0, writing);
    let changed = import(&mut space, people, 1, writing);
    assert_eq!(space.len(), people);

    let (login, mut value) = (1, String::new());
    let by_index = look_up(people, |person| {
        text(login, person, 0, &mut value);
        space.find(0, login as u32, value.as_bytes()).is_some_and(|slots| slots.len() == 1)
    });
    let by_id = look_up(people, |person| {
        text(0, person, 0, &mut value);
        space.by_id(&ResourceId::new(format!("person.{value}"))).is_some()
    });

    let whole = |bytes: usize| bytes / people.max(1);
    let allowance = 1.3 * plain as f64 / people.max(1) as f64 + 100.0;
    let report = serde_json::json!({
        "people": people,
        "plain_bytes": plain,
        "memory_bytes": space.memory(),
        "resident_bytes": grown,
        "plain_per_person": whole(plain),
        "memory_per_person": whole(space.memory()),
        "resident_per_person": whole(grown),
        "allowance_per_person": allowance.round(),
        "resident_to_allowance": (whole(grown) as f64 / allowance * 1000.0).round() / 1000.0,
        "nanoseconds": {
            "new": new,
            "unchanged": unchanged,
            "changed": changed,
            "look_up_by_index": by_index,
            "look_up_by_id": by_id,
        },
    });
    writeln!(io::stdout(), "{report:#}")
}
