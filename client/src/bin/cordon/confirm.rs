//! Asking a person before what can't be undone.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::failure::{Failure, Outcome, note};

/// Says what is about to be deleted and asks for a word; a script has said what it wants.
pub(crate) fn confirm(warning: &str, word: &str) -> Outcome {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(());
    }
    note(warning);
    let mut err = io::stderr();
    write!(err, "Type {word} to go on: ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == word {
        Ok(())
    } else {
        Err(Failure::local("nothing was deleted"))
    }
}
