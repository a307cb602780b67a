//! The services that a tenant uses, and data sources.

use cordon_proto::catalogue as wire;
use cordon_proto::catalogue::catalogue_service_client::CatalogueServiceClient;
use jiff::Timestamp;

use super::{Coverage, DataSources, Service, SourceQuestion, SourceRecommendation};
use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Result};
use crate::incidents::{pages, present, too_many};
use crate::paging::{PAGE_SIZE, Paged};
use crate::servers::Servers;
use crate::tenants::named;
use crate::time::to_proto;

/// The services that tenants use, and which data sources tell of what; from [`Client::catalogue`].
///
/// A tenant is named with and without its collection: `acme` and `tenants/acme`.
#[derive(Debug, Clone)]
pub struct Catalogue {
    client: Client,
}

impl Catalogue {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> CatalogueServiceClient<Servers> {
        configured!(CatalogueServiceClient::new(self.client.servers()))
    }

    /// Says that a tenant uses a service, and how it gets at the service's records; for operators.
    ///
    /// # Errors
    ///
    /// `ALREADY_EXISTS` when it uses it already; `INVALID_ARGUMENT` says what is wrong.
    pub async fn create_service(
        &self,
        tenant: &str,
        service_id: &str,
        service: Service,
    ) -> Result<Service> {
        let message = wire::CreateServiceRequest {
            parent: named("tenants", tenant),
            service_id: service_id.to_owned(),
            service: Some(service),
        };
        present(call!(self, Call::ONCE, create_service(message))?.service)
    }

    /// The services that a tenant uses, by id.
    #[must_use]
    pub fn list_services(&self, tenant: &str) -> Paged<Service> {
        let request = Ok::<_, Error>(wire::ListServicesRequest {
            parent: named("tenants", tenant),
            ..wire::ListServicesRequest::default()
        });
        pages!(self, Call::SAFE, list_services(request), services by PAGE_SIZE)
    }

    /// Says that a tenant does not use a service any more; for operators. Takes the full name, or the
    /// service's id.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when it uses none of that name.
    pub async fn delete_service(&self, tenant: &str, service: &str) -> Result<()> {
        let name = match service.starts_with("tenants/") {
            true => service.to_owned(),
            false => format!("{}/services/{service}", named("tenants", tenant)),
        };
        let message = wire::DeleteServiceRequest { name };
        call!(self, Call::ONCE, delete_service(message)).map(|_| ())
    }

    /// All data sources, with what is measured of each from the tenant's own events since a moment;
    /// `None` for the last 30 days.
    ///
    /// # Errors
    ///
    /// `PERMISSION_DENIED`.
    pub async fn data_sources(&self, since: Option<Timestamp>) -> Result<DataSources> {
        let message = wire::ListDataSourcesRequest {
            parent: self.client.parent()?,
            start_time: since.map(to_proto),
        };
        let how = Call::ENTERING.long();
        call!(self, how, list_data_sources(message))
    }

    /// Which sources to look into for a question. Platforms are ATT&CK's names, as in `IaaS`; none
    /// stands for those of a cloud.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when the question names something that the server's table does not have;
    /// `NOT_FOUND` for an event that is not there.
    pub async fn recommend(
        &self,
        question: SourceQuestion,
        since: Option<Timestamp>,
        platforms: &[&str],
    ) -> Result<SourceRecommendation> {
        let parent = self.client.parent()?;
        let question = question.message(|event| match event.starts_with("tenants/") {
            true => event.to_owned(),
            false => format!("{parent}/events/{event}"),
        });
        let message = wire::RecommendSourcesRequest {
            question: Some(question),
            start_time: since.map(to_proto),
            platforms: platforms.iter().map(|&name| name.to_owned()).collect(),
            parent,
        };
        let how = Call::ENTERING.long();
        call!(self, how, recommend_sources(message))
    }

    /// Techniques against sources: what of each technique's data each source has.
    ///
    /// # Errors
    ///
    /// `PERMISSION_DENIED`.
    pub async fn coverage(&self, since: Option<Timestamp>, platforms: &[&str]) -> Result<Coverage> {
        let message = wire::GetCoverageRequest {
            parent: self.client.parent()?,
            start_time: since.map(to_proto),
            platforms: platforms.iter().map(|&name| name.to_owned()).collect(),
        };
        let how = Call::ENTERING.long();
        call!(self, how, get_coverage(message))
    }
}
