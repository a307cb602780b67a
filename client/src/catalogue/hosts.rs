//! Which hosts instances are on, and what work on hosts was announced; for operators.

use cordon_proto::catalogue as wire;
use cordon_proto::catalogue::hosts_service_client::HostsServiceClient;
use jiff::civil::Date;

use super::{HostWork, Placement};
use crate::client::{Call, Client, call, configured};
use crate::error::Result;
use crate::incidents::{pages, present, too_many};
use crate::paging::{PAGE_SIZE, Paged};
use crate::servers::Servers;

/// Most placements of one call.
pub const MOST_PLACEMENTS: usize = 1_000;

/// The provider's records of hosts, which no tenant reads; from [`Client::hosts`].
#[derive(Debug, Clone)]
pub struct Hosts {
    client: Client,
}

impl Hosts {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> HostsServiceClient<Servers> {
        configured!(HostsServiceClient::new(self.client.servers()))
    }

    /// Says on which hosts instances are or were: up to [`MOST_PLACEMENTS`], of any tenants. The same
    /// said again changes nothing. How many were new or changed.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` says what is wrong, field by field.
    pub async fn record(&self, placements: Vec<Placement>) -> Result<i32> {
        let message = wire::RecordPlacementsRequest { placements };
        Ok(call!(self, Call::SAFE, record_placements(message))?.recorded_count)
    }

    /// Announces work on hosts, on whole days in UTC. What was announced stays. A call that is lost
    /// on the way is not repeated by itself.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` says what is wrong, field by field.
    pub async fn announce(
        &self,
        (first, last): (Date, Date),
        hosts: Vec<String>,
        reference: &str,
    ) -> Result<HostWork> {
        let message = wire::AnnounceHostWorkRequest {
            host_work: Some(HostWork {
                first_day: first.to_string(),
                last_day: last.to_string(),
                hosts,
                reference: reference.to_owned(),
                ..HostWork::default()
            }),
        };
        present(call!(self, Call::ONCE, announce_host_work(message))?.host_work)
    }

    /// Announced work, newest first, without its hosts.
    #[must_use]
    pub fn list(&self) -> Paged<HostWork> {
        let request = Ok::<_, crate::Error>(wire::ListHostWorkRequest::default());
        pages!(self, Call::SAFE, list_host_work(request), host_work by PAGE_SIZE)
    }
}
