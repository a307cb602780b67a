//! The methods of `TenantsService`: decode, call, encode.

use cordon_kernel::Name;
use cordon_proto::tenants as wire;
use cordon_proto::tenants::tenants_service_server::TenantsService;
use tonic::{Request, Response, Status};

use super::paging::PageRequest;
use super::service::Service;
use super::{account, certificate, credential, hold, key, range, resource, source, tenant};
use crate::transport::Caller;

/// Serves `TenantsService`.
pub struct TenantsRpc(pub(super) Service);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl TenantsService for TenantsRpc {
    #[tracing::instrument(name = "tenants.create_tenant", skip_all)]
    async fn create_tenant(
        &self,
        request: Request<wire::CreateTenantRequest>,
    ) -> Answer<wire::CreateTenantResponse> {
        let caller = Caller::of(&request)?;
        let new = tenant::convert::create(request.into_inner())?;
        let found = self.0.create_tenant(&caller, new).await?;
        Ok(Response::new(wire::CreateTenantResponse {
            tenant: Some(tenant::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.get_tenant", skip_all)]
    async fn get_tenant(
        &self,
        request: Request<wire::GetTenantRequest>,
    ) -> Answer<wire::GetTenantResponse> {
        let caller = Caller::of(&request)?;
        let id = Name::parse_tenant("name", &request.get_ref().name)?;
        let found = self.0.get_tenant(&caller, id).await?;
        Ok(Response::new(wire::GetTenantResponse {
            tenant: Some(tenant::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.list_tenants", skip_all)]
    async fn list_tenants(
        &self,
        request: Request<wire::ListTenantsRequest>,
    ) -> Answer<wire::ListTenantsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_tenants(&caller, page).await?;
        Ok(Response::new(wire::ListTenantsResponse {
            tenants: page.rows.each().map(tenant::convert::encode).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "tenants.update_tenant", skip_all)]
    async fn update_tenant(
        &self,
        request: Request<wire::UpdateTenantRequest>,
    ) -> Answer<wire::UpdateTenantResponse> {
        let caller = Caller::of(&request)?;
        let (id, command) = tenant::convert::update(request.into_inner())?;
        let found = self.0.change_tenant(&caller, id, command).await?;
        Ok(Response::new(wire::UpdateTenantResponse {
            tenant: Some(tenant::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.suspend_tenant", skip_all)]
    async fn suspend_tenant(
        &self,
        request: Request<wire::SuspendTenantRequest>,
    ) -> Answer<wire::SuspendTenantResponse> {
        let caller = Caller::of(&request)?;
        let (id, command) = tenant::convert::suspend(request.into_inner())?;
        let found = self.0.change_tenant(&caller, id, command).await?;
        Ok(Response::new(wire::SuspendTenantResponse {
            tenant: Some(tenant::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.resume_tenant", skip_all)]
    async fn resume_tenant(
        &self,
        request: Request<wire::ResumeTenantRequest>,
    ) -> Answer<wire::ResumeTenantResponse> {
        let caller = Caller::of(&request)?;
        let (id, command) = tenant::convert::resume(request.into_inner())?;
        let found = self.0.change_tenant(&caller, id, command).await?;
        Ok(Response::new(wire::ResumeTenantResponse {
            tenant: Some(tenant::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.delete_tenant", skip_all)]
    async fn delete_tenant(
        &self,
        request: Request<wire::DeleteTenantRequest>,
    ) -> Answer<wire::DeleteTenantResponse> {
        let caller = Caller::of(&request)?;
        let (id, command) = tenant::convert::delete(request.into_inner())?;
        let found = self.0.change_tenant(&caller, id, command).await?;
        Ok(Response::new(wire::DeleteTenantResponse {
            tenant: Some(tenant::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.undelete_tenant", skip_all)]
    async fn undelete_tenant(
        &self,
        request: Request<wire::UndeleteTenantRequest>,
    ) -> Answer<wire::UndeleteTenantResponse> {
        let caller = Caller::of(&request)?;
        let (id, command) = tenant::convert::undelete(request.into_inner())?;
        let found = self.0.change_tenant(&caller, id, command).await?;
        Ok(Response::new(wire::UndeleteTenantResponse {
            tenant: Some(tenant::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.get_deletion_certificate", skip_all)]
    async fn get_deletion_certificate(
        &self,
        request: Request<wire::GetDeletionCertificateRequest>,
    ) -> Answer<wire::GetDeletionCertificateResponse> {
        let caller = Caller::of(&request)?;
        let id = Name::parse_tenant("name", &request.get_ref().name)?;
        let found = self.0.get_deletion_certificate(&caller, id).await?;
        Ok(Response::new(wire::GetDeletionCertificateResponse {
            deletion_certificate: Some(certificate::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.create_legal_hold", skip_all)]
    async fn create_legal_hold(
        &self,
        request: Request<wire::CreateLegalHoldRequest>,
    ) -> Answer<wire::CreateLegalHoldResponse> {
        let caller = Caller::of(&request)?;
        let new = hold::convert::create(request.into_inner())?;
        let found = self.0.create_legal_hold(&caller, new).await?;
        Ok(Response::new(wire::CreateLegalHoldResponse {
            legal_hold: Some(hold::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.list_legal_holds", skip_all)]
    async fn list_legal_holds(
        &self,
        request: Request<wire::ListLegalHoldsRequest>,
    ) -> Answer<wire::ListLegalHoldsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let parent = Name::parse_tenant("parent", &request.parent)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_legal_holds(&caller, parent, page).await?;
        Ok(Response::new(wire::ListLegalHoldsResponse {
            legal_holds: page.rows.each().map(hold::convert::encode).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "tenants.release_legal_hold", skip_all)]
    async fn release_legal_hold(
        &self,
        request: Request<wire::ReleaseLegalHoldRequest>,
    ) -> Answer<wire::ReleaseLegalHoldResponse> {
        let caller = Caller::of(&request)?;
        let (name, reason) = hold::convert::release(request.get_ref())?;
        let found = self.0.release_legal_hold(&caller, name, &reason).await?;
        Ok(Response::new(wire::ReleaseLegalHoldResponse {
            legal_hold: Some(hold::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.rotate_tenant_key", skip_all)]
    async fn rotate_tenant_key(
        &self,
        request: Request<wire::RotateTenantKeyRequest>,
    ) -> Answer<wire::RotateTenantKeyResponse> {
        let caller = Caller::of(&request)?;
        let (id, reason) = key::convert::rotate(request.get_ref())?;
        let found = self.0.rotate_tenant_key(&caller, id, &reason).await?;
        Ok(Response::new(wire::RotateTenantKeyResponse {
            key_rotation: Some(key::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.list_key_rotations", skip_all)]
    async fn list_key_rotations(
        &self,
        request: Request<wire::ListKeyRotationsRequest>,
    ) -> Answer<wire::ListKeyRotationsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let parent = Name::parse_tenant("parent", &request.parent)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_key_rotations(&caller, parent, page).await?;
        Ok(Response::new(wire::ListKeyRotationsResponse {
            key_rotations: page.rows.each().map(key::convert::encode).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "tenants.create_account", skip_all)]
    async fn create_account(
        &self,
        request: Request<wire::CreateAccountRequest>,
    ) -> Answer<wire::CreateAccountResponse> {
        let caller = Caller::of(&request)?;
        let new = account::convert::create(request.into_inner())?;
        let found = self.0.create_account(&caller, new).await?;
        Ok(Response::new(wire::CreateAccountResponse {
            account: Some(account::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.list_accounts", skip_all)]
    async fn list_accounts(
        &self,
        request: Request<wire::ListAccountsRequest>,
    ) -> Answer<wire::ListAccountsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let parent = Name::parse_tenant("parent", &request.parent)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_accounts(&caller, parent, page).await?;
        Ok(Response::new(wire::ListAccountsResponse {
            accounts: page.rows.each().map(account::convert::encode).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "tenants.delete_account", skip_all)]
    async fn delete_account(
        &self,
        request: Request<wire::DeleteAccountRequest>,
    ) -> Answer<wire::DeleteAccountResponse> {
        let caller = Caller::of(&request)?;
        let (parent, id) = account::convert::delete(request.get_ref())?;
        let found = self.0.delete_account(&caller, parent, id).await?;
        Ok(Response::new(wire::DeleteAccountResponse {
            account: Some(account::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.import_resources", skip_all)]
    async fn import_resources(
        &self,
        request: Request<wire::ImportResourcesRequest>,
    ) -> Answer<wire::ImportResourcesResponse> {
        let caller = Caller::of(&request)?;
        let (parent, wanted) = resource::convert::import(request.into_inner())?;
        let imported = self.0.import_resources(&caller, parent, wanted).await?;
        Ok(Response::new(resource::convert::encode_import(imported)))
    }

    #[tracing::instrument(name = "tenants.list_resources", skip_all)]
    async fn list_resources(
        &self,
        request: Request<wire::ListResourcesRequest>,
    ) -> Answer<wire::ListResourcesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let parent = Name::parse_tenant("parent", &request.parent)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_resources(&caller, parent, page).await?;
        Ok(Response::new(wire::ListResourcesResponse {
            resources: page.rows.each().map(resource::convert::encode).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "tenants.delete_resource", skip_all)]
    async fn delete_resource(
        &self,
        request: Request<wire::DeleteResourceRequest>,
    ) -> Answer<wire::DeleteResourceResponse> {
        let caller = Caller::of(&request)?;
        let (parent, id) = resource::convert::delete(request.get_ref())?;
        let found = self.0.delete_resource(&caller, parent, id).await?;
        Ok(Response::new(wire::DeleteResourceResponse {
            resource: Some(resource::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.create_address_range", skip_all)]
    async fn create_address_range(
        &self,
        request: Request<wire::CreateAddressRangeRequest>,
    ) -> Answer<wire::CreateAddressRangeResponse> {
        let caller = Caller::of(&request)?;
        let net = range::convert::create(request.into_inner())?;
        let found = self.0.create_address_range(&caller, net).await?;
        Ok(Response::new(wire::CreateAddressRangeResponse {
            address_range: Some(range::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.list_address_ranges", skip_all)]
    async fn list_address_ranges(
        &self,
        request: Request<wire::ListAddressRangesRequest>,
    ) -> Answer<wire::ListAddressRangesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_address_ranges(&caller, page).await?;
        Ok(Response::new(wire::ListAddressRangesResponse {
            address_ranges: page.rows.each().map(range::convert::encode).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "tenants.delete_address_range", skip_all)]
    async fn delete_address_range(
        &self,
        request: Request<wire::DeleteAddressRangeRequest>,
    ) -> Answer<wire::DeleteAddressRangeResponse> {
        let caller = Caller::of(&request)?;
        let id = range::convert::delete(request.get_ref())?;
        self.0.delete_address_range(&caller, id).await?;
        Ok(Response::new(wire::DeleteAddressRangeResponse {}))
    }

    #[tracing::instrument(name = "tenants.create_source", skip_all)]
    async fn create_source(
        &self,
        request: Request<wire::CreateSourceRequest>,
    ) -> Answer<wire::CreateSourceResponse> {
        let caller = Caller::of(&request)?;
        let new = source::convert::create(request.into_inner())?;
        let found = self.0.create_source(&caller, new).await?;
        Ok(Response::new(wire::CreateSourceResponse {
            source: Some(source::convert::encode(found)),
        }))
    }

    #[tracing::instrument(name = "tenants.list_sources", skip_all)]
    async fn list_sources(
        &self,
        request: Request<wire::ListSourcesRequest>,
    ) -> Answer<wire::ListSourcesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_sources(&caller, page).await?;
        Ok(Response::new(wire::ListSourcesResponse {
            sources: page.rows.each().map(source::convert::encode).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "tenants.delete_source", skip_all)]
    async fn delete_source(
        &self,
        request: Request<wire::DeleteSourceRequest>,
    ) -> Answer<wire::DeleteSourceResponse> {
        let caller = Caller::of(&request)?;
        let id = source::convert::delete(request.get_ref())?;
        self.0.delete_source(&caller, id).await?;
        Ok(Response::new(wire::DeleteSourceResponse {}))
    }

    #[tracing::instrument(name = "tenants.issue_credential", skip_all)]
    async fn issue_credential(
        &self,
        request: Request<wire::IssueCredentialRequest>,
    ) -> Answer<wire::IssueCredentialResponse> {
        let caller = Caller::of(&request)?;
        let (holder, csr_pem) =
            credential::convert::issue(request.into_inner(), self.0.kernel.env())?;
        let issued = self.0.issue_credential(&caller, holder, &csr_pem).await?;
        Ok(Response::new(credential::convert::encode_issued(issued)))
    }

    #[tracing::instrument(name = "tenants.list_credentials", skip_all)]
    async fn list_credentials(
        &self,
        request: Request<wire::ListCredentialsRequest>,
    ) -> Answer<wire::ListCredentialsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let parent = credential::convert::home("parent", &request.parent)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_credentials(&caller, parent, page).await?;
        Ok(Response::new(wire::ListCredentialsResponse {
            credentials: page.rows.each().map(credential::convert::encode).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "tenants.revoke_credential", skip_all)]
    async fn revoke_credential(
        &self,
        request: Request<wire::RevokeCredentialRequest>,
    ) -> Answer<wire::RevokeCredentialResponse> {
        let caller = Caller::of(&request)?;
        let (home, id, reason) = credential::convert::revoke(request.get_ref())?;
        let found = self.0.revoke_credential(&caller, home, id, &reason).await?;
        Ok(Response::new(wire::RevokeCredentialResponse {
            credential: Some(credential::convert::encode(found)),
        }))
    }
}
