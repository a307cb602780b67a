//! For staff: incidents of the whole provider, with a child in each tenant that they concern.

use cordon_proto::incidents as wire;
use cordon_proto::incidents::provider_incidents_service_client::ProviderIncidentsServiceClient;
pub use cordon_proto::incidents::{
    ProviderIncident,
    provider_incident::{Child as ProviderIncidentChild, Notice as ProviderNotice},
};

use super::{CloseCode, NewIncident, pages, present, too_many};
use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Result};
use crate::paging::{PAGE_SIZE, Paged};
use crate::retry::unique_id;
use crate::servers::Servers;
use crate::tenants::named;

/// The provider's own incidents; from [`Client::provider_incidents`].
///
/// One is named by its full name, `providerIncidents/{incident}`, and by its id alone. Tenants are
/// named with and without their collection. What changes something needs a client that
/// [enters](Client::entering): its words stand in the log of every tenant, and like all words here
/// may name no customer.
///
/// A call that was broken off is repeated, and finished where it was left.
#[derive(Debug, Clone)]
pub struct ProviderIncidents {
    client: Client,
}

fn all(tenants: &[String]) -> Vec<String> {
    tenants.iter().map(|id| named("tenants", id)).collect()
}

impl ProviderIncidents {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> ProviderIncidentsServiceClient<Servers> {
        configured!(ProviderIncidentsServiceClient::new(self.client.servers()))
    }

    /// Opens an incident of the whole provider, and one in each of the tenants. Of what is new an
    /// exercise makes no difference: there is none of the whole provider.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` says what is wrong with it, a customer's name in its words included.
    pub async fn create(&self, new: NewIncident, tenants: &[String]) -> Result<ProviderIncident> {
        let message = wire::CreateProviderIncidentRequest {
            provider_incident: Some(ProviderIncident {
                title: new.title,
                description: new.description,
                severity: new.severity.into(),
                tlp: new.tlp.into(),
                ..ProviderIncident::default()
            }),
            tenants: all(tenants),
            request_id: unique_id(),
        };
        let how = Call::ENTERING.long();
        present(call!(self, how, create_provider_incident(message))?.provider_incident)
    }

    /// Adds tenants that it concerns, too; they get what was said before.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when it is closed.
    pub async fn add_tenants(&self, name: &str, tenants: &[String]) -> Result<ProviderIncident> {
        let message = wire::AddProviderIncidentTenantsRequest {
            name: named("providerIncidents", name),
            tenants: all(tenants),
            request_id: unique_id(),
        };
        let how = Call::ENTERING.long();
        present(call!(self, how, add_provider_incident_tenants(message))?.provider_incident)
    }

    /// Says something to all tenants that it concerns, once.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when it names a customer, `FAILED_PRECONDITION` when it is closed.
    pub async fn notice(&self, name: &str, text: &str) -> Result<ProviderIncident> {
        let message = wire::PostProviderNoticeRequest {
            name: named("providerIncidents", name),
            text: text.to_owned(),
            request_id: unique_id(),
        };
        let how = Call::ENTERING.long();
        present(call!(self, how, post_provider_notice(message))?.provider_incident)
    }

    /// Closes it with a last notice, and its children: as resolved those alone that have come to the
    /// follow-up.
    ///
    /// # Errors
    ///
    /// As [`Self::notice`].
    pub async fn close(
        &self,
        name: &str,
        code: CloseCode,
        reason: &str,
    ) -> Result<ProviderIncident> {
        let message = wire::CloseProviderIncidentRequest {
            name: named("providerIncidents", name),
            code: code.into(),
            reason: reason.to_owned(),
            request_id: unique_id(),
        };
        let how = Call::ENTERING.long();
        present(call!(self, how, close_provider_incident(message))?.provider_incident)
    }

    /// Finishes what is left to be done in tenants, such as in one that was suspended.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn resume(&self, name: &str) -> Result<ProviderIncident> {
        let message = wire::ResumeProviderIncidentRequest {
            name: named("providerIncidents", name),
        };
        let how = Call::ENTERING.long();
        present(call!(self, how, resume_provider_incident(message))?.provider_incident)
    }

    /// One of them, and how it stands with the tenants. Enters none.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn get(&self, name: &str) -> Result<ProviderIncident> {
        let message = wire::GetProviderIncidentRequest {
            name: named("providerIncidents", name),
        };
        present(call!(self, Call::SAFE, get_provider_incident(message))?.provider_incident)
    }

    /// All of them, the newest first, without tenants and notices.
    #[must_use]
    pub fn list(&self) -> Paged<ProviderIncident> {
        let request = Ok::<_, Error>(wire::ListProviderIncidentsRequest::default());
        pages!(
            self,
            Call::SAFE,
            list_provider_incidents(request),
            provider_incidents by PAGE_SIZE
        )
    }
}
