//! The methods of `ContextService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_proto::context as wire;
use cordon_proto::context::context_service_server::ContextService;
use tonic::{Request, Response, Status};

use super::convert::{self, entry_name};
use super::service::Service;
use crate::rooms::paging::PageRequest;
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// Serves `ContextService`.
pub struct ContextRpc(Service);

type Answer<T> = Result<Response<T>, Status>;

impl ContextRpc {
    pub(crate) fn new(kernel: Arc<Kernel>) -> Self {
        Self(Service { kernel })
    }
}

#[tonic::async_trait]
impl ContextService for ContextRpc {
    #[tracing::instrument(name = "context.create_context_entry", skip_all)]
    async fn create_context_entry(
        &self,
        request: Request<wire::CreateContextEntryRequest>,
    ) -> Answer<wire::CreateContextEntryResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "CreateContextEntry", &request.request_id, &request)?;
        let (tenant, new) = convert::create(request)?;
        let made = self.0.create(&caller, tenant.clone(), new, id).await?;
        Ok(Response::new(wire::CreateContextEntryResponse {
            context_entry: Some(convert::entry(&tenant, made)),
        }))
    }

    #[tracing::instrument(name = "context.get_context_entry", skip_all)]
    async fn get_context_entry(
        &self,
        request: Request<wire::GetContextEntryRequest>,
    ) -> Answer<wire::GetContextEntryResponse> {
        let caller = Caller::of(&request)?;
        let name = entry_name("name", &request.get_ref().name)?;
        let tenant = name.0.clone();
        let found = self.0.get(&caller, name).await?;
        Ok(Response::new(wire::GetContextEntryResponse {
            context_entry: Some(convert::entry(&tenant, found)),
        }))
    }

    #[tracing::instrument(name = "context.list_context_entries", skip_all)]
    async fn list_context_entries(
        &self,
        request: Request<wire::ListContextEntriesRequest>,
    ) -> Answer<wire::ListContextEntriesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (tenant, kind) = convert::list(&request)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list(&caller, tenant.clone(), kind, page).await?;
        let rows = page.rows.each();
        Ok(Response::new(wire::ListContextEntriesResponse {
            context_entries: rows.map(|row| convert::entry(&tenant, row)).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "context.update_context_entry", skip_all)]
    async fn update_context_entry(
        &self,
        request: Request<wire::UpdateContextEntryRequest>,
    ) -> Answer<wire::UpdateContextEntryResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "UpdateContextEntry", &request.request_id, &request)?;
        let (name, patch, etag) = convert::update(request)?;
        let tenant = name.0.clone();
        let changed = self.0.update(&caller, name, patch, &etag, id).await?;
        Ok(Response::new(wire::UpdateContextEntryResponse {
            context_entry: Some(convert::entry(&tenant, changed)),
        }))
    }

    #[tracing::instrument(name = "context.delete_context_entry", skip_all)]
    async fn delete_context_entry(
        &self,
        request: Request<wire::DeleteContextEntryRequest>,
    ) -> Answer<wire::DeleteContextEntryResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "DeleteContextEntry", &request.request_id, &request)?;
        let name = entry_name("name", &request.name)?;
        self.0.delete(&caller, name, &request.etag, id).await?;
        Ok(Response::new(wire::DeleteContextEntryResponse {}))
    }

    #[tracing::instrument(name = "context.import_assets", skip_all)]
    async fn import_assets(
        &self,
        request: Request<wire::ImportAssetsRequest>,
    ) -> Answer<wire::ImportAssetsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "ImportAssets", &request.request_id, &request)?;
        let (tenant, assets) = convert::import(request)?;
        let counts = self.0.import(&caller, tenant, assets, id).await?;
        Ok(Response::new(convert::imported(counts)))
    }
}
