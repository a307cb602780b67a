//! Two reports, figure by figure, as they stand in JSON.

use serde_json::{Map, Value};

/// What tells one item of a list from another.
const NAMES: [&str; 8] = [
    "version", "period", "basis", "kind", "severity", "subject", "incident", "started",
];

/// Says where they differ: the place, what the first one says and what the second one does. `null`
/// is what is not there.
pub(super) fn compare(first: &Value, second: &Value, say: &mut impl FnMut(&str, &Value, &Value)) {
    values("", first, second, say);
}

fn values(place: &str, first: &Value, second: &Value, say: &mut impl FnMut(&str, &Value, &Value)) {
    match (first, second) {
        _ if first == second => {}
        (Value::Object(a), Value::Object(b)) => objects(place, a, b, say),
        (Value::Array(a), Value::Array(b)) => lists(place, a, b, say),
        _ => say(place, first, second),
    }
}

fn objects(
    place: &str,
    first: &Map<String, Value>,
    second: &Map<String, Value>,
    say: &mut impl FnMut(&str, &Value, &Value),
) {
    let missing = second.keys().filter(|key| !first.contains_key(*key));
    for key in first.keys().chain(missing) {
        let inner = match place {
            "" => key.clone(),
            place => format!("{place}.{key}"),
        };
        let (a, b) = (first.get(key), second.get(key));
        values(
            &inner,
            a.unwrap_or(&Value::Null),
            b.unwrap_or(&Value::Null),
            say,
        );
    }
}

fn lists(
    place: &str,
    first: &[Value],
    second: &[Value],
    say: &mut impl FnMut(&str, &Value, &Value),
) {
    match (named(first), named(second)) {
        (Some(a), Some(b)) => {
            for (name, value) in &a {
                let other = b.iter().find(|(other, _)| other == name);
                let other = other.map_or(&Value::Null, |(_, value)| *value);
                values(&format!("{place}[{name}]"), value, other, say);
            }
            for (name, value) in &b {
                if !a.iter().any(|(other, _)| other == name) {
                    say(&format!("{place}[{name}]"), &Value::Null, value);
                }
            }
        }
        _ => {
            for index in 0..first.len().max(second.len()) {
                let (a, b) = (first.get(index), second.get(index));
                values(
                    &format!("{place}[{index}]"),
                    a.unwrap_or(&Value::Null),
                    b.unwrap_or(&Value::Null),
                    say,
                );
            }
        }
    }
}

/// The items with what tells them apart; none if not all have something, or two have the same.
fn named(items: &[Value]) -> Option<Vec<(String, &Value)>> {
    let mut all: Vec<(String, &Value)> = Vec::with_capacity(items.len());
    for item in items {
        let object = item.as_object()?;
        let parts = NAMES.iter().filter_map(|name| object.get(*name));
        let parts = parts.filter(|part| !part.is_null()).map(|part| match part {
            Value::String(text) => text.clone(),
            part => part.to_string(),
        });
        let name = parts.collect::<Vec<_>>().join(" ");
        if name.is_empty() {
            return None;
        }
        all.push((name, item));
    }
    let mut names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    (names.len() == items.len()).then_some(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(first: &Value, second: &Value) -> Vec<String> {
        let mut said = Vec::new();
        compare(first, second, &mut |place, a, b| {
            said.push(format!("{place}: {a} {b}"))
        });
        said
    }

    #[test]
    fn what_is_the_same_is_not_spoken_of() {
        let value = json!({ "a": [{ "kind": "x", "met": 1 }], "b": null });
        assert!(said(&value, &value).is_empty());
        assert!(said(&json!({ "a": null }), &json!({})).is_empty());
    }

    #[test]
    fn items_are_told_apart_by_what_they_are_of() {
        let first = json!({ "lines": [
            { "kind": "a", "severity": "sev1", "met": 1 },
            { "kind": "a", "severity": "sev2", "met": 2 },
        ] });
        let second = json!({ "lines": [
            { "kind": "a", "severity": "sev2", "met": 3 },
            { "kind": "b", "severity": "sev2", "met": 4 },
        ] });
        assert_eq!(
            said(&first, &second),
            [
                "lines[a sev1]: {\"kind\":\"a\",\"severity\":\"sev1\",\"met\":1} null",
                "lines[a sev2].met: 2 3",
                "lines[b sev2]: null {\"kind\":\"b\",\"severity\":\"sev2\",\"met\":4}",
            ]
        );
    }

    #[test]
    fn items_without_a_name_are_told_apart_by_their_place() {
        assert_eq!(said(&json!([1, 2]), &json!([1])), ["[1]: 2 null"]);
        let twice = json!([{ "kind": "a", "at": 1 }, { "kind": "a", "at": 2 }]);
        let once = json!([{ "kind": "a", "at": 1 }, { "kind": "a", "at": 3 }]);
        assert_eq!(said(&twice, &once), ["[1].at: 2 3"]);
    }
}
