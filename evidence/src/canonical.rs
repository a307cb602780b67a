//! One value, one text: JSON as RFC 8785 (JCS) has it, without fractions. No spaces, keys in the
//! order of their UTF-16 units, numbers that every reader holds exactly.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// Largest number that every reader of JSON holds exactly.
pub(crate) const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Why a value has no canonical text, or a text is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// A number has a fraction or is too large.
    #[error("a number has a fraction, or more than 53 bits")]
    Number,
    /// The text is longer than it may be.
    #[error("it is longer than {limit} bytes")]
    TooLarge {
        /// How long it may be.
        limit: usize,
    },
    /// The text is no JSON, or does not say what it should.
    #[error("{0}")]
    Json(String),
    /// The value can be read, but it has another text: a key stands twice, keys are in another
    /// order, there are spaces, or something is spelled otherwise.
    #[error("it is not in its canonical form: what is signed and chained has one form of bytes")]
    Form,
}

/// The text of a value.
pub(crate) fn to_bytes<T: Serialize>(value: &T, limit: usize) -> Result<Vec<u8>, CanonicalError> {
    let value = serde_json::to_value(value).map_err(json)?;
    let bytes = text(&value)?.into_bytes();
    if bytes.len() > limit {
        return Err(CanonicalError::TooLarge { limit });
    }
    Ok(bytes)
}

/// Reads JSON from its canonical text, and from no other.
pub(crate) fn read(bytes: &[u8], limit: usize) -> Result<Value, CanonicalError> {
    if bytes.len() > limit {
        return Err(CanonicalError::TooLarge { limit });
    }
    let value: Value = serde_json::from_slice(bytes).map_err(json)?;
    if text(&value)?.as_bytes() != bytes {
        return Err(CanonicalError::Form);
    }
    Ok(value)
}

/// What JSON says. Fields that `T` does not know are passed over, unless it says otherwise.
pub(crate) fn value<'v, T: Deserialize<'v>>(json: &'v Value) -> Result<T, CanonicalError> {
    T::deserialize(json).map_err(self::json)
}

fn json(error: serde_json::Error) -> CanonicalError {
    CanonicalError::Json(error.to_string())
}

fn text(value: &Value) -> Result<String, CanonicalError> {
    let mut out = String::new();
    write(value, &mut out)?;
    Ok(out)
}

/// As deep as `serde_json` reads and writes, which has a bound of its own.
fn write(value: &Value, out: &mut String) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
        Value::Number(number) => write_number(number, out)?,
        Value::String(text) => write_string(text, out)?,
        Value::Array(list) => {
            out.push('[');
            for (index, value) in list.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(value, out)?;
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(key, out)?;
                out.push(':');
                write(value, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn write_number(number: &Number, out: &mut String) -> Result<(), CanonicalError> {
    let size = number.as_u64().or(number.as_i64().map(i64::unsigned_abs));
    if size.is_none_or(|size| size > MAX_NUMBER) {
        return Err(CanonicalError::Number);
    }
    write!(out, "{number}").map_err(|_| CanonicalError::Number)
}

/// `serde_json` escapes just what RFC 8785 does, in the same way.
fn write_string(text: &str, out: &mut String) -> Result<(), CanonicalError> {
    out.push_str(&serde_json::to_string(text).map_err(json)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_as_the_standard_says() {
        // The keys of RFC 8785, section 3.2.3.
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return",
            "\u{fb33}": "Hebrew Letter Dalet With Dagesh", "1": "One",
            "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control",
            "\u{f6}": "Latin Small Letter O With Diaeresis",
        });
        let bytes = to_bytes(&value, 1_000).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let order = [
            "Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew",
        ];
        let at: Vec<_> = order.map(|name| text.find(name).unwrap()).to_vec();
        assert!(at.is_sorted(), "{text}");
        assert!(
            text.starts_with(r#"{"\r":"Carriage Return","1":"#),
            "{text}"
        );
    }

    #[test]
    fn strings_are_escaped_as_the_standard_says() {
        // From section 3.2.2 of the RFC.
        let value = json!({"string": "\u{20ac}$\u{f}\nA'B\"\\\\\"/"});
        let text = to_bytes(&value, 1_000).unwrap();
        let known = "{\"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(String::from_utf8(text).unwrap(), known);
    }

    #[test]
    fn only_the_canonical_text_is_read() {
        let read = |text: &str| read(text.as_bytes(), 1_000);
        assert!(read(r#"{"a":[1,-2,null,true],"b":{}}"#).is_ok());
        for text in [
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a": 1}"#,
            r#"{"\u0061":1}"#,
            "{\"a\":1}\n",
            "[-0]",
            "[1e2]",
            "[1.0]",
            "[9007199254740992]",
            "[-9007199254740992]",
            "[99999999999999999999]",
            "",
            "{",
            "{}{}",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(read("[9007199254740991]"), Ok(json!([MAX_NUMBER])));
        let deep = "[".repeat(900);
        assert!(matches!(read(&deep), Err(CanonicalError::Json(_))));
        let limit = super::read(b"[1]", 2);
        assert_eq!(limit, Err(CanonicalError::TooLarge { limit: 2 }));
        assert!(to_bytes(&json!([1]), 2).is_err());
    }

    proptest! {
        #[test]
        fn a_text_is_read_as_it_was_written(
            map in proptest::collection::hash_map(".{0,8}", 0_u64..=MAX_NUMBER, 0..8),
        ) {
            let bytes = to_bytes(&map, 10_000).unwrap();
            let json = read(&bytes, 10_000).unwrap();
            let read: std::collections::HashMap<String, u64> = value(&json).unwrap();
            prop_assert_eq!(read, map);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = read(&bytes, 64);
        }
    }
}
