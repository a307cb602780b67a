//! The published samples. Their content is read at run time and stays where it is.

use std::collections::BTreeSet;

use cordon_views::{Reason, SourceType, split::split, table::PartyTable};
use serde_json::Value;

use crate::published::{keystone, nova};
use crate::support::{World, shared_data};
use crate::{see, view};

/// All samples as they are on the bus.
fn samples() -> Option<Vec<(String, Value)>> {
    let Some(data) = shared_data() else {
        eprintln!("skipped: no data");
        return None;
    };
    let mut all = nova(&data);
    let (events, others) = keystone(&data);
    assert_eq!((all.len(), events.len(), others.len()), (140, 7, 2));
    all.extend(
        events
            .into_iter()
            .map(|event| ("keystone".to_owned(), event)),
    );
    Some(all)
}

/// Every path with a value at its end, each with its keys.
fn paths(value: &Value, path: &mut Vec<String>, out: &mut BTreeSet<Vec<String>>) {
    let mut below = |key: String, value: &Value| {
        path.push(key);
        paths(value, path, out);
        path.pop();
    };
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter()
                .for_each(|(key, value)| below(key.clone(), value));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().for_each(|value| below("0".to_owned(), value));
        }
        // Null says nothing.
        Value::Null => {}
        _ => {
            out.insert(path.clone());
        }
    }
}

/// A world in which whoever is named is one tenant, or the owner is another than the caller.
fn everybody(record: &Value) -> World {
    let mut world = World::default();
    let seen = see(&world, &record.to_string()).unwrap();
    for id in seen.unknown_parties {
        world.accounts.insert(id, "all".to_owned());
    }
    world
}

#[test]
fn every_sample_is_read() {
    let Some(samples) = samples() else { return };
    let (mut of_a_project, mut of_nobody) = (0, BTreeSet::new());
    for (name, record) in &samples {
        let seen = see(&everybody(record), &record.to_string()).unwrap();
        assert!(seen.unknown_parties.is_empty(), "{name}");
        match &*seen.views {
            [] => {
                let event_type = record["event_type"].as_str().unwrap();
                of_nobody.insert(event_type.split('.').next().unwrap().to_owned());
            }
            [(_, row)] => {
                of_a_project += 1;
                assert!(!row.account.is_empty() && row.class_uid != 0, "{name}");
            }
            _ => panic!("{name} has several"),
        }
    }
    assert_eq!(of_a_project, 112);
    let of_nobody: Vec<&str> = of_nobody.iter().map(String::as_str).collect();
    assert_eq!(
        of_nobody,
        [
            "aggregate",
            "compute",
            "flavor",
            "identity",
            "keypair",
            "libvirt",
            "metrics",
            "service"
        ]
    );
}

#[test]
fn what_is_no_json_is_a_dead_letter() {
    let Some(data) = shared_data() else { return };
    let (_, others) = keystone(&data);
    for text in others {
        assert!(see(&World::default(), &text).is_err());
        let items = split(SourceType::OpenStackNotification, text.as_bytes());
        assert!(items.into_iter().all(|item| item.record.is_err()));
    }
}

#[test]
fn the_table_knows_every_field_of_the_samples() {
    let Some(samples) = samples() else { return };
    let table = PartyTable::of(SourceType::OpenStackNotification).unwrap();
    let mut count = BTreeSet::new();
    for (name, record) in &samples {
        let mut found = BTreeSet::new();
        paths(record, &mut Vec::new(), &mut found);
        let operation = record["event_type"].as_str().unwrap();
        for path in found {
            let steps: Vec<&str> = path.iter().map(String::as_str).collect();
            // A rule for a list or an object holds for all in it that has none of its own.
            let by_rule = (1..=steps.len()).any(|length| {
                let part = &steps[..length];
                let whole = length == steps.len() || !table.has_below(operation, part);
                whole && table.rule_for(operation, part).is_some()
            });
            if steps != ["payload"] {
                assert!(by_rule, "{name}: {path:?}");
            }
            count.insert(path);
        }
    }
    assert_eq!(count.len(), 321, "different fields");
}

#[test]
fn no_view_of_a_sample_names_a_machine_or_leaves_a_field_unreviewed() {
    let Some(samples) = samples() else { return };
    let mut views = 0;
    for (name, record) in &samples {
        let seen = see(&everybody(record), &record.to_string()).unwrap();
        for (_, row) in &seen.views {
            views += 1;
            let view = view(row);
            let data = |value: &Value, key: &str| value["payload"]["nova_object.data"][key].clone();
            for key in ["host", "node"] {
                let before = data(record, key);
                assert!(
                    before.is_null() || data(&view, key) != before,
                    "{name}: {key}"
                );
            }
            assert_ne!(view["publisher_id"], record["publisher_id"], "{name}");
            assert!(
                !row.raw.contains("fake-mini") && !row.raw.contains("nova-compute:"),
                "{name}"
            );
            assert!(!row.raw.contains("Traceback"), "{name}");
            let mut withheld = row.withheld.iter();
            assert!(
                withheld.all(|one| one.reason != Reason::NotReviewed),
                "{name}"
            );
        }
    }
    assert_eq!(views, 112);
}
