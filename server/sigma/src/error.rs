//! Why a rule was refused, and where.

/// A mistake in a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct RuleError {
    /// What is wrong, and what to write instead where that is known.
    pub message: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
}

impl RuleError {
    /// A mistake at the beginning, or of the rule as a whole.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            line: 1,
            column: 1,
        }
    }
}

/// What went wrong in one item, to be placed by whoever knows the text: a message, and the
/// words by which its line is found.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) message: String,
    pub(crate) near: Vec<String>,
}

impl Mistake {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            near: Vec::new(),
        }
    }

    pub(crate) fn near(mut self, words: impl Into<String>) -> Self {
        self.near.push(words.into());
        self
    }
}
