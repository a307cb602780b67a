//! The methods of `IncidentsService`: decode, call, encode.

use std::sync::Arc;

use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Name};
use cordon_proto::incidents as wire;
use cordon_proto::incidents::incidents_service_server::IncidentsService;
use tonic::{Request, Response, Status};

use super::convert::{self, Listed};
use super::model::Command;
use super::service::{Service, Target};
use crate::rooms::paging::PageRequest;
use crate::rooms::requests::RequestId;
use crate::transport::{Caller, Feed};

/// Serves `IncidentsService`.
pub struct IncidentsRpc(Service);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl IncidentsService for IncidentsRpc {
    type WatchIncidentsStream = Feed<wire::WatchIncidentsResponse>;

    #[tracing::instrument(name = "incidents.create_incident", skip_all)]
    async fn create_incident(
        &self,
        request: Request<wire::CreateIncidentRequest>,
    ) -> Answer<wire::CreateIncidentResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "CreateIncident", &request.request_id, &request)?;
        let (tenant, new) = convert::create(request)?;
        let made = self
            .0
            .create_incident(&caller, tenant.clone(), new, id)
            .await?;
        Ok(Response::new(wire::CreateIncidentResponse {
            incident: Some(convert::incident(&tenant, made)),
        }))
    }

    #[tracing::instrument(name = "incidents.get_incident", skip_all)]
    async fn get_incident(
        &self,
        request: Request<wire::GetIncidentRequest>,
    ) -> Answer<wire::GetIncidentResponse> {
        let caller = Caller::of(&request)?;
        let name = convert::incident_name("name", &request.get_ref().name)?;
        let tenant = name.0.clone();
        let found = self.0.get_incident(&caller, name).await?;
        Ok(Response::new(wire::GetIncidentResponse {
            incident: Some(convert::incident(&tenant, found)),
        }))
    }

    #[tracing::instrument(name = "incidents.list_incidents", skip_all)]
    async fn list_incidents(
        &self,
        request: Request<wire::ListIncidentsRequest>,
    ) -> Answer<wire::ListIncidentsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let (tenant, listed) = convert::list(&request)?;
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let room = &self.0;
        let (page, cursor) = match listed {
            Listed::Wanted(wanted) => {
                let page = room.list_incidents(&caller, tenant.clone(), wanted, page);
                (page.await?, None)
            }
            Listed::ChangedAfter(after) => {
                let page = room.list_changed(&caller, tenant.clone(), after, page);
                let (page, cursor) = page.await?;
                (page, Some(cursor))
            }
        };
        let rows = page.rows.each();
        Ok(Response::new(wire::ListIncidentsResponse {
            incidents: rows.map(|row| convert::incident(&tenant, row)).collect(),
            next_page_token: page.next,
            cursor,
        }))
    }

    #[tracing::instrument(name = "incidents.update_incident", skip_all)]
    async fn update_incident(
        &self,
        request: Request<wire::UpdateIncidentRequest>,
    ) -> Answer<wire::UpdateIncidentResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "UpdateIncident", &request.request_id, &request)?;
        let incident = self
            .change(
                &caller,
                Action::UpdateIncident,
                convert::update(request)?,
                id,
            )
            .await?;
        Ok(Response::new(wire::UpdateIncidentResponse {
            incident: Some(incident),
        }))
    }

    #[tracing::instrument(name = "incidents.acknowledge_incident", skip_all)]
    async fn acknowledge_incident(
        &self,
        request: Request<wire::AcknowledgeIncidentRequest>,
    ) -> Answer<wire::AcknowledgeIncidentResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(
            &caller,
            "AcknowledgeIncident",
            &request.request_id,
            &request,
        )?;
        let incident = self
            .change(
                &caller,
                Action::AcknowledgeIncident,
                convert::acknowledge(request)?,
                id,
            )
            .await?;
        Ok(Response::new(wire::AcknowledgeIncidentResponse {
            incident: Some(incident),
        }))
    }

    #[tracing::instrument(name = "incidents.move_incident", skip_all)]
    async fn move_incident(
        &self,
        request: Request<wire::MoveIncidentRequest>,
    ) -> Answer<wire::MoveIncidentResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "MoveIncident", &request.request_id, &request)?;
        let incident = self
            .change(
                &caller,
                Action::MoveIncident,
                convert::move_to(request)?,
                id,
            )
            .await?;
        Ok(Response::new(wire::MoveIncidentResponse {
            incident: Some(incident),
        }))
    }

    #[tracing::instrument(name = "incidents.reclassify_incident", skip_all)]
    async fn reclassify_incident(
        &self,
        request: Request<wire::ReclassifyIncidentRequest>,
    ) -> Answer<wire::ReclassifyIncidentResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "ReclassifyIncident", &request.request_id, &request)?;
        let incident = self
            .change(
                &caller,
                Action::ReclassifyIncident,
                convert::reclassify(request)?,
                id,
            )
            .await?;
        Ok(Response::new(wire::ReclassifyIncidentResponse {
            incident: Some(incident),
        }))
    }

    #[tracing::instrument(name = "incidents.hand_over_incident", skip_all)]
    async fn hand_over_incident(
        &self,
        request: Request<wire::HandOverIncidentRequest>,
    ) -> Answer<wire::HandOverIncidentResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "HandOverIncident", &request.request_id, &request)?;
        let incident = self
            .change(
                &caller,
                Action::HandOverIncident,
                convert::hand_over(request)?,
                id,
            )
            .await?;
        Ok(Response::new(wire::HandOverIncidentResponse {
            incident: Some(incident),
        }))
    }

    #[tracing::instrument(name = "incidents.set_clean_state_criteria", skip_all)]
    async fn set_clean_state_criteria(
        &self,
        request: Request<wire::SetCleanStateCriteriaRequest>,
    ) -> Answer<wire::SetCleanStateCriteriaResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(
            &caller,
            "SetCleanStateCriteria",
            &request.request_id,
            &request,
        )?;
        let incident = self
            .change(
                &caller,
                Action::SetCleanStateCriteria,
                convert::set_criteria(request)?,
                id,
            )
            .await?;
        Ok(Response::new(wire::SetCleanStateCriteriaResponse {
            incident: Some(incident),
        }))
    }

    #[tracing::instrument(name = "incidents.sign_off_clean_state", skip_all)]
    async fn sign_off_clean_state(
        &self,
        request: Request<wire::SignOffCleanStateRequest>,
    ) -> Answer<wire::SignOffCleanStateResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "SignOffCleanState", &request.request_id, &request)?;
        let incident = self
            .change(
                &caller,
                Action::SignOffCleanState,
                convert::sign_off(request)?,
                id,
            )
            .await?;
        Ok(Response::new(wire::SignOffCleanStateResponse {
            incident: Some(incident),
        }))
    }

    #[tracing::instrument(name = "incidents.close_incident", skip_all)]
    async fn close_incident(
        &self,
        request: Request<wire::CloseIncidentRequest>,
    ) -> Answer<wire::CloseIncidentResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "CloseIncident", &request.request_id, &request)?;
        let incident = self
            .change(&caller, Action::CloseIncident, convert::close(request)?, id)
            .await?;
        Ok(Response::new(wire::CloseIncidentResponse {
            incident: Some(incident),
        }))
    }

    #[tracing::instrument(name = "incidents.reopen_incident", skip_all)]
    async fn reopen_incident(
        &self,
        request: Request<wire::ReopenIncidentRequest>,
    ) -> Answer<wire::ReopenIncidentResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "ReopenIncident", &request.request_id, &request)?;
        let incident = self
            .change(
                &caller,
                Action::ReopenIncident,
                convert::reopen(request)?,
                id,
            )
            .await?;
        Ok(Response::new(wire::ReopenIncidentResponse {
            incident: Some(incident),
        }))
    }

    #[tracing::instrument(name = "incidents.create_comment", skip_all)]
    async fn create_comment(
        &self,
        request: Request<wire::CreateCommentRequest>,
    ) -> Answer<wire::CreateCommentResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "CreateComment", &request.request_id, &request)?;
        let (incident, text) = convert::new_comment(request)?;
        let made = self.0.create_comment(&caller, incident, text, id).await?;
        Ok(Response::new(wire::CreateCommentResponse {
            comment: Some(convert::comment(made)),
        }))
    }

    #[tracing::instrument(name = "incidents.update_comment", skip_all)]
    async fn update_comment(
        &self,
        request: Request<wire::UpdateCommentRequest>,
    ) -> Answer<wire::UpdateCommentResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let id = RequestId::new(&caller, "UpdateComment", &request.request_id, &request)?;
        let (comment, text) = convert::comment_changed(request)?;
        let changed = self.0.update_comment(&caller, comment, text, id).await?;
        Ok(Response::new(wire::UpdateCommentResponse {
            comment: Some(convert::comment(changed)),
        }))
    }

    #[tracing::instrument(name = "incidents.list_comments", skip_all)]
    async fn list_comments(
        &self,
        request: Request<wire::ListCommentsRequest>,
    ) -> Answer<wire::ListCommentsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let parent = convert::incident_name("parent", &request.parent)?;
        let tenant = parent.0.clone();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_comments(&caller, parent, page).await?;
        let rows = page.rows.each();
        let rows = rows.map(|row| convert::comment(row.map(|row| (tenant.clone(), row))));
        Ok(Response::new(wire::ListCommentsResponse {
            comments: rows.collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "incidents.list_timeline_entries", skip_all)]
    async fn list_timeline_entries(
        &self,
        request: Request<wire::ListTimelineEntriesRequest>,
    ) -> Answer<wire::ListTimelineEntriesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let parent = convert::timeline_of(&request.parent)?;
        let tenant = parent.0.clone();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self.0.list_timeline_entries(&caller, parent, page).await?;
        let rows = page.rows.each();
        Ok(Response::new(wire::ListTimelineEntriesResponse {
            timeline_entries: rows.map(|row| convert::entry(&tenant, row)).collect(),
            next_page_token: page.next,
        }))
    }

    #[tracing::instrument(name = "incidents.watch_incidents", skip_all)]
    async fn watch_incidents(
        &self,
        request: Request<wire::WatchIncidentsRequest>,
    ) -> Answer<Self::WatchIncidentsStream> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let feed = self
            .0
            .watch_incidents(caller, tenant, request.cursor)
            .await?;
        Ok(Response::new(feed))
    }

    #[tracing::instrument(name = "incidents.list_incident_queue", skip_all)]
    async fn list_incident_queue(
        &self,
        request: Request<wire::ListIncidentQueueRequest>,
    ) -> Answer<wire::ListIncidentQueueResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let page = PageRequest::new(request.page_size, request.page_token)?;
        let page = self
            .0
            .list_incident_queue(&caller, (request.include_closed, request.exercise), page)
            .await?;
        Ok(Response::new(wire::ListIncidentQueueResponse {
            incidents: page.rows.each().map(convert::queued).collect(),
            next_page_token: page.next,
        }))
    }
}

impl IncidentsRpc {
    pub(crate) fn new(kernel: Arc<Kernel>) -> Self {
        Self(Service { kernel })
    }

    async fn change(
        &self,
        caller: &Caller,
        action: Action,
        (target, command): (Target, Command),
        id: RequestId,
    ) -> Result<wire::Incident, Status> {
        let tenant = target.tenant.clone();
        let changed = self
            .0
            .change_incident(caller, action, target, command, id)
            .await?;
        Ok(convert::incident(&tenant, changed))
    }
}
