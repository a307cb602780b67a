//! `cordon notices verify`: for whoever writes a receiver, or looks at what one has kept.

use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use cordon_client::webhook::{Signed, verify};
use jiff::SignedDuration;
use serde_json::json;

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::when;

/// Longest body that is read, in bytes.
const MAX_BODY: u64 = 1 << 20;

/// What was received.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The file with the secret; while it is being changed, may be repeated
    #[arg(long, value_name = "FILE", required = true)]
    secret_file: Vec<PathBuf>,
    /// The header `webhook-id`
    #[arg(long)]
    id: String,
    /// The header `webhook-timestamp`
    #[arg(long)]
    timestamp: String,
    /// The header `webhook-signature`
    #[arg(long)]
    signature: String,
    /// How old it may be, as in 5m
    #[arg(long, value_name = "DURATION", value_parser = when::span, default_value = "5m")]
    within: SignedDuration,
    /// The file with the body; `-` for stdin
    body: PathBuf,
}

pub(super) fn run(context: &Context, command: &Verify) -> Outcome {
    let mut secrets = Vec::new();
    for path in &command.secret_file {
        let text = std::fs::read_to_string(path);
        secrets.push(text.map_err(|error| unreadable(path, &error))?);
    }
    let mut body = Vec::new();
    let read = match command.body.as_os_str() == "-" {
        true => std::io::stdin()
            .lock()
            .take(MAX_BODY)
            .read_to_end(&mut body),
        false => std::fs::File::open(&command.body)
            .and_then(|file| file.take(MAX_BODY).read_to_end(&mut body)),
    };
    read.map_err(|error| unreadable(&command.body, &error))?;
    let signed = Signed {
        id: &command.id,
        timestamp: &command.timestamp,
        signature: &command.signature,
        body: &body,
    };
    let now = cordon_client::time::now().as_second();
    let within = command.within.unsigned_abs();
    match verify(&secrets, &signed, now, within) {
        Ok(()) => context.output.done(
            "the signature is good",
            &json!({ "id": command.id, "good": true }),
        ),
        Err(refused) => Err(Failure::local(refused.to_string())),
    }
}

fn unreadable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("can't read {}: {error}", path.display()))
}
