//! `cordon admin accounts`.

use clap::Subcommand;
use jiff::Timestamp;

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::Row as _;
use crate::when;

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say that a cloud account is a tenant's; stored events that it concerns come to the tenant
    Add {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: String,
        /// The account, as in aws:123456789012 or gcp:my-project
        account: String,
        /// First moment at which it is the tenant's; always, if not given
        #[arg(long, value_name = "TIME", value_parser = when::moment)]
        from: Option<Timestamp>,
        /// First moment at which it is no longer
        #[arg(long, value_name = "TIME", value_parser = when::moment)]
        to: Option<Timestamp>,
    },
    /// A tenant's accounts
    List {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: String,
    },
    /// End an account's validity
    Remove {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: String,
        /// The account, as in aws:123456789012
        account: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let admin = context.client().await?.tenants();
    let output = &context.output;
    match command {
        Command::Add {
            of,
            account,
            from,
            to,
        } => {
            let answer = admin.create_account(&of, &account, from, to).await?;
            let added = answer.account.unwrap_or_default();
            let sentence = format!("{account} is {of}'s");
            output.done(&sentence, &added.json())
        }
        Command::List { of } => output.list(admin.list_accounts(&of)).await,
        Command::Remove { of, account } => {
            if account.is_empty() {
                return Err(Failure::usage(
                    "an account is needed, as in aws:123456789012",
                ));
            }
            output.one(&admin.delete_account(&of, &account).await?)
        }
    }
}
