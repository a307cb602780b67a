//! What would undo one change.

use serde_json::{Map, Value};

use super::table::{Pick, Undo, Whence, undo};
use crate::answer::LONGEST_CELL;
use crate::json;
use crate::row::Row;

/// How well a change can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// By the operation named.
    Reversible,
    /// It could, but what was before is in no event of the scope.
    PreviousUnknown,
    /// It can't.
    NotReversible,
    /// Nobody has said so far what undoes it.
    NoInverseKnown,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Reversible => "reversible",
            Self::PreviousUnknown => "previous_value_not_in_the_events",
            Self::NotReversible => "not_reversible",
            Self::NoInverseKnown => "no_inverse_known",
        }
    }
}

/// What undoes a change.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Inverse {
    pub(super) state: State,
    /// Empty where there is none.
    pub(super) operation: String,
    /// Null where there is none.
    pub(super) parameters: Value,
    pub(super) note: String,
    /// The event that tells what was before.
    pub(super) previous: Option<[u8; 16]>,
}

impl Inverse {
    fn by(operation: &str, parameters: Value) -> Self {
        Self {
            state: State::Reversible,
            operation: operation.to_owned(),
            parameters,
            note: String::new(),
            previous: None,
        }
    }

    fn none(state: State, note: &str) -> Self {
        Self {
            state,
            operation: String::new(),
            parameters: Value::Null,
            note: note.to_owned(),
            previous: None,
        }
    }
}

/// A change as far as undoing asks.
pub(super) struct Asked<'r> {
    row: &'r Row<'r>,
    pub(super) request: Value,
}

/// What was set before: request parameters as JSON, if they fit, and the event.
pub(super) type Before = (Option<String>, [u8; 16]);

impl<'r> Asked<'r> {
    pub(super) fn of(row: &'r Row<'r>) -> Self {
        let request = json::tree(row.raw, &["requestParameters"]).unwrap_or(Value::Null);
        Self { row, request }
    }

    /// What the operation sets, as a key under which later changes find it; none for
    /// operations that are not looked up.
    pub(super) fn sets(&self) -> Option<String> {
        let by: &[&str] = match undo(self.row.service, self.row.operation)? {
            Undo::Previous(by) | Undo::PreviousOr(by, ..) => by,
            _ => self.made_again_by()?,
        };
        Some(self.subject(self.row.operation, by))
    }

    /// By which parameters a deletion finds this creation.
    fn made_again_by(&self) -> Option<&'static [&'static str]> {
        super::table::TABLE
            .iter()
            .find_map(|(service, _, how)| match how {
                Undo::Again(operation, by)
                    if *service == self.row.service && *operation == self.row.operation =>
                {
                    Some(*by)
                }
                _ => None,
            })
    }

    fn subject(&self, operation: &str, by: &[&str]) -> String {
        let mut subject = format!("{}\n{}\n{operation}", self.row.account, self.row.region);
        for path in by {
            subject.push('\n');
            if let Some(value) = at(&self.request, path) {
                subject.push_str(&value.to_string());
            }
        }
        subject
    }

    /// What undoes it, with what was set before.
    pub(super) fn inverse(&self, before: impl Fn(&str) -> Option<Before>) -> Inverse {
        match self.row.source_type {
            "aws.cloudtrail" => self.aws(before),
            "gcp.audit" => self.gcp(),
            "azure.activity" => self.azure(),
            _ => Inverse::none(State::NoInverseKnown, ""),
        }
    }

    fn aws(&self, before: impl Fn(&str) -> Option<Before>) -> Inverse {
        let operation = self.row.operation;
        let Some(undo) = undo(self.row.service, operation) else {
            return Inverse::none(State::NoInverseKnown, "");
        };
        let withheld = || {
            Inverse::none(
                State::PreviousUnknown,
                "the event does not show what was asked; it is shared, or its parameters were left out",
            )
        };
        let previous = |operation: &str, by: &[&str]| {
            let (value, event) = before(&self.subject(operation, by))?;
            let value = value.and_then(|text| serde_json::from_str(&text).ok());
            let mut inverse = Inverse::by(operation, value.unwrap_or(Value::Null));
            if inverse.parameters.is_null() {
                inverse.note = "its parameters are too long to be shown; see the event".to_owned();
            }
            inverse.previous = Some(event);
            Some(inverse)
        };
        match undo {
            Undo::Never(why) => Inverse::none(State::NotReversible, why),
            Undo::Same(inverse) if self.request.is_null() => Inverse::by(inverse, Value::Null),
            Undo::Same(inverse) => Inverse::by(inverse, self.request.clone()),
            Undo::With(inverse, picks) => match self.picked(picks) {
                Some(parameters) => Inverse::by(inverse, parameters),
                None => withheld(),
            },
            Undo::Swap(below) => match swapped(&self.request, below) {
                Some(parameters) => Inverse::by(operation, parameters),
                None => withheld(),
            },
            Undo::Toggle(path, one, other) => {
                let mut parameters = self.request.clone();
                let Some(value) = parameters.get_mut(path) else {
                    return withheld();
                };
                let flipped = if value == one { other } else { one };
                *value = Value::from(flipped);
                Inverse::by(operation, parameters)
            }
            Undo::Previous(by) => previous(operation, by).unwrap_or_else(|| {
                let mut inverse = Inverse::none(
                    State::PreviousUnknown,
                    "what was set before is in no event of the scope; ask over a longer time",
                );
                operation.clone_into(&mut inverse.operation);
                inverse
            }),
            Undo::PreviousOr(by, or, picks) => previous(operation, by).unwrap_or_else(|| {
                let mut inverse = Inverse::by(or, self.picked(picks).unwrap_or(Value::Null));
                inverse.state = State::PreviousUnknown;
                inverse.note = "what was set before is in no event of the scope; this undoes it \
                                only if nothing was"
                    .to_owned();
                inverse
            }),
            Undo::Again(again, by) => previous(again, by).unwrap_or_else(|| {
                let mut inverse = Inverse::none(
                    State::PreviousUnknown,
                    "what was deleted was made before the scope; ask over a longer time",
                );
                again.clone_into(&mut inverse.operation);
                inverse
            }),
        }
    }

    /// The parameters that are picked; none if not one of them is there.
    fn picked(&self, picks: &[Pick]) -> Option<Value> {
        let answer = json::tree(self.row.raw, &["responseElements"]).unwrap_or(Value::Null);
        let mut out = Value::Object(Map::new());
        let mut some = false;
        for (to, from, path) in picks {
            let source = match from {
                Whence::Asked => &self.request,
                Whence::Answered => &answer,
            };
            // Each of a list, in the form in which lists stand in requests.
            let found = match path.split_once("[].") {
                None => at(source, path).cloned(),
                Some((list, field)) => at(source, list).and_then(Value::as_array).map(|items| {
                    let name = to.split_once("[].").map_or(*to, |(_, name)| name);
                    let each = items.iter().filter_map(|item| {
                        let value = item.get(field)?.clone();
                        Some(Value::Object(Map::from_iter([(name.to_owned(), value)])))
                    });
                    Value::Array(each.collect())
                }),
            };
            if let Some(found) = found {
                some = true;
                let to = to.split_once("[].").map_or(*to, |(list, _)| list);
                put(&mut out, to, found);
            }
        }
        some.then_some(out)
    }

    /// Bindings that a policy of Google Cloud got and lost, the other way round.
    fn gcp(&self) -> Inverse {
        if !self.row.operation.ends_with("SetIamPolicy") {
            return Inverse::none(State::NoInverseKnown, "");
        }
        let delta = [
            "protoPayload",
            "serviceData",
            "policyDelta",
            "bindingDeltas",
        ];
        let Some(Value::Array(mut deltas)) = json::tree(self.row.raw, &delta) else {
            return Inverse::none(
                State::PreviousUnknown,
                "the entry does not say which bindings changed",
            );
        };
        for delta in &mut deltas {
            if let Some(action) = delta.get_mut("action") {
                let flipped = if action == "ADD" { "REMOVE" } else { "ADD" };
                *action = Value::from(flipped);
            }
        }
        let resource = json::tree(self.row.raw, &["protoPayload", "resourceName"]);
        let parameters = Map::from_iter([
            ("resource".to_owned(), resource.unwrap_or(Value::Null)),
            ("bindingDeltas".to_owned(), Value::Array(deltas)),
        ]);
        Inverse::by(self.row.operation, Value::Object(parameters))
    }

    fn azure(&self) -> Inverse {
        let inverse = match self.row.operation.to_ascii_lowercase().as_str() {
            "microsoft.authorization/roleassignments/write" => {
                "Microsoft.Authorization/roleAssignments/delete"
            }
            "microsoft.compute/virtualmachines/start/action" => {
                "Microsoft.Compute/virtualMachines/deallocate/action"
            }
            "microsoft.compute/virtualmachines/deallocate/action" => {
                "Microsoft.Compute/virtualMachines/start/action"
            }
            _ => return Inverse::none(State::NoInverseKnown, ""),
        };
        let Some(resource) = self.row.resources.first() else {
            return Inverse::none(State::PreviousUnknown, "the event names no resource");
        };
        let parameters = Map::from_iter([("resourceId".to_owned(), Value::from(*resource))]);
        Inverse::by(inverse, Value::Object(parameters))
    }
}

/// The value at a path of dots.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let found = path
        .split('.')
        .try_fold(value, |value, key| value.get(key))?;
    (!found.is_null()).then_some(found)
}

/// Sets the value at a path of dots, with objects on the way.
fn put(into: &mut Value, path: &str, value: Value) {
    let Value::Object(fields) = into else { return };
    match path.split_once('.') {
        None => drop(fields.insert(path.to_owned(), value)),
        Some((first, rest)) => {
            let next = fields
                .entry(first)
                .or_insert_with(|| Value::Object(Map::new()));
            put(next, rest, value);
        }
    }
}

/// The request with `add` and `remove` exchanged below a parameter.
fn swapped(request: &Value, below: &str) -> Option<Value> {
    let mut out = request.clone();
    let Value::Object(fields) = out.get_mut(below)? else {
        return None;
    };
    let (add, remove) = (fields.remove("add"), fields.remove("remove"));
    if add.is_none() && remove.is_none() {
        return None;
    }
    fields.extend(add.map(|value| ("remove".to_owned(), value)));
    fields.extend(remove.map(|value| ("add".to_owned(), value)));
    // Permissions are also said in one word.
    if let Some(Value::String(word)) = out.get_mut("operationType") {
        let other = match word.as_str() {
            "add" => "remove",
            "remove" => "add",
            other => other,
        };
        *word = other.to_owned();
    }
    Some(out)
}

/// Whether a request has at least these parameters.
pub(super) fn covers(request: &Value, wanted: &Value) -> bool {
    match (request, wanted) {
        (_, Value::Null) => true,
        (Value::Object(has), Value::Object(wants)) => wants
            .iter()
            .all(|(name, value)| has.get(name).is_some_and(|has| covers(has, value))),
        (Value::Array(has), Value::Array(wants)) => {
            has.len() == wants.len() && has.iter().zip(wants).all(|(has, wants)| covers(has, wants))
        }
        (has, wants) => has == wants,
    }
}

/// The value as text, if it fits a cell.
pub(super) fn shown(value: &Value) -> Option<String> {
    let text = value.to_string();
    (!value.is_null() && text.len() <= LONGEST_CELL).then_some(text)
}
