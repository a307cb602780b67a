//! `cordon admin holds`.

use clap::Subcommand;
use cordon_client::LegalHold;
use serde_json::{Value, json};

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::Row;
use crate::show::{or_null, time, time_json};

/// What can be done with legal holds.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Have a tenant kept: while a hold lasts, it is not deleted
    Place {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: String,
        /// Why it must be kept
        #[arg(long)]
        reason: String,
        /// The case or order that it rests on, such as a file number
        #[arg(long, default_value = "")]
        reference: String,
    },
    /// A tenant's holds, those that were released included
    List {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: String,
    },
    /// End a hold; a deletion that waits for it goes on within an hour
    Release {
        /// Its full name, as `list` shows it
        name: String,
        /// Why it may end; kept in the tenant's log
        #[arg(long)]
        reason: String,
    },
}

impl Row for LegalHold {
    const HEAD: &'static [&'static str] = &["name", "reason", "reference", "placed", "released"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.reason.clone(),
            self.reference.clone(),
            time(self.create_time.as_ref()),
            time(self.release_time.as_ref()),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "reason": self.reason,
            "reference": or_null(self.reference.clone()),
            "create_time": time_json(self.create_time.as_ref()),
            "release_time": time_json(self.release_time.as_ref()),
        })
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    if let Command::Release { name, .. } = &command
        && !name.contains("/legalHolds/")
    {
        return Err(Failure::usage(
            "expected a full name, as in tenants/acme/legalHolds/…; `cordon admin holds list` shows it",
        ));
    }
    let admin = context.client().await?.tenants();
    let output = &context.output;
    match command {
        Command::Place {
            of,
            reason,
            reference,
        } => output.one(&admin.create_hold(&of, &reason, &reference).await?),
        Command::List { of } => output.list(admin.list_holds(&of)).await,
        Command::Release { name, reason } => output.one(&admin.release_hold(&name, &reason).await?),
    }
}
