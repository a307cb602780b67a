//! What every principal may do about its own credential.

use cordon_kernel::auth::credential::Proof;
use cordon_kernel::auth::mtls::ClientKey;
use cordon_kernel::auth::policy::allowed;
use cordon_kernel::auth::token::{IssuedToken, MAX_LIFETIME, SigningKeySet};
use cordon_kernel::{Action, AuditEntry, Disclosed, Principal, Result};
use jiff::Timestamp;

use super::super::credential::{model, service::bad_request, store};
use super::super::service::Service;
use crate::transport::Caller;

/// A new certificate for a credential.
#[derive(Debug)]
pub(super) struct Renewed {
    pub(super) certificate_pem: String,
    pub(super) ca_pem: String,
    pub(super) expires: Timestamp,
}

/// What the server takes a caller to be.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) principal: Principal,
    pub(super) certificate_expires: Option<Timestamp>,
    pub(super) token_expires: Option<Timestamp>,
    pub(super) actions: Vec<&'static str>,
}

impl Service {
    /// A token of the longest life, bound to the caller's certificate.
    pub(super) async fn issue_token(&self, caller: &Caller) -> Result<Disclosed<IssuedToken>> {
        let (scope, permit) = caller.self_scope(&self.kernel, Action::IssueToken).await?;
        let token =
            self.kernel
                .gate()
                .issue_token(caller.credential(), &scope, &permit, MAX_LIFETIME)?;
        Ok(Disclosed::to_self(&scope, token))
    }

    /// A certificate for the same credential and another key. The old one is good until it ends.
    pub(super) async fn renew_credential(
        &self,
        caller: &Caller,
        csr_pem: &str,
    ) -> Result<Disclosed<Renewed>> {
        let (scope, permit) = caller
            .self_scope(&self.kernel, Action::RenewCredential)
            .await?;
        let authority = self.kernel.gate().authority();
        let holder = scope.principal();
        let certificate = authority
            .issue_client(&permit, holder, ClientKey::Request(csr_pem))
            .map_err(bad_request)?;
        let mut tx = self.kernel.db().self_tx(&scope, &permit).await?;
        let known = store::find(tx.conn(), holder.home(), holder.credential()).await?;
        let change = model::renew(known, certificate.thumbprint, certificate.not_after)?;
        store::apply_renewal(tx.conn(), &change).await?;
        let credential = change.into_credential();
        tx.commit(AuditEntry::new(&permit).resource(credential.name()))
            .await?;
        let renewed = Renewed {
            certificate_pem: certificate.certificate_pem,
            ca_pem: authority.certificate_pem().to_owned(),
            expires: certificate.not_after,
        };
        Ok(Disclosed::to_self(&scope, renewed))
    }

    /// The public keys, for anyone with a credential.
    pub(super) async fn signing_keys(&self, caller: &Caller) -> Result<Disclosed<SigningKeySet>> {
        caller
            .self_scope(&self.kernel, Action::GetSigningKeys)
            .await?;
        Ok(Disclosed::public(self.kernel.gate().issuer().published()))
    }

    /// `certificate` is the one on the caller's connection, in DER.
    pub(super) async fn who_am_i(
        &self,
        caller: &Caller,
        certificate: Option<&[u8]>,
    ) -> Result<Disclosed<Identity>> {
        let (scope, _) = caller.self_scope(&self.kernel, Action::WhoAmI).await?;
        let principal = scope.principal().clone();
        let credential = caller.credential();
        let mut actions: Vec<&str> = Action::ALL
            .iter()
            .filter(|action| action.is_rpc() && allowed(principal.role(), **action))
            .map(|action| action.as_str())
            .collect();
        actions.sort_unstable();
        let (certificate_expires, token_expires) = match credential.proof() {
            Proof::Certificate => (Some(credential.expires()), None),
            Proof::Token => (certificate.and_then(not_after), Some(credential.expires())),
        };
        let identity = Identity {
            principal,
            certificate_expires,
            token_expires,
            actions,
        };
        Ok(Disclosed::to_self(&scope, identity))
    }
}

/// When a certificate ends.
fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}
