//! The methods of `TransparencyService`: decode, call, encode.

use cordon_proto::transparency as wire;
use cordon_proto::transparency::transparency_service_server::TransparencyService;
use tonic::{Request, Response, Status};

use super::convert;
use super::service::Service;
use crate::transport::Caller;

/// Serves `TransparencyService`.
pub struct TransparencyRpc(pub(super) Service);

#[tonic::async_trait]
impl TransparencyService for TransparencyRpc {
    #[tracing::instrument(name = "transparency.list_audit_entries", skip_all)]
    async fn list_audit_entries(
        &self,
        request: Request<wire::ListAuditEntriesRequest>,
    ) -> Result<Response<wire::ListAuditEntriesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let query = convert::query(request.into_inner())?;
        let page = self.0.list(&caller, query).await?;
        Ok(Response::new(wire::ListAuditEntriesResponse {
            entries: page.entries.each().map(convert::encode).collect(),
            next_page_token: page.next,
        }))
    }
}
