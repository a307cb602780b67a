//! A record that is taken apart: what has a place in OCSF is taken out, and the rest is
//! what goes to `unmapped`.

use serde_json::{Map, Value};

use super::VIEW_KEY;
use crate::table::pattern::folds_to;
use crate::view::WITHHELD_KEY;

/// What is left of a record.
#[derive(Debug)]
pub(super) struct Taken {
    rest: Map<String, Value>,
}

impl Taken {
    /// The whole record; `None` if it is no JSON object.
    pub(super) fn of(record: Value) -> Option<Self> {
        match record {
            Value::Object(mut rest) => {
                // Whoever wrote that did not write it for this view.
                rest.shift_remove(VIEW_KEY);
                Some(Self { rest })
            }
            _ => None,
        }
    }

    /// What is left in the end.
    pub(super) const fn rest(&self) -> &Map<String, Value> {
        &self.rest
    }

    /// Takes the text at a path of folded keys (`resourceid`), joined by dots. A number is
    /// taken as its digits. What is empty stays, as does a marker of what was withheld.
    pub(super) fn text(&mut self, path: &str) -> Option<String> {
        let value = self.take(path, &|value| match value {
            Value::String(text) => !text.is_empty(),
            Value::Number(_) => true,
            _ => false,
        })?;
        Some(match value {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }

    /// Takes the text at the first of the paths that has some.
    pub(super) fn first(&mut self, paths: &[&str]) -> Option<String> {
        paths.iter().find_map(|path| self.text(path))
    }

    /// Takes a whole number, also one that is written as text.
    pub(super) fn number(&mut self, path: &str) -> Option<i64> {
        let value = self.take(path, &|value| match value {
            Value::Number(number) => number.is_i64(),
            Value::String(text) => text.parse::<i64>().is_ok_and(|n| n.to_string() == *text),
            _ => false,
        })?;
        match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        }
    }

    /// Takes an object that has something in it and was not withheld, or text.
    pub(super) fn data(&mut self, path: &str) -> Option<Value> {
        self.take(path, &|value| match value {
            Value::Object(map) => !map.is_empty() && !map.contains_key(WITHHELD_KEY),
            Value::String(text) => !text.is_empty(),
            _ => false,
        })
    }

    /// Takes a list of texts.
    pub(super) fn texts(&mut self, path: &str) -> Vec<String> {
        self.list(path, &|_| true)
    }

    /// Takes a list of addresses.
    pub(super) fn addresses(&mut self, path: &str) -> Vec<String> {
        self.list(path, &|text| crate::identity::parse_address(text).is_some())
    }

    fn list(&mut self, path: &str, fits: &dyn Fn(&str) -> bool) -> Vec<String> {
        let list = self.take(path, &|value| {
            value
                .as_array()
                .is_some_and(|items| items.iter().all(|item| item.as_str().is_some_and(fits)))
        });
        match list {
            Some(Value::Array(items)) => items
                .into_iter()
                .filter_map(|item| match item {
                    Value::String(text) => Some(text),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Takes a list of objects.
    pub(super) fn items(&mut self, path: &str) -> Vec<Self> {
        let list = self.take(path, &|value| {
            value.as_array().is_some_and(|items| {
                items.iter().all(|item| {
                    item.as_object()
                        .is_some_and(|item| !item.contains_key(WITHHELD_KEY))
                })
            })
        });
        match list {
            Some(Value::Array(items)) => items.into_iter().filter_map(Self::of).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether there is something at the path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.at(path).is_some()
    }

    /// The text at the path, which stays.
    pub(super) fn peek(&self, path: &str) -> Option<String> {
        let text = self.at(path)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The text under a key of the first object in the list at the path, which stays.
    pub(super) fn peek_in(&self, path: &str, key: &str) -> Option<String> {
        let text = self.at(path)?.as_array()?.first()?.get(key)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn at(&self, path: &str) -> Option<&Value> {
        let mut map = Some(&self.rest);
        let mut found = None;
        for step in path.split('.') {
            found = map.and_then(|map| {
                let mut members = map.iter();
                members
                    .find(|(key, _)| folds_to(key, step))
                    .map(|(_, one)| one)
            });
            map = found.and_then(Value::as_object);
        }
        found
    }

    fn take(&mut self, path: &str, fits: &dyn Fn(&Value) -> bool) -> Option<Value> {
        take(&mut self.rest, path, fits)
    }
}

fn take(map: &mut Map<String, Value>, path: &str, fits: &dyn Fn(&Value) -> bool) -> Option<Value> {
    let (step, below) = match path.split_once('.') {
        Some((step, below)) => (step, Some(below)),
        None => (path, None),
    };
    let key = map.keys().find(|key| folds_to(key, step))?.clone();
    let Some(below) = below else {
        if !map.get(&key).is_some_and(fits) {
            return None;
        }
        return map.shift_remove(&key);
    };
    let inner = map.get_mut(&key)?.as_object_mut()?;
    let value = take(inner, below, fits)?;
    if inner.is_empty() {
        map.shift_remove(&key);
    }
    Some(value)
}
