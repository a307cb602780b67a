//! Texts that rules ask for, looked for all at once.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::{AhoCorasick, MatchKind};
use arrow::array::{Array, StringArray};
use memchr::memmem;

use crate::error::{LakeError, Result};

/// Texts with the rules that ask for them. ASCII letters are compared without regard to case.
#[derive(Debug)]
pub(super) struct Wanted {
    automaton: AhoCorasick,
    /// For each text the rules that ask for it.
    rules: Vec<Vec<usize>>,
}

impl Wanted {
    /// # Errors
    /// The texts make too large an automaton.
    pub(super) fn new<T: AsRef<[u8]>>(texts: BTreeMap<T, Vec<usize>>) -> Result<Option<Self>> {
        if texts.is_empty() {
            return Ok(None);
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(texts.keys())
            .map_err(|error| LakeError::corrupt(format!("the rules' texts: {error}")))?;
        Ok(Some(Self {
            automaton,
            rules: texts.into_values().collect(),
        }))
    }

    /// The rules that ask for a text that stands in this one, ascending.
    pub(super) fn of(&self, text: &[u8], found: &mut Vec<usize>) {
        // Each once, however often it stands there.
        let hits = self.automaton.find_overlapping_iter(text);
        let patterns: BTreeSet<usize> = hits.map(|hit| hit.pattern().as_usize()).collect();
        let rules = patterns
            .iter()
            .filter_map(|pattern| self.rules.get(*pattern));
        found.clear();
        found.extend(rules.flatten());
        found.sort_unstable();
        found.dedup();
    }

    /// For each rule those of some rows whose record holds a text that it asks for.
    pub(super) fn rows(
        &self,
        raw: &StringArray,
        rows: impl IntoIterator<Item = u32>,
    ) -> BTreeMap<usize, Vec<u32>> {
        let escape = memmem::Finder::new(r"\u00");
        let mut all: Vec<usize> = self.rules.iter().flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        let mut found: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        let mut of_row = Vec::new();
        for row in rows {
            let at = row as usize;
            let valid = at < raw.len() && raw.is_valid(at);
            let text = if valid { raw.value(at) } else { "" };
            if escaped(&escape, text) {
                of_row.clone_from(&all);
            } else {
                self.of(text.as_bytes(), &mut of_row);
            }
            for rule in &of_row {
                found.entry(*rule).or_default().push(row);
            }
        }
        found
    }
}

/// Whether the writer escaped what need not be escaped, so that texts can't be looked for.
fn escaped(escape: &memmem::Finder<'_>, text: &str) -> bool {
    escape.find_iter(text.as_bytes()).any(|at| {
        let digits = text.get(at + 4..at + 6).unwrap_or_default();
        u8::from_str_radix(digits, 16).is_ok_and(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-')
        })
    })
}
