//! `cordon dead-letters`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use cordon_client::Error;
use cordon_client::ingest::DeadLetter;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::Outcome;
use crate::output::Row;
use crate::show::{time, time_json};

/// What can be done with records that could not be read.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A source's dead letters, oldest first
    List {
        /// The source, as in aws-cloudtrail
        source: String,
        /// How many at most
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Read a source's dead letters again, with the normalizers of today
    Replay {
        /// The source, as in aws-cloudtrail
        source: String,
    },
}

struct Letter(DeadLetter);

impl Row for Letter {
    const HEAD: &'static [&'static str] = &["letter", "time", "batch", "line", "reason", "bytes"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.0
                .name
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned(),
            time(self.0.create_time.as_ref()),
            self.0.batch_id.clone(),
            self.0.line.to_string(),
            self.0.reason.clone(),
            self.0.size_bytes.to_string(),
        ]
    }

    /// The content as text where it is text, else in base64.
    fn json(&self) -> Value {
        let mut value = json!({
            "name": self.0.name,
            "create_time": time_json(self.0.create_time.as_ref()),
            "batch_id": self.0.batch_id,
            "line": self.0.line,
            "reason": self.0.reason,
            "size_bytes": self.0.size_bytes,
        });
        let (key, content) = match std::str::from_utf8(&self.0.content) {
            Ok(text) => ("content", text.to_owned()),
            Err(_) => ("content_base64", STANDARD.encode(&self.0.content)),
        };
        if let Some(object) = value.as_object_mut() {
            object.insert(key.to_owned(), content.into());
        }
        value
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let ingest = context.client().await?.ingest();
    match command {
        Command::List { source, limit } => {
            let letters = ingest
                .dead_letters(&name(&source))
                .take(limit.unwrap_or(usize::MAX))
                .map_ok(Letter)
                .map_err(Error::from);
            context.output.list(letters).await
        }
        Command::Replay { source } => {
            let answer = ingest.replay_dead_letters(&name(&source)).await?;
            context.output.done(
                &format!(
                    "{} could be read now and are stored; {} still can't be read",
                    answer.accepted_count, answer.remaining_count
                ),
                &json!({
                    "accepted_count": answer.accepted_count,
                    "remaining_count": answer.remaining_count,
                }),
            )
        }
    }
}

/// A source's full name.
pub(crate) fn name(source: &str) -> String {
    if source.starts_with("sources/") {
        source.to_owned()
    } else {
        format!("sources/{source}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_that_is_no_text_is_base64() {
        let letter = |content: &'static [u8]| {
            Letter(DeadLetter {
                content: content.into(),
                ..DeadLetter::default()
            })
            .json()
        };
        assert_eq!(letter(b"{bad")["content"], "{bad");
        assert_eq!(letter(b"\xff\x00")["content_base64"], "/wA=");
        assert_eq!(letter(b"\xff")["content"], Value::Null);
    }

    #[test]
    fn sources_are_taken_with_and_without_their_collection() {
        assert_eq!(name("aws-cloudtrail"), "sources/aws-cloudtrail");
        assert_eq!(name("sources/aws-cloudtrail"), "sources/aws-cloudtrail");
    }
}
