//! What an event must hold for a rule to match it at all, so that most rules need not look at
//! most events.

use crate::pattern::Part;

/// Shortest text that is worth looking for.
const SHORTEST: usize = 4;
/// Longest text that is looked for: more says no more.
const LONGEST: usize = 32;
/// Most alternatives: more say little about an event.
const MOST: usize = 64;

/// One thing that an event can hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anchor {
    /// The operation is this, in lower case, with ASCII letters compared without regard to case.
    Operation(String),
    /// The record holds this text, in lower case. Letters, digits and `_ . : -` alone: those a
    /// JSON text holds as they are, unless whoever wrote it escaped them as `\u00xx`.
    Text(String),
}

/// Things of which an event must hold at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchors {
    /// Any event may match.
    Any,
    /// An event must hold one of these.
    OneOf(Vec<Anchor>),
}

impl Anchors {
    /// What a value on the operation asks for.
    pub(crate) fn operation(plain: &str) -> Self {
        if plain.is_ascii() && !plain.is_empty() {
            Self::OneOf(vec![Anchor::Operation(plain.to_ascii_lowercase())])
        } else {
            Self::Any
        }
    }

    /// What a pattern anywhere in the record asks for.
    pub(crate) fn text(parts: &[Part]) -> Self {
        // Letters of other alphabets may have ASCII's as their lower case.
        let plain = |part: &Part| !matches!(part, Part::Text(text) if !text.is_ascii());
        if !parts.iter().all(plain) {
            return Self::Any;
        }
        let texts = parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::One | Part::Any => None,
        });
        let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-');
        texts
            .flat_map(|text| text.split(|c: char| !safe(c)))
            .max_by_key(|run| run.len())
            .filter(|run| run.len() >= SHORTEST)
            .map_or(Self::Any, |run| {
                let run: String = run.chars().take(LONGEST).collect();
                Self::OneOf(vec![Anchor::Text(run.to_ascii_lowercase())])
            })
    }

    /// All must hold: the one that says most is enough.
    pub(crate) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        parts
            .into_iter()
            .max_by_key(Self::worth)
            .unwrap_or(Self::Any)
    }

    /// One must hold: any of what any asks for.
    pub(crate) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for part in parts {
            match part {
                Self::Any => return Self::Any,
                Self::OneOf(anchors) => all.extend(anchors),
            }
        }
        all.sort_unstable();
        all.dedup();
        if all.is_empty() || all.len() > MOST {
            return Self::Any;
        }
        Self::OneOf(all)
    }

    /// How much it narrows: operations most, then by the shortest text.
    fn worth(&self) -> (u8, usize) {
        match self {
            Self::Any => (0, 0),
            Self::OneOf(anchors) => {
                let texts = anchors.iter().filter_map(|anchor| match anchor {
                    Anchor::Text(text) => Some(text.len()),
                    Anchor::Operation(_) => None,
                });
                match texts.min() {
                    None => (2, usize::MAX - anchors.len()),
                    Some(shortest) => (1, shortest),
                }
            }
        }
    }
}
