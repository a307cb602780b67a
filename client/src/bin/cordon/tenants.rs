//! `cordon admin tenants`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use cordon_client::{Tenant, time};
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde_json::json;

use crate::confirm::confirm;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::Row as _;
use crate::part::Part;
use crate::show::{self, time_json};

const DAY: u32 = 24 * 3_600;
/// How long a deletion waits when nobody says how long: the server's own default.
const USUAL_DAYS: u32 = 30;

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
        /// Who pays for it: tenants for whom the same pays share what may be asked across customers
        #[arg(long, value_name = "ORGANISATION", default_value = "")]
        billing_organisation: String,
    },
    /// All tenants
    List,
    /// One tenant
    Show {
        /// The tenant
        #[arg(value_name = "TENANT")]
        id: String,
    },
    /// Say who pays for a tenant; without an organisation it pays itself
    Bill {
        /// The tenant
        #[arg(value_name = "TENANT")]
        id: String,
        /// 1 to 63 lower-case letters, digits and hyphens
        #[arg(value_name = "ORGANISATION", default_value = "")]
        organisation: String,
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
    /// Have a suspended tenant's keys destroyed after a waiting period, and with them its data
    Delete {
        /// The tenant
        #[arg(value_name = "TENANT")]
        id: String,
        /// For how many days it can be called off, 7 to 30; 30 if not given
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(7..=30))]
        waiting_days: Option<u32>,
        /// Why; kept in the tenant's log
        #[arg(long, default_value = "")]
        reason: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Call a deletion off while its waiting period lasts; the tenant is then suspended
    Undelete {
        /// The tenant
        #[arg(value_name = "TENANT")]
        id: String,
    },
    /// The signed account of what was destroyed with a tenant; `cordon verify` checks it
    Certificate {
        /// The tenant
        #[arg(value_name = "TENANT")]
        id: String,
        /// Where it goes; stdout, if not given
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
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
            billing_organisation,
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
                billing_organisation,
                ..Tenant::default()
            };
            output.one(&admin.create_tenant(&id, tenant).await?)
        }
        Command::List => output.list(admin.list_tenants()).await,
        Command::Show { id } => output.one(&admin.get_tenant(&id).await?),
        Command::Bill { id, organisation } => {
            let billed = admin.bill_tenant(&id, &organisation, "").await?;
            let by = match billed.billing_organisation.as_str() {
                "" => "itself",
                organisation => organisation,
            };
            let sentence = format!("{} is paid for by {by}", show::short(&billed.name));
            output.done(&sentence, &billed.json())
        }
        Command::Suspend { id, reason } => {
            output.one(&admin.suspend_tenant(&id, &reason, "").await?)
        }
        Command::Resume { id } => output.one(&admin.resume_tenant(&id, "").await?),
        Command::Delete {
            id,
            waiting_days,
            reason,
            yes,
        } => {
            // The etag makes sure that what is deleted is what was shown.
            let tenant = admin.get_tenant(&id).await?;
            if !yes {
                let days = waiting_days.unwrap_or(USUAL_DAYS);
                let id = show::short(&tenant.name);
                confirm(&warning(&tenant, days, time::now()), &id)?;
            }
            let waiting = waiting_days.map(|days| Duration::from_secs((days * DAY).into()));
            let deleted = admin.delete_tenant(&id, waiting, &reason, &tenant.etag);
            output.one(&deleted.await?)
        }
        Command::Undelete { id } => output.one(&admin.undelete_tenant(&id, "").await?),
        Command::Certificate { id, out } => {
            let certificate = admin.deletion_certificate(&id).await?;
            let document = certificate.dsse_json.as_bytes();
            let Some(out) = out else {
                return output.bytes(document);
            };
            Part::write(&out, document)?;
            let path = out.display();
            output.done(
                &format!(
                    "wrote {path}: signed at {}; `cordon verify {path}` checks it",
                    show::time(certificate.create_time.as_ref())
                ),
                &json!({
                    "file": path.to_string(),
                    "name": certificate.name,
                    "create_time": time_json(certificate.create_time.as_ref()),
                }),
            )
        }
    }
}

/// What a deletion means, for whoever is about to begin one.
fn warning(tenant: &Tenant, days: u32, now: Timestamp) -> String {
    let id = show::short(&tenant.name);
    // Down: nobody is promised more time than there is.
    let minute = TimestampRound::new()
        .smallest(Unit::Minute)
        .mode(RoundMode::Trunc);
    let end = now
        .checked_add(SignedDuration::from_secs((days * DAY).into()))
        .and_then(|end| end.round(minute))
        .map_or_else(
            |_| format!("{days} days have passed"),
            |end| end.to_string(),
        );
    format!(
        "This deletes {} ({}). Until {end} it can be called off: cordon admin tenants undelete {id}. \
         Then its keys are destroyed, and its events can never be read again, not from backups either.",
        tenant.name, tenant.display_name
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_deletes_is_told_until_when_it_can_be_called_off() {
        let tenant = Tenant {
            name: "tenants/acme".to_owned(),
            display_name: "Acme".to_owned(),
            ..Tenant::default()
        };
        let now: Timestamp = "2026-11-24T12:00:59.5Z".parse().unwrap();
        let text = warning(&tenant, 7, now);
        assert!(text.contains("tenants/acme (Acme)"), "{text}");
        assert!(text.contains("Until 2026-12-01T12:00:00Z it can"), "{text}");
        assert!(text.contains("tenants undelete acme."), "{text}");
        let text = warning(&tenant, 30, Timestamp::MAX);
        assert!(text.contains("Until 30 days have passed it"), "{text}");
    }
}
