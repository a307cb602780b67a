//! Which analysis is meant.

use cordon_client::Client;

use crate::context::{Context, Whose};
use crate::detect::which::full_name;
use crate::failure::Failure;
use crate::incidents::which::is_id;

/// Reads an analysis's full name or its id, for clap.
pub(crate) fn analysis(text: &str) -> Result<String, String> {
    if is_id(text) {
        return Ok(text.to_owned());
    }
    full_name(text, "analyses").ok_or_else(|| {
        format!(
            "`{text}` names no analysis: give its full name as in tenants/acme/analyses/…, or its \
             id; `cordon analyses list` shows it"
        )
    })
}

/// The client for the analysis that is meant, and its full name.
pub(crate) async fn named(
    context: &Context,
    whose: &Whose,
    which: &str,
) -> Result<(Client, String), Failure> {
    let client = context.client_for(whose).await?;
    if !which.starts_with("tenants/") && client.tenant().is_none() {
        return Err(Failure::usage(
            "this profile belongs to no tenant: give the analysis's full name, which `cordon desk \
             queue` shows, and say why with --justification",
        ));
    }
    let name = client.analyses().name(which)?;
    Ok((client, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_analysis_is_named_in_two_ways() {
        const ID: &str = "0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f6";
        let name = format!("tenants/acme/analyses/{ID}");
        assert_eq!(analysis(&name), Ok(name));
        assert_eq!(analysis(ID), Ok(ID.to_owned()));
        for wrong in [
            "",
            "12",
            "tenants//analyses/x",
            &format!("tenants/acme/findings/{ID}"),
        ] {
            assert!(
                analysis(wrong).unwrap_err().contains("analyses list"),
                "{wrong}"
            );
        }
    }
}
