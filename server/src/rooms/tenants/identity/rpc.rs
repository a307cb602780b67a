//! The methods of `IdentityService`.

use cordon_kernel::Error;
use cordon_proto::tenants as wire;
use cordon_proto::tenants::identity_service_server::IdentityService;
use tonic::{Request, Response, Status};

use super::super::service::Service;
use super::convert;
use crate::transport::{Caller, Peer};

/// Serves `IdentityService`.
pub struct IdentityRpc(pub(in super::super) Service);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl IdentityService for IdentityRpc {
    #[tracing::instrument(name = "identity.issue_token", skip_all)]
    async fn issue_token(
        &self,
        request: Request<wire::IssueTokenRequest>,
    ) -> Answer<wire::IssueTokenResponse> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(convert::token(
            self.0.issue_token(&caller).await?,
        )))
    }

    #[tracing::instrument(name = "identity.renew_credential", skip_all)]
    async fn renew_credential(
        &self,
        request: Request<wire::RenewCredentialRequest>,
    ) -> Answer<wire::RenewCredentialResponse> {
        let caller = Caller::of(&request)?;
        let csr_pem = request.into_inner().csr_pem;
        if csr_pem.is_empty() {
            return Err(Error::invalid("csr_pem", "expected a PKCS #10 request in PEM").into());
        }
        Ok(Response::new(convert::renewed(
            self.0.renew_credential(&caller, &csr_pem).await?,
        )))
    }

    #[tracing::instrument(name = "identity.get_signing_keys", skip_all)]
    async fn get_signing_keys(
        &self,
        request: Request<wire::GetSigningKeysRequest>,
    ) -> Answer<wire::GetSigningKeysResponse> {
        let caller = Caller::of(&request)?;
        Ok(Response::new(convert::signing_keys(
            self.0.signing_keys(&caller).await?,
        )))
    }

    #[tracing::instrument(name = "identity.who_am_i", skip_all)]
    async fn who_am_i(
        &self,
        request: Request<wire::WhoAmIRequest>,
    ) -> Answer<wire::WhoAmIResponse> {
        let caller = Caller::of(&request)?;
        let certificate = request
            .extensions()
            .get::<Peer>()
            .and_then(|peer| peer.certificate.clone());
        Ok(Response::new(convert::identity(
            self.0.who_am_i(&caller, certificate.as_deref()).await?,
        )))
    }
}
