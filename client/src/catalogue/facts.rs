//! What the provider states about its infrastructure.

use cordon_proto::catalogue as wire;
use cordon_proto::catalogue::facts_service_client::FactsServiceClient;
use jiff::Timestamp;

use super::{Fact, FactChanges, FactFilter, NewFact};
use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Result};
use crate::incidents::{pages, present, too_many};
use crate::paging::{PAGE_SIZE, Paged};
use crate::servers::Servers;
use crate::time::to_proto;

/// What the provider states about its infrastructure, and what it stated on any day before; from
/// [`Client::facts`].
///
/// A fact is named by its full name, which is `tenants/{tenant}/facts/{fact}` to a tenant's people and
/// `facts/{fact}` to staff, or by its id alone.
#[derive(Debug, Clone)]
pub struct Facts {
    client: Client,
}

impl Facts {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> FactsServiceClient<Servers> {
        configured!(FactsServiceClient::new(self.client.servers()))
    }

    /// The full name of a fact.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        if name.starts_with("tenants/") {
            return name.to_owned();
        }
        let id = name.strip_prefix("facts/");
        match (self.client.tenant(), id) {
            (Some(tenant), None) => format!("tenants/{tenant}/facts/{name}"),
            (_, id) => format!("facts/{}", id.unwrap_or(name)),
        }
    }

    /// Publishes a fact; for operators. A call that is lost on the way is not repeated by itself.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` says what is wrong, field by field; `NOT_FOUND` when it is for a tenant that
    /// there is not.
    pub async fn create(&self, new: NewFact) -> Result<Fact> {
        let message = wire::CreateFactRequest {
            fact: Some(new.message()),
        };
        present(call!(self, Call::ONCE, create_fact(message))?.fact)
    }

    /// States a fact anew; for operators. The etag is the fact's as it was read, or empty.
    ///
    /// # Errors
    ///
    /// `ETAG_MISMATCH` when it was stated anew since it was read, `FAILED_PRECONDITION` when it was
    /// withdrawn.
    pub async fn update(&self, name: &str, changes: FactChanges, etag: &str) -> Result<Fact> {
        let message = changes.request(self.name(name), etag);
        present(call!(self, Call::ONCE, update_fact(message))?.fact)
    }

    /// Says that a fact does not hold any more; for operators.
    ///
    /// # Errors
    ///
    /// As [`Facts::update`].
    pub async fn withdraw(&self, name: &str, reason: &str, etag: &str) -> Result<Fact> {
        let message = wire::WithdrawFactRequest {
            name: self.name(name),
            reason: reason.to_owned(),
            etag: etag.to_owned(),
        };
        present(call!(self, Call::ONCE, withdraw_fact(message))?.fact)
    }

    /// One fact, as it is stated or was stated at a moment.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when none of that name was stated to the caller then.
    pub async fn get(&self, name: &str, as_of: Option<Timestamp>) -> Result<Fact> {
        let message = wire::GetFactRequest {
            name: self.name(name),
            as_of_time: as_of.map(to_proto),
        };
        present(call!(self, Call::SAFE, get_fact(message))?.fact)
    }

    /// The facts that are stated to the client's tenant, in the order in which they were first
    /// published, without their texts; for staff without a tenant all facts.
    #[must_use]
    pub fn list(&self, filter: FactFilter) -> Paged<Fact> {
        let tenant = self.client.tenant();
        let request = Ok::<_, Error>(wire::ListFactsRequest {
            parent: tenant.map_or_else(String::new, |tenant| format!("tenants/{tenant}")),
            kind: filter.kind.map_or(0, i32::from),
            service: filter.service,
            as_of_time: filter.as_of.map(to_proto),
            show_ended: filter.ended,
            ..wire::ListFactsRequest::default()
        });
        pages!(self, Call::SAFE, list_facts(request), facts by PAGE_SIZE)
    }

    /// All that was stated of a fact, newest first.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when none of that name was ever stated to the caller.
    pub async fn versions(&self, name: &str) -> Result<Vec<Fact>> {
        let message = wire::ListFactVersionsRequest {
            parent: self.name(name),
        };
        Ok(call!(self, Call::SAFE, list_fact_versions(message))?.versions)
    }
}
