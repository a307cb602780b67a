//! The gate: the one place that makes scopes and permits, out of a verified credential, the
//! policy and the present standing of everyone concerned.

use std::sync::Arc;

use jiff::SignedDuration;

use super::action::Action;
use super::credential::{Proof, VerifiedCredential};
use super::mtls::Authority;
use super::permit::Permit;
use super::policy::{Reach, reaches};
use super::principal::{Home, Role};
use super::scope::{Entry, IngestScope, ProviderScope, SelfScope, TenantScope};
use super::standing::{SourceStatus, Standing, StandingSource, TenantStatus};
use super::token::{IssuedToken, LEEWAY, TokenIssuer, TokenVerifier};
use crate::clock::Env;
use crate::error::{Error, Reason, Result};
use crate::ids::{SourceId, TenantId};

/// Authenticates callers and gives out scopes with permits.
///
/// Refusals are the same whether or not what the caller named exists: a name in another tenant's
/// namespace is `PERMISSION_DENIED` without a look-up.
pub struct Gate {
    env: Env,
    standing: Standing,
    authority: Arc<Authority>,
    issuer: TokenIssuer,
    verifier: TokenVerifier,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

impl Gate {
    /// A gate over the register `source`; `issuer` and `verifier` share one set of keys.
    pub(crate) fn new(
        env: Env,
        source: Arc<dyn StandingSource>,
        authority: Arc<Authority>,
        issuer: TokenIssuer,
        verifier: TokenVerifier,
    ) -> Self {
        Self {
            standing: Standing::new(env.clone(), source),
            env,
            authority,
            issuer,
            verifier,
        }
    }

    /// Authenticates a caller by the certificate on its connection (DER, already verified by
    /// TLS) and the bearer token of its call. A token counts only together with the certificate
    /// that it is bound to. A certificate alone reaches what [`Gate::permit_self`] gives.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, always in the same words; `TENANT_SUSPENDED` for a good credential of
    /// a suspended tenant; `UNAVAILABLE` when the register can't be asked.
    pub async fn authenticate(
        &self,
        certificate: Option<&[u8]>,
        token: Option<&str>,
    ) -> Result<VerifiedCredential> {
        let now = self.env.now();
        let credential = match (certificate, token) {
            (certificate, Some(token)) => {
                let thumbprint = certificate.map(super::credential::CertThumbprint::of);
                self.verifier.verify(token, thumbprint.as_ref(), now)?
            }
            (Some(der), None) => {
                let peer = self.authority.identify(der, now)?;
                let Some(record) = self.standing.credential(peer.credential()).await? else {
                    return Err(Error::unauthenticated("no such credential"));
                };
                VerifiedCredential::new(
                    record.principal.clone(),
                    *peer.thumbprint(),
                    Proof::Certificate,
                    peer.not_after(),
                )
            }
            (None, None) => return Err(Error::unauthenticated("neither certificate nor token")),
        };
        self.check(&credential, LEEWAY).await?;
        Ok(credential)
    }

    /// Whether the token names a key that this process does not know.
    pub(crate) fn names_unknown_key(&self, token: &str) -> bool {
        self.verifier.names_unknown_key(token)
    }

    /// What every authenticated principal may do about its own credential.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` or `TENANT_SUSPENDED` when the credential is no longer good;
    /// `PERMISSION_DENIED` for any other action.
    pub async fn permit_self(
        &self,
        credential: &VerifiedCredential,
        action: Action,
    ) -> Result<(SelfScope, Permit)> {
        self.check(credential, LEEWAY).await?;
        let principal = credential.principal();
        if !reaches(principal.role(), action, Reach::Own) {
            return Err(Error::permission_denied());
        }
        let scope = SelfScope::new(principal.clone());
        let permit = Permit::for_self(action, &scope);
        Ok((scope, permit))
    }

    /// A tenant's own people, in their own tenant and no other.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without a look-up for any other tenant, existing or not, and for what
    /// the role does not reach; `UNAUTHENTICATED` or `TENANT_SUSPENDED` as in
    /// [`Gate::permit_self`].
    pub async fn permit_tenant(
        &self,
        credential: &VerifiedCredential,
        tenant: &TenantId,
        action: Action,
    ) -> Result<(TenantScope, Permit)> {
        self.check_token(credential).await?;
        let principal = credential.principal();
        let own = matches!(principal.home(), Home::Tenant(home) if home == tenant);
        if !own || !reaches(principal.role(), action, Reach::Tenant) {
            return Err(Error::permission_denied());
        }
        let scope = TenantScope::own(tenant.clone(), principal.clone());
        let permit = Permit::for_tenant(action, &scope);
        Ok((scope, permit))
    }

    /// Staff, in the provider's registers.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` for everyone else and for what the role does not reach;
    /// `UNAUTHENTICATED` as in [`Gate::permit_self`].
    pub async fn permit_provider(
        &self,
        credential: &VerifiedCredential,
        action: Action,
    ) -> Result<(ProviderScope, Permit)> {
        self.check_token(credential).await?;
        let principal = credential.principal();
        if *principal.home() != Home::Provider
            || !reaches(principal.role(), action, Reach::Provider)
        {
            return Err(Error::permission_denied());
        }
        let scope = ProviderScope::new(principal.clone());
        let permit = Permit::for_provider(action, &scope);
        Ok((scope, permit))
    }

    /// A source for itself, or an operator for any registered source. Tenants' standing does
    /// not matter here: what is sent for a suspended tenant is stored.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without a look-up for a source that is not the caller's, and for a
    /// disabled one; `NOT_FOUND` for an operator who names no source; `UNAUTHENTICATED` as in
    /// [`Gate::permit_self`].
    pub async fn permit_ingest(
        &self,
        credential: &VerifiedCredential,
        source: &SourceId,
        action: Action,
    ) -> Result<(IngestScope, Permit)> {
        self.check_token(credential).await?;
        let principal = credential.principal();
        let own = match principal.home() {
            Home::Source(home) => home == source,
            Home::Provider => true,
            Home::Tenant(_) => false,
        };
        if !own || !reaches(principal.role(), action, Reach::Ingest) {
            return Err(Error::permission_denied());
        }
        match (self.standing.source(source).await?, principal.role()) {
            (Some(SourceStatus::Active), _) => {}
            (None, Role::Operator) => return Err(Error::new(Reason::NotFound, "no such source")),
            (Some(SourceStatus::Disabled), Role::Operator) => {
                return Err(Error::new(
                    Reason::FailedPrecondition,
                    "the source is disabled",
                ));
            }
            _ => return Err(Error::permission_denied()),
        }
        let scope = IngestScope::new(source.clone(), principal.clone());
        let permit = Permit::for_source(action, &scope);
        Ok((scope, permit))
    }

    /// Staff enter a tenant to do one action there. The entry is durable in that tenant's log
    /// before this returns.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` for everyone whose role does not reach the action by entering;
    /// `INVALID_ARGUMENT` for an entry that has ended or lasts too long; `NOT_FOUND` for a
    /// tenant that does not exist; `TENANT_SUSPENDED`; the log's error when it can't be written.
    pub async fn enter(
        &self,
        credential: &VerifiedCredential,
        tenant: &TenantId,
        entry: Entry,
        action: Action,
    ) -> Result<(TenantScope, Permit)> {
        self.check_entry(credential, &entry, action).await?;
        self.check_tenant(tenant).await?;
        let scope = TenantScope::entered_by(tenant.clone(), credential.principal().clone(), entry);
        let permit = Permit::for_tenant(action, &scope);
        self.standing
            .register()
            .record_entry(&scope, &permit)
            .await?;
        Ok((scope, permit))
    }

    /// Whether this caller could enter some tenant so.
    ///
    /// # Errors
    /// As [`Gate::enter`], but for what it says of the tenant.
    pub(crate) async fn check_entry(
        &self,
        credential: &VerifiedCredential,
        entry: &Entry,
        action: Action,
    ) -> Result<()> {
        self.check_token(credential).await?;
        let principal = credential.principal();
        if *principal.home() != Home::Provider || !reaches(principal.role(), action, Reach::Entered)
        {
            return Err(Error::permission_denied());
        }
        if let Some(expires) = entry.expires() {
            let lasts = expires.duration_since(self.env.now());
            if lasts <= SignedDuration::ZERO || lasts > Entry::MAX_VALIDITY {
                return Err(Error::invalid(
                    "expires",
                    "expected a time within the next 12 hours",
                ));
            }
        }
        Ok(())
    }

    /// Whether a tenant stands, to be entered.
    ///
    /// # Errors
    /// `TENANT_SUSPENDED`, `NOT_FOUND`.
    pub(crate) async fn check_tenant(&self, tenant: &TenantId) -> Result<()> {
        match self.standing.tenant(tenant).await? {
            Some(TenantStatus::Active) => Ok(()),
            Some(TenantStatus::Suspended) => Err(Error::new(
                Reason::TenantSuspended,
                "the tenant is suspended",
            )),
            None => Err(Error::new(Reason::NotFound, "no such tenant")),
        }
    }

    /// Whether a stream may go on: to be asked at least every 2 s while one is open. With a
    /// tenant's scope it also asks whether the tenant, and an entry of staff, still stand.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` once the token has expired or the credential was revoked,
    /// `TENANT_SUSPENDED`, `PERMISSION_DENIED` once an entry has ended, `UNAVAILABLE` when the
    /// register can't be asked.
    pub async fn still_good(
        &self,
        credential: &VerifiedCredential,
        scope: Option<&TenantScope>,
    ) -> Result<()> {
        // No leeway here: the skew that it allows for was granted when the call came in.
        self.check(credential, SignedDuration::ZERO).await?;
        let Some(scope) = scope else { return Ok(()) };
        if let Some(entry) = scope.entered()
            && entry
                .expires()
                .is_some_and(|expires| self.env.now() >= expires)
        {
            return Err(Error::new(Reason::PermissionDenied, "the entry has ended"));
        }
        match self.standing.tenant(scope.tenant()).await? {
            Some(TenantStatus::Active) => Ok(()),
            Some(TenantStatus::Suspended) => Err(Error::new(
                Reason::TenantSuspended,
                "the tenant is suspended",
            )),
            None => Err(Error::unauthenticated("the tenant was deleted")),
        }
    }

    /// Gives out a token for the caller itself, bound to its certificate, for `ttl`, at most
    /// [`MAX_LIFETIME`](super::token::MAX_LIFETIME).
    ///
    /// # Errors
    /// `PERMISSION_DENIED` for a permit that is not the caller's own to have a token issued;
    /// `INVALID_ARGUMENT` for a `ttl` out of range.
    pub fn issue_token(
        &self,
        credential: &VerifiedCredential,
        scope: &SelfScope,
        permit: &Permit,
        ttl: SignedDuration,
    ) -> Result<IssuedToken> {
        if permit.action() != Action::IssueToken
            || !permit.covers_self(scope)
            || scope.principal() != credential.principal()
        {
            return Err(Error::permission_denied());
        }
        self.issuer
            .issue(credential.principal(), credential.thumbprint(), ttl)
    }

    /// The certificate authority, for issuing certificates under a permit.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The token issuer, for publishing and rotating its keys.
    #[must_use]
    pub fn issuer(&self) -> &TokenIssuer {
        &self.issuer
    }

    /// To be called after every commit that changes a tenant's, source's or credential's
    /// standing, so that this process knows at once; others learn within 2 s.
    pub fn standing_changed(&self) {
        self.standing.forget();
    }

    /// The scope in which the server makes its first operator.
    pub(crate) fn bootstrap(&self) -> (ProviderScope, Permit) {
        let scope = ProviderScope::for_job("bootstrap");
        let permit = Permit::for_provider(Action::Bootstrap, &scope);
        (scope, permit)
    }

    async fn check_token(&self, credential: &VerifiedCredential) -> Result<()> {
        if credential.proof() != Proof::Token {
            return Err(Error::unauthenticated("a certificate without a token"));
        }
        self.check(credential, LEEWAY).await
    }

    /// Whether the credential and its home still stand.
    async fn check(&self, credential: &VerifiedCredential, leeway: SignedDuration) -> Result<()> {
        if self.env.now().duration_since(credential.expires()) >= leeway {
            return Err(Error::unauthenticated("expired"));
        }
        let principal = credential.principal();
        match self.standing.credential(principal.credential()).await? {
            None => return Err(Error::unauthenticated("no such credential")),
            Some(record) if record.revoked => return Err(Error::unauthenticated("revoked")),
            // A wall behind the signature: a token that says more than the register is void.
            Some(record) if record.principal != *principal => {
                return Err(Error::unauthenticated("the register has another principal"));
            }
            Some(_) => {}
        }
        match principal.home() {
            Home::Tenant(tenant) => match self.standing.tenant(tenant).await? {
                Some(TenantStatus::Active) => Ok(()),
                Some(TenantStatus::Suspended) => Err(Error::new(
                    Reason::TenantSuspended,
                    "the tenant is suspended",
                )),
                None => Err(Error::unauthenticated("the tenant was deleted")),
            },
            Home::Source(source) => match self.standing.source(source).await? {
                Some(SourceStatus::Active) => Ok(()),
                _ => Err(Error::unauthenticated("the source is disabled or deleted")),
            },
            Home::Provider => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
