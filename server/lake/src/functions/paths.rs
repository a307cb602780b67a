//! Values at many paths of a JSON text, which is read once for all of them.

use std::collections::HashMap;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::json::{DEEPEST, Key, Leaf, leaf};

/// Most steps of a path: every two of its dots may be the ends of a key.
const MOST_STEPS: usize = 8;
/// Most objects and lists within each other that are stepped into.
const MOST_LEVELS: usize = 96;

/// Paths as a tree of the keys that lead along them.
#[derive(Debug)]
pub(crate) struct Paths {
    /// The first is where a text begins.
    nodes: Vec<Node>,
}

/// Where a beginning of some paths leads to.
#[derive(Debug, Default)]
struct Node {
    /// A bit for each of its keys, which most other keys do not have.
    hints: [u64; 4],
    /// Keys and what they lead to.
    keys: HashMap<Box<str>, Step, ahash::RandomState>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Step {
    /// The path that ends with the key, by its place among those given.
    end: Option<usize>,
    /// The node from which other paths go on.
    next: Option<usize>,
}

impl Paths {
    /// Whether the path is short enough to be read beside others.
    pub(crate) fn takes(path: &str) -> bool {
        path.bytes().filter(|byte| *byte == b'.').count() < MOST_STEPS
    }

    /// The paths, each once.
    pub(crate) fn new<'p>(paths: impl IntoIterator<Item = &'p str>) -> Self {
        // What leads to a node is the same beginning, in whatever keys it is divided.
        let mut numbers = HashMap::from([("", 0)]);
        let mut nodes: Vec<HashMap<&str, Step>> = vec![HashMap::new()];
        for (end, path) in paths.into_iter().enumerate() {
            let dots = || path.match_indices('.').map(|(at, _)| at);
            for start in std::iter::once(0).chain(dots().map(|dot| dot + 1)) {
                let (before, rest) = path.split_at(start);
                let from = number(&mut numbers, &mut nodes, before);
                for dot in dots().filter(|dot| *dot >= start) {
                    let (before, _) = path.split_at(dot + 1);
                    let next = number(&mut numbers, &mut nodes, before);
                    if let (Some(node), Some(key)) = (nodes.get_mut(from), path.get(start..dot)) {
                        node.entry(key).or_default().next = Some(next);
                    }
                }
                if let Some(node) = nodes.get_mut(from) {
                    node.entry(rest).or_default().end = Some(end);
                }
            }
        }
        let hinted = |keys: HashMap<&str, Step>| {
            let mut node = Node::default();
            for (key, step) in keys {
                let (word, bit) = hint(key);
                if let Some(word) = node.hints.get_mut(word) {
                    *word |= bit;
                }
                node.keys.insert(key.into(), step);
            }
            node
        };
        Self {
            nodes: nodes.into_iter().map(hinted).collect(),
        }
    }

    /// Gives every value at a path, with the path's place, to `found` until that says that it is
    /// enough. Whether the text was read to its end: only then `found` was given what
    /// [`any_at`](super::json::any_at) finds at each path by itself.
    pub(crate) fn read(&self, doc: &str, found: &mut impl FnMut(usize, Leaf<'_>) -> bool) -> bool {
        let walk = Walk {
            paths: self,
            node: 0,
            level: 0,
            found,
        };
        walk.deserialize(&mut serde_json::Deserializer::from_str(doc))
            .is_ok()
    }

    fn step(&self, node: usize, key: &str) -> Option<Step> {
        let node = self.nodes.get(node)?;
        let (word, bit) = hint(key);
        if node.hints.get(word)? & bit == 0 {
            return None;
        }
        node.keys.get(key).copied()
    }
}

/// One of 256 bits, by the length, the first and the last letter.
fn hint(key: &str) -> (usize, u64) {
    let key = key.as_bytes();
    let letter = |letter: Option<&u8>| letter.copied().unwrap_or_default();
    let (first, last) = (letter(key.first()), letter(key.last()));
    let number = (key.len() as u8).wrapping_mul(67) ^ first.wrapping_mul(29) ^ last.wrapping_mul(5);
    (usize::from(number >> 6), 1 << (number & 63))
}

fn number<'p>(
    numbers: &mut HashMap<&'p str, usize>,
    nodes: &mut Vec<HashMap<&'p str, Step>>,
    before: &'p str,
) -> usize {
    *numbers.entry(before).or_insert_with(|| {
        nodes.push(HashMap::new());
        nodes.len() - 1
    })
}

struct Walk<'w, F> {
    paths: &'w Paths,
    node: usize,
    level: usize,
    found: &'w mut F,
}

impl<F: FnMut(usize, Leaf<'_>) -> bool> Walk<'_, F> {
    fn within(&mut self, node: usize) -> Walk<'_, F> {
        Walk {
            paths: self.paths,
            node,
            level: self.level + 1,
            found: self.found,
        }
    }

    fn fits<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.level < MOST_LEVELS {
            Ok(())
        } else {
            Err(E::custom("deep"))
        }
    }
}

impl<'de, F: FnMut(usize, Leaf<'_>) -> bool> DeserializeSeed<'de> for Walk<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, F: FnMut(usize, Leaf<'_>) -> bool> Visitor<'de> for Walk<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.fits()?;
        while let Some(Key(key)) = map.next_key()? {
            match self.paths.step(self.node, &key) {
                None
                | Some(Step {
                    end: None,
                    next: None,
                }) => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(Step {
                    end: None,
                    next: Some(next),
                }) => {
                    map.next_value_seed(self.within(next))?;
                }
                Some(Step {
                    end: Some(end),
                    next,
                }) => {
                    let value: &RawValue = map.next_value()?;
                    let found = &mut *self.found;
                    if leaf(value.get(), DEEPEST, &mut |leaf| found(end, leaf)) {
                        return Err(A::Error::custom("enough"));
                    }
                    if let Some(next) = next {
                        self.within(next)
                            .deserialize(&mut serde_json::Deserializer::from_str(value.get()))
                            .map_err(A::Error::custom)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        self.fits()?;
        let node = self.node;
        while seq.next_element_seed(self.within(node))?.is_some() {}
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

#[cfg(test)]
mod tests {
    use super::super::json::any_at;
    use super::*;

    const PATHS: [&str; 9] = ["a", "a.b", "a.b.c", "b", "a.c", "c.b.a", "", ".a", "b."];

    /// What each path has if all are read at once, if the text can be read.
    fn read(doc: &str) -> Option<Vec<Vec<Option<String>>>> {
        let mut all = vec![Vec::new(); PATHS.len()];
        let whole = Paths::new(PATHS).read(doc, &mut |path, leaf| {
            all[path].push(leaf.text().map(str::to_owned));
            false
        });
        whole.then_some(all)
    }

    /// What each has by itself.
    fn plain(doc: &str) -> Vec<Vec<Option<String>>> {
        let at = |path: &&str| {
            let mut values = Vec::new();
            any_at(doc, path, |leaf| {
                values.push(leaf.text().map(str::to_owned));
                false
            });
            values
        };
        PATHS.iter().map(at).collect()
    }

    #[test]
    fn all_paths_have_what_each_has_by_itself() {
        for doc in [
            r#"{"a":{"b":[{"c":"x"},{"c":2},{"d":1},{"c":null}],"c":true},"b":["p",["q"]]}"#,
            r#"{"a.b":{"c":1},"a":{"b.c":2,"b":{"c":3}},"a.b.c":4,"a":5,"\u0061":{"c":"\u00e4\n"}}"#,
            r#"[{"a":1},{"a":null},[{"b":{"":2}}],"a",1e5] {"a":2}"#,
            r#"{"":{"a":1},".a":2,"b.":3,"":4}"#,
            r#" { "a" : -1.50e2 , "b" : { } } "#,
        ] {
            assert_eq!(read(doc), Some(plain(doc)), "{doc}");
        }
    }

    #[test]
    fn what_is_broken_is_said_to_be() {
        for doc in [
            "",
            "Nov  1 host sshd[1]: x",
            r#"{"a":1,"b":"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":{"b":"\ud800"},"b":1"#,
            r#"{"c":"\ud800","b":1}"#,
            r#"{"c":1e999,"b":1}"#,
            "{\"d\":\"\n\",\"b\":1}",
        ] {
            assert_eq!(read(doc), None, "{doc}");
        }
        // Deeper than any path goes, but not where a path leads.
        let deep = |key: &str| {
            format!(
                r#"{{"{key}":{}{},"b":1}}"#,
                "[".repeat(500),
                "]".repeat(500)
            )
        };
        assert_eq!(read(&deep("x")), Some(plain(&deep("x"))));
        assert_eq!(read(&deep("a")), None);
        // A text that no character is made of is no value, and does not end the reading.
        let lone = r#"{"a":{"c":"\ud800"},"b":1}"#;
        assert_eq!(read(lone), Some(plain(lone)));
    }

    #[test]
    fn reading_ends_when_it_is_enough() {
        let mut seen = 0;
        let whole = Paths::new(["a"]).read(r#"{"a":[1,2,3],"b":1}"#, &mut |_, _| {
            seen += 1;
            seen == 2
        });
        assert!(!whole && seen == 2);
        assert!(Paths::takes("a.b.c.d.e.f.g.h") && !Paths::takes("a.b.c.d.e.f.g.h.i"));
    }
}
