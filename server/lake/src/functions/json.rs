//! Values at a path of a JSON text, without making a tree of it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

/// A value that a path leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Leaf<'v> {
    /// A text, without quotes and escapes.
    Text(&'v str),
    /// A number or truth value as it is written.
    Plain(&'v str),
    /// An object or list as it is written.
    Nested(&'v str),
    /// `null`.
    Null,
}

impl<'v> Leaf<'v> {
    /// As text; none for null.
    pub(crate) fn text(self) -> Option<&'v str> {
        match self {
            Self::Text(text) | Self::Plain(text) | Self::Nested(text) => Some(text),
            Self::Null => None,
        }
    }
}

/// Deepest lists within lists at the end of a path whose elements are looked at.
pub(super) const DEEPEST: usize = 8;

/// Gives all values at the path to `found` until it says that it has what it looked for;
/// whether it did. Steps of a path are divided by dots; a key may have dots itself. Lists are
/// stepped into; at the end of a path a list is a value, and its elements are. What is no
/// JSON has no values, and of what is broken those before the break.
pub(crate) fn any_at(doc: &str, path: &str, mut found: impl FnMut(Leaf<'_>) -> bool) -> bool {
    let mut done = false;
    let walk = Walk {
        rest: path,
        found: &mut found,
        done: &mut done,
    };
    // An error is either the end of the search or of what can be read.
    let _ = walk.deserialize(&mut serde_json::Deserializer::from_str(doc));
    done
}

struct Walk<'w, F> {
    rest: &'w str,
    found: &'w mut F,
    done: &'w mut bool,
}

impl<F: FnMut(Leaf<'_>) -> bool> Walk<'_, F> {
    fn step<'s>(&'s mut self, rest: &'s str) -> Walk<'s, F> {
        Walk {
            rest,
            found: self.found,
            done: self.done,
        }
    }
}

impl<'de, F: FnMut(Leaf<'_>) -> bool> DeserializeSeed<'de> for Walk<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, F: FnMut(Leaf<'_>) -> bool> Visitor<'de> for Walk<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let path = self.rest;
        while let Some(Key(key)) = map.next_key()? {
            let rest = path.strip_prefix(&*key);
            match rest {
                Some("") => {
                    let value: &RawValue = map.next_value()?;
                    if leaf(value.get(), DEEPEST, self.found) {
                        *self.done = true;
                        return Err(A::Error::custom("found"));
                    }
                }
                Some(rest) if rest.starts_with('.') => {
                    map.next_value_seed(self.step(rest.get(1..).unwrap_or_default()))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let path = self.rest;
        while seq.next_element_seed(self.step(path))?.is_some() {}
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

/// A key, copied only if it has escapes.
pub(super) struct Key<'de>(pub(super) Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
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

/// Gives a value that a path ends at, and a list's elements to that depth, to `found` until it
/// says that it has what it looked for; whether it did.
pub(super) fn leaf(json: &str, deepest: usize, found: &mut impl FnMut(Leaf<'_>) -> bool) -> bool {
    match json.as_bytes().first() {
        None => false,
        Some(b'"') => match serde_json::from_str::<Key<'_>>(json) {
            Ok(Key(text)) => found(Leaf::Text(&text)),
            Err(_) => false,
        },
        Some(b'n') => found(Leaf::Null),
        Some(b'{') => found(Leaf::Nested(json)),
        Some(b'[') => {
            found(Leaf::Nested(json))
                || deepest > 0
                    && serde_json::from_str::<Vec<&RawValue>>(json)
                        .unwrap_or_default()
                        .into_iter()
                        .any(|element| leaf(element.get(), deepest - 1, found))
        }
        Some(_) => found(Leaf::Plain(json)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(doc: &str, path: &str) -> Vec<String> {
        let mut values = Vec::new();
        any_at(doc, path, |leaf| {
            values.push(leaf.text().unwrap_or("(null)").to_owned());
            false
        });
        values
    }

    #[test]
    fn paths_step_into_objects_and_lists() {
        let doc = r#"{"a":{"b":[{"c":"x"},{"c":2},{"d":1},{"c":null}],"e":true},"f":["p",["q"]]}"#;
        assert_eq!(all(doc, "a.b.c"), ["x", "2", "(null)"]);
        assert_eq!(all(doc, "a.e"), ["true"]);
        assert_eq!(all(doc, "f"), [r#"["p",["q"]]"#, "p", r#"["q"]"#, "q"]);
        assert_eq!(all(doc, "a.b.d.e"), Vec::<String>::new());
        assert_eq!(all(doc, "a.x"), Vec::<String>::new());
    }

    #[test]
    fn keys_may_have_dots_and_escapes() {
        let doc =
            r#"{"claims":{"http://x.test/upn":"me"},"a.b":{"c.d":1},"\u0061":{"b":"said \"b\""}}"#;
        assert_eq!(all(doc, "claims.http://x.test/upn"), ["me"]);
        assert_eq!(all(doc, "a.b.c.d"), ["1"]);
        assert_eq!(all(doc, "a.b"), [r#"{"c.d":1}"#, r#"said "b""#]);
    }

    #[test]
    fn what_is_no_json_has_no_values() {
        assert_eq!(all("Nov  1 host sshd[1]: x", "a"), Vec::<String>::new());
        assert_eq!(all(r#"{"a":1,"b":"#, "a"), ["1"]);
        assert_eq!(all("", "a"), Vec::<String>::new());
        let deep = format!("{}1{}", r#"{"a":"#.repeat(5_000), "}".repeat(5_000));
        assert_eq!(all(&deep, "a.a.b"), Vec::<String>::new());
    }

    #[test]
    fn the_search_ends_where_it_has_found() {
        let mut seen = 0;
        let doc = r#"{"a":[1,2,3],"b":1}"#;
        assert!(any_at(doc, "a", |leaf| {
            seen += 1;
            leaf.text() == Some("2")
        }));
        assert_eq!(seen, 3);
    }
}
