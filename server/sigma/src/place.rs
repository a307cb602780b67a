//! Where in the text a mistake is. The parser keeps no places for what is inside a document,
//! so that they are found by the words that the mistake is about.

use crate::error::{Mistake, RuleError};

/// The place of the first of these words that occurs, each as a key or value of its own.
pub(crate) fn locate(text: &str, mistake: Mistake) -> RuleError {
    let place = mistake.near.iter().find_map(|words| find(text, words));
    let (line, column) = place.unwrap_or((1, 1));
    RuleError {
        message: mistake.message,
        line,
        column,
    }
}

/// Line and column of the words where they stand alone, or anywhere.
pub(crate) fn find(text: &str, words: &str) -> Option<(u32, u32)> {
    if words.is_empty() {
        return None;
    }
    let whole = |at: usize| {
        let before = text.get(..at)?.chars().next_back();
        let after = text.get(at + words.len()..)?.chars().next();
        let joins = |near: Option<char>| near.is_some_and(|c| c.is_alphanumeric() || c == '_');
        (!joins(before) && !joins(after)).then_some(at)
    };
    let at = text
        .match_indices(words)
        .find_map(|(at, _)| whole(at))
        .or_else(|| text.find(words))?;
    Some(line_and_column(text, at))
}

/// Line and column, from 1, of a byte.
pub(crate) fn line_and_column(text: &str, at: usize) -> (u32, u32) {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (count(line), count(column))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
