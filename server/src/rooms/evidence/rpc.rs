//! The methods of `SnapshotsService`: decode, call, encode.

use cordon_kernel::Name;
use cordon_proto::evidence as wire;
use cordon_proto::evidence::snapshots_service_server::SnapshotsService;
use tonic::{Request, Response, Status};

use super::convert::{self, snapshot_name};
use super::service::Service;
use crate::rooms::paging::PageRequest;
use crate::rooms::requests::RequestId;
use crate::transport::{Caller, Feed};

/// Serves `SnapshotsService`.
pub struct SnapshotsRpc(pub(super) Service);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl SnapshotsService for SnapshotsRpc {
    type WatchSnapshotStream = Feed<wire::WatchSnapshotResponse>;
    type DownloadBlockListStream = Feed<wire::DownloadBlockListResponse>;
    type DownloadItemStream = Feed<wire::DownloadItemResponse>;

    #[tracing::instrument(name = "evidence.create_snapshot", skip_all)]
    async fn create_snapshot(
        &self,
        request: Request<wire::CreateSnapshotRequest>,
    ) -> Answer<wire::CreateSnapshotResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "CreateSnapshot", &request.request_id, &request)?;
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let wanted = convert::wanted(&tenant, request.snapshot)?;
        let made = self.0.create(&caller, tenant.clone(), wanted, id).await?;
        Ok(Response::new(wire::CreateSnapshotResponse {
            snapshot: Some(convert::snapshot(&tenant, made)),
        }))
    }

    #[tracing::instrument(name = "evidence.get_snapshot", skip_all)]
    async fn get_snapshot(
        &self,
        request: Request<wire::GetSnapshotRequest>,
    ) -> Answer<wire::GetSnapshotResponse> {
        let caller = Caller::of(&request)?;
        let name = snapshot_name("name", &request.get_ref().name)?;
        let tenant = name.0.clone();
        let found = self.0.get(&caller, name).await?;
        Ok(Response::new(wire::GetSnapshotResponse {
            snapshot: Some(convert::snapshot(&tenant, found)),
        }))
    }

    #[tracing::instrument(name = "evidence.list_snapshots", skip_all)]
    async fn list_snapshots(
        &self,
        request: Request<wire::ListSnapshotsRequest>,
    ) -> Answer<wire::ListSnapshotsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let page = PageRequest::of(request.page_size, request.page_token, (50, 100))?;
        let page = self.0.list(&caller, tenant.clone(), page).await?;
        let rows = page.rows.each();
        Ok(Response::new(wire::ListSnapshotsResponse {
            snapshots: rows.map(|row| convert::snapshot(&tenant, row)).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "evidence.watch_snapshot", skip_all)]
    async fn watch_snapshot(
        &self,
        request: Request<wire::WatchSnapshotRequest>,
    ) -> Answer<Self::WatchSnapshotStream> {
        let caller = Caller::of(&request)?;
        let name = snapshot_name("name", &request.get_ref().name)?;
        Ok(Response::new(self.0.watch(caller, name).await?))
    }

    #[tracing::instrument(name = "evidence.cancel_snapshot", skip_all)]
    async fn cancel_snapshot(
        &self,
        request: Request<wire::CancelSnapshotRequest>,
    ) -> Answer<wire::CancelSnapshotResponse> {
        let caller = Caller::of(&request)?;
        let name = snapshot_name("name", &request.get_ref().name)?;
        let tenant = name.0.clone();
        let after = self.0.cancel(&caller, name).await?;
        Ok(Response::new(wire::CancelSnapshotResponse {
            snapshot: Some(convert::snapshot(&tenant, after)),
        }))
    }

    #[tracing::instrument(name = "evidence.get_manifest", skip_all)]
    async fn get_manifest(
        &self,
        request: Request<wire::GetManifestRequest>,
    ) -> Answer<wire::GetManifestResponse> {
        let caller = Caller::of(&request)?;
        let name = snapshot_name("name", &request.get_ref().name)?;
        let envelope = self.0.manifest(&caller, name).await?.into_wire();
        Ok(Response::new(wire::GetManifestResponse { envelope }))
    }

    #[tracing::instrument(name = "evidence.download_block_list", skip_all)]
    async fn download_block_list(
        &self,
        request: Request<wire::DownloadBlockListRequest>,
    ) -> Answer<Self::DownloadBlockListStream> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let name = snapshot_name("name", &request.name)?;
        let feed = self.0.block_list(caller, name, &request.item).await?;
        Ok(Response::new(feed))
    }

    #[tracing::instrument(name = "evidence.download_item", skip_all)]
    async fn download_item(
        &self,
        request: Request<wire::DownloadItemRequest>,
    ) -> Answer<Self::DownloadItemStream> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let name = snapshot_name("name", &request.name)?;
        let part = convert::part(request)?;
        Ok(Response::new(self.0.item(caller, name, part).await?))
    }

    #[tracing::instrument(name = "evidence.list_custody_entries", skip_all)]
    async fn list_custody_entries(
        &self,
        request: Request<wire::ListCustodyEntriesRequest>,
    ) -> Answer<wire::ListCustodyEntriesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let name = snapshot_name("name", &request.name)?;
        let page = convert::entries(request.first_sequence, request.page_size)?;
        let told = self.0.custody(&caller, name, page).await?.into_wire();
        let (entries, next, head_envelope) = told;
        Ok(Response::new(wire::ListCustodyEntriesResponse {
            entries,
            next_sequence: i64::try_from(next).unwrap_or(i64::MAX),
            head_envelope,
        }))
    }

    #[tracing::instrument(name = "evidence.hold_snapshot", skip_all)]
    async fn hold_snapshot(
        &self,
        request: Request<wire::HoldSnapshotRequest>,
    ) -> Answer<wire::HoldSnapshotResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "HoldSnapshot", &request.request_id, &request)?;
        let name = snapshot_name("parent", &request.parent)?;
        let new = convert::new_hold(request.hold)?;
        let tenant = name.0.clone();
        let made = self.0.hold(&caller, name, new, id).await?;
        Ok(Response::new(wire::HoldSnapshotResponse {
            hold: Some(convert::hold(&tenant, made)),
        }))
    }

    #[tracing::instrument(name = "evidence.list_snapshot_holds", skip_all)]
    async fn list_snapshot_holds(
        &self,
        request: Request<wire::ListSnapshotHoldsRequest>,
    ) -> Answer<wire::ListSnapshotHoldsResponse> {
        let caller = Caller::of(&request)?;
        let name = snapshot_name("parent", &request.get_ref().parent)?;
        let tenant = name.0.clone();
        let all = self.0.holds(&caller, name).await?;
        let holds = all.each().map(|one| convert::hold(&tenant, one));
        Ok(Response::new(wire::ListSnapshotHoldsResponse {
            holds: holds.collect(),
        }))
    }

    #[tracing::instrument(name = "evidence.release_snapshot_hold", skip_all)]
    async fn release_snapshot_hold(
        &self,
        request: Request<wire::ReleaseSnapshotHoldRequest>,
    ) -> Answer<wire::ReleaseSnapshotHoldResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let name = convert::hold_name(&request.name)?;
        let reason = convert::purpose("reason", &request.reason)?;
        let tenant = name.0.clone();
        let after = self.0.release(&caller, name, reason).await?;
        Ok(Response::new(wire::ReleaseSnapshotHoldResponse {
            hold: Some(convert::hold(&tenant, after)),
        }))
    }

    #[tracing::instrument(name = "evidence.delete_snapshot", skip_all)]
    async fn delete_snapshot(
        &self,
        request: Request<wire::DeleteSnapshotRequest>,
    ) -> Answer<wire::DeleteSnapshotResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let name = snapshot_name("name", &request.name)?;
        let purpose = convert::purpose("purpose", &request.purpose)?;
        let tenant = name.0.clone();
        let deleted = self.0.delete(&caller, name, purpose).await?;
        let certificate = deleted.get().certificate.clone();
        let snapshot = deleted.map(|deleted| deleted.snapshot);
        Ok(Response::new(wire::DeleteSnapshotResponse {
            snapshot: Some(convert::snapshot(&tenant, snapshot)),
            certificate,
        }))
    }
}
