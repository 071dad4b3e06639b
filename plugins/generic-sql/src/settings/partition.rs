//! What differs in the partition of an object type: entries `type = value` of lists. What is not said
//! there is as the settings have it for all.

use super::{DeltaStrategy, DriverName, Settings};
use crate::{delta, moment, nearest::instead, schema::Table};
use ecma_plugin_sdk::{Answer, Problem, Secret, Setting as _};

const PASSWORDS: &str = "partition_passwords";

/// The object type and the value of an entry.
fn said(entry: &str) -> Option<(&str, &str)> {
    let (object_type, value) = entry.split_once('=')?;
    let (object_type, value) = (object_type.trim(), value.trim());
    (!object_type.is_empty() && !value.is_empty()).then_some((object_type, value))
}

/// What a list says of an object type.
fn of<'s>(entries: impl IntoIterator<Item = &'s str>, object_type: &str) -> Option<&'s str> {
    let mut said = entries.into_iter().filter_map(said);
    said.find(|(known, _)| *known == object_type).map(|(_, value)| value)
}

fn texts(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().map(String::as_str)
}

impl Settings {
    /// The time zone of an object type.
    pub(crate) fn time_zone_of(&self, object_type: &str) -> Option<&str> {
        of(texts(&self.partition_time_zones), object_type).or(self.time_zone.as_deref())
    }

    /// The notation of points in time of an object type.
    pub(crate) fn date_time_format_of(&self, object_type: &str) -> Option<&str> {
        let own = of(texts(&self.partition_date_time_formats), object_type);
        own.or(self.date_time_format.as_deref())
    }

    /// How a delta import of an object type finds out what changed.
    pub(crate) fn strategy_of(&self, object_type: &str) -> DeltaStrategy {
        let own = of(texts(&self.partition_delta_strategies), object_type);
        own.and_then(strategy).unwrap_or_else(|| self.strategy())
    }

    /// Whether any object type may have this strategy.
    pub(crate) fn has_strategy(&self, is: impl Fn(DeltaStrategy) -> bool) -> bool {
        let own = texts(&self.partition_delta_strategies).filter_map(said);
        own.filter_map(|(_, word)| strategy(word)).any(&is) || is(self.strategy())
    }

    /// The query that says up to where an import of an object type comes, and its parameter.
    pub(crate) fn watermark_query_of(&self, object_type: &str) -> Option<(&'static str, &str)> {
        let own = of(texts(&self.partition_watermark_queries), object_type);
        let own = own.map(|query| ("partition_watermark_queries", query));
        own.or(self.watermark_query.as_deref().map(|query| ("watermark_query", query)))
    }

    /// What reaches the database for an object type, when it has an account or a database of its own.
    pub(crate) fn of_partition(&self, object_type: &str) -> Option<Settings> {
        let database = of(texts(&self.partition_databases), object_type);
        let user = of(texts(&self.partition_users), object_type);
        let password = of(self.partition_password_lines(), object_type);
        if database.is_none() && user.is_none() && password.is_none() {
            return None;
        }
        let mut own = self.clone();
        own.user = user.map(str::to_owned).or(own.user);
        own.password = password.map(Secret::new).or(own.password);
        match (database, self.driver) {
            (None, _) => {}
            (Some(name), DriverName::Sqlite) => own.database = Some(name.into()),
            (Some(name), DriverName::Odbc) => {
                (own.connection_string, own.dsn) = (None, None);
                own.dsn_file = Some(name.into());
            }
            (Some(name), _) => own.database_name = Some(name.to_owned()),
        }
        Some(own)
    }

    fn partition_password_lines(&self) -> impl Iterator<Item = &str> {
        self.partition_passwords.iter().flat_map(|secret| secret.expose().lines())
    }

    fn partition_lists(&self) -> [(&'static str, Vec<&str>); 7] {
        let list = |name, list| (name, texts(list).collect());
        [
            list("partition_databases", &self.partition_databases),
            list("partition_users", &self.partition_users),
            (PASSWORDS, self.partition_password_lines().collect()),
            list("partition_time_zones", &self.partition_time_zones),
            list("partition_date_time_formats", &self.partition_date_time_formats),
            list("partition_delta_strategies", &self.partition_delta_strategies),
            list("partition_watermark_queries", &self.partition_watermark_queries),
        ]
    }

    /// What is wrong with the lists without a look at the database.
    pub(super) fn problems_of_partitions(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (parameter, entries) in self.partition_lists() {
            let mut known: Vec<&str> = Vec::new();
            let entries = entries.into_iter().enumerate();
            for (at, entry) in entries.filter(|(_, entry)| !entry.trim().is_empty()) {
                let mut wrong = |what: &str| {
                    let shown = match parameter {
                        PASSWORDS => format!("line {}", at + 1),
                        _ => format!("\"{entry}\""),
                    };
                    problems.push(Problem::new(parameter, format!("has {shown}, which {what}")));
                };
                let Some((object_type, value)) = said(entry) else {
                    wrong("is not written as type = value");
                    continue;
                };
                if known.contains(&object_type) {
                    wrong(&format!("is the second one of {object_type}"));
                }
                known.push(object_type);
                let found = match parameter {
                    "partition_users" | PASSWORDS if self.driver == DriverName::Sqlite => {
                        Some("is for a server, and sqlite is a file".to_owned())
                    }
                    "partition_time_zones" => moment::wrong_zone(value),
                    "partition_date_time_formats" => moment::wrong_format(value),
                    "partition_delta_strategies" => DeltaStrategy::read(&Answer::from(value)).err(),
                    "partition_watermark_queries" => {
                        delta::wrong_query(value).or_else(|| self.not_by_watermark(object_type))
                    }
                    _ => None,
                };
                if let Some(what) = found {
                    wrong(&what);
                }
            }
        }
        problems
    }

    fn not_by_watermark(&self, object_type: &str) -> Option<String> {
        let is_by = self.strategy_of(object_type) == DeltaStrategy::Watermark;
        (!is_by).then(|| "is for the delta strategy watermark".to_owned())
    }

    /// Object types of the lists that are not there.
    pub(crate) fn unknown_partitions(&self, tables: &[Table], problems: &mut Vec<Problem>) {
        let types = || tables.iter().map(|table| table.object_type.as_str());
        for (parameter, entries) in self.partition_lists() {
            let named = entries.into_iter().filter_map(said).map(|(object_type, _)| object_type);
            for unknown in named.filter(|named| !types().any(|known| known == *named)) {
                let text = format!("\"{unknown}\", which is no object type");
                let text = format!("names {text}{}", instead(unknown, types()));
                problems.push(Problem::new(parameter, text));
            }
        }
    }
}

fn strategy(word: &str) -> Option<DeltaStrategy> {
    DeltaStrategy::read(&Answer::from(word)).ok()
}
