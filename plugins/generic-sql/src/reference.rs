//! What references name: by the setting `references`, else by the foreign keys of the database.

use crate::{
    driver::{ForeignKey, Storage},
    nearest::instead,
    schema::{Table, means},
    settings::Settings,
};
use ecma_plugin_sdk::Problem;

const PARAMETER: &str = "references";

/// What is wished and known of references.
#[derive(Debug)]
pub(crate) struct References<'a> {
    wishes: Vec<Wish<'a>>,
    types: Vec<Type>,
}

/// An entry of the setting: `column`, `column=type` or `column=*`.
#[derive(Debug)]
struct Wish<'a> {
    entry: &'a str,
    name: &'a str,
    target: Option<&'a str>,
}

/// An object type that a reference may name.
#[derive(Debug)]
struct Type {
    object_type: String,
    table: String,
    /// The column of its anchor; one of several columns is no value.
    anchor: Option<String>,
}

impl<'a> References<'a> {
    /// The entries of the setting; `known` says whether a name is a column or an attribute.
    pub(crate) fn of_settings(
        settings: &'a Settings,
        known: impl Fn(&str) -> bool,
    ) -> References<'a> {
        let wish = |entry: &'a String| {
            // A column whose name has an equals sign in it is meant as it is.
            let parts = entry.rsplit_once('=').filter(|_| !known(entry));
            match parts {
                Some((name, target)) => {
                    Wish { entry, name: name.trim(), target: Some(target.trim()) }
                }
                None => Wish { entry, name: entry, target: None },
            }
        };
        References { wishes: settings.references.iter().map(wish).collect(), types: Vec::new() }
    }

    /// Names of columns and attributes, without what they are to name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.wishes.iter().map(|wish| wish.name)
    }

    /// With the object types there are.
    pub(crate) fn among(mut self, tables: &[Table], problems: &mut Vec<Problem>) -> References<'a> {
        let one = |table: &Table| {
            let mut anchors = table.anchors().map(|column| column.name.clone());
            let anchor = anchors.next().filter(|_| anchors.next().is_none());
            Type { object_type: table.object_type.clone(), table: table.name.clone(), anchor }
        };
        self.types = tables.iter().map(one).collect();
        for wish in &self.wishes {
            let Some(target) = wish.target.filter(|target| *target != "*") else { continue };
            let text = match self.find(target) {
                Some(found) if found.anchor.is_some() => continue,
                Some(_) => "has an anchor of several columns, which is no value".to_owned(),
                None => {
                    let known = self.types.iter().map(|one| one.object_type.as_str());
                    format!("is no object type{}", instead(target, known))
                }
            };
            let text = format!("has \"{}\", but \"{target}\" {text}", wish.entry);
            problems.push(Problem::new(PARAMETER, text));
        }
        self
    }

    fn find(&self, word: &str) -> Option<&Type> {
        let exact = self.types.iter().find(|one| one.object_type == word);
        exact.or_else(|| self.types.iter().find(|one| one.object_type.eq_ignore_ascii_case(word)))
    }

    /// The object types whose anchor is one value.
    pub(crate) fn types(&self) -> Vec<String> {
        let single = self.types.iter().filter(|one| one.anchor.is_some());
        single.map(|one| one.object_type.clone()).collect()
    }

    /// The object type whose anchor a foreign key is; of several that are one table, `own` first.
    pub(crate) fn by_key(&self, key: &ForeignKey, own: &str) -> Option<String> {
        let fits = |one: &&Type| {
            one.table.eq_ignore_ascii_case(&key.table)
                && one.anchor.as_deref().is_some_and(|anchor| {
                    key.key.as_deref().is_none_or(|key| key.eq_ignore_ascii_case(anchor))
                })
        };
        let mut fitting = self.types.iter().filter(fits).map(|one| &one.object_type);
        let first = fitting.clone().find(|object_type| *object_type == own);
        first.or_else(|| fitting.next()).cloned()
    }

    /// Whether a setting names this attribute.
    pub(crate) fn named(&self, table: &Table, attribute: &str) -> bool {
        self.wishes.iter().any(|wish| is(wish, table, attribute))
    }

    /// The object types that an attribute names, none for any of them; `None` when it is no
    /// reference. `foreign` is what a foreign key says, `typed` whether a column has the type.
    pub(crate) fn of(
        &self,
        table: &Table,
        attribute: &str,
        foreign: Option<String>,
        typed: bool,
        storage: Storage,
    ) -> Result<Option<Vec<String>>, Problem> {
        let wrong = |wish: &Wish<'_>, what: &str| {
            Problem::new(PARAMETER, format!("has \"{}\", {what}", wish.entry))
        };
        let open = |wish: &Wish<'_>| match storage {
            Storage::Integer if !typed => Err(wrong(
                wish,
                "but the column has numbers, which do not say the object type; name one",
            )),
            _ => Ok(Some(Vec::new())),
        };
        let mut wishes = self.wishes.iter().filter(|wish| is(wish, table, attribute)).peekable();
        if wishes.peek().is_none() {
            return Ok(match (foreign, typed) {
                (_, true) => Some(Vec::new()),
                (foreign, false) => foreign.map(|object_type| vec![object_type]),
            });
        }
        let mut types = Vec::new();
        for wish in wishes {
            let named = match wish.target {
                Some("*") => return open(wish),
                Some(target) => self.find(target).map(|one| one.object_type.clone()),
                None if typed => return Ok(Some(Vec::new())),
                None => Some(foreign.clone().or_else(|| self.only()).ok_or_else(|| {
                    let (entry, object_type) = (wish.entry, &table.object_type);
                    let text = "which does not say what it names, and no foreign key does; write";
                    wrong(wish, &format!("{text} \"{entry}={object_type}\""))
                })?),
            };
            types.extend(named.filter(|object_type| !types.contains(object_type)));
            if types.len() > 1 {
                open(wish)?;
            }
        }
        Ok(Some(types))
    }

    /// The object type when there is one.
    fn only(&self) -> Option<String> {
        match self.types.as_slice() {
            [one] => Some(one.object_type.clone()),
            _ => None,
        }
    }
}

fn is(wish: &Wish<'_>, table: &Table, attribute: &str) -> bool {
    means(wish.name, &[&table.object_type, &table.name], attribute)
}
