//! The space held against a plain model of it, under any order of imports and exports.

use super::{
    Layout, Pass, ResourceId, Space, Span,
    cache::{By, Edit, LinkChange, Stored},
    layout::Keeping,
    pass::Differences,
    row,
};
use crate::config::Guard;
use ecma_plugin_sdk::{
    Attribute, AttributeType, Change, Entry, Update, Value,
    page::{Page, PageWriter},
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Type, anchor.
type Key = (u8, u8);
/// Login, mails, peers.
type Content = (Option<String>, Vec<String>, BTreeSet<String>);
type Known = BTreeMap<Key, Content>;

const TYPES: [&str; 2] = ["user", "group"];

pub(super) fn layout() -> Arc<Layout> {
    let mut layout = Layout::default();
    let id = Attribute::new("id", AttributeType::Integer);
    let login = Attribute::new("login", AttributeType::Text);
    let mut mails = Attribute::new("mails", AttributeType::Text);
    mails.multi_valued = true;
    let mut peers = Attribute::new("peers", AttributeType::Reference);
    peers.multi_valued = true;
    for name in TYPES {
        let others = [login.clone(), mails.clone(), peers.clone()];
        let keeping = |attribute: &Attribute| Keeping {
            indexed: attribute.name != "id",
            folded: attribute.name == "login",
            linked: attribute.kind == AttributeType::Reference,
        };
        layout.add(name, std::slice::from_ref(&id), &others, keeping);
    }
    Arc::new(layout)
}

fn entry(key: Key, content: &Content) -> Entry {
    let entry = Entry::new(TYPES[key.0 as usize]).anchor("id", i64::from(key.1));
    let mut entry = entry.set("login", content.0.clone()).set("mails", content.1.clone());
    entry.put("peers", content.2.iter().cloned().map(Value::Reference).collect());
    entry
}

fn nothing() -> Content {
    Content::default()
}

fn key_bytes(layout: &Layout, key: Key) -> Vec<u8> {
    row::encode(layout, &entry(key, &nothing())).unwrap().bytes
}

pub(super) fn page_of(changes: &[Change]) -> Vec<u8> {
    let mut writer = PageWriter::default();
    changes.iter().for_each(|change| writer.change(change));
    writer.finish().unwrap().to_vec()
}

/// What a page says of one entry.
#[derive(Debug, Clone)]
enum News {
    Is(Content),
    LoginIs(String),
    Gone,
}

#[derive(Debug, Clone)]
enum Step {
    Begin {
        full: bool,
    },
    Compare(Vec<(Key, News)>),
    Absorb,
    Export(Key, Content),
    /// An entry without its peers, and those it gains and loses.
    ExportLinks {
        key: Key,
        cleared: bool,
        added: BTreeSet<String>,
        removed: BTreeSet<String>,
    },
    ExportDelete(Key),
    Commit {
        percent: u32,
        objects: u32,
    },
    Abandon,
}

fn key() -> impl Strategy<Value = Key> {
    (0_u8..2, 0_u8..6)
}

fn content() -> impl Strategy<Value = Content> {
    let login = proptest::option::of("[aAbBäÄ]{1,2}");
    (login, proptest::collection::vec("[xyz]", 0..4), peers())
}

fn peers() -> impl Strategy<Value = BTreeSet<String>> {
    proptest::collection::btree_set("[0-3]", 0..3)
}

fn step() -> impl Strategy<Value = Step> {
    let news = prop_oneof![
        5 => content().prop_map(News::Is),
        1 => "[aAbB]{1,2}".prop_map(News::LoginIs),
        1 => Just(News::Gone),
    ];
    prop_oneof![
        2 => any::<bool>().prop_map(|full| Step::Begin { full }),
        6 => proptest::collection::vec((key(), news), 1..5).prop_map(Step::Compare),
        6 => Just(Step::Absorb),
        4 => (key(), content()).prop_map(|(key, content)| Step::Export(key, content)),
        3 => (key(), any::<bool>(), peers(), peers()).prop_map(|(key, cleared, added, removed)| {
            Step::ExportLinks { key, cleared, added, removed }
        }),
        3 => key().prop_map(Step::ExportDelete),
        2 => (0_u32..101, 0_u32..6).prop_map(|(percent, objects)| Step::Commit { percent, objects }),
        1 => Just(Step::Abandon),
    ]
}

/// An import as the model sees it.
struct ModelPass {
    full: bool,
    known_before: usize,
    seen: BTreeSet<Key>,
    deleted: BTreeSet<Key>,
    touched: BTreeSet<Key>,
    /// Compared but not yet absorbed.
    page: BTreeMap<Key, Content>,
}

/// Space and model, one beside the other.
struct Pair {
    space: Space,
    known: Known,
    pass: Option<(Pass, Differences, ModelPass)>,
}

impl Pair {
    fn new() -> Pair {
        Pair { space: Space::new(layout()), known: Known::new(), pass: None }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Begin { full } => {
                self.finish(None);
                let model = ModelPass {
                    full: *full,
                    known_before: self.known.len(),
                    seen: BTreeSet::new(),
                    deleted: BTreeSet::new(),
                    touched: BTreeSet::new(),
                    page: BTreeMap::new(),
                };
                let pass = Pass::begin(&mut self.space, *full);
                self.pass = Some((pass, Differences::default(), model));
            }
            Step::Compare(news) => {
                self.absorb();
                self.compare(news);
            }
            Step::Absorb => self.absorb(),
            Step::Export(key, content) => {
                let row = row::encode(self.space.layout(), &entry(*key, content)).unwrap();
                let changed = self.space.apply(&Edit::Put(&row), By::Export, 7).is_some();
                let before = self.known.insert(*key, content.clone());
                assert_eq!(changed, before.as_ref() != Some(content));
                self.touch(*key);
            }
            Step::ExportLinks { key, cleared, added, removed } => {
                let mut content = self.known.get(key).cloned().unwrap_or_default();
                let mut bare = content.clone();
                bare.2.clear();
                let row = row::encode(self.space.layout(), &entry(*key, &bare)).unwrap();
                if *cleared {
                    content.2.clear();
                }
                content.2.retain(|peer| !removed.contains(peer));
                content.2.extend(added.iter().cloned());
                let bytes = |set: &BTreeSet<String>| set.iter().map(|s| s.clone().into()).collect();
                let (added, removed) = (bytes(added), bytes(removed));
                let change = LinkChange { number: 3, cleared: *cleared, added, removed };
                let edit = Edit::Update(&row, std::slice::from_ref(&change));
                let changed = self.space.apply(&edit, By::Export, 7).is_some();
                let before = self.known.insert(*key, content.clone());
                assert_eq!(changed, before != Some(content));
                self.touch(*key);
            }
            Step::ExportDelete(key) => {
                let bytes = key_bytes(self.space.layout(), *key);
                let removed = self.space.apply(&Edit::Remove(&bytes), By::Export, 7).is_some();
                assert_eq!(removed, self.known.remove(key).is_some());
                self.touch(*key);
            }
            Step::Commit { percent, objects } => {
                self.absorb();
                self.finish(Some(Guard { percent: *percent, objects: *objects }));
            }
            Step::Abandon => self.finish(None),
        }
    }

    fn touch(&mut self, key: Key) {
        if let Some((.., model)) = &mut self.pass {
            model.touched.insert(key);
        }
    }

    fn compare(&mut self, news: &[(Key, News)]) {
        let Some((pass, differences, model)) = &mut self.pass else { return };
        let mut changes = Vec::new();
        for (key, news) in news {
            let id = entry(*key, &nothing()).id().clone();
            match news {
                News::Is(content) => {
                    changes.push(Change::Add(entry(*key, content)));
                    model.deleted.remove(key);
                    model.page.insert(*key, content.clone());
                    model.seen.insert(*key);
                }
                News::LoginIs(login) => {
                    let before = model.page.get(key).or_else(|| self.known.get(key));
                    if let Some((_, mails, peers)) = before.cloned() {
                        model.deleted.remove(key);
                        model.page.insert(*key, (Some(login.clone()), mails, peers));
                        model.seen.insert(*key);
                    }
                    changes.push(Change::Update(Update::new(id).set("login", login.as_str())));
                }
                News::Gone => {
                    model.deleted.insert(*key);
                    changes.push(Change::Delete { id });
                }
            }
        }
        let bytes = page_of(&changes);
        pass.compare(&self.space, &Page::parse(&bytes).unwrap(), differences).unwrap();
    }

    fn absorb(&mut self) {
        let Some((pass, differences, model)) = &mut self.pass else { return };
        while pass.absorb(&mut self.space, differences, 9) {}
        for (key, content) in std::mem::take(&mut model.page) {
            if !model.touched.contains(&key) {
                self.known.insert(key, content);
            }
        }
    }

    /// Ends the pass; without a guard it failed.
    fn finish(&mut self, guard: Option<Guard>) {
        let Some((mut pass, _, model)) = self.pass.take() else { return };
        if let Some(guard) = guard {
            let removals = pass.removals(&self.space, guard);
            for chunk in removals.chunks(2) {
                pass.remove(&mut self.space, chunk, 9);
            }
            let go = |key: &Key| {
                let absent = if model.full {
                    !model.seen.contains(key)
                } else {
                    model.deleted.contains(key)
                };
                absent && !model.touched.contains(key)
            };
            let gone: Vec<Key> = self.known.keys().filter(|key| go(key)).copied().collect();
            let many = gone.len() > guard.objects as usize
                && gone.len() * 100 > model.known_before * guard.percent as usize;
            assert_eq!(pass.report().held, if many { gone.len() } else { 0 });
            assert!(!many || !pass.is_whole());
            if !many {
                gone.iter().for_each(|key| drop(self.known.remove(key)));
                assert_eq!(pass.report().removed, gone.len());
            }
        }
        pass.end(&mut self.space);
    }

    /// Space and model say the same, by every way there is to ask.
    fn check(&self) {
        let space = &self.space;
        let layout = space.layout();
        let held: Known = space.slots().map(|stored| self.read(&stored)).collect();
        assert_eq!(held, self.known);
        assert_eq!(space.len(), self.known.len());
        for type_number in 0..2_u32 {
            let of_type = self.known.keys().filter(|key| u32::from(key.0) == type_number).count();
            assert_eq!(space.count(type_number), of_type);
            for take in [1, 2, 5] {
                let mut paged = Vec::new();
                while paged.len() < of_type {
                    let page = space.page(type_number, paged.len(), take);
                    assert!(!page.is_empty() && page.len() <= take);
                    paged.extend(page);
                }
                assert!(space.page(type_number, of_type, take).is_empty());
                let once: BTreeSet<u32> = paged.iter().copied().collect();
                assert_eq!(once.len(), paged.len(), "each entry once, {take} at a time");
            }
            for wanted in ["a", "A", "ab", "Ä", "x", "y", "z"] {
                let login = |content: &Content| {
                    content
                        .0
                        .as_ref()
                        .is_some_and(|login| login.to_lowercase() == wanted.to_lowercase())
                };
                self.check_find(type_number, 1, wanted, login);
                self.check_order(type_number, wanted);
                self.check_find(type_number, 2, wanted, |c| c.1.iter().any(|mail| mail == wanted));
            }
        }
        for (key, content) in &self.known {
            let id = ResourceId::of(layout, &key_bytes(layout, *key));
            let stored = space.by_id(&id).unwrap();
            assert_eq!(self.read(&stored), (*key, content.clone()));
            assert_eq!(space.link_count(&stored, 3), content.2.len());
            let anew = row::encode(layout, &entry(*key, content)).unwrap();
            assert_eq!(stored.bytes, anew.bytes, "equal entries have equal bytes");
        }
        for (kind, peer) in [(0, "0"), (0, "3"), (1, "0"), (1, "2")] {
            let slots = space.linked(kind, 3, peer.as_bytes());
            let found: Vec<Key> =
                slots.iter().map(|slot| self.read(&space.stored(*slot).unwrap()).0).collect();
            let names = |content: &Content| content.2.contains(peer);
            let fits =
                |(key, content): &(&Key, &Content)| u32::from(key.0) == kind && names(content);
            let expected: BTreeSet<Key> =
                self.known.iter().filter(fits).map(|(key, _)| *key).collect();
            assert_eq!(found.len(), expected.len());
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected, "{peer}");
        }
    }

    fn check_find(&self, kind: u32, number: u32, wanted: &str, fits: impl Fn(&Content) -> bool) {
        // While an import fills an empty space the indexes sleep, and say so.
        let Some(slots) = self.space.find(kind, number, wanted.as_bytes()) else {
            assert!(self.pass.is_some(), "indexes sleep during an import only");
            return;
        };
        let found: Vec<Key> =
            slots.iter().map(|slot| self.read(&self.space.stored(*slot).unwrap()).0).collect();
        let expected: BTreeSet<Key> = self
            .known
            .iter()
            .filter(|(key, content)| u32::from(key.0) == kind && fits(content))
            .map(|(key, _)| *key)
            .collect();
        assert_eq!(found.len(), expected.len(), "{wanted}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected, "{wanted}");
    }

    /// The order of the logins is that of the model's, and what stands around a text is found.
    fn check_order(&self, kind: u32, wanted: &str) {
        let wanted = wanted.to_lowercase();
        type Fits<'a> = Box<dyn Fn(&str) -> bool + 'a>;
        let spans: [(Span<'_>, Fits<'_>); 6] = [
            (Span::Equal(&wanted), Box::new(|login| login == wanted)),
            (Span::Begin(&wanted), Box::new(|login| login.starts_with(&wanted))),
            (Span::Below(&wanted, false), Box::new(|login| login < wanted.as_str())),
            (Span::Below(&wanted, true), Box::new(|login| login <= wanted.as_str())),
            (Span::Above(&wanted, false), Box::new(|login| login > wanted.as_str())),
            (Span::Above(&wanted, true), Box::new(|login| login >= wanted.as_str())),
        ];
        let login = |slot: u32| {
            let (_, (login, ..)) = self.read(&self.space.stored(slot).unwrap());
            (login.is_none(), login.map(|login| login.to_lowercase()), slot)
        };
        let mut slots: Vec<u32> = (0..self.space.used())
            .filter(|slot| {
                let stored = self.space.stored(*slot);
                stored.is_some_and(|stored| row::type_of(stored.bytes) == kind)
            })
            .collect();
        slots.sort_by_key(|slot| login(*slot));
        for (span, fits) in spans {
            let Some((places, exact)) = self.space.places(kind, 1, span) else {
                assert!(self.pass.is_some(), "indexes sleep during an import only");
                return;
            };
            assert!(exact);
            let is_meant = |slot: &u32| login(*slot).1.is_some_and(|login| fits(&login));
            let meant: Vec<u32> = slots.iter().copied().filter(is_meant).collect();
            assert_eq!(self.space.at_places(kind, 1, places), meant, "{span:?}");
        }
        assert_eq!(self.space.at_places(kind, 1, 0..usize::MAX), slots);
        assert_eq!(self.space.places(kind, 2, Span::Equal("x")), None, "of several values");
    }

    fn read(&self, stored: &Stored<'_>) -> (Key, Content) {
        let entry = self.space.whole_entry(stored);
        let kind = TYPES.iter().position(|name| *name == entry.id().object_type).unwrap();
        let number = entry.id().anchor.first().and_then(Value::as_integer).unwrap();
        let mails = entry.get("mails").iter().map(|mail| mail.to_string()).collect();
        let peers = entry.get("peers").iter().map(|peer| peer.to_string()).collect();
        ((kind as u8, number as u8), (entry.text("login").map(str::to_owned), mails, peers))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_space_is_what_the_model_says(
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.step(step);
            // Between a page's comparison and its absorption the model is ahead.
            pair.check();
        }
    }
}
