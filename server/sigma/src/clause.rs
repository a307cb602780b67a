//! Conditions as text, and how they are joined.

use crate::anchor::Anchors;

/// A condition as text, and what an event must hold for it.
#[derive(Debug, Clone)]
pub(crate) struct Clause {
    pub(crate) sql: String,
    pub(crate) anchors: Anchors,
}

/// A text as a literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub(crate) fn all(parts: Vec<Clause>) -> Option<Clause> {
    join(parts, " AND ", Anchors::all)
}

pub(crate) fn any(parts: Vec<Clause>) -> Option<Clause> {
    join(parts, " OR ", Anchors::any)
}

fn join(parts: Vec<Clause>, word: &str, fold: impl Fn(Vec<Anchors>) -> Anchors) -> Option<Clause> {
    let anchors = fold(parts.iter().map(|part| part.anchors.clone()).collect());
    let mut texts: Vec<String> = parts.into_iter().map(|part| part.sql).collect();
    let sql = match texts.len() {
        0 => return None,
        1 => texts.pop()?,
        _ => format!("({})", texts.join(word)),
    };
    Some(Clause { sql, anchors })
}

pub(crate) fn not(part: Clause) -> Clause {
    Clause {
        sql: format!("NOT {}", part.sql),
        anchors: Anchors::Any,
    }
}

/// At least so many of them.
pub(crate) fn at_least(least: u64, parts: Vec<Clause>) -> Option<Clause> {
    if parts.is_empty() {
        return None;
    }
    let anchors = Anchors::any(parts.iter().map(|part| part.anchors.clone()));
    let ones: Vec<String> = parts
        .into_iter()
        .map(|part| format!("CASE WHEN {} THEN 1 ELSE 0 END", part.sql))
        .collect();
    Some(Clause {
        sql: format!("({} >= {least})", ones.join(" + ")),
        anchors,
    })
}
