//! `cordon admin tenants`.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::Subcommand;
use cordon_client::Tenant;

use crate::context::Context;
use crate::failure::{Failure, Outcome, note};

/// What can be done with tenants.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a tenant with keys of its own
    Create {
        /// 3 to 63 of a-z, 0-9 and `-`, beginning with a letter; never used again
        #[arg(value_name = "TENANT")]
        id: String,
        /// Name for people
        #[arg(long, default_value = "")]
        display_name: String,
        /// The tenant that this one is a sub-account of
        #[arg(long, value_name = "TENANT", default_value = "")]
        parent: String,
        /// The region that fixes storage and key service
        #[arg(long, value_name = "REGION", default_value = "")]
        home_region: String,
    },
    /// All tenants
    List,
    /// One tenant
    Show {
        /// The tenant
        #[arg(value_name = "TENANT")]
        id: String,
    },
    /// Refuse a tenant's credentials everywhere; its events are still stored
    Suspend {
        /// The tenant
        #[arg(value_name = "TENANT")]
        id: String,
        /// Why; the tenant reads it in its log
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Lift a suspension
    Resume {
        /// The tenant
        #[arg(value_name = "TENANT")]
        id: String,
    },
    /// Destroy a suspended tenant's keys and with them its data, for ever
    Delete {
        /// The tenant
        #[arg(value_name = "TENANT")]
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let admin = context.client().await?.tenants();
    let output = &context.output;
    match command {
        Command::Create {
            id,
            display_name,
            parent,
            home_region,
        } => {
            if !parent.is_empty() && !parent.starts_with("tenants/") {
                return Err(Failure::usage(format!(
                    "--parent: expected tenants/{parent}"
                )));
            }
            let tenant = Tenant {
                display_name,
                parent,
                home_region,
                ..Tenant::default()
            };
            output.one(&admin.create_tenant(&id, tenant).await?)
        }
        Command::List => output.list(admin.list_tenants()).await,
        Command::Show { id } => output.one(&admin.get_tenant(&id).await?),
        Command::Suspend { id, reason } => {
            output.one(&admin.suspend_tenant(&id, &reason, "").await?)
        }
        Command::Resume { id } => output.one(&admin.resume_tenant(&id, "").await?),
        Command::Delete { id, yes } => {
            // The etag makes sure that what is deleted is what was shown.
            let tenant = admin.get_tenant(&id).await?;
            if !yes {
                confirm(&tenant)?;
            }
            output.one(&admin.delete_tenant(&id, &tenant.etag).await?)
        }
    }
}

/// Asks a person; a script has said what it wants.
fn confirm(tenant: &Tenant) -> Outcome {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(());
    }
    note(&format!(
        "This destroys the keys of {} ({}). Its events can never be read again, not from backups either.",
        tenant.name, tenant.display_name
    ));
    let id = tenant.name.rsplit('/').next().unwrap_or_default();
    let mut err = io::stderr();
    write!(err, "Type {id} to go on: ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == id {
        Ok(())
    } else {
        Err(Failure::local("nothing was deleted"))
    }
}
