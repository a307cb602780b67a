//! Which snapshot or hold is meant.

use cordon_client::Snapshots;

use crate::context::{Context, Whose};
use crate::detect::which::full_name;
use crate::failure::Failure;
use crate::incidents::which::is_id;
use crate::show::short;

/// Reads a snapshot's full name or its id, for clap.
pub(super) fn snapshot(text: &str) -> Result<String, String> {
    if is_id(text) {
        return Ok(text.to_owned());
    }
    full_name(text, "snapshots").ok_or_else(|| {
        format!(
            "`{text}` names no snapshot: give its full name as in tenants/acme/snapshots/…, or its \
             id; `cordon snapshots list` shows it"
        )
    })
}

/// Reads a hold's full name, for clap.
pub(super) fn hold(text: &str) -> Result<String, String> {
    let parts: Vec<_> = text.split('/').collect();
    match parts.as_slice() {
        ["tenants", tenant, "snapshots", snapshot, "holds", id]
            if !tenant.is_empty() && is_id(snapshot) && is_id(id) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!(
            "`{text}` is no hold's full name, as in tenants/acme/snapshots/…/holds/…; `cordon \
             snapshots holds` has it"
        )),
    }
}

/// The snapshots of whoever's is meant, and its full name.
pub(super) async fn named(
    context: &Context,
    whose: &Whose,
    which: &str,
) -> Result<(Snapshots, String), Failure> {
    let client = context.client_for(whose).await?;
    if !which.starts_with("tenants/") && client.tenant().is_none() {
        return Err(Failure::usage(
            "this profile belongs to no tenant: give the snapshot's full name, or the tenant with \
             --tenant, and say why with --justification",
        ));
    }
    let snapshots = client.snapshots();
    let name = snapshots.name(which)?;
    Ok((snapshots, name))
}

/// What a snapshot is called in a command that is to be copied to a shell: its id, or no command.
pub(super) fn id(name: &str) -> String {
    let id = short(name);
    match is_id(&id) {
        true => id,
        false => "ID".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f6";

    #[test]
    fn a_snapshot_is_named_in_two_ways() {
        let name = format!("tenants/acme/snapshots/{ID}");
        assert_eq!(snapshot(&name), Ok(name.clone()));
        assert_eq!(snapshot(ID), Ok(ID.to_owned()));
        for wrong in ["", "12", "tenants//snapshots/x", "tenants/acme/analyses/1"] {
            assert!(
                snapshot(wrong).unwrap_err().contains("snapshots list"),
                "{wrong}"
            );
        }
        let of = format!("{name}/holds/{ID}");
        assert_eq!(hold(&of), Ok(of.clone()));
        for wrong in [ID, &name, &format!("{of}/x"), "tenants/acme/legalHolds/1"] {
            assert!(hold(wrong).is_err(), "{wrong}");
        }
        assert_eq!(id(&name), ID);
        assert_eq!(id("tenants/acme/snapshots/1;reboot"), "ID");
    }
}
