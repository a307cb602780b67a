//! `cordon incidents link`, `unlink` and `links`.

use clap::Subcommand;
use cordon_client::Link;
use serde_json::{Value, json};

use super::named;
use super::timeline::{actor_json, who};
use super::which::{Which, part_of, which};
use crate::context::{Context, Whose};
use crate::failure::Outcome;
use crate::output::Row;
use crate::show::{or_null, time, time_json};

/// What can be done with links.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Link an incident to an event
    Link {
        /// The incident's full name, id, or number
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
        /// The event's full name, as in tenants/acme/events/…
        event: String,
        /// What it has to do with it
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Take a link away again
    Unlink {
        /// Its full name, as `links` has it
        #[arg(value_name = "LINK", value_parser = link)]
        name: String,
    },
    /// What an incident is linked to
    Links {
        /// The incident's full name, id, or number
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
    },
}

fn link(text: &str) -> Result<String, String> {
    part_of(text, "links", "cordon incidents links")
}

pub(super) async fn run(context: &Context, whose: &Whose, links: Verb) -> Outcome {
    match links {
        Verb::Link { id, event, reason } => {
            let (client, incident) = named(context, whose, id).await?;
            let linked = client.incidents().link(&incident, &event, &reason).await?;
            context.output.one(&linked)
        }
        Verb::Unlink { name } => {
            let incidents = context.client_for(whose).await?.incidents();
            incidents.unlink(&name).await?;
            let done = json!({ "unlinked": name });
            context.output.done(&format!("unlinked {name}"), &done)
        }
        Verb::Links { id } => {
            let (client, incident) = named(context, whose, id).await?;
            context
                .output
                .list(client.incidents().links(&incident))
                .await
        }
    }
}

impl Row for Link {
    const HEAD: &'static [&'static str] = &["resource", "reason", "by", "since", "name"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.resource.clone(),
            self.reason.clone(),
            who(self.actor.as_ref()),
            time(self.create_time.as_ref()),
            self.name.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "resource": self.resource,
            "reason": or_null(self.reason.clone()),
            "actor": actor_json(self.actor.as_ref()),
            "create_time": time_json(self.create_time.as_ref()),
        })
    }
}
