//! Which incident is meant: its full name, its id, or its number.

use cordon_client::{Client, Incidents};

use crate::context::Context;
use crate::failure::{Failure, Outcome};

/// An incident as it is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Which {
    /// The full name.
    Name(String),
    /// The id, within a tenant.
    Id(String),
    /// The number, among those of the profile's own tenant.
    Number(i64),
}

/// Reads it, for clap.
pub(crate) fn which(text: &str) -> Result<Which, String> {
    let wrong = || {
        format!(
            "`{text}` names no incident: give its full name as in tenants/acme/incidents/…, its \
             id, or its number as in 12"
        )
    };
    if text.starts_with("tenants/") {
        let parts: Vec<_> = text.split('/').collect();
        return match parts.as_slice() {
            ["tenants", tenant, "incidents", id] if !tenant.is_empty() && is_id(id) => {
                Ok(Which::Name(text.to_owned()))
            }
            _ => Err(wrong()),
        };
    }
    if is_id(text) {
        return Ok(Which::Id(text.to_owned()));
    }
    let digits = text.strip_prefix('#').unwrap_or(text);
    match digits.parse() {
        Ok(number) if number > 0 && !digits.starts_with('+') => Ok(Which::Number(number)),
        _ => Err(wrong()),
    }
}

/// Reads a comment's full name, for clap.
pub(super) fn comment(text: &str) -> Result<String, String> {
    let parts: Vec<_> = text.split('/').collect();
    match parts.as_slice() {
        ["tenants", tenant, "incidents", incident, "comments", id]
            if !tenant.is_empty() && is_id(incident) && is_id(id) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!(
            "`{text}` is no comment's full name, as in tenants/acme/incidents/…/comments/…; \
             `cordon incidents show` has it"
        )),
    }
}

/// Reads the full name of something within an incident, for clap; `command` shows such names.
pub(super) fn part_of(text: &str, collection: &str, command: &str) -> Result<String, String> {
    let parts: Vec<_> = text.split('/').collect();
    match parts.as_slice() {
        ["tenants", tenant, "incidents", incident, of, id]
            if !tenant.is_empty() && is_id(incident) && *of == collection && is_id(id) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!(
            "`{text}` is no full name, as in tenants/acme/incidents/…/{collection}/…; `{command}` \
             has it"
        )),
    }
}

/// 32 hexadecimal digits in five groups.
pub(crate) fn is_id(text: &str) -> bool {
    let mut groups = text.split('-');
    [8, 4, 4, 4, 12].iter().all(|length| {
        groups.next().is_some_and(|group| {
            group.len() == *length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }) && groups.next().is_none()
}

impl Which {
    /// Refuses what can't be found without a tenant, before anything is sent.
    pub(super) fn check(&self, context: &Context, client: &Client) -> Outcome {
        let found = match self {
            Self::Name(_) => true,
            Self::Id(_) => client.tenant().is_some(),
            // Looking for it reads other incidents: of one's own tenant alone.
            Self::Number(_) => context.profile()?.1.tenant.is_some(),
        };
        if found {
            return Ok(());
        }
        Err(Failure::usage(
            "this profile belongs to no tenant: give the incident's full name, which `cordon \
             incidents queue` shows, and say why with --justification",
        ))
    }

    /// The name to call it by; a number is looked up.
    pub(crate) async fn name(self, incidents: &Incidents) -> Result<String, Failure> {
        Ok(match self {
            Self::Name(name) => name,
            Self::Id(id) => incidents.name(&id)?,
            Self::Number(number) => incidents.by_number(number).await?.name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01934f5e-7c1a-7abc-8def-0123456789ab";

    #[test]
    fn an_incident_is_named_in_three_ways() {
        let name = format!("tenants/acme/incidents/{ID}");
        assert_eq!(which(&name), Ok(Which::Name(name)));
        assert_eq!(which(ID), Ok(Which::Id(ID.to_owned())));
        assert_eq!(which("12"), Ok(Which::Number(12)));
        assert_eq!(which("#12"), Ok(Which::Number(12)));
        for wrong in [
            "",
            "#",
            "0",
            "-1",
            "+1",
            "##1",
            "12a",
            "99999999999999999999",
            "01934f5e",
            "tenants/acme",
            "tenants//incidents/01934f5e-7c1a-7abc-8def-0123456789ab",
            "tenants/acme/incidents/12",
            "01934f5e-7c1a-7abc-8def-0123456789ab-00",
        ] {
            assert!(which(wrong).unwrap_err().contains("full name"), "{wrong}");
        }
    }

    #[test]
    fn a_comment_has_its_full_name() {
        let name = format!("tenants/acme/incidents/{ID}/comments/{ID}");
        assert_eq!(comment(&name), Ok(name.clone()));
        for wrong in [ID, "tenants/acme/comments/1", &format!("{name}/x")] {
            assert!(comment(wrong).is_err(), "{wrong}");
        }
    }
}
