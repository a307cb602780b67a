//! Looking fields up in records whose exports write keys differently.

use serde_json::Value;

use crate::ocsf_native::json::clip;
use crate::row::EventRow;
use crate::table::pattern::folds_to;

/// The `resources` column holds no more names than this.
const MOST_RESOURCES: usize = 64;

/// The value at a path of folded keys (`resourceid`), joined by dots, numbers for list
/// positions. Of several keys that fold to one, the first counts.
pub(crate) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, step| match value {
        Value::Object(map) => map
            .iter()
            .find(|(key, _)| folds_to(key, step))
            .map(|(_, value)| value),
        Value::Array(items) => step.parse::<usize>().ok().and_then(|at| items.get(at)),
        _ => None,
    })
}

/// The text at the path, if it is text and not empty.
pub(crate) fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    at(value, path)?.as_str().filter(|text| !text.is_empty())
}

/// The text at the first of the paths that has some.
pub(crate) fn first<'v>(value: &'v Value, paths: &[&str]) -> Option<&'v str> {
    paths.iter().find_map(|path| text(value, path))
}

/// The same as a column holds it; empty if there is none.
pub(crate) fn column(value: &Value, paths: &[&str]) -> String {
    first(value, paths).map(clip).unwrap_or_default()
}

/// A number at the path, also where it is written as text.
pub(crate) fn number(value: &Value, path: &str) -> Option<i64> {
    match at(value, path)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The elements of the list at the path.
pub(crate) fn each<'v>(value: &'v Value, path: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    at(value, path)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Adds a name to the `resources` column, if it is not there and fits.
pub(crate) fn resource(row: &mut EventRow, name: Option<&str>) {
    let Some(name) = name.filter(|name| !name.is_empty()).map(clip) else {
        return;
    };
    if row.resources.len() < MOST_RESOURCES && !row.resources.contains(&name) {
        row.resources.push(name);
    }
}
