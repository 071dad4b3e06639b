//! Fills a space with people and prints, as JSON, how long questions about all of them take:
//! `cargo bench --bench queries -- [PEOPLE]`.

use ecma_host::{
    config::{AttributeMapping, DeleteFlow, Deprovisioning, DisableFlow, DnSource, ObjectMapping},
    scim::{Filter, Sort},
    space::{
        Flow, Space, Span,
        cache::{By, Edit},
        mapping::{self, Compiled},
        row,
        selection::{Part, Selection, Wanted},
    },
};
use ecma_plugin_sdk::{AttributeType, Capabilities, Entry, ObjectType, Schema};
use std::{
    io::{self, Write},
    sync::Arc,
    time::Instant,
};

/// As in the host.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

const COLUMNS: [(&str, &str); 6] = [
    ("login", "userName"),
    ("mail", "emails[type eq \"work\"].value"),
    ("given", "name.givenName"),
    ("family", "name.familyName"),
    ("title", "title"),
    ("city", "addresses[type eq \"work\"].locality"),
];

fn compiled() -> Compiled {
    let mut person = ObjectType::new("person").anchor("id", AttributeType::Text);
    for (name, _) in COLUMNS {
        person = person.attribute(name, AttributeType::Text).case_insensitive();
    }
    let attribute = |(target, scim): (&str, &str)| AttributeMapping {
        target: target.to_owned(),
        scim: Some(scim.to_owned()),
        when_true: None,
        when_false: None,
        single: false,
    };
    let object = ObjectMapping {
        object_type: "person".to_owned(),
        resource: "User".to_owned(),
        anchor: Vec::new(),
        dn: DnSource::None,
        query: vec!["login".to_owned(), "mail".to_owned()],
        attributes: COLUMNS.map(attribute).into(),
        deprovisioning: Deprovisioning { disable: DisableFlow::None, delete: DeleteFlow::Delete },
    };
    mapping::compile(&Schema::new([person]), &[object], &Capabilities::default())
        .expect("the mapping fits")
}

/// A space of so many people, and the milliseconds it took to fill the indexes and to make their
/// orders.
fn filled(people: u64) -> (Space, Arc<Flow>, u128, u128) {
    let Compiled { layout, flows, .. } = compiled();
    let mut space = Space::new(layout);
    space.begin_pass();
    for number in 0..people {
        let mixed = number.wrapping_mul(2_654_435_761) % 1_000_003;
        let entry = Entry::new("person")
            .anchor("id", number.to_string())
            .set("login", format!("User{mixed}.{number}"))
            .set("mail", format!("user{number}@Example.org"))
            .set("given", format!("Given{}", mixed % 900))
            .set("family", format!("Family{}", mixed % 9000))
            .set("title", format!("Engineer {}", mixed % 30))
            .set("city", format!("City {}", mixed % 700));
        let row = row::encode(space.layout(), &entry).expect("the entry fits");
        space.apply(&Edit::Put(&row), By::Import, 1_700_000_000);
    }
    let began = Instant::now();
    space.end_pass();
    let waking = began.elapsed().as_millis();
    let began = Instant::now();
    for number in 0..=COLUMNS.len() as u32 {
        // Who asks has them made.
        let _ = space.places(flows[0].number, number, Span::Begin(""));
    }
    while let Some(mut order) = space.begin_order() {
        while !order.step(&space, 256) {}
        order.sort(&|look| look(&space));
        space.end_order(order);
    }
    (space, Arc::clone(&flows[0]), waking, began.elapsed().as_millis())
}

fn main() -> io::Result<()> {
    let people = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(1_000_000);
    let (space, flow, waking, ordering) = filled(people);
    let mut report = serde_json::json!({
        "people": people,
        "fill_indexes_ms": waking as u64,
        "make_orders_ms": ordering as u64,
    });
    for (filter, sort) in [
        ("userName sw \"user77\"", ""),
        ("userName sw \"user\"", ""),
        ("", "userName"),
        ("title eq \"engineer 7\"", ""),
        ("title co \"neer 7\" and name.familyName sw \"family1\"", ""),
        ("meta.lastModified gt \"2020-01-01T00:00:00Z\"", ""),
        ("", "name.familyName"),
        ("", "meta.lastModified"),
        ("userName sw \"user7\"", "name.familyName"),
    ] {
        let parsed = (!filter.is_empty()).then(|| Filter::parse(filter).expect("it is a filter"));
        let wanted = vec![Wanted { flow: Arc::clone(&flow), filter: parsed }];
        let order = Sort::parse(Some(sort), None).expect("it is an order");
        let part = Part { after: None, skip: 0, take: 100 };
        let (began, mut longest) = (Instant::now(), 0);
        let mut selection = Selection::begin(&space, wanted, order, part, "https://h".to_owned());
        loop {
            let step = Instant::now();
            let done = selection.step(&space, 256);
            longest = longest.max(step.elapsed().as_micros());
            if done {
                break;
            }
        }
        report[format!("{filter} / {sort}")] = serde_json::json!({
            "found": selection.chosen().total,
            "ms": began.elapsed().as_micros() as f64 / 1000.0,
            "longest_step_us": longest as u64,
        });
    }
    writeln!(io::stdout(), "{report:#}")
}
