//! What may become of a credential. Pure.

use cordon_kernel::auth::credential::CertThumbprint;
use cordon_kernel::{CredentialId, Error, Home, Name, Principal, Reason, Result, Role};
use jiff::Timestamp;

/// A credential as the register has it. Its key is its holder's alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Credential {
    pub(super) home: Home,
    pub(super) id: CredentialId,
    pub(super) subject: String,
    pub(super) role: Role,
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) revoked: Option<Timestamp>,
}

impl Credential {
    /// The credential's name.
    pub(in super::super) fn name(&self) -> Name {
        name(&self.home, &self.id)
    }
}

/// The name of a credential at a home.
pub(in super::super) fn name(home: &Home, id: &CredentialId) -> Name {
    match home {
        Home::Tenant(tenant) => Name::TenantCredential(tenant.clone(), id.clone()),
        Home::Source(source) => Name::SourceCredential(source.clone(), id.clone()),
        Home::Provider => Name::StaffCredential(id.clone()),
    }
}

/// A decided change; only this module makes one.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Change(Effect);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// A row is added for a certificate of this thumbprint.
    Insert(Credential, CertThumbprint),
    /// The credential goes on under a certificate of this thumbprint.
    Renew(Credential, CertThumbprint),
    /// The credential is no good from now on.
    Revoke(Credential),
    /// It was revoked before: nothing changes.
    None(Credential),
}

impl Change {
    pub(super) fn effect(&self) -> &Effect {
        &self.0
    }

    /// The credential afterwards.
    pub(in super::super) fn into_credential(self) -> Credential {
        match self.0 {
            Effect::Insert(credential, _)
            | Effect::Renew(credential, _)
            | Effect::Revoke(credential)
            | Effect::None(credential) => credential,
        }
    }
}

/// Decides on a credential for whom a certificate was signed.
pub(super) fn issue(
    holder: &Principal,
    certificate: CertThumbprint,
    expires: Timestamp,
    now: Timestamp,
) -> Change {
    let credential = Credential {
        home: holder.home().clone(),
        id: holder.credential().clone(),
        subject: holder.subject().to_owned(),
        role: holder.role(),
        issued: now,
        expires,
        revoked: None,
    };
    Change(Effect::Insert(credential, certificate))
}

/// Decides on a renewal: the same holder and role, another certificate.
pub(in super::super) fn renew(
    credential: Option<Credential>,
    certificate: CertThumbprint,
    expires: Timestamp,
) -> Result<Change> {
    match credential {
        Some(credential) if credential.revoked.is_none() => Ok(Change(Effect::Renew(
            Credential {
                expires,
                ..credential
            },
            certificate,
        ))),
        _ => Err(Error::unauthenticated(
            "the credential was revoked while it was renewed",
        )),
    }
}

/// Decides on a revocation. Doing it twice is no mistake: whoever revokes in a hurry may not know.
pub(super) fn revoke(credential: Option<Credential>, now: Timestamp) -> Result<Change> {
    match credential {
        None => Err(Error::new(Reason::NotFound, "no such credential")),
        Some(credential) if credential.revoked.is_some() => Ok(Change(Effect::None(credential))),
        Some(credential) => Ok(Change(Effect::Revoke(Credential {
            revoked: Some(now),
            ..credential
        }))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revoke_keeps_the_first_time() {
        let holder = Principal::new(
            "00000001".parse().unwrap(),
            "alice",
            "tenants/acme".parse().unwrap(),
            Role::Reader,
        )
        .unwrap();
        let (now, later) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(9).unwrap());
        let fresh = issue(&holder, CertThumbprint::of(b"x"), later, now).into_credential();
        assert_eq!(
            fresh.name().to_string(),
            "tenants/acme/credentials/00000001"
        );
        let renewed = renew(Some(fresh.clone()), CertThumbprint::of(b"y"), later).unwrap();
        assert_eq!(renewed.into_credential().expires, later);
        let revoked = revoke(Some(fresh), now).unwrap().into_credential();
        assert_eq!(revoked.revoked, Some(now));
        assert!(renew(Some(revoked.clone()), CertThumbprint::of(b"y"), later).is_err());
        let again = revoke(Some(revoked.clone()), later).unwrap();
        assert_eq!(again.effect(), &Effect::None(revoked));
        assert_eq!(revoke(None, now).unwrap_err().reason(), Reason::NotFound);
    }
}
