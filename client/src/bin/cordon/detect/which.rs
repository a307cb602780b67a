//! Which rule or finding is meant.

use cordon_client::{Client, Rules};

use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome};
use crate::incidents::which::is_id;

/// A rule as it is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Which {
    /// The full name.
    Name(String),
    /// The id, within a tenant.
    Id(String),
    /// A part of the title, among the rules of the profile's own tenant.
    Title(String),
}

/// Reads it, for clap.
pub(super) fn rule(text: &str) -> Result<Which, String> {
    if text.starts_with("tenants/") {
        return full_name(text, "rules").map(Which::Name).ok_or_else(|| {
            format!("`{text}` is no rule's full name, as in tenants/acme/rules/0190f1a2-…")
        });
    }
    if is_id(text) {
        return Ok(Which::Id(text.to_owned()));
    }
    if text.trim().is_empty() {
        return Err("expected a rule's full name, its id, or a part of its title".to_owned());
    }
    Ok(Which::Title(text.to_owned()))
}

/// Reads a finding's full name or its id, for clap.
pub(super) fn finding(text: &str) -> Result<String, String> {
    if is_id(text) {
        return Ok(text.to_owned());
    }
    full_name(text, "findings").ok_or_else(|| {
        format!(
            "`{text}` names no finding: give its full name as in tenants/acme/findings/…, or its \
             id; `cordon detect findings list` shows it"
        )
    })
}

/// `tenants/{tenant}/{collection}/{id}`.
pub(crate) fn full_name(text: &str, collection: &str) -> Option<String> {
    let parts: Vec<_> = text.split('/').collect();
    match parts.as_slice() {
        ["tenants", tenant, of, id] if !tenant.is_empty() && *of == collection && is_id(id) => {
            Some(text.to_owned())
        }
        _ => None,
    }
}

impl Which {
    /// Refuses what can't be found without a tenant, before anything is sent.
    fn check(&self, context: &Context, client: &Client) -> Outcome {
        let found = match self {
            Self::Name(_) => true,
            Self::Id(_) => client.tenant().is_some(),
            // Looking for it reads other rules: of one's own tenant alone.
            Self::Title(_) => context.profile()?.1.tenant.is_some(),
        };
        if found {
            return Ok(());
        }
        Err(Failure::usage(
            "this profile belongs to no tenant: give the rule's full name, or its id with --tenant, \
             and say why with --justification",
        ))
    }

    pub(super) async fn name(self, rules: &Rules) -> Result<String, Failure> {
        Ok(match self {
            Self::Name(name) => name,
            Self::Id(id) => rules.name(&id)?,
            Self::Title(part) => rules.by_title(&part).await?.name,
        })
    }
}

/// The rules to call on for the one that is meant, and its full name.
pub(super) async fn named(
    context: &Context,
    whose: &Whose,
    which: Which,
) -> Result<(Rules, String), Failure> {
    let client = context.client_for(whose).await?;
    which.check(context, &client)?;
    let rules = client.rules();
    let name = which.name(&rules).await?;
    Ok((rules, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f6";

    #[test]
    fn a_rule_is_named_in_three_ways() {
        let name = format!("tenants/acme/rules/{ID}");
        assert_eq!(rule(&name), Ok(Which::Name(name)));
        assert_eq!(rule(ID), Ok(Which::Id(ID.to_owned())));
        let title = "trail stopped".to_owned();
        assert_eq!(rule(&title), Ok(Which::Title(title)));
        for wrong in [
            "",
            " ",
            "tenants/acme",
            &format!("tenants/acme/findings/{ID}"),
        ] {
            assert!(rule(wrong).unwrap_err().contains("full name"), "{wrong}");
        }
    }

    #[test]
    fn a_finding_has_no_title_to_go_by() {
        let name = format!("tenants/acme/findings/{ID}");
        assert_eq!(finding(&name), Ok(name));
        assert_eq!(finding(ID), Ok(ID.to_owned()));
        for wrong in [
            "",
            "trail",
            "tenants//findings/x",
            &format!("tenants/acme/rules/{ID}"),
        ] {
            assert!(
                finding(wrong).unwrap_err().contains("findings list"),
                "{wrong}"
            );
        }
    }
}
