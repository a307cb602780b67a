//! Published OpenStack notifications, as they arrive on the bus.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// A value with its `$ref`s put in: what stands beside one changes parts of what it names.
fn resolved(value: Value, folder: &Path) -> Value {
    match value {
        Value::Object(mut map) => {
            let reference = map.remove("$ref");
            let rest = map
                .into_iter()
                .map(|(key, value)| (key, resolved(value, folder)))
                .collect();
            match reference {
                Some(Value::String(name)) => {
                    let path = folder.join(name.trim_end_matches('#'));
                    let text = fs::read(&path).unwrap();
                    let base = serde_json::from_slice(&text).unwrap();
                    let mut base = resolved(base, path.parent().unwrap());
                    merge(&mut base, Value::Object(rest));
                    base
                }
                _ => Value::Object(rest),
            }
        }
        Value::Array(items) => items
            .into_iter()
            .map(|item| resolved(item, folder))
            .collect(),
        other => other,
    }
}

fn merge(base: &mut Value, changes: Value) {
    match (base, changes) {
        (Value::Object(base), Value::Object(changes)) => {
            for (key, value) in changes {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, changes) => *base = changes,
    }
}

/// Nova's samples, each with its file's name.
pub(crate) fn nova(data: &Path) -> Vec<(String, Value)> {
    let folder = data.join("openstack-notifications/nova");
    let mut out: Vec<(String, Value)> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| {
            let value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, resolved(value, &folder))
        })
        .collect();
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out
}

/// Keystone's printed blocks: those that are notifications, and the text of the others.
pub(crate) fn keystone(data: &Path) -> (Vec<Value>, Vec<String>) {
    let path = data.join("openstack-notifications/keystone-cadf.jsonl");
    let text = fs::read_to_string(path).unwrap();
    let (mut events, mut others) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        match line["not_json"].as_str() {
            Some(text) => others.push(text.to_owned()),
            None => events.push(line["event"].take()),
        }
    }
    (events, others)
}
