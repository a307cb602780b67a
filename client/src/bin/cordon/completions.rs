//! `cordon completions`.

use std::io::Write as _;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::Cli;
use crate::failure::Outcome;

/// For which shell.
#[derive(Debug, Args)]
pub(crate) struct Command {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(command: &Command) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut Cli::command(), "cordon", &mut script);
    let mut out = std::io::stdout().lock();
    out.write_all(&script)?;
    Ok(out.flush()?)
}
