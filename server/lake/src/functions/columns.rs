//! `cidr_contains` and `array_has`.

use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::compute::{cast, kernels::cmp};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use ipnet::IpNet;

use super::{per_text, text_type};

/// `cidr_contains(range, address)`: whether the address lies in the range. Null when either
/// is null or the address is none.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CidrContains {
    signature: Signature,
}

impl CidrContains {
    pub(super) fn new() -> Self {
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

pub(super) fn contains(range: &IpNet, address: &str) -> Option<bool> {
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
pub(super) struct ArrayHas {
    signature: Signature,
}

impl ArrayHas {
    pub(super) fn new() -> Self {
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
