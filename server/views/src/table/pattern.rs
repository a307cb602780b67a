//! Paths through records: keys with dots in them, and keys that are written in several ways.

use std::borrow::Cow;

use serde_json::Value;

use super::{PartyTable, Pattern, Rule, Step};

/// The key in small letters and without underscores.
pub(crate) fn fold(key: &str) -> Cow<'_, str> {
    if key
        .bytes()
        .all(|byte| byte != b'_' && !byte.is_ascii_uppercase())
    {
        return Cow::Borrowed(key);
    }
    let mut out = key.replace('_', "");
    out.make_ascii_lowercase();
    Cow::Owned(out)
}

/// Whether the key folds to that folded one.
pub(crate) fn folds_to(key: &str, folded: &str) -> bool {
    key.bytes()
        .filter(|byte| *byte != b'_')
        .map(|byte| byte.to_ascii_lowercase())
        .eq(folded.bytes())
}

impl PartyTable {
    /// The rule that holds for a path as rows have it: keys and list positions joined by
    /// dots.
    #[must_use]
    pub fn rule_at(&self, operation: &str, path: &str) -> Option<&Rule> {
        self.rules
            .iter()
            .find(|rule| rule.is_for(operation) && rule.path.matches_joined(path))
    }

    /// The key as this table compares keys.
    pub(super) fn folded<'k>(&self, key: &'k str) -> Cow<'k, str> {
        if self.folds {
            fold(key)
        } else {
            Cow::Borrowed(key)
        }
    }
}

impl Pattern {
    /// Whether the key of a record is that of a step.
    pub(super) fn is_key(&self, step: &str, key: &str) -> bool {
        if self.folds {
            folds_to(key, step)
        } else {
            step == key
        }
    }

    /// The values that it means, in the record's order.
    #[must_use]
    pub fn select<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![value];
        for step in &self.steps {
            found = match step {
                Step::Rest => return found,
                Step::Any => found.into_iter().flat_map(super::children).collect(),
                Step::Key(key) => found
                    .into_iter()
                    .filter_map(Value::as_object)
                    .flatten()
                    .filter(|(name, _)| self.is_key(key, name))
                    .map(|(_, one)| one)
                    .collect(),
            };
        }
        found
    }

    /// Whether it means the path in the form that rows have it: joined by dots, whether or
    /// not keys have dots in them.
    fn matches_joined(&self, path: &str) -> bool {
        let mut rest = Some(path);
        for step in &self.steps {
            let Some(text) = rest else {
                return *step == Step::Rest;
            };
            rest = match step {
                Step::Rest => return true,
                Step::Any => text.split_once('.').map(|(_, tail)| tail),
                Step::Key(key) => match self.key_end(key, text) {
                    Some(end) if end == text.len() => None,
                    Some(end) => text.get(end + 1..),
                    None => return false,
                },
            };
        }
        rest.is_none()
    }

    /// Where the key ends that the text begins with: at its end or at a dot.
    fn key_end(&self, step: &str, text: &str) -> Option<usize> {
        let dots = step.matches('.').count();
        let end = text
            .match_indices('.')
            .nth(dots)
            .map_or(text.len(), |(at, _)| at);
        text.get(..end)
            .is_some_and(|key| self.is_key(step, key))
            .then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_may_have_dots() {
        let table = PartyTable::parse(
            "source_type = \"ocsf\"\nversion = 1\n[[rule]]\npath = 'a.x\\.y\\.z.*.b'\n\
             is = \"common\"\nwhy = \"x\"\n[[rule]]\npath = \"c.**\"\nis = \"common\"\nwhy = \"x\"",
        )
        .unwrap();
        assert!(table.rule_for("", &["a", "x.y.z", "0", "b"]).is_some());
        assert!(
            table
                .rule_for("", &["a", "x", "y", "z", "0", "b"])
                .is_none()
        );
        for (path, known) in [
            ("a.x.y.z.0.b", true),
            ("a.x.y.z.0", false),
            ("a.x.y.z.0.b.d", false),
            ("a.x.y", false),
            ("c", true),
            ("c.d.e", true),
            ("", false),
        ] {
            assert_eq!(table.rule_at("", path).is_some(), known, "{path}");
        }
        let value = serde_json::json!({"a": {"x.y.z": [{"b": 1}, {"b": 2}]}});
        let rule = table.rules.first().unwrap();
        assert_eq!(rule.path.select(&value), [&Value::from(1), &Value::from(2)]);
    }

    #[test]
    fn folded_keys_are_one_key() {
        let table = "source_type = \"ocsf\"\nversion = 1\nfolds = true\n\
                     [[rule]]\npath = 'resourceId.A\\.b_c'\nis = \"common\"\nwhy = \"x\"";
        let table = PartyTable::parse(table).unwrap();
        for key in ["resourceId", "RESOURCE_ID", "resourceid"] {
            assert!(table.rule_for("", &[key, "a.BC"]).is_some(), "{key}");
            assert!(table.spells(key));
            assert!(table.has_below("", &[key]));
        }
        assert!(table.rule_for("", &["resource-id", "a.bc"]).is_none());
        let value = serde_json::json!({"ResourceId": {"a.bc": 1}, "resource_id": {"A.B_C": 2}});
        let rule = table.rules.first().unwrap();
        assert_eq!(rule.path.select(&value), [&Value::from(1), &Value::from(2)]);
        assert!(table.rule_at("", "RESOURCE_ID.a.BC").is_some());
    }
}
