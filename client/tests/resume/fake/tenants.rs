//! The fake's register: it notes what it is asked and answers with it.

use cordon_proto::tenants as wire;
use cordon_proto::tenants::tenants_service_server::TenantsService;
use tonic::{Request, Response, Status};

use super::Service;

type Answer<T> = Result<Response<T>, Status>;

/// When everything in the register happens.
const TIME: prost_types::Timestamp = prost_types::Timestamp {
    seconds: 1_700_000_000,
    nanos: 0,
};

impl Service {
    /// Notes a call: its name and what it says.
    fn register<T>(
        &self,
        call: &str,
        request: Request<T>,
        words: fn(&T) -> String,
    ) -> Result<T, Status> {
        self.0.note(&request)?;
        let message = request.into_inner();
        let line = format!("{call} {}", words(&message));
        self.0.registered.lock().unwrap().push(line);
        Ok(message)
    }
}

fn tenant(name: String, state: wire::tenant::State) -> wire::Tenant {
    wire::Tenant {
        name,
        display_name: "Acme".to_owned(),
        state: state.into(),
        etag: "e1".to_owned(),
        purge_time: (state == wire::tenant::State::PendingDeletion).then_some(TIME),
        ..wire::Tenant::default()
    }
}

/// Answers the written methods as they say, and no other.
macro_rules! serve {
    ({ $($written:tt)* } $($method:ident($request:ident) -> $response:ident;)*) => {
        #[tonic::async_trait]
        impl TenantsService for Service {
            $($written)*
            $(
                async fn $method(&self, _: Request<wire::$request>) -> Answer<wire::$response> {
                    Err(Status::unimplemented(""))
                }
            )*
        }
    };
}

serve! {
    {
        async fn get_tenant(
            &self,
            request: Request<wire::GetTenantRequest>,
        ) -> Answer<wire::GetTenantResponse> {
            let asked = self.register("get", request, |asked| asked.name.clone())?;
            let tenant = Some(tenant(asked.name, wire::tenant::State::Suspended));
            Ok(Response::new(wire::GetTenantResponse { tenant }))
        }

        async fn delete_tenant(
            &self,
            request: Request<wire::DeleteTenantRequest>,
        ) -> Answer<wire::DeleteTenantResponse> {
            let asked = self.register("delete", request, |asked| {
                let waiting = asked.waiting_period.map(|waiting| (waiting.seconds, waiting.nanos));
                format!("{} {waiting:?} {:?} {}", asked.name, asked.reason, asked.etag)
            })?;
            let tenant = Some(tenant(asked.name, wire::tenant::State::PendingDeletion));
            Ok(Response::new(wire::DeleteTenantResponse { tenant }))
        }

        async fn undelete_tenant(
            &self,
            request: Request<wire::UndeleteTenantRequest>,
        ) -> Answer<wire::UndeleteTenantResponse> {
            let asked = self.register("undelete", request, |asked| asked.name.clone())?;
            let tenant = Some(tenant(asked.name, wire::tenant::State::Suspended));
            Ok(Response::new(wire::UndeleteTenantResponse { tenant }))
        }

        async fn get_deletion_certificate(
            &self,
            request: Request<wire::GetDeletionCertificateRequest>,
        ) -> Answer<wire::GetDeletionCertificateResponse> {
            let asked = self.register("certificate", request, |asked| asked.name.clone())?;
            let certificate = wire::DeletionCertificate {
                name: format!("{}/deletionCertificate", asked.name),
                create_time: Some(TIME),
                dsse_json: "{ \"as\": \"signed\" }".to_owned(),
            };
            Ok(Response::new(wire::GetDeletionCertificateResponse {
                deletion_certificate: Some(certificate),
            }))
        }

        async fn create_legal_hold(
            &self,
            request: Request<wire::CreateLegalHoldRequest>,
        ) -> Answer<wire::CreateLegalHoldResponse> {
            let asked = self.register("hold", request, |asked| asked.parent.clone())?;
            let hold = wire::LegalHold {
                name: format!("{}/legalHolds/1", asked.parent),
                create_time: Some(TIME),
                ..asked.legal_hold.unwrap()
            };
            Ok(Response::new(wire::CreateLegalHoldResponse { legal_hold: Some(hold) }))
        }

        async fn list_legal_holds(
            &self,
            request: Request<wire::ListLegalHoldsRequest>,
        ) -> Answer<wire::ListLegalHoldsResponse> {
            let asked = self.register("holds", request, |asked| {
                format!("{} {}", asked.parent, asked.page_token)
            })?;
            // Two pages, of a hold each.
            let (number, next) = match asked.page_token.as_str() {
                "" => (1, "two"),
                _ => (2, ""),
            };
            let hold = wire::LegalHold {
                name: format!("{}/legalHolds/{number}", asked.parent),
                reason: "a lawsuit".to_owned(),
                release_time: (number == 1).then_some(TIME),
                ..wire::LegalHold::default()
            };
            Ok(Response::new(wire::ListLegalHoldsResponse {
                legal_holds: vec![hold],
                next_page_token: next.to_owned(),
            }))
        }

        async fn release_legal_hold(
            &self,
            request: Request<wire::ReleaseLegalHoldRequest>,
        ) -> Answer<wire::ReleaseLegalHoldResponse> {
            let asked = self.register("release", request, |asked| {
                format!("{} {:?}", asked.name, asked.reason)
            })?;
            let hold = wire::LegalHold {
                name: asked.name,
                release_time: Some(TIME),
                ..wire::LegalHold::default()
            };
            Ok(Response::new(wire::ReleaseLegalHoldResponse { legal_hold: Some(hold) }))
        }

        async fn rotate_tenant_key(
            &self,
            request: Request<wire::RotateTenantKeyRequest>,
        ) -> Answer<wire::RotateTenantKeyResponse> {
            let asked = self.register("rotate", request, |asked| {
                format!("{} {:?}", asked.name, asked.reason)
            })?;
            let rotation = wire::KeyRotation {
                name: format!("{}/keyRotations/2", asked.name),
                state: wire::key_rotation::State::Reencrypting.into(),
                segment_count: 7,
                ..wire::KeyRotation::default()
            };
            Ok(Response::new(wire::RotateTenantKeyResponse { key_rotation: Some(rotation) }))
        }

        async fn list_key_rotations(
            &self,
            request: Request<wire::ListKeyRotationsRequest>,
        ) -> Answer<wire::ListKeyRotationsResponse> {
            let asked = self.register("keys", request, |asked| asked.parent.clone())?;
            let rotation = |version: i64, state: wire::key_rotation::State| wire::KeyRotation {
                name: format!("{}/keyRotations/{version}", asked.parent),
                state: state.into(),
                create_time: Some(TIME),
                segment_count: 7,
                done_count: 3,
                ..wire::KeyRotation::default()
            };
            Ok(Response::new(wire::ListKeyRotationsResponse {
                key_rotations: vec![
                    rotation(2, wire::key_rotation::State::Reencrypting),
                    rotation(1, wire::key_rotation::State::Done),
                ],
                next_page_token: String::new(),
            }))
        }

        async fn delete_source(
            &self,
            request: Request<wire::DeleteSourceRequest>,
        ) -> Answer<wire::DeleteSourceResponse> {
            self.register("delete", request, |asked| asked.name.clone())?;
            let comes_to = self.0.deletions.lock().unwrap().pop_front();
            match comes_to {
                Some(Some(status)) => Err(status),
                Some(None) => std::future::pending().await,
                None => Ok(Response::new(wire::DeleteSourceResponse::default())),
            }
        }
    }
    create_tenant(CreateTenantRequest) -> CreateTenantResponse;
    list_tenants(ListTenantsRequest) -> ListTenantsResponse;
    update_tenant(UpdateTenantRequest) -> UpdateTenantResponse;
    suspend_tenant(SuspendTenantRequest) -> SuspendTenantResponse;
    resume_tenant(ResumeTenantRequest) -> ResumeTenantResponse;
    create_account(CreateAccountRequest) -> CreateAccountResponse;
    list_accounts(ListAccountsRequest) -> ListAccountsResponse;
    delete_account(DeleteAccountRequest) -> DeleteAccountResponse;
    import_resources(ImportResourcesRequest) -> ImportResourcesResponse;
    list_resources(ListResourcesRequest) -> ListResourcesResponse;
    delete_resource(DeleteResourceRequest) -> DeleteResourceResponse;
    create_address_range(CreateAddressRangeRequest) -> CreateAddressRangeResponse;
    list_address_ranges(ListAddressRangesRequest) -> ListAddressRangesResponse;
    delete_address_range(DeleteAddressRangeRequest) -> DeleteAddressRangeResponse;
    create_source(CreateSourceRequest) -> CreateSourceResponse;
    list_sources(ListSourcesRequest) -> ListSourcesResponse;
    issue_credential(IssueCredentialRequest) -> IssueCredentialResponse;
    list_credentials(ListCredentialsRequest) -> ListCredentialsResponse;
    revoke_credential(RevokeCredentialRequest) -> RevokeCredentialResponse;
}
