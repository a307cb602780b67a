//! Who is calling: a plain description, without authority. Authority comes from a
//! [`VerifiedCredential`](super::VerifiedCredential), which only the kernel can make.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::ids::{CredentialId, SourceId, TenantId};

/// What a principal may do, in general; [`super::policy`] has the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Tenant: reads its events and its audit log.
    Reader,
    /// Tenant: a reader who also acts in incidents.
    Responder,
    /// Tenant: a responder who also manages the tenant's credentials.
    Admin,
    /// Provider: runs the service; no tenant's events.
    Operator,
    /// Provider: reads a tenant's events after entering with a justification.
    Analyst,
    /// Provider: reads logs and registers.
    Auditor,
    /// Provider: a service account that computes the SLA's figures.
    SlaReporter,
    /// A sender of events.
    Source,
    /// The server itself, in background jobs. No credential has this role.
    System,
}

impl Role {
    /// All roles, in the order of the policy's golden file.
    pub const ALL: &'static [Self] = &[
        Self::Reader,
        Self::Responder,
        Self::Admin,
        Self::Operator,
        Self::Analyst,
        Self::Auditor,
        Self::SlaReporter,
        Self::Source,
        Self::System,
    ];

    /// The role as written in tokens, tables and the CLI.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Responder => "responder",
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Analyst => "analyst",
            Self::Auditor => "auditor",
            Self::SlaReporter => "sla-reporter",
            Self::Source => "source",
            Self::System => "system",
        }
    }

    /// Whether a principal at `home` can have this role.
    const fn fits(self, home: &Home) -> bool {
        match self {
            Self::Reader | Self::Responder | Self::Admin => matches!(home, Home::Tenant(_)),
            Self::Operator | Self::Analyst | Self::Auditor | Self::SlaReporter => {
                matches!(home, Home::Provider)
            }
            Self::Source => matches!(home, Home::Source(_)),
            Self::System => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Error;
    /// `INVALID_ARGUMENT` for anything but a role that a credential can have.
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|role| role.as_str() == text && *role != Self::System)
            .ok_or_else(|| {
                Error::invalid(
                    "role",
                    "expected reader, responder, admin, operator, analyst, auditor, \
                     sla-reporter or source",
                )
            })
    }
}

/// Where a principal belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Home {
    /// To one tenant.
    Tenant(TenantId),
    /// To the provider's staff.
    Provider,
    /// To one source of events.
    Source(SourceId),
}

impl fmt::Display for Home {
    /// `tenants/{tenant}`, `provider` or `sources/{source}`; [`FromStr`] reads it back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(tenant) => write!(f, "tenants/{tenant}"),
            Self::Provider => f.write_str("provider"),
            Self::Source(source) => write!(f, "sources/{source}"),
        }
    }
}

impl FromStr for Home {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::invalid("home", "expected tenants/{t}, sources/{s} or provider");
        match text.split_once('/') {
            None if text == "provider" => Ok(Self::Provider),
            Some(("tenants", tenant)) => Ok(Self::Tenant(tenant.parse().map_err(|_| bad())?)),
            Some(("sources", source)) => Ok(Self::Source(source.parse().map_err(|_| bad())?)),
            _ => Err(bad()),
        }
    }
}

/// One holder of one credential. Its parts always fit together: a tenant's role at a tenant, a
/// provider's at the provider, `source` at a source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    credential: CredentialId,
    subject: String,
    home: Home,
    role: Role,
}

impl Principal {
    /// Longest subject, in bytes.
    pub const MAX_SUBJECT: usize = 200;

    /// Describes the holder of `credential`; `subject` is a name for people, as in
    /// `alice@example.com`.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` when the role does not exist at that home, or the subject is empty,
    /// longer than [`Self::MAX_SUBJECT`] or has control characters.
    pub fn new(
        credential: CredentialId,
        subject: impl Into<String>,
        home: Home,
        role: Role,
    ) -> Result<Self> {
        let subject = subject.into();
        if subject.trim().is_empty()
            || subject.len() > Self::MAX_SUBJECT
            || subject.chars().any(char::is_control)
        {
            return Err(Error::invalid(
                "subject",
                "expected 1 to 200 bytes of text without control characters",
            ));
        }
        if !role.fits(&home) {
            return Err(Error::invalid(
                "role",
                format!("{role} is no role of {home}"),
            ));
        }
        Ok(Self {
            credential,
            subject,
            home,
            role,
        })
    }

    /// The server itself, doing `job` (a name such as `seal`).
    pub(crate) fn system(job: &str) -> Self {
        Self {
            credential: CredentialId::system(),
            subject: format!("system:{job}"),
            home: Home::Provider,
            role: Role::System,
        }
    }

    /// The credential that the principal holds.
    #[must_use]
    pub fn credential(&self) -> &CredentialId {
        &self.credential
    }

    /// A name for people.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Where the principal belongs.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The principal's role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether this is provider staff (or the server itself) rather than a tenant or a source.
    #[must_use]
    pub fn is_provider(&self) -> bool {
        matches!(self.home, Home::Provider)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A principal for tests of other modules; the credential id is made from `n`.
    pub(crate) fn principal(n: u8, home: &str, role: Role) -> Principal {
        let credential = format!("{n:08x}").parse().unwrap();
        Principal::new(credential, format!("user-{n}"), home.parse().unwrap(), role).unwrap()
    }

    #[test]
    fn roles_and_homes_round_trip() {
        for role in Role::ALL.iter().filter(|r| **r != Role::System) {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), *role);
        }
        assert!("system".parse::<Role>().is_err());
        for text in ["tenants/acme", "provider", "sources/trail"] {
            assert_eq!(text.parse::<Home>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "tenants",
            "tenants/",
            "tenants/acme/x",
            "provider/x",
            "Provider",
        ] {
            assert!(text.parse::<Home>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_role_exists_at_its_own_home_only() {
        let homes: Vec<Home> = ["tenants/acme", "provider", "sources/trail"]
            .iter()
            .map(|h| h.parse().unwrap())
            .collect();
        for role in Role::ALL {
            let fitting = homes
                .iter()
                .filter(|home| {
                    Principal::new("00000001".parse().unwrap(), "a", (*home).clone(), *role).is_ok()
                })
                .count();
            assert_eq!(fitting, usize::from(*role != Role::System), "{role}");
        }
    }

    #[test]
    fn subjects_are_checked() {
        for bad in ["", "  ", "a\nb", &"x".repeat(201)] {
            let id = "00000001".parse().unwrap();
            assert!(
                Principal::new(id, bad, Home::Provider, Role::Operator).is_err(),
                "{bad:?}"
            );
        }
    }
}
