//! JSON that everybody reads alike.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Most characters of a key that a message repeats.
const SHOWN: usize = 64;

/// Refuses a text that is no JSON object, has anything behind it, or has an object with a key
/// that stands twice: of two values one reader takes the first and another the last.
pub(super) fn unambiguous(json: &[u8]) -> serde_json::Result<()> {
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err(serde_json::Error::custom("expected a JSON object"));
    }
    serde_json::from_slice::<Unambiguous>(json).map(drop)
}

/// Any value, looked through and not kept.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Unambiguous, A::Error> {
        while list.next_element::<Unambiguous>()?.is_some() {}
        Ok(Unambiguous)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unambiguous, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if seen.contains(&key) {
                let shown: String = key.chars().take(SHOWN).collect();
                return Err(A::Error::custom(format_args!(
                    "the key `{shown}` stands twice in one object"
                )));
            }
            seen.insert(key);
            map.next_value::<Unambiguous>()?;
        }
        Ok(Unambiguous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_reads_alike_passes() {
        for text in [
            "{}",
            r#" {"a":[1,-1,1.5,1e40,true,null,"x"]} "#,
            r#"{"a":{"b":1},"b":{"b":1},"c":[{"b":1},{"b":1}]}"#,
        ] {
            unambiguous(text.as_bytes()).unwrap();
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_however_it_is_written() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"b":2,"a":3}}"#,
            r#"{"x":[0,{"a":1,"a":3}]}"#,
        ] {
            let error = unambiguous(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("the key `a` stands twice"), "{error}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        for text in [
            "",
            "1",
            "[]",
            "[{}]",
            "{} {}",
            "{}x",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":\"\n\"}",
            &deep,
        ] {
            assert!(unambiguous(text.as_bytes()).is_err(), "{text:.20}");
        }
        assert!(unambiguous(b"{\"a\":\"\xff\"}").is_err());
        assert!(unambiguous(br#"{"a":"\ud800"}"#).is_err());
    }
}
