//! By what a rule is found when it must look at an event.

use std::collections::{BTreeMap, HashMap};

use cordon_sigma::{Anchor, Anchors};

use super::plan::{Atoms, Part};
use crate::schema::Column;

/// Most bytes of texts that are looked for at once.
const MOST_TEXT: usize = 64 << 10;

/// By what rules are found that must look at an event.
#[derive(Default)]
pub(super) struct Dispatch {
    /// Bytes of texts so far.
    bytes: usize,
    /// Rules that any event may match.
    pub(super) any: Vec<usize>,
    /// Rules by operations, in lower case.
    pub(super) operations: HashMap<String, Vec<usize>>,
    /// Rules by texts in values, by paths.
    pub(super) values: BTreeMap<usize, BTreeMap<Vec<u8>, Vec<usize>>>,
    /// What these rules ask for anywhere in a record.
    pub(super) alone: BTreeMap<String, Vec<usize>>,
    /// Rules by texts anywhere in a record, which they read themselves.
    pub(super) texts: BTreeMap<String, Vec<usize>>,
    /// Rules that ask for texts, but read none but at paths, with these texts.
    pub(super) loose: BTreeMap<usize, Vec<String>>,
}

impl Dispatch {
    /// Takes in a rule with what it asks for and what is left of its filter's conditions.
    pub(super) fn add(&mut self, rule: usize, anchors: Anchors, parts: &[Part], atoms: &Atoms) {
        let Anchors::OneOf(anchors) = anchors else {
            self.any.push(rule);
            return;
        };
        let (mut operations, mut texts) = (Vec::new(), Vec::new());
        for anchor in anchors {
            match anchor {
                Anchor::Operation(name) => operations.push(name),
                Anchor::Text(text) => texts.push(text),
            }
        }
        let values = if operations.is_empty() {
            parts.last().and_then(|part| atoms.required(part))
        } else {
            None
        };
        let in_values = values.iter().flatten().map(|(_, text)| text.len());
        let bytes: usize = texts.iter().map(String::len).chain(in_values).sum();
        if self.bytes + bytes > MOST_TEXT {
            // What it asks for is more than can be looked for at once: it looks itself.
            self.any.push(rule);
            return;
        }
        self.bytes += bytes;
        for name in operations {
            self.operations.entry(name).or_default().push(rule);
        }
        let add = |to: &mut BTreeMap<String, Vec<usize>>, texts: Vec<String>| {
            for text in texts {
                to.entry(text).or_default().push(rule);
            }
        };
        let reads_raw = parts.iter().any(|part| part.columns.contains(Column::Raw));
        match values {
            Some(values) => {
                for (path, text) in values {
                    let of = self.values.entry(path).or_default();
                    of.entry(text).or_default().push(rule);
                }
                add(&mut self.alone, texts);
            }
            None if texts.is_empty() => {}
            None if reads_raw => add(&mut self.texts, texts),
            None => drop(self.loose.insert(rule, texts)),
        }
    }
}
