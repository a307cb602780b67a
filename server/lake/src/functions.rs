//! The functions that filters may call: an allow-list, and two of our own.

use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array};
use arrow::compute::{cast, kernels::cmp, take};
use arrow::datatypes::{DataType, Int32Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use ipnet::IpNet;

/// Every function that a filter may call. None reads anything but its arguments, none is
/// volatile, and none makes much out of little (`repeat`, `lpad`).
pub(crate) fn allowed() -> Vec<Arc<ScalarUDF>> {
    use datafusion::functions::{core, datetime, regex, string, unicode};
    use datafusion_functions_json::udfs as json;
    vec![
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
    ]
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
/// column is a dictionary.
fn per_text(texts: &ArrayRef, mut test: impl FnMut(&str) -> Option<bool>) -> Result<BooleanArray> {
    if let Some(words) = texts.as_dictionary_opt::<Int32Type>() {
        let values = per_text(words.values(), test)?;
        let keys: &Int32Array = words.keys();
        return Ok(take(&values, keys, None)?.as_boolean().clone());
    }
    let texts = cast(texts, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>();
    Ok(texts.iter().map(|text| text.and_then(&mut test)).collect())
}

/// `cidr_contains(range, address)`: whether the address lies in the range. Null when either
/// is null or the address is none.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CidrContains {
    signature: Signature,
}

impl CidrContains {
    fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

/// A range, or an address as a range of one.
pub(crate) fn parse_range(text: &str) -> Option<IpNet> {
    let range = match text.parse::<IpNet>() {
        Ok(range) => range,
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?.to_canonical()),
    };
    Some(range.trunc())
}

fn contains(range: &IpNet, address: &str) -> Option<bool> {
    let address: IpAddr = address.parse().ok()?;
    Some(range.contains(&address) || range.contains(&address.to_canonical()))
}

impl ScalarUDFImpl for CidrContains {
    fn name(&self) -> &str {
        "cidr_contains"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [range, address] => match (text_type(range), text_type(address)) {
                (Some(_), Some(address)) => Ok(vec![DataType::Utf8, address]),
                _ => plan_err!("cidr_contains takes a range and an address, both as text"),
            },
            _ => plan_err!("cidr_contains takes a range and an address"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [range, address] = args.args.as_slice() else {
            return exec_err!("cidr_contains takes a range and an address");
        };
        let rows = args.number_rows;
        if let ColumnarValue::Scalar(range) = range {
            let range = match range.try_as_str().flatten() {
                None => return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(None))),
                Some(text) => match parse_range(text) {
                    None => return exec_err!("{text:?} is no address range"),
                    Some(range) => range,
                },
            };
            let result = per_text(&address.to_array(rows)?, |text| contains(&range, text))?;
            return Ok(ColumnarValue::Array(Arc::new(result)));
        }
        let ranges = cast(&range.to_array(rows)?, &DataType::Utf8)?;
        let addresses = cast(&address.to_array(rows)?, &DataType::Utf8)?;
        let pairs = ranges
            .as_string::<i32>()
            .iter()
            .zip(addresses.as_string::<i32>());
        let result: BooleanArray = pairs
            .map(|(range, address)| contains(&parse_range(range?)?, address?))
            .collect();
        Ok(ColumnarValue::Array(Arc::new(result)))
    }
}

/// `array_has(list, text)`: whether the text is an element of the list.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayHas {
    signature: Signature,
}

impl ArrayHas {
    fn new() -> Self {
        Self {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for ArrayHas {
    fn name(&self) -> &str {
        "array_has"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [DataType::List(item), wanted]
                if item.data_type() == &DataType::Utf8 && text_type(wanted).is_some() =>
            {
                Ok(vec![DataType::List(Arc::clone(item)), DataType::Utf8])
            }
            _ => plan_err!("array_has takes a list column and a text"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [lists, wanted] = args.args.as_slice() else {
            return exec_err!("array_has takes a list column and a text");
        };
        let lists = lists.to_array(args.number_rows)?;
        let Some(lists) = lists.as_list_opt::<i32>() else {
            return exec_err!("array_has takes a list column");
        };
        let ColumnarValue::Scalar(wanted) = wanted else {
            return exec_err!("the second argument of array_has is a literal");
        };
        let hits = cmp::eq(lists.values(), &wanted.to_scalar()?)?;
        let ranges = lists.offsets().windows(2);
        let result: BooleanArray = ranges
            .enumerate()
            .map(|(row, range)| {
                let [start, end] = range else { return None };
                let (start, end) = (usize::try_from(*start).ok()?, usize::try_from(*end).ok()?);
                let hit = |at: usize| hits.is_valid(at) && hits.value(at);
                lists.is_valid(row).then(|| (start..end).any(hit))
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(result)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_addresses_of_their_family() {
        let net = |text| parse_range(text).unwrap();
        assert_eq!(contains(&net("10.0.0.0/8"), "10.255.0.1"), Some(true));
        assert_eq!(contains(&net("10.0.0.0/8"), "11.0.0.1"), Some(false));
        assert_eq!(contains(&net("10.1.2.3/8"), "10.255.0.1"), Some(true));
        assert_eq!(contains(&net("10.0.0.0/8"), "::ffff:10.0.0.1"), Some(true));
        assert_eq!(contains(&net("2001:db8::/32"), "2001:db8::1"), Some(true));
        assert_eq!(contains(&net("2001:db8::/32"), "10.0.0.1"), Some(false));
        assert_eq!(contains(&net("0.0.0.0/0"), "::1"), Some(false));
        assert_eq!(contains(&net("192.0.2.7"), "192.0.2.7"), Some(true));
        assert_eq!(contains(&net("192.0.2.7"), "not an address"), None);
        assert!(parse_range("10.0.0.0/33").is_none());
        assert!(parse_range("ten").is_none());
    }
}
