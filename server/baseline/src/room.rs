//! Bytes that may still be used.

/// What is left of a table's bytes while one event is taken.
#[derive(Debug)]
pub(crate) struct Room {
    left: usize,
    refused: bool,
}

impl Room {
    pub(crate) const fn new(left: usize) -> Self {
        Self {
            left,
            refused: false,
        }
    }

    /// Takes some, if there are as many.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.refused = true;
                false
            }
        }
    }

    /// How many are left.
    pub(crate) const fn left(&self) -> usize {
        self.left
    }

    /// Whether there were too few at least once.
    pub(crate) const fn refused(&self) -> bool {
        self.refused
    }
}
