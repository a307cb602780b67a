//! The functions that filters may call: an allow-list, and some of our own.

mod columns;
pub(crate) mod json;
mod paths;
mod patterns;
mod texts;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Int32Type};
use datafusion::common::Result;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

pub(crate) use columns::parse_range;
use columns::{ArrayHas, CidrContains};
pub(crate) use paths::Paths;
pub(crate) use texts::{MOST_REGEXES, PathTest, TextTest};

/// The first value at a path of a JSON text that is not null, as text; steps of the path are divided
/// by dots, as in the functions of filters.
#[must_use]
pub fn first_at(doc: &str, path: &str) -> Option<String> {
    let mut first = None;
    json::any_at(doc, path, |leaf| {
        first = leaf.text().map(str::to_owned);
        first.is_some()
    });
    first
}

/// What is wrong with a regular expression with these flags, if anything is: it is none, or becomes
/// too large.
pub(crate) fn regex_fault(regex: &str, flags: &str) -> Option<String> {
    let flagged = match flags {
        "" => regex.to_owned(),
        flags => format!("(?{flags}){regex}"),
    };
    patterns::compiled(&flagged).err()
}

/// Every function that a filter may call. None reads anything but its arguments, none is
/// volatile, and none makes much out of little (`repeat`, `lpad`).
pub(crate) fn allowed() -> Vec<Arc<ScalarUDF>> {
    use datafusion::functions::{core, datetime, regex, string, unicode};
    use datafusion_functions_json::udfs as json;
    let own = TextTest::all().map(|test| Arc::new(ScalarUDF::from(test)));
    let mut allowed = vec![
        Arc::new(ScalarUDF::from(CidrContains::new())),
        Arc::new(ScalarUDF::from(ArrayHas::new())),
        string::lower(),
        string::upper(),
        string::starts_with(),
        string::ends_with(),
        string::contains(),
        string::concat(),
        string::btrim(),
        string::ltrim(),
        string::rtrim(),
        string::split_part(),
        string::octet_length(),
        unicode::character_length(),
        unicode::left(),
        unicode::right(),
        unicode::strpos(),
        unicode::substr(),
        regex::regexp_like(),
        core::coalesce(),
        core::nullif(),
        core::greatest(),
        core::least(),
        datetime::to_timestamp(&datafusion::config::ConfigOptions::default()),
        datetime::to_timestamp_seconds(&datafusion::config::ConfigOptions::default()),
        datetime::to_timestamp_millis(&datafusion::config::ConfigOptions::default()),
        datetime::date_part(),
        datetime::date_trunc(),
        datetime::now(&datafusion::config::ConfigOptions::default()),
        json::json_get_udf(),
        json::json_get_bool_udf(),
        json::json_get_float_udf(),
        json::json_get_int_udf(),
        json::json_get_json_udf(),
        json::json_get_array_udf(),
        json::json_as_text_udf(),
        json::json_get_str_udf(),
        json::json_contains_udf(),
        json::json_length_udf(),
        json::json_object_keys_udf(),
    ];
    allowed.extend(own);
    allowed
}

/// Every aggregate that a query may call, but for `string_agg`, which the query makes its own. What
/// they hold counts against its memory. `array_agg` is none of them: a list as long as there are
/// events is written out by every join.
pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    let mut all = datafusion::functions_aggregate::all_default_aggregate_functions();
    all.retain(|aggregate| !matches!(aggregate.name(), "array_agg" | "string_agg"));
    all
}

/// Every window function that a query may call.
pub(crate) fn windows() -> Vec<Arc<WindowUDF>> {
    datafusion::functions_window::all_default_window_functions()
}

/// The type a text argument is given: itself where it is text or a dictionary of text.
fn text_type(of: &DataType) -> Option<DataType> {
    match of {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            Some(DataType::Utf8)
        }
        DataType::Dictionary(_, value) if value.is_string() => Some(DataType::Dictionary(
            Box::new(DataType::Int32),
            Box::new(DataType::Utf8),
        )),
        _ => None,
    }
}

/// A truth value per row of a text column; one evaluation per distinct value where the
/// column is a dictionary with fewer values than rows.
fn per_text(texts: &ArrayRef, mut test: impl FnMut(&str) -> Option<bool>) -> Result<BooleanArray> {
    if let Some(words) = texts.as_dictionary_opt::<Int32Type>() {
        let keys: &Int32Array = words.keys();
        if keys.len() < words.values().len() {
            return per_text(&cast(texts, &DataType::Utf8)?, test);
        }
        let values = per_text(words.values(), test)?;
        return Ok(take(&values, keys, None)?.as_boolean().clone());
    }
    let texts = cast(texts, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>();
    Ok(texts.iter().map(|text| text.and_then(&mut test)).collect())
}
