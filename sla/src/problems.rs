//! Everything that is wrong with a draft, at once, each with its field.

use std::fmt;

/// Something wrong with one field of a draft.
pub trait Problem: fmt::Display {
    /// The path of the field within the draft, such as `hours.monday[1]`.
    fn field(&self) -> String;
}

/// Why a draft is refused: one problem or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems<P>(Vec<P>);

impl<P> Problems<P> {
    /// Passes the value if nothing is wrong.
    pub(crate) fn none_or<T>(problems: Vec<P>, value: T) -> Result<T, Self> {
        if problems.is_empty() {
            Ok(value)
        } else {
            Err(Self(problems))
        }
    }

    /// The problems, in the order of the fields.
    pub fn iter(&self) -> impl Iterator<Item = &P> {
        self.0.iter()
    }
}

impl<P> From<P> for Problems<P> {
    fn from(problem: P) -> Self {
        Self(vec![problem])
    }
}

impl<P: Problem> fmt::Display for Problems<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{}: {problem}", problem.field())?;
        }
        Ok(())
    }
}

impl<P: Problem + fmt::Debug> std::error::Error for Problems<P> {}
