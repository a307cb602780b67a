//! `cordon admin facts`.

use clap::Subcommand;
use cordon_client::{FactAudience, FactChanges, NewFact};
use jiff::Timestamp;

use super::words::{KindArg, audience};
use super::{Wanted, show};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::incidents::prose::read_or_file;
use crate::when;

/// What can be done with facts.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// State something about the infrastructure
    Publish {
        /// What it is about; stays as it is
        #[arg(long, value_enum)]
        kind: KindArg,
        /// For whom it is: everyone, service:ID for those who use it, or tenant:ID; stays as it is
        #[arg(long = "for", value_name = "WHOM", value_parser = audience)]
        audience: FactAudience,
        /// In up to 200 characters
        #[arg(long)]
        title: String,
        /// In up to 8,192 characters, plain or Markdown; `@FILE` for a file, `-` for stdin
        #[arg(long)]
        text: String,
        /// The service that it is about
        #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
        service: String,
        /// The region or zone
        #[arg(long, default_value = "", hide_default_value = true)]
        region: String,
        /// From when on it holds; always, if not given
        #[arg(long, value_name = "TIME", value_parser = when::moment)]
        from: Option<Timestamp>,
        /// First moment at which it holds no longer
        #[arg(long, value_name = "TIME", value_parser = when::moment)]
        to: Option<Timestamp>,
    },
    /// State a fact anew; what was stated before stays to be read
    Update {
        /// Its id
        #[arg(value_name = "FACT")]
        fact: String,
        /// In up to 200 characters
        #[arg(long)]
        title: Option<String>,
        /// `@FILE` for a file, `-` for stdin
        #[arg(long)]
        text: Option<String>,
        /// The service that it is about; '' for none
        #[arg(long, value_name = "ID")]
        service: Option<String>,
        /// The region or zone; '' for all
        #[arg(long)]
        region: Option<String>,
        /// From when on it holds; `always` for no beginning
        #[arg(long, value_name = "TIME", value_parser = bound)]
        from: Option<Bound>,
        /// First moment at which it holds no longer; `always` for no end
        #[arg(long, value_name = "TIME", value_parser = bound)]
        to: Option<Bound>,
        /// Only if it still is as it was read
        #[arg(long, default_value = "", hide_default_value = true)]
        etag: String,
    },
    /// Say that a fact does not hold any more; that it was stated stays to be read
    Withdraw {
        /// Its id
        #[arg(value_name = "FACT")]
        fact: String,
        /// Why; those for whom it was read it
        #[arg(long)]
        reason: String,
        /// Only if it still is as it was read
        #[arg(long, default_value = "", hide_default_value = true)]
        etag: String,
    },
    /// All facts, or what is stated to one tenant
    List {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: Option<String>,
        #[command(flatten)]
        wanted: Wanted,
    },
}

/// A bound of the time for which a fact holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound(Option<Timestamp>);

/// Reads a bound, for clap.
fn bound(text: &str) -> Result<Bound, String> {
    match text {
        "always" => Ok(Bound(None)),
        text => when::moment(text).map(|time| Bound(Some(time))),
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Publish {
            kind,
            audience,
            title,
            text,
            service,
            region,
            from,
            to,
        } => {
            let new = NewFact {
                kind: kind.into(),
                audience,
                service,
                region,
                title,
                text: read_or_file(text)?,
                valid_from: from,
                valid_to: to,
            };
            let made = context.client().await?.facts().create(new).await?;
            show(context, &made)
        }
        Command::Update {
            fact,
            title,
            text,
            service,
            region,
            from,
            to,
            etag,
        } => {
            let changes = FactChanges {
                service,
                region,
                title,
                text: text.map(read_or_file).transpose()?,
                valid_from: from.map(|bound| bound.0),
                valid_to: to.map(|bound| bound.0),
            };
            if changes == FactChanges::default() {
                return Err(Failure::usage(
                    "nothing to state anew: give --title, --text, --service, --region, --from or --to",
                ));
            }
            let facts = context.client().await?.facts();
            show(context, &facts.update(&fact, changes, &etag).await?)
        }
        Command::Withdraw { fact, reason, etag } => {
            let facts = context.client().await?.facts();
            show(context, &facts.withdraw(&fact, &reason, &etag).await?)
        }
        Command::List { of, wanted } => {
            let mut client = context.client().await?;
            if let Some(of) = of {
                client = client.for_tenant(&of);
            }
            context
                .output
                .list(client.facts().list(wanted.into()))
                .await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read() {
        assert_eq!(bound("always"), Ok(Bound(None)));
        let day = bound("2026-10-01").unwrap();
        assert_eq!(day.0.unwrap().to_string(), "2026-10-01T00:00:00Z");
        assert!(bound("never").is_err());
    }
}
