//! `cordon notices`.

mod rows;
mod verify;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use cordon_client::{NewSubscription, Notices, Subscription};
use futures::{StreamExt as _, TryStreamExt as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use self::rows::{AudienceArg, DeliveryStateArg};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome};
use crate::incidents::which::{Which, which};
use crate::incidents::words::SeverityArg;
use crate::output::{Form, Row as _};

const MARKING: &str = "\
A notice says no more than the marking of its incident (TLP 2.0) lets its audience read: RED goes
to a named person alone and is a mere hint to the organization, AMBER+STRICT stays in the
organization, AMBER reaches its clients too, GREEN and CLEAR the community. You say who reads what
arrives at a place, and answer for it.";

/// Where notices go.
#[derive(Debug, Args)]
#[command(after_help = MARKING)]
pub(crate) struct Command {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Have notices sent to a program, as signed CloudEvents; shows its secret, once
    CreateWebhook {
        /// Where it takes them: https://, at a public address; `-` for stdin, since it may be a
        /// secret
        url: String,
        #[command(flatten)]
        new: New,
        /// Write the secret to this file instead of showing it
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Have notices sent to a mail address
    CreateMail {
        /// The address
        address: String,
        #[command(flatten)]
        new: New,
    },
    /// The tenant's subscriptions, the oldest first
    List,
    /// Keep notices back; they are sent once it is resumed
    Pause(Named),
    /// Send what was kept back, and go on; one that failed is tried at once
    Resume(Named),
    /// Make a webhook another secret; for a day the former one still signs, too
    RotateSecret {
        #[command(flatten)]
        named: Named,
        /// Write the secret to this file instead of showing it
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// End a subscription; what it has not sent is not sent
    Delete(Named),
    /// What was sent in the last 30 days, what waits, and what was given up, the newest first
    Deliveries {
        #[command(flatten)]
        named: Named,
        /// Of this state alone; may be repeated
        #[arg(long, value_enum)]
        state: Vec<DeliveryStateArg>,
        /// How many at most
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Send again what was given up
    Retry {
        /// A delivery's full name, as `deliveries` shows it, or a subscription's with --all
        name: String,
        /// All that the subscription has given up
        #[arg(long)]
        all: bool,
    },
    /// For staff: how many notices of each tenant wait or were given up
    Backlogs,
    /// Check the signature of a webhook that was received; asks no server
    Verify(verify::Verify),
}

/// A subscription.
#[derive(Debug, Args)]
struct Named {
    /// Its full name or its id, as `list` shows it
    #[arg(value_name = "ID")]
    id: String,
}

/// What is sent, and who reads it.
#[derive(Debug, Args)]
struct New {
    /// Who reads what arrives there
    #[arg(long, value_enum)]
    audience: AudienceArg,
    /// A name for people
    #[arg(long, value_name = "NAME", default_value = "")]
    display_name: String,
    /// Only entries of this kind, as in opened or moved; may be repeated
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Only incidents of this severity; may be repeated
    #[arg(long, value_enum)]
    severity: Vec<SeverityArg>,
    /// Only this incident: its full name, its id, or its number
    #[arg(long, value_name = "ID", value_parser = which)]
    incident: Option<Which>,
    /// Only comments that mention this name, as in alice
    #[arg(long, value_name = "NAME", conflicts_with = "kind")]
    mention: Option<String>,
}

impl New {
    async fn subscription(
        self,
        client: &cordon_client::Client,
    ) -> Result<NewSubscription, Failure> {
        let incident = match self.incident {
            None => None,
            Some(which) => Some(which.name(&client.incidents()).await?),
        };
        Ok(NewSubscription {
            display_name: self.display_name,
            audience: self.audience.into(),
            kinds: self.kind,
            severities: self.severity.into_iter().map(Into::into).collect(),
            incident,
            mention: self
                .mention
                .map(|name| name.trim_start_matches('@').to_owned()),
        })
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let Command { whose, verb } = command;
    let output = &context.output;
    if let Verb::Verify(verify) = verb {
        return verify::run(context, &verify);
    }
    if matches!(verb, Verb::Backlogs) {
        let notices = context.client().await?.notices();
        return output.list(notices.backlogs()).await;
    }
    if let Verb::CreateWebhook { .. } | Verb::CreateMail { .. } | Verb::List = verb {
        let client = context.client_of_tenant(&whose).await?;
        let notices = client.notices();
        return match verb {
            Verb::CreateWebhook {
                url,
                new,
                secret_file,
            } => {
                let url = crate::incidents::prose::read(url)?;
                let new = new.subscription(&client).await?;
                let (made, secret) = notices.create_webhook(url.trim(), new).await?;
                show_secret(context, &made, &secret, secret_file)
            }
            Verb::CreateMail { address, new } => {
                let new = new.subscription(&client).await?;
                output.one(&notices.create_mail(&address, new).await?)
            }
            _ => output.list(notices.list()).await,
        };
    }
    let notices = context.client_for(&whose).await?.notices();
    match verb {
        Verb::Pause(named) => output.one(&notices.pause(&named.id).await?),
        Verb::Resume(named) => output.one(&notices.resume(&named.id).await?),
        Verb::RotateSecret { named, secret_file } => {
            let (made, secret) = notices.rotate_secret(&named.id).await?;
            show_secret(context, &made, &secret, secret_file)
        }
        Verb::Delete(named) => {
            let name = notices.name(&named.id)?;
            notices.delete(&name).await?;
            output.done(&format!("{name} is ended"), &json!({ "name": name }))
        }
        Verb::Deliveries {
            named,
            state,
            limit,
        } => {
            let states: Vec<_> = state.into_iter().map(Into::into).collect();
            let found = notices.deliveries(&named.id, &states);
            output.list(found.take(limit.unwrap_or(usize::MAX))).await
        }
        Verb::Retry { name, all } => retry(context, &notices, &name, all).await,
        Verb::CreateWebhook { .. }
        | Verb::CreateMail { .. }
        | Verb::List
        | Verb::Backlogs
        | Verb::Verify(_) => Ok(()),
    }
}

async fn retry(context: &Context, notices: &Notices, name: &str, all: bool) -> Outcome {
    if !all {
        if !name.contains("/deliveries/") {
            return Err(Failure::usage(
                "expected a delivery's full name, as in tenants/acme/subscriptions/…/deliveries/3; \
                 `cordon notices deliveries` shows it. For all of a subscription: --all",
            ));
        }
        return context.output.one(&notices.retry(name).await?);
    }
    let dead = [cordon_client::DeliveryState::Dead];
    let dead: Vec<_> = notices.deliveries(name, &dead).try_collect().await?;
    for delivery in dead.iter().rev() {
        notices.retry(&delivery.name).await?;
    }
    let count = dead.len();
    let sentence = format!("{count} notices are sent again");
    context.output.done(&sentence, &json!({ "count": count }))
}

/// Shows what was made, and its secret: to a file that only its owner can read, or on stdout.
fn show_secret(
    context: &Context,
    made: &Subscription,
    secret: &SecretString,
    file: Option<PathBuf>,
) -> Outcome {
    let mut result = made.json();
    let sentence = match file {
        Some(path) => {
            write_new(&path, secret)?;
            let shown = path.display().to_string();
            if let Some(object) = result.as_object_mut() {
                object.insert("secret_file".to_owned(), shown.clone().into());
            }
            format!("{}\nits secret is in {shown}", made.name)
        }
        None => {
            if let Some(object) = result.as_object_mut() {
                object.insert("secret".to_owned(), secret.expose_secret().into());
            }
            format!(
                "{}\nits secret, which is not shown again: {}",
                made.name,
                secret.expose_secret()
            )
        }
    };
    if context.output.form() == Form::Table && std::io::stdout().is_terminal() {
        context.output.one(made)?;
    }
    context.output.done(&sentence, &result)
}

fn write_new(path: &std::path::Path, secret: &SecretString) -> Outcome {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written = options
        .open(path)
        .and_then(|mut file| writeln!(file, "{}", secret.expose_secret()));
    written.map_err(|error| {
        Failure::usage(format!(
            "the subscription was made, but its secret can't be written to {}: {error}; make \
             another one with `cordon notices rotate-secret`",
            path.display()
        ))
    })
}
