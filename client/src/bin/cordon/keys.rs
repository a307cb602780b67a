//! `cordon admin keys`.

use clap::Subcommand;
use cordon_client::{KeyRotation, KeyRotationState};
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::Outcome;
use crate::output::Row;
use crate::show::{short, time, time_json};

/// What can be done with data keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Give a tenant a new data key; what older ones sealed is sealed anew in the background
    Rotate {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: String,
        /// Why; kept in the tenant's log
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// A tenant's data keys, and how far sealing anew has come
    List {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: String,
    },
}

impl Row for KeyRotation {
    const HEAD: &'static [&'static str] =
        &["version", "state", "created", "sealed anew", "finished"];

    fn cells(&self) -> Vec<String> {
        vec![
            short(&self.name),
            state(self).to_lowercase(),
            time(self.create_time.as_ref()),
            format!("{}/{}", self.done_count, self.segment_count),
            time(self.finish_time.as_ref()),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "state": state(self),
            "create_time": time_json(self.create_time.as_ref()),
            "segment_count": self.segment_count,
            "done_count": self.done_count,
            "finish_time": time_json(self.finish_time.as_ref()),
        })
    }
}

fn state(rotation: &KeyRotation) -> &'static str {
    match rotation.state() {
        KeyRotationState::Reencrypting => "REENCRYPTING",
        KeyRotationState::Done => "DONE",
        KeyRotationState::Unspecified => "UNSPECIFIED",
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let admin = context.client().await?.tenants();
    let output = &context.output;
    match command {
        Command::Rotate { of, reason } => output.one(&admin.rotate_key(&of, &reason).await?),
        Command::List { of } => output.list(admin.list_key_rotations(&of)).await,
    }
}
