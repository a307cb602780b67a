//! What the tests of all clouds use.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cordon_views::{Attributed, EventRow, PartyTable, Reject, SourceType, attribute};
use serde_json::Value;

use crate::support::{Keys, OBSERVED, World, all_of, row_of, shared_data};

/// The published data, or `None` with a message.
pub fn data() -> Option<PathBuf> {
    let data = shared_data();
    if data.is_none() {
        eprintln!("skipped: the shared data sets are not here");
    }
    data
}

/// A world in which these accounts, with their clouds in front, are these tenants'.
pub fn world(accounts: &[(&str, &str)]) -> World {
    let mut world = World::default();
    for (id, tenant) in accounts {
        world
            .accounts
            .insert((*id).to_owned(), (*tenant).to_owned());
    }
    world
}

pub fn see(
    source: SourceType,
    world: &World,
    record: &str,
    context: Option<&str>,
) -> Result<Attributed<String>, Reject> {
    attribute(source, record.as_bytes(), context, OBSERVED, world, &Keys)
}

/// The row of one tenant, which must have one.
pub fn row(source: SourceType, world: &World, record: &Value, tenant: &str) -> EventRow {
    let seen = see(source, world, &record.to_string(), None).unwrap();
    row_of(&seen, tenant)
        .unwrap_or_else(|| panic!("{tenant} sees nothing of {record}"))
        .clone()
}

pub fn view(row: &EventRow) -> Value {
    serde_json::from_str(&row.raw).unwrap()
}

/// Fails if the row shows one of the texts.
pub fn hides(row: &EventRow, texts: &[&str]) {
    let all = all_of(row).to_lowercase();
    for text in texts {
        assert!(!all.contains(&text.to_lowercase()), "{text} in {all}");
    }
}

/// All parties of a record, by the unknown ones of a world without anybody.
pub fn parties(source: SourceType, record: &str, context: Option<&str>) -> Option<Vec<String>> {
    let seen = see(source, &World::default(), record, context).ok()?;
    assert!(seen.views.is_empty());
    Some(seen.unknown_parties)
}

/// Every party a tenant of its own: each sees its view, and the registration of the others
/// changes no byte of it. Says how many saw the record.
pub fn every_party_is_a_world(source: SourceType, record: &str, context: Option<&str>) -> usize {
    let Some(parties) = parties(source, record, context) else {
        return 0;
    };
    let names: Vec<(String, String)> = parties
        .iter()
        .map(|id| (id.clone(), format!("t-{id}")))
        .collect();
    let list: Vec<(&str, &str)> = names.iter().map(|(id, t)| (&**id, &**t)).collect();
    let all = see(source, &world(&list), record, context).unwrap();
    assert_eq!(all.views.len(), parties.len(), "{record}");
    assert!(all.unknown_parties.is_empty());
    for (id, tenant) in &list {
        let alone = see(source, &world(&[(id, tenant)]), record, context).unwrap();
        let row = row_of(&all, tenant).unwrap();
        assert_eq!(row_of(&alone, tenant), Some(row), "{record}");
        assert_eq!(row.shared, parties.len() > 1);
        if !row.shared {
            assert_eq!(row.raw, record);
        }
    }
    parties.len()
}

/// Paths of the records' fields, list positions as `*`, that no rule of the table knows,
/// and how often they occur.
pub fn unreviewed(source: SourceType, records: &[Value]) -> BTreeMap<String, usize> {
    let table = PartyTable::of(source).unwrap();
    let mut out = BTreeMap::new();
    for record in records {
        walk(record, &mut Vec::new(), &mut |path| {
            let steps: Vec<&str> = path.iter().map(String::as_str).collect();
            // What is empty is shown where rules tell its parts apart.
            if table.rule_for("", &steps).is_none() && !table.has_below("", &steps) {
                let text: Vec<&str> = steps
                    .iter()
                    .map(|step| {
                        if step.parse::<usize>().is_ok() {
                            "*"
                        } else {
                            step
                        }
                    })
                    .collect();
                *out.entry(text.join(".")).or_default() += 1;
            }
        });
    }
    out
}

fn walk(value: &Value, path: &mut Vec<String>, with: &mut dyn FnMut(&[String])) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, one) in map {
                path.push(key.clone());
                walk(one, path, with);
                path.pop();
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, one) in items.iter().enumerate() {
                path.push(at.to_string());
                walk(one, path, with);
                path.pop();
            }
        }
        Value::Null => {}
        _ => with(path),
    }
}

/// How many of the paths are of fields that a pipeline added.
pub fn pipelines(paths: &BTreeMap<String, usize>) -> usize {
    paths.keys().filter(|path| path.starts_with("p_")).count()
}

/// How often each class and activity occurs.
pub fn tally<'r>(rows: impl IntoIterator<Item = &'r EventRow>) -> BTreeMap<(i32, i32), usize> {
    let mut out = BTreeMap::new();
    for row in rows {
        *out.entry((row.class_uid, row.activity_id)).or_default() += 1;
    }
    out
}
