//! The methods of `ProviderNotesService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_kernel::{Disclosed, Name};
use cordon_proto::incidents as wire;
use cordon_proto::incidents::provider_notes_service_server::ProviderNotesService;
use tonic::{Request, Response, Status};

use super::super::convert::{MAX_TEXT, incident_name, prose};
use super::service::Service;
use super::store::ProviderNote;
use crate::rooms::fields::{Fields, wire_time};
use crate::rooms::paging::PageRequest;
use crate::transport::Caller;

/// Serves `ProviderNotesService`.
pub struct ProviderNotesRpc(Service);

type Answer<T> = Result<Response<T>, Status>;

impl ProviderNotesRpc {
    pub(super) fn new(kernel: Arc<Kernel>) -> Self {
        Self(Service { kernel })
    }
}

fn encode(note: Disclosed<ProviderNote>) -> wire::ProviderNote {
    let note = note.into_wire();
    wire::ProviderNote {
        name: Name::ProviderNote(note.tenant, note.incident, note.id).to_string(),
        text: note.said.text,
        subject: note.said.subject,
        create_time: Some(wire_time(note.created)),
    }
}

#[tonic::async_trait]
impl ProviderNotesService for ProviderNotesRpc {
    #[tracing::instrument(name = "incidents.create_provider_note", skip_all)]
    async fn create_provider_note(
        &self,
        request: Request<wire::CreateProviderNoteRequest>,
    ) -> Answer<wire::CreateProviderNoteResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::default();
        let text = request.provider_note.unwrap_or_default().text;
        let parent = fields.named(incident_name("parent", &request.parent));
        let field = "provider_note.text";
        let text = prose(&mut fields, field, &text, MAX_TEXT);
        if text.as_deref() == Some("") {
            fields.wrong(field, "say something");
        }
        let Some((parent, text)) = parent.zip(text) else {
            return Err(fields.refuse().into());
        };
        fields.finish()?;
        let note = self.0.create(&caller, parent, text).await?;
        Ok(Response::new(wire::CreateProviderNoteResponse {
            provider_note: Some(encode(note)),
        }))
    }

    #[tracing::instrument(name = "incidents.list_provider_notes", skip_all)]
    async fn list_provider_notes(
        &self,
        request: Request<wire::ListProviderNotesRequest>,
    ) -> Answer<wire::ListProviderNotesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let parent = incident_name("parent", &request.parent)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list(&caller, parent, page).await?;
        Ok(Response::new(wire::ListProviderNotesResponse {
            provider_notes: page.rows.each().map(encode).collect(),
            next_page_token: page.next,
        }))
    }
}
