//! What was done with a tenant's data, by anyone.

pub use cordon_proto::transparency::AuditEntry;
use cordon_proto::transparency::ListAuditEntriesRequest;
use cordon_proto::transparency::transparency_service_client::TransparencyServiceClient;
use jiff::Timestamp;

use crate::client::{Call, Client, call, configured};
use crate::paging::{PAGE_SIZE, Paged};
use crate::servers::Servers;
use crate::time::to_proto;

/// The log of one tenant; from [`Client::audit`].
#[derive(Debug, Clone)]
pub struct Audit {
    client: Client,
}

impl Audit {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    fn rpc(&self) -> TransparencyServiceClient<Servers> {
        configured!(TransparencyServiceClient::new(self.client.servers()))
    }

    /// The entries of a time range, oldest first. For staff without a tenant: the provider's own
    /// log.
    #[must_use]
    pub fn list(&self, since: Option<Timestamp>, until: Option<Timestamp>) -> Paged<AuditEntry> {
        let room = self.clone();
        Paged::new(move |page_token| {
            let room = room.clone();
            async move {
                let message = ListAuditEntriesRequest {
                    parent: room.client.parent().unwrap_or_default(),
                    page_size: PAGE_SIZE,
                    page_token,
                    start_time: since.map(to_proto),
                    end_time: until.map(to_proto),
                };
                let page = call!(room, Call::ENTERING, list_audit_entries(message))?;
                Ok((page.entries, page.next_page_token))
            }
        })
    }
}
