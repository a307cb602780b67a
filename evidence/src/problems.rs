//! Everything that is wrong with something that came from outside, at once, each with its field.

use std::fmt;

/// Something that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<P> {
    /// The path of the field, such as `items[1].name`.
    pub field: String,
    /// What is wrong with it.
    pub problem: P,
}

impl<P: fmt::Display> fmt::Display for Found<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

/// Why something is refused: one problem or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems<P>(Vec<Found<P>>);

impl<P> Problems<P> {
    /// The problems, in the order of the fields.
    pub fn iter(&self) -> impl Iterator<Item = &Found<P>> {
        self.0.iter()
    }
}

impl<P: fmt::Display> fmt::Display for Problems<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, found) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            found.fmt(f)?;
        }
        Ok(())
    }
}

impl<P: fmt::Display + fmt::Debug> std::error::Error for Problems<P> {}

/// Problems while they are looked for.
#[derive(Debug)]
pub(crate) struct Looking<P>(Vec<Found<P>>);

impl<P> Looking<P> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, field: impl Into<String>, problem: P) {
        self.0.push(Found {
            field: field.into(),
            problem,
        });
    }

    pub(crate) fn refuse_if(&mut self, wrong: bool, field: impl Into<String>, problem: P) {
        if wrong {
            self.add(field, problem);
        }
    }

    /// Passes if nothing is wrong.
    pub(crate) fn end(self) -> Result<(), Problems<P>> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Problems(self.0))
        }
    }
}
