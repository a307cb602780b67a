//! Which entry is meant.

use cordon_client::{ContextAbout, ContextEntry, ContextKind, TenantContext};

use crate::context::{Context, Whose};
use crate::detect::which::full_name;
use crate::failure::Failure;
use crate::incidents::which::is_id;

/// The entry, by its full name, its id, or what it is called.
pub(super) async fn entry(
    context: &Context,
    whose: &Whose,
    kind: ContextKind,
    text: &str,
) -> Result<(TenantContext, ContextEntry), Failure> {
    let named = full_name(text, "contextEntries").is_some();
    let client = match named {
        true => context.client_for(whose).await?,
        false => context.client_of_tenant(whose).await?,
    };
    let entries = client.context();
    let entry = match named || is_id(text) {
        true => entries.get(text).await?,
        false => entries.by_display_name(kind, text).await?,
    };
    let of = match entry.about {
        Some(ContextAbout::Asset(_)) => ContextKind::Asset,
        Some(ContextAbout::PlannedWork(_)) => ContextKind::PlannedWork,
        Some(ContextAbout::TrustedNetwork(_)) => ContextKind::TrustedNetwork,
        None => ContextKind::Unspecified,
    };
    if of != kind {
        return Err(Failure::usage(format!(
            "{} is something else: it is found with {}",
            entry.name,
            match of {
                ContextKind::PlannedWork => "`cordon context work`",
                ContextKind::TrustedNetwork => "`cordon context networks`",
                ContextKind::Asset => "`cordon context assets`",
                ContextKind::Unspecified => "a newer version of this program",
            }
        )));
    }
    Ok((entries, entry))
}
