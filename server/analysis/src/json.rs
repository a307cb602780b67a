//! Values at a path of a JSON text, without making a tree of the rest.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;
use serde_json::value::RawValue;

/// The value at the path as it is written; none where the path leads nowhere or to null, or the
/// text is no JSON. Of a key that stands twice the first counts.
pub(crate) fn raw<'a>(doc: &'a str, path: &[&str]) -> Option<&'a str> {
    let mut found = None;
    let walk = Walk {
        path,
        found: &mut found,
    };
    // An error is either the end of the search or of what can be read.
    let _ = walk.deserialize(&mut serde_json::Deserializer::from_str(doc));
    found.filter(|found| *found != "null")
}

/// The value at the path as text: a text without its quotes, a number or truth value as it is
/// written. None for objects and lists.
pub(crate) fn text<'a>(doc: &'a str, path: &[&str]) -> Option<Cow<'a, str>> {
    let raw = raw(doc, path)?;
    match raw.as_bytes().first()? {
        b'"' => {
            let Key(text) = serde_json::from_str::<Key<'_>>(raw).ok()?;
            (!text.is_empty()).then_some(text)
        }
        b'{' | b'[' => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

/// The value at the path as a whole number; a text of digits counts, and a fraction is dropped.
pub(crate) fn number(doc: &str, path: &[&str]) -> Option<u64> {
    let text = text(doc, path)?;
    let whole = text.split('.').next().unwrap_or_default();
    whole.parse().ok()
}

/// The value at the path as a tree.
pub(crate) fn tree(doc: &str, path: &[&str]) -> Option<Value> {
    serde_json::from_str(raw(doc, path)?).ok()
}

struct Walk<'w, 'p, 'de> {
    path: &'p [&'p str],
    found: &'w mut Option<&'de str>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.path.split_first() else {
            return Ok(());
        };
        while let Some(Key(key)) = map.next_key()? {
            if key != *first {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if rest.is_empty() {
                let value: &'de RawValue = map.next_value()?;
                *self.found = Some(value.get());
            } else {
                map.next_value_seed(Walk {
                    path: rest,
                    found: self.found,
                })?;
            }
            // Nothing that follows is of interest.
            return Err(A::Error::custom("done"));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A text, copied only if it has escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_values() {
        let doc =
            r#"{"x":[{"a":0}],"a":{"b":"said \"b\"","n":7.0,"t":true,"z":null,"o":{"k":[1, 2]}}}"#;
        assert_eq!(text(doc, &["a", "b"]).unwrap(), "said \"b\"");
        assert_eq!(text(doc, &["a", "t"]).unwrap(), "true");
        assert_eq!(number(doc, &["a", "n"]), Some(7));
        assert_eq!(raw(doc, &["a", "o", "k"]), Some("[1, 2]"));
        assert_eq!(tree(doc, &["a", "o"]).unwrap()["k"][1], 2);
        for nowhere in [&["a", "z"][..], &["a", "b", "c"], &["q"], &["x", "a"], &[]] {
            assert_eq!(raw(doc, nowhere), None, "{nowhere:?}");
        }
        assert_eq!(text(doc, &["a", "o"]), None);
    }

    #[test]
    fn what_is_no_json_has_no_values() {
        for doc in ["", "2 192.0.2.1", "[", "{\"a\":", "nul"] {
            assert_eq!(raw(doc, &["a"]), None, "{doc}");
        }
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        assert_eq!(raw(&deep, &["a"]), None);
    }
}
