//! The redaction engine: what one tenant may see of a record that concerns others too.
//!
//! It knows nothing of any source. A party table says whose each field is; this module
//! keeps the record's shape and leaves clear, replaces or withholds value by value. Two
//! rules hold whatever the table says: text that is shown to a viewer who is not its
//! owner is searched for others' identities first, and a field that no rule knows is
//! withheld. Nothing here asks who else is registered, so no registration but the
//! viewer's own changes a byte.

mod viewer;

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use crate::directory::{Directory, Kind, Names};
use crate::identity;
use crate::row::{Reason, Withheld};
use crate::table::{Class, PartyTable, Roles, Rule};

pub use viewer::{Known, Viewer};

/// The key of the marker that stands where something was withheld:
/// `{"cordon:withheld": "FOREIGN_CONTENT"}`.
pub const WITHHELD_KEY: &str = "cordon:withheld";

/// No more places than this are named in a row; one more, `**`, says that there are others.
pub const MOST_WITHHELD: usize = 256;

/// The marker for a withheld value.
#[must_use]
pub fn marker(reason: Reason) -> Value {
    let mut map = Map::with_capacity(1);
    map.insert(
        WITHHELD_KEY.to_owned(),
        Value::String(reason.as_str().to_owned()),
    );
    Value::Object(map)
}

/// What the table lets a viewer see of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it came.
    Clear,
    /// With others' identities replaced: [`Viewer::scrub`].
    Scrubbed,
    /// It is an identity: clear if the viewer's, else a pseudonym: [`Viewer::identity`].
    Identity(Kind),
    /// Not at all.
    Withheld(Reason),
}

/// What the table says of one field for a viewer in these roles.
#[must_use]
pub fn verdict(table: &PartyTable, operation: &str, path: &[&str], roles: Roles) -> Verdict {
    table
        .rule_for(operation, path)
        .map_or(Verdict::Withheld(Reason::NotReviewed), |rule| {
            verdict_of(rule, roles)
        })
}

fn verdict_of(rule: &Rule, roles: Roles) -> Verdict {
    if rule.clear_for.meets(roles) {
        return Verdict::Clear;
    }
    match (rule.class, rule.kind) {
        (Class::Common, _) => Verdict::Scrubbed,
        (Class::Party | Class::Mention, Some(kind)) => Verdict::Identity(kind),
        _ if rule.shown_to.meets(roles) => Verdict::Scrubbed,
        _ => Verdict::Withheld(rule.reason),
    }
}

/// Turns a record into the viewer's view of it, in place and in the source's shape, and
/// says where it differs. `operation` picks the table's rules, `roles` are the viewer's.
pub fn redact<D, N>(
    record: &mut Value,
    table: &PartyTable,
    operation: &str,
    roles: Roles,
    viewer: &Viewer<'_, D, N>,
    known: &Known,
) -> Vec<Withheld>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    let mut pass = Pass {
        table,
        operation,
        roles,
        viewer,
        known,
        withheld: Vec::new(),
        common: false,
    };
    let mut path = Vec::new();
    match record {
        Value::Object(map) => pass.object(map, &mut path),
        Value::Array(items) => pass.array(items, &mut path),
        _ => *record = pass.withhold(&path, Reason::NotReviewed),
    }
    pass.withheld
}

struct Pass<'a, 'v, D: Directory, N> {
    table: &'a PartyTable,
    operation: &'a str,
    roles: Roles,
    viewer: &'a Viewer<'v, D, N>,
    known: &'a Known,
    withheld: Vec<Withheld>,
    /// The field at hand tells nothing about who, so that words in it are no names though
    /// somebody may be called so; ids are looked for all the same.
    common: bool,
}

impl<D, N> Pass<'_, '_, D, N>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    fn object(&mut self, map: &mut Map<String, Value>, path: &mut Vec<String>) {
        // Keys can carry identities too; a changed key moves, so the map is built anew.
        for (key, mut value) in std::mem::take(map) {
            path.push(key.clone());
            self.value(&mut value, path);
            path.pop();
            let key = self.key(key, path);
            map.insert(key, value);
        }
    }

    fn array(&mut self, items: &mut [Value], path: &mut Vec<String>) {
        for (at, value) in items.iter_mut().enumerate() {
            path.push(at.to_string());
            self.value(value, path);
            path.pop();
        }
    }

    fn value(&mut self, value: &mut Value, path: &mut Vec<String>) {
        if value.is_null() {
            return;
        }
        let verdict = {
            let steps: Vec<&str> = path.iter().map(String::as_str).collect();
            let rule = self.table.rule_for(self.operation, &steps);
            self.common = rule.is_some_and(|rule| rule.class == Class::Common);
            let verdict = rule.map_or(Verdict::Withheld(Reason::NotReviewed), |rule| {
                verdict_of(rule, self.roles)
            });
            if verdict != Verdict::Clear
                && matches!(value, Value::Object(_) | Value::Array(_))
                && self.table.has_below(self.operation, &steps)
            {
                None
            } else {
                Some(verdict)
            }
        };
        match (verdict, &mut *value) {
            (Some(Verdict::Clear), _) => {}
            (None, Value::Object(map)) => self.object(map, path),
            (None, Value::Array(items)) => self.array(items, path),
            (None, _) => {}
            (Some(Verdict::Scrubbed), _) => self.scrubbed(value, path),
            (Some(Verdict::Identity(kind)), _) => self.identity(value, kind, path),
            (Some(Verdict::Withheld(reason)), _) => *value = self.withhold(path, reason),
        }
    }

    fn scrubbed(&mut self, value: &mut Value, path: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, mut value) in std::mem::take(map) {
                    path.push(key.clone());
                    self.scrubbed(&mut value, path);
                    path.pop();
                    let key = self.key(key, path);
                    map.insert(key, value);
                }
            }
            Value::Array(items) => {
                for (at, value) in items.iter_mut().enumerate() {
                    path.push(at.to_string());
                    self.scrubbed(value, path);
                    path.pop();
                }
            }
            Value::String(text) => {
                if let Some((clean, reason)) = self.viewer.scrub_for(text, self.known, !self.common)
                {
                    *text = clean;
                    self.note(path, reason);
                }
            }
            Value::Number(number) => {
                if let Some((clean, reason)) = self.number(number) {
                    *value = Value::String(clean);
                    self.note(path, reason);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn identity(&mut self, value: &mut Value, kind: Kind, path: &mut Vec<String>) {
        let clean = match value {
            Value::String(text) => self.viewer.identity(kind, text, self.known),
            Value::Number(number) => {
                let text = number.to_string();
                let text = if kind == Kind::Account {
                    identity::padded_account(&text).into_owned()
                } else {
                    text
                };
                self.viewer.identity(kind, &text, self.known)
            }
            Value::Array(items) => {
                for (at, value) in items.iter_mut().enumerate() {
                    path.push(at.to_string());
                    self.identity(value, kind, path);
                    path.pop();
                }
                return;
            }
            // Not what the table expects there; nobody has said whose it is.
            Value::Object(_) => {
                *value = self.withhold(path, Reason::NotReviewed);
                return;
            }
            Value::Null | Value::Bool(_) => return,
        };
        if let Some((clean, reason)) = clean {
            *value = Value::String(clean);
            self.note(path, reason);
        }
    }

    /// A number that is an account id without its quotes.
    fn number(&self, number: &Number) -> Option<(String, Reason)> {
        let text = number.to_string();
        let padded = identity::padded_account(&text);
        if self.known.is_stranger(&padded) || identity::is_account(&text) {
            self.viewer.scrub(&padded, self.known)
        } else {
            None
        }
    }

    fn key(&mut self, key: String, path: &[String]) -> String {
        if self.table.spells(&key) {
            return key;
        }
        match self.viewer.scrub(&key, self.known) {
            Some((clean, reason)) => {
                let mut path = path.to_vec();
                path.push(clean.clone());
                self.note(&path, reason);
                clean
            }
            None => key,
        }
    }

    fn note(&mut self, path: &[String], reason: Reason) {
        if self.withheld.len() >= MOST_WITHHELD {
            if self.withheld.len() == MOST_WITHHELD {
                self.withheld.push(Withheld {
                    path: "**".to_owned(),
                    reason,
                });
            }
            return;
        }
        let steps: Vec<Cow<'_, str>> = path
            .iter()
            .map(|step| {
                if self.table.spells(step) {
                    return Cow::Borrowed(step.as_str());
                }
                self.viewer
                    .scrub(step, self.known)
                    .map_or(Cow::Borrowed(step.as_str()), |(clean, _)| Cow::Owned(clean))
            })
            .collect();
        self.withheld.push(Withheld {
            path: steps.join("."),
            reason,
        });
    }

    fn withhold(&mut self, path: &[String], reason: Reason) -> Value {
        self.note(path, reason);
        marker(reason)
    }
}
