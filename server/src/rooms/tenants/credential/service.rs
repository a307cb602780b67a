//! Issuing, listing and revoking credentials.

use cordon_kernel::auth::mtls::ClientKey;
use cordon_kernel::{
    Action, AuditEntry, CredentialId, Disclosed, Error, Home, Principal, Reason, Result,
};

use super::super::access::{self, Access};
use super::super::paging::{Listing, Page, PageRequest};
use super::super::service::Service;
use super::model::{self, Credential};
use super::store;
use crate::transport::Caller;

/// A credential as its holder gets it.
#[derive(Debug)]
pub(in super::super) struct Issued {
    pub(super) credential: Credential,
    pub(super) certificate_pem: String,
    pub(super) ca_pem: String,
}

impl Service {
    pub(in super::super) async fn issue_credential(
        &self,
        caller: &Caller,
        holder: Principal,
        csr_pem: &str,
    ) -> Result<Disclosed<Issued>> {
        let home = holder.home().clone();
        let access = Access::to_home(&self.kernel, caller, &home, Action::IssueCredential).await?;
        let authority = self.kernel.gate().authority();
        let certificate = authority
            .issue_client(access.permit(), &holder, ClientKey::Request(csr_pem))
            .map_err(bad_request)?;
        let now = self.kernel.env().now();
        let change = model::issue(&holder, certificate.thumbprint, certificate.not_after, now);
        let mut tx = access.write(&self.kernel).await?;
        access::exists(tx.conn(), &home).await?;
        store::apply(&mut tx, &holder, &change).await?;
        let credential = change.into_credential();
        let entry = AuditEntry::new(access.permit())
            .resource(credential.name())
            .detail("subject", &credential.subject)
            .detail("role", credential.role);
        tx.commit(&home, entry).await?;
        Ok(access.disclose(Issued {
            credential,
            certificate_pem: certificate.certificate_pem,
            ca_pem: authority.certificate_pem().to_owned(),
        }))
    }

    pub(in super::super) async fn list_credentials(
        &self,
        caller: &Caller,
        home: Home,
        page: PageRequest,
    ) -> Result<Page<Credential>> {
        let access = Access::to_home(&self.kernel, caller, &home, Action::ListCredentials).await?;
        let parent = home.to_string();
        let listing = Listing::new(&self.kernel, &access, &parent, page);
        let after = listing.after().await?.unwrap_or_default();
        let mut read = access.read(&self.kernel).await?;
        access::existed(read.conn(), &home).await?;
        let rows = store::list(read.conn(), &home, &after, listing.limit()).await?;
        drop(read);
        let page = listing
            .page(rows, |credential| credential.id.to_string())
            .await?;
        let mut entry = AuditEntry::new(access.permit()).detail("count", page.rows.get().len());
        if let Some(name) = access::name(&home) {
            entry = entry.resource(name);
        }
        access.audit_read(&self.kernel, &home, entry).await?;
        Ok(page)
    }

    pub(in super::super) async fn revoke_credential(
        &self,
        caller: &Caller,
        home: Home,
        id: CredentialId,
        reason: &str,
    ) -> Result<Disclosed<Credential>> {
        let access = Access::to_home(&self.kernel, caller, &home, Action::RevokeCredential).await?;
        let now = self.kernel.env().now();
        let mut tx = access.write(&self.kernel).await?;
        access::existed(tx.conn(), &home).await?;
        let found = store::find(tx.conn(), &home, &id).await?;
        let change = model::revoke(found, now)?;
        store::apply_revocation(tx.conn(), &change).await?;
        let credential = change.into_credential();
        let mut entry = AuditEntry::new(access.permit())
            .resource(credential.name())
            .detail("subject", &credential.subject);
        if !reason.is_empty() {
            entry = entry.detail("reason", reason);
        }
        tx.commit(&home, entry).await?;
        Ok(access.disclose(credential))
    }
}

/// Names the field as the interface has it, where the authority found the request unusable.
pub(in super::super) fn bad_request(error: Error) -> Error {
    match error.violations().first() {
        Some(wrong) if error.reason() == Reason::InvalidArgument => {
            Error::invalid("csr_pem", wrong.description.clone())
        }
        _ => error,
    }
}
