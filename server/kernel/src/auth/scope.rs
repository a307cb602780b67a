//! Capabilities. Whoever holds a scope may touch what it names, and the only way to hold one is
//! to be given it by the [`Gate`](super::Gate): fields are private, constructors stay in the
//! kernel, and there is no `Clone`, no `Default` and no `Deserialize`.
//!
//! A scope is lent (`&TenantScope`) for the length of a call and dropped with it.

use jiff::{SignedDuration, Timestamp};

use super::principal::Principal;
use crate::error::{Error, Result};
use crate::ids::{SourceId, TenantId};

/// Why staff enter a tenant. A plain statement: the [`Gate`](super::Gate) writes it to the
/// tenant's log before anything is opened on its strength.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    justification: String,
    reference: String,
    approval: Option<String>,
    expires: Option<Timestamp>,
}

impl Entry {
    /// Fewest characters of a justification: enough for a sentence, too many for a keystroke.
    pub const MIN_JUSTIFICATION: usize = 10;
    /// Most bytes of a justification.
    pub const MAX_JUSTIFICATION: usize = 2_000;
    /// Most bytes of a reference or an approval.
    pub const MAX_REFERENCE: usize = 200;
    /// How long an entry can be valid for at most.
    pub const MAX_VALIDITY: SignedDuration = SignedDuration::from_hours(12);

    /// States why: `justification` in words, `reference` to the incident or request, who
    /// approved it if someone did, and when the right to be there ends.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` when a text is missing, too short, too long or has control characters.
    pub fn new(
        justification: impl Into<String>,
        reference: impl Into<String>,
        approval: Option<String>,
        expires: Option<Timestamp>,
    ) -> Result<Self> {
        let (justification, reference) = (justification.into(), reference.into());
        let printable = |text: &str| !text.chars().any(|c| c.is_control() && c != '\n');
        if justification.trim().chars().count() < Self::MIN_JUSTIFICATION
            || justification.len() > Self::MAX_JUSTIFICATION
            || !printable(&justification)
        {
            return Err(Error::invalid(
                "justification",
                "expected 10 to 2,000 characters that say why",
            ));
        }
        let short = |text: &str| {
            !text.trim().is_empty() && text.len() <= Self::MAX_REFERENCE && printable(text)
        };
        if !short(&reference) {
            return Err(Error::invalid(
                "reference",
                "expected the incident or request, in at most 200 bytes",
            ));
        }
        if approval.as_deref().is_some_and(|text| !short(text)) {
            return Err(Error::invalid("approval", "expected at most 200 bytes"));
        }
        Ok(Self {
            justification,
            reference,
            approval,
            expires,
        })
    }

    /// Why, in words.
    #[must_use]
    pub fn justification(&self) -> &str {
        &self.justification
    }

    /// The incident or request.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Who approved it.
    #[must_use]
    pub fn approval(&self) -> Option<&str> {
        self.approval.as_deref()
    }

    /// All that the tenant will read of it.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        [self.justification.as_str(), self.reference.as_str()]
            .into_iter()
            .chain(self.approval.as_deref())
    }

    /// When the right to be there ends; `None`: with the call.
    #[must_use]
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }
}

/// The right to touch one tenant's data.
#[derive(Debug)]
pub struct TenantScope {
    tenant: TenantId,
    principal: Principal,
    entered: Option<Entry>,
}

impl TenantScope {
    pub(crate) fn own(tenant: TenantId, principal: Principal) -> Self {
        Self {
            tenant,
            principal,
            entered: None,
        }
    }

    pub(crate) fn entered_by(tenant: TenantId, principal: Principal, entry: Entry) -> Self {
        Self {
            tenant,
            principal,
            entered: Some(entry),
        }
    }

    /// The server itself, doing `job` for `tenant`.
    pub(crate) fn for_job(tenant: TenantId, job: &str) -> Self {
        Self::own(tenant, Principal::system(job))
    }

    /// The one tenant.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Who acts.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Why staff are here; `None` for the tenant's own people and for jobs.
    #[must_use]
    pub fn entered(&self) -> Option<&Entry> {
        self.entered.as_ref()
    }
}

/// The right to hand in events as one source. It reads nothing.
#[derive(Debug)]
pub struct IngestScope {
    source: SourceId,
    principal: Principal,
}

impl IngestScope {
    pub(crate) fn new(source: SourceId, principal: Principal) -> Self {
        Self { source, principal }
    }

    /// The one source.
    #[must_use]
    pub fn source(&self) -> &SourceId {
        &self.source
    }

    /// Who acts: the source itself or an operator.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// The right of staff to the provider's own registers; no tenant's data.
#[derive(Debug)]
pub struct ProviderScope {
    principal: Principal,
}

impl ProviderScope {
    pub(crate) fn new(principal: Principal) -> Self {
        Self { principal }
    }

    /// The server itself, before there is any operator or in a job of the provider's.
    pub(crate) fn for_job(job: &str) -> Self {
        Self::new(Principal::system(job))
    }

    /// Who acts.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// The right of any authenticated principal to its own credential's affairs: ask who it is,
/// trade its certificate for a token, renew the certificate.
#[derive(Debug)]
pub struct SelfScope {
    principal: Principal,
}

impl SelfScope {
    pub(crate) fn new(principal: Principal) -> Self {
        Self { principal }
    }

    /// Who acts.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_needs_words() {
        let why = "customer asked in INC-7";
        assert!(Entry::new(why, "INC-7", None, None).is_ok());
        assert!(Entry::new("because", "INC-7", None, None).is_err());
        assert!(Entry::new("            ", "INC-7", None, None).is_err());
        assert!(Entry::new("x".repeat(2_001), "INC-7", None, None).is_err());
        assert!(Entry::new("customer asked\u{7}", "INC-7", None, None).is_err());
        assert!(Entry::new(why, " ", None, None).is_err());
        assert!(Entry::new(why, "r".repeat(201), None, None).is_err());
        assert!(Entry::new(why, "INC-7", Some(String::new()), None).is_err());
    }
}
