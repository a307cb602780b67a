//! The methods of `NotesService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::Name;
use cordon_kernel::facade::Kernel;
use cordon_proto::incidents as wire;
use cordon_proto::incidents::notes_service_server::NotesService;
use tonic::{Request, Response, Status};

use super::super::convert::incident_name;
use super::convert;
use super::service::Service;
use crate::rooms::paging::PageRequest;
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// Serves `NotesService`.
pub struct NotesRpc(Service);

type Answer<T> = Result<Response<T>, Status>;

impl NotesRpc {
    pub(super) fn new(kernel: Arc<Kernel>) -> Self {
        Self(Service { kernel })
    }
}

#[tonic::async_trait]
impl NotesService for NotesRpc {
    #[tracing::instrument(name = "incidents.register_note_key", skip_all)]
    async fn register_note_key(
        &self,
        request: Request<wire::RegisterNoteKeyRequest>,
    ) -> Answer<wire::RegisterNoteKeyResponse> {
        let caller = Caller::of(&request)?;
        let (tenant, recipient) = convert::new_key(request.into_inner())?;
        let key = self
            .0
            .register_key(&caller, tenant.clone(), recipient)
            .await?;
        Ok(Response::new(wire::RegisterNoteKeyResponse {
            note_key: Some(convert::note_key(&tenant, key)),
        }))
    }

    #[tracing::instrument(name = "incidents.list_note_keys", skip_all)]
    async fn list_note_keys(
        &self,
        request: Request<wire::ListNoteKeysRequest>,
    ) -> Answer<wire::ListNoteKeysResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_keys(&caller, tenant.clone(), page).await?;
        let rows = page.rows.each();
        Ok(Response::new(wire::ListNoteKeysResponse {
            note_keys: rows.map(|row| convert::note_key(&tenant, row)).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "incidents.revoke_note_key", skip_all)]
    async fn revoke_note_key(
        &self,
        request: Request<wire::RevokeNoteKeyRequest>,
    ) -> Answer<wire::RevokeNoteKeyResponse> {
        let caller = Caller::of(&request)?;
        let (tenant, id) = convert::key_name("name", &request.get_ref().name)?;
        let key = self.0.revoke_key(&caller, (tenant.clone(), id)).await?;
        Ok(Response::new(wire::RevokeNoteKeyResponse {
            note_key: Some(convert::note_key(&tenant, key)),
        }))
    }

    #[tracing::instrument(name = "incidents.create_note", skip_all)]
    async fn create_note(
        &self,
        request: Request<wire::CreateNoteRequest>,
    ) -> Answer<wire::CreateNoteResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "CreateNote", &request.request_id, &request)?;
        let (parent, sent) = convert::new_note(request)?;
        let tenant = parent.0.clone();
        let note = self.0.create(&caller, parent, sent, id).await?;
        Ok(Response::new(wire::CreateNoteResponse {
            note: Some(convert::note(&tenant, note)?),
        }))
    }

    #[tracing::instrument(name = "incidents.update_note", skip_all)]
    async fn update_note(
        &self,
        request: Request<wire::UpdateNoteRequest>,
    ) -> Answer<wire::UpdateNoteResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "UpdateNote", &request.request_id, &request)?;
        let (name, sent) = convert::changed_note(request)?;
        let tenant = name.0.clone();
        let note = self.0.update(&caller, name, sent, id).await?;
        Ok(Response::new(wire::UpdateNoteResponse {
            note: Some(convert::note(&tenant, note)?),
        }))
    }

    #[tracing::instrument(name = "incidents.list_notes", skip_all)]
    async fn list_notes(
        &self,
        request: Request<wire::ListNotesRequest>,
    ) -> Answer<wire::ListNotesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let parent = incident_name("parent", &request.parent)?;
        let tenant = parent.0.clone();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list(&caller, parent, page).await?;
        let rows = page.rows.each();
        let notes = rows.map(|row| convert::note(&tenant, row));
        Ok(Response::new(wire::ListNotesResponse {
            notes: notes.collect::<Result<_, _>>()?,
            next_page_token: page.next,
        }))
    }
}
